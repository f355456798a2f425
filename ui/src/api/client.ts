// Talks to the control plane by its contract, whose types are the server's own: one fetch that explains its errors, and the query cache.
// Leaves what is asked to api/queries.ts.
import { QueryClient } from "@tanstack/react-query";
import type { ParamsOf } from "../../../src/admin/contract/endpoint.ts";
import type { AnswerOf, BodyFor, EndpointName, QueryFor } from "../../../src/admin/contract/index.ts";

/** An answer that is none: what the gateway said of it. status 0 = the gateway could not be reached. */
export class ApiError extends Error {
	readonly status: number;

	constructor(status: number, message: string) {
		super(message);
		this.status = status;
	}
}

export const queryClient = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: 5_000,
			retry: (failures, error) =>
				failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
			refetchOnWindowFocus: true,
		},
	},
});

type PathOf<Method extends string, Name = EndpointName> = Name extends `${Method} ${infer Path}` ? Path : never;
type GetPath = PathOf<"GET">;
type PostPath = PathOf<"POST">;

/** GET of an endpoint. Query parameters that are undefined or empty are left out. Throws ApiError. */
export function get<Path extends GetPath>(
	path: Path,
	asked: { readonly query?: QueryFor<`GET ${Path}`>; readonly signal?: AbortSignal } & ParamsFor<Path>,
): Promise<AnswerOf<`GET ${Path}`>> {
	const { query = {}, params = {}, signal } = asked as Asked;
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined && value !== "") search.set(name, String(value));
	}
	const text = search.toString();
	return call(`${filled(path, params)}${text === "" ? "" : `?${text}`}`, signal === undefined ? {} : { signal });
}

/** POST to an endpoint. Throws ApiError. */
export function post<Path extends PostPath>(
	path: Path,
	asked: { readonly body?: BodyFor<`POST ${Path}`> } & ParamsFor<Path>,
): Promise<AnswerOf<`POST ${Path}`>> {
	const { body = {}, params = {} } = asked as Asked;
	const headers = { "content-type": "application/json" };
	return call(filled(path, params), { method: "POST", headers, body: JSON.stringify(body) });
}

/** What varies in a path, where something does. */
type ParamsFor<Path extends string> = Path extends `${string}{${string}`
	? { readonly params: ParamsOf<Path> }
	: { readonly params?: never };

interface Asked {
	readonly query?: Readonly<Record<string, string | number | undefined>>;
	readonly body?: object;
	readonly params?: Readonly<Record<string, string>>;
	readonly signal?: AbortSignal;
}

function filled(path: string, params: Readonly<Record<string, string>>): string {
	return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
	let response: Response;
	try {
		response = await fetch(path, { ...init, credentials: "same-origin" });
	} catch (cause) {
		if (init.signal?.aborted === true) throw cause;
		throw new ApiError(0, "The gateway cannot be reached. Check that it runs.");
	}
	const text = await response.text();
	if (response.ok) return JSON.parse(text) as T;
	if (response.status === 401 && !path.startsWith("/api/login")) {
		// The session has ended: whoever asks who is logged in learns it.
		void queryClient.invalidateQueries({ queryKey: ["me"] });
	}
	throw new ApiError(response.status, messageOf(text) ?? `The gateway answered ${response.status}.`);
}

function messageOf(text: string): string | null {
	try {
		const body = JSON.parse(text) as { readonly error?: { readonly message?: string } };
		return body.error?.message ?? null;
	} catch {
		return null;
	}
}
