// What a path asks for: which family of APIs, which endpoint, which model, where. Leaves who may ask to the dialects.
import type { Endpoint } from "./faults.ts";

/** APIs that can be distinguished by their path alone. */
type Family = "messages" | "google-platform" | "bedrock" | "vertex" | "openai" | "sts" | "google-token";

/** One request's path, read. */
export interface Route {
	readonly family: Family;
	readonly endpoint: Endpoint;
	readonly method: "GET" | "POST";
	/** Model named by the path, decoded; null where the body names it. */
	readonly model: string | null;
	/** Whether the path asks for a stream; null where the body does. */
	readonly stream: boolean | null;
	/** Region that the path pins with an `/aws/<region>` or `/mantle/<region>` prefix; null: any. */
	readonly region: string | null;
	/** Whether the path has the `/mantle/<region>` prefix. */
	readonly isMantle: boolean;
	/** Whether the path is below `/anthropic`, as on Foundry and Bedrock's native endpoints. */
	readonly isBelowAnthropic: boolean;
	/** Google project and location; empty for other families. */
	readonly project: string;
	readonly location: string;
	/** Workspace of Claude on Google Cloud, managed by Anthropic; empty for other families. */
	readonly workspace: string;
	/** Shape of an OpenAI-compatible request; null for other families. */
	readonly shape: "chat" | "responses" | null;
}

type Match = Partial<Route> & Pick<Route, "family" | "endpoint">;

const NOTHING: Omit<Route, "family" | "endpoint"> = {
	method: "POST",
	model: null,
	stream: null,
	region: null,
	isMantle: false,
	isBelowAnthropic: false,
	project: "",
	location: "",
	workspace: "",
	shape: null,
};

const REGION_PREFIX = /^\/(aws|mantle)\/([a-z0-9-]+)(?=\/|$)/;
const BEDROCK = /\/model\/([^/]+)\/(invoke|invoke-with-response-stream|count-tokens)$/;
const VERTEX =
	/\/projects\/([^/]+)\/locations\/([^/]+)\/publishers\/anthropic\/models\/([^/]+):(rawPredict|streamRawPredict)$/;

/** Reads a path without its query. Null when the simulator has nothing there; a path may have any prefix before the part that counts. */
export function routeOf(path: string, credential: "openai" | "other"): Route | null {
	const prefix = REGION_PREFIX.exec(path);
	const match =
		bedrockRoute(path) ??
		vertexRoute(path) ??
		googlePlatformRoute(path) ??
		identityRoute(path) ??
		openAiRoute(path, credential) ??
		messagesRoute(path);
	if (match === null) return null;
	return { ...NOTHING, region: prefix?.[2] ?? null, isMantle: prefix?.[1] === "mantle", ...match };
}

function bedrockRoute(path: string): Match | null {
	if (path.endsWith("/inference-profiles")) return { family: "bedrock", endpoint: "profiles", method: "GET" };
	const [, model, operation] = BEDROCK.exec(path) ?? [];
	if (model === undefined) return null;
	return {
		family: "bedrock",
		endpoint: operation === "count-tokens" ? "count_tokens" : "messages",
		model: decoded(model),
		stream: operation === "invoke-with-response-stream",
	};
}

function vertexRoute(path: string): Match | null {
	const [, project = "", location = "", model = "", verb] = VERTEX.exec(path) ?? [];
	if (verb === undefined) return null;
	const place = { family: "vertex", project: decoded(project), location: decoded(location) } as const;
	if (model === "count-tokens") return { ...place, endpoint: "count_tokens", stream: false };
	return { ...place, endpoint: "messages", model: decoded(model), stream: verb === "streamRawPredict" };
}

const GOOGLE_PLATFORM = /\/v1alpha\/projects\/([^/]+)\/locations\/([^/]+)\/workspaces\/([^/]+)\/invoke(\/v1\/.+)$/;

/** The Messages API behind an address that names project and workspace. */
function googlePlatformRoute(path: string): Match | null {
	const [, project = "", location = "", workspace = "", rest] = GOOGLE_PLATFORM.exec(path) ?? [];
	const match = rest === undefined ? null : messagesRoute(rest);
	if (match === null) return null;
	const place = { project: decoded(project), location: decoded(location), workspace: decoded(workspace) };
	return { ...match, ...place, family: "google-platform" };
}

function identityRoute(path: string): Match | null {
	if (path.endsWith("/token")) return { family: "google-token", endpoint: "identity" };
	return path === "/" || /^\/(aws\/[a-z0-9-]+\/?|sts\/?)$/.test(path) ? { family: "sts", endpoint: "identity" } : null;
}

function openAiRoute(path: string, credential: "openai" | "other"): Match | null {
	if (path.endsWith("/chat/completions")) return { family: "openai", endpoint: "messages", shape: "chat" };
	if (path.endsWith("/responses")) return { family: "openai", endpoint: "messages", shape: "responses" };
	if (path.endsWith("/embeddings")) return { family: "openai", endpoint: "embeddings" };
	const models = MODELS.exec(path);
	if (models === null || credential !== "openai") return null;
	return {
		family: "openai",
		endpoint: "models",
		method: "GET",
		model: models[1] === undefined ? null : decoded(models[1]),
	};
}

const MODELS = /\/v1\/models(?:\/([^/]+))?$/;

function messagesRoute(path: string): Match | null {
	const isBelowAnthropic = path.includes("/anthropic/v1/");
	if (path.endsWith("/v1/messages")) return { family: "messages", endpoint: "messages", isBelowAnthropic };
	if (path.endsWith("/v1/messages/count_tokens"))
		return { family: "messages", endpoint: "count_tokens", isBelowAnthropic };
	return MODELS.test(path) ? { family: "messages", endpoint: "models", method: "GET", isBelowAnthropic } : null;
}

function decoded(segment: string): string {
	try {
		return decodeURIComponent(segment);
	} catch {
		return segment;
	}
}
