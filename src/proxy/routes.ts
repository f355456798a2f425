// Which operation of which client format a path asks for. Leaves what a format does with it to proxy/formats.
import type { Given } from "../prompt/outline.ts";
import { anthropicFormat } from "./formats/anthropic.ts";
import { bedrockFormat } from "./formats/bedrock.ts";
import type { ClientFormat, Target } from "./formats/format.ts";
import { openaiChatFormat, openaiPlainFormat } from "./formats/openai-chat.ts";
import { openaiResponsesFormat } from "./formats/openai-responses.ts";
import { vertexFormat } from "./formats/vertex.ts";

/** call: a request for a model · models: what may be asked for · profiles: the same as Bedrock lists it · explain: a decision, nothing sent. */
export type Route =
	| { readonly kind: "call"; readonly format: ClientFormat; readonly target: Target }
	| { readonly kind: "models" | "explain" | "profiles"; readonly format: ClientFormat };

/** OpenAI's operations that go to its own upstreams as they are. Each has its model in a JSON body. */
const PASSED = /^(?:.*\/v1)?(\/(?:embeddings|completions|moderations|images\/generations|audio\/speech|rerank|score))$/;

/** Routes that a path's end alone decides; a prefix in front of it is tolerated. The most frequent one first. */
const BY_SUFFIX: readonly (readonly [string, Route])[] = [
	["/v1/messages", call(anthropicFormat, { operation: "messages", given: undefined })],
	["/v1/messages/count_tokens", call(anthropicFormat, { operation: "count_tokens", given: undefined })],
	["/chat/completions", call(openaiChatFormat, { operation: "messages", given: undefined })],
	["/v1/responses", call(openaiResponsesFormat, { operation: "messages", given: undefined })],
	["/v1/models", { kind: "models", format: anthropicFormat }],
	["/route/explain", { kind: "explain", format: anthropicFormat }],
	["/inference-profiles", { kind: "profiles", format: bedrockFormat }],
];

/** `/model/{id}/invoke`: an id may be an ARN, whose slash some clients leave as it is. */
const BEDROCK_CALL = /\/model\/(.+)\/(invoke|invoke-with-response-stream|count-tokens)$/;
/** `…/publishers/anthropic/models/{id}:rawPredict`, whatever project and location stand before it. */
const VERTEX_CALL = /\/publishers\/anthropic\/models\/([^/:]+):(rawPredict|streamRawPredict)$/;
/** Counting has a name instead of a model there; the body names the model. */
const VERTEX_COUNT = "count-tokens";

/** What the data plane serves under this path (without its query); null = nothing. */
export function routeOf(path: string): Route | null {
	for (const [suffix, route] of BY_SUFFIX) if (path.endsWith(suffix)) return route;
	return bedrockRoute(path) ?? vertexRoute(path) ?? passedRoute(path);
}

function passedRoute(path: string): Route | null {
	const [, operation] = PASSED.exec(path) ?? [];
	if (operation === undefined) return null;
	return call(openaiPlainFormat, { operation: "passthrough", given: undefined, path: operation });
}

function bedrockRoute(path: string): Route | null {
	const [, id, verb] = BEDROCK_CALL.exec(path) ?? [];
	if (id === undefined || verb === undefined) return null;
	const operation = verb === "count-tokens" ? "count_tokens" : "messages";
	return call(bedrockFormat, { operation, given: givenBy(id, verb === "invoke-with-response-stream") });
}

function vertexRoute(path: string): Route | null {
	const [, id, verb] = VERTEX_CALL.exec(path) ?? [];
	if (id === undefined || verb === undefined) return null;
	if (id === VERTEX_COUNT) return call(vertexFormat, { operation: "count_tokens", given: { stream: false } });
	return call(vertexFormat, { operation: "messages", given: givenBy(id, verb === "streamRawPredict") });
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

function call(format: ClientFormat, target: Target): Route {
	return { kind: "call", format, target };
}
