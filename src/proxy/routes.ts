// Which operation of which client format a path asks for. Leaves what a format does with it to proxy/formats.
import type { Given } from "../prompt/outline.ts";
import type { Operation } from "../providers/provider.ts";
import { anthropicFormat } from "./formats/anthropic.ts";
import { bedrockFormat } from "./formats/bedrock.ts";
import type { ClientFormat, RequestTarget } from "./formats/format.ts";
import { openaiChatFormat, openaiPlainFormat } from "./formats/openai-chat.ts";
import { openaiResponsesFormat } from "./formats/openai-responses.ts";
import { vertexFormat } from "./formats/vertex.ts";

/**
 * call: a request for a model · models: what may be asked for · model: whether one name may be · profiles: the same as Bedrock lists it ·
 * explain: a decision, nothing sent.
 */
export type Route =
	| { readonly kind: "call"; readonly format: ClientFormat; readonly target: RequestTarget }
	| { readonly kind: "model"; readonly format: ClientFormat; readonly model: string }
	| { readonly kind: "models" | "profiles"; readonly format: ClientFormat }
	| { readonly kind: "explain"; readonly format: ClientFormat };

/**
 * Where a name may stand. anywhere: behind any prefix · api: behind `/v1`, whatever stands before it (a prefix of the operator's, a `/v1`
 * that the client adds to the one of its base URL), or where a base URL was given without it.
 */
type Place = "anywhere" | "api";

/** Base URLs that clients are given without `/v1`: Anthropic's SDK adds it, OpenAI's and the AI SDK do not. */
const BASES: ReadonlySet<string> = new Set(["", "/anthropic", "/openai"]);

/** What a path's end asks for. The most frequent one first. */
const NAMED: readonly (readonly [string, Place, Route])[] = [
	["/messages", "api", call(anthropicFormat, { operation: "messages", given: undefined })],
	["/messages/count_tokens", "api", call(anthropicFormat, { operation: "count_tokens", given: undefined })],
	["/chat/completions", "anywhere", call(openaiChatFormat, { operation: "messages", given: undefined })],
	["/responses", "api", call(openaiResponsesFormat, { operation: "messages", given: undefined })],
	["/models", "api", { kind: "models", format: anthropicFormat }],
	["/route/explain", "anywhere", { kind: "explain", format: anthropicFormat }],
	["/inference-profiles", "anywhere", { kind: "profiles", format: bedrockFormat }],
	// OpenAI's operations that go to its own upstreams as they are. Each has its model in a JSON body.
	...["/embeddings", "/completions", "/moderations", "/images/generations", "/audio/speech", "/rerank", "/score"].map(
		(path) => {
			const route = call(openaiPlainFormat, { operation: "passthrough", given: undefined, path });
			return [path, "api", route] as const;
		},
	),
];

/** Azure's and OpenAI's older addresses, which name the model before the operation; it wins over the body's, as in LiteLLM. */
const MODEL_IN_PREFIX = /\/(?:openai\/deployments|engines)\/(.+)$/;

/** What stands before a model's id, and behind it: the operation. An id may hold slashes and colons, escaped or as they are. */
const BEDROCK_MODEL = "/model/";
const BEDROCK_VERBS: readonly (readonly [string, Operation, boolean])[] = [
	["/invoke", "messages", false],
	["/invoke-with-response-stream", "messages", true],
	["/count-tokens", "count_tokens", false],
];
/** Whatever project and location stand before it. */
const VERTEX_MODEL = "/publishers/anthropic/models/";
const VERTEX_VERBS: readonly (readonly [string, boolean])[] = [
	[":rawPredict", false],
	[":streamRawPredict", true],
];
/** Counting has a name instead of a model there; the body names the model. */
const VERTEX_COUNT = "count-tokens";
const MODEL = "/models/";

/** What the data plane serves under this path (without its query); null = nothing. */
export function routeOf(written: string): Route | null {
	const path = plainPath(written);
	return namedRoute(path) ?? bedrockRoute(path) ?? vertexRoute(path) ?? modelRoute(path);
}

/** Base URLs are written with and without a slash at their end: repeated slashes count as one, those at the end as none. */
export function plainPath(path: string): string {
	if (!path.includes("//") && !path.endsWith("/")) return path;
	const single = path.replace(/\/{2,}/g, "/");
	return single.endsWith("/") ? single.slice(0, -1) : single;
}

function namedRoute(path: string): Route | null {
	for (const [name, place, route] of NAMED) {
		if (!path.endsWith(name)) continue;
		const prefix = path.slice(0, -name.length);
		const [, id] = MODEL_IN_PREFIX.exec(prefix) ?? [];
		if (id !== undefined) return route.kind === "call" ? withModel(route, id) : null;
		if (place === "anywhere" || isApi(prefix)) return route;
	}
	return null;
}

function isApi(prefix: string): boolean {
	return prefix.endsWith("/v1") || BASES.has(prefix);
}

function withModel(route: Extract<Route, { kind: "call" }>, id: string): Route {
	return call(route.format, { ...route.target, given: { model: decoded(id) } });
}

function bedrockRoute(path: string): Route | null {
	for (const [verb, operation, stream] of BEDROCK_VERBS) {
		const id = between(path, BEDROCK_MODEL, verb);
		if (id !== null) return call(bedrockFormat, { operation, given: givenBy(id, stream) });
	}
	return null;
}

function vertexRoute(path: string): Route | null {
	for (const [verb, stream] of VERTEX_VERBS) {
		const id = between(path, VERTEX_MODEL, verb);
		if (id === null) continue;
		if (id === VERTEX_COUNT) return call(vertexFormat, { operation: "count_tokens", given: { stream: false } });
		return call(vertexFormat, { operation: "messages", given: givenBy(id, stream) });
	}
	return null;
}

function modelRoute(path: string): Route | null {
	const id = between(path, MODEL, "");
	if (id === null || !isApi(path.slice(0, path.indexOf(MODEL)))) return null;
	return { kind: "model", format: anthropicFormat, model: decoded(id) };
}

/** What stands between the first `before` and the end `after`; null where one of them is missing or nothing is between them. */
function between(path: string, before: string, after: string): string | null {
	if (!path.endsWith(after)) return null;
	const at = path.indexOf(before);
	const id = at === -1 ? "" : path.slice(at + before.length, path.length - after.length);
	return id === "" ? null : id;
}

function givenBy(id: string, stream: boolean): Given {
	return { model: decoded(id), stream };
}

/** Percent escapes resolved; as it stands where they are none. */
function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function call(format: ClientFormat, target: RequestTarget): Route {
	return { kind: "call", format, target };
}
