// Talks to the control plane: one fetch that explains its errors, and the query cache. Leaves what is asked to api/queries.ts.
import { QueryClient } from "@tanstack/react-query";

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

/** Query parameters; undefined and empty ones are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** GET of a JSON answer. Throws ApiError. */
export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined && value !== "") search.set(name, String(value));
	}
	const text = search.toString();
	return call<T>(text === "" ? path : `${path}?${text}`, signal === undefined ? {} : { signal });
}

/** POST of JSON. Throws ApiError. */
export function post<T>(path: string, body: unknown = {}): Promise<T> {
	const text = typeof body === "string" ? body : JSON.stringify(body);
	return call<T>(path, { method: "POST", headers: { "content-type": "application/json" }, body: text });
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
