// From a request's outline to the question for the router: which group, whose conversation, which betas. Leaves the answer to routing.
import { resolveGroup, suggestModel } from "../config/model-name.ts";
import type { Config, ModelGroup } from "../config/schema.ts";
import { GatewayError } from "../errors.ts";
import type { Outline } from "../prompt/outline.ts";
import { conversationOf } from "../prompt/session.ts";
import type { Operation } from "../providers/provider.ts";
import type { Conversation, RouteRequest } from "../routing/decision.ts";
import type { Caller } from "./admission/authenticate.ts";
import type { Exchange } from "./exchange.ts";
import { headerValue } from "./headers.ts";

/** What a question for the router is put together with. */
interface Parts {
	readonly config: Config;
}

/** What the client asked, whatever model ends up serving it. */
export interface Asked {
	readonly operation: Operation;
	readonly outline: Outline;
	readonly conversation: Conversation;
	/** Sorted, comma-joined. */
	readonly betas: string;
	/** Of header and body, in order of appearance, each once. */
	readonly betaList: readonly string[];
	/** `x-litellm-tags` and the caller's own. */
	readonly tags: readonly string[];
	/** See `RouteRequest.allowedDomains`. */
	readonly allowedDomains: readonly string[];
}

/** What of an exchange says who talks and how. */
export type Sender = Pick<Exchange, "operation" | "session"> & {
	readonly request: Pick<Exchange["request"], "headers">;
};

/** Reads conversation and betas off the headers. */
export function asked(
	exchange: Sender,
	caller: Caller,
	{ outline, allowedDomains }: Required<Pick<Asked, "outline" | "allowedDomains">>,
): Asked {
	const { headers } = exchange.request;
	const betas = betasOf(headerValue(headers, "anthropic-beta"), outline.bodyBetas);
	return {
		operation: exchange.operation,
		outline,
		conversation: conversationOf(headers, outline.userId, caller.id, exchange.session),
		betas: betas.sorted,
		betaList: betas.list,
		tags: tagsOf(headerValue(headers, "x-litellm-tags"), caller.tags),
		allowedDomains,
	};
}

function tagsOf(header: string | null, own: readonly string[]): readonly string[] {
	return header === null ? own : [...listed(header), ...own];
}

/** What a header's value may hold. */
const SENDABLE = /^[\t\x20-\x7e]*$/;
/** Half of a character, which no URL can hold. */
const BROKEN_TEXT = /\p{Surrogate}/u;

/**
 * Refuses values that upstream headers and paths are made of and that cannot be sent there: no upstream is to blame for them. Throws
 * invalid_field.
 */
export function refuseUnsendable(body: Buffer, { model, members, bodyBetas }: Outline): void {
	if (BROKEN_TEXT.test(model))
		throw new GatewayError("invalid_field", { field: "model", reason: "Input should be valid Unicode" });
	for (const beta of bodyBetas) if (!SENDABLE.test(beta)) throw unsendable("anthropic_beta");
	const version = members.anthropicVersion;
	if (version === null) return;
	const value: unknown = JSON.parse(body.toString("utf8", version.start, version.end));
	if (typeof value === "string" && !SENDABLE.test(value)) throw unsendable("anthropic_version");
}

function unsendable(field: string): GatewayError {
	return new GatewayError("invalid_field", { field, reason: "Input should be printable ASCII" });
}

/** The question for one model. Throws unknown_model, or unsupported_operation when none of its deployments knows the operation. */
export function routeRequest(about: Asked, model: string, parts: Parts): RouteRequest {
	const { outline, conversation, betas, tags, allowedDomains } = about;
	const { group, wildcard } = groupFor(parts.config, model, about.operation);
	const counts = about.operation === "count_tokens";
	return { outline, group, wildcard, conversation, betas, tags, allowedDomains, counts };
}

/** Throws as `routeRequest` does: what nobody serves counts against no limit, and its price is nobody's question. */
export function refuseUnknown(config: Config, model: string, operation: Operation): void {
	groupFor(config, model, operation);
}

function groupFor(config: Config, model: string, operation: Operation): NonNullable<ReturnType<typeof resolveGroup>> {
	const resolved = resolveGroup(config, model) ?? defaultGroup(config);
	if (resolved === null) {
		throw new GatewayError("unknown_model", { model, suggestion: suggestModel(config, model) });
	}
	return { group: served(resolved.group, operation), wildcard: resolved.wildcard };
}

/** LiteLLM serves unknown models by `default_fallbacks` too [litellm §2.2]. */
function defaultGroup(config: Config): ReturnType<typeof resolveGroup> {
	for (const model of config.fallbacks.default) {
		const resolved = resolveGroup(config, model);
		if (resolved !== null) return resolved;
	}
	return null;
}

/** The group without deployments that do not know the operation. */
function served(group: ModelGroup, operation: Operation): ModelGroup {
	if (operation !== "passthrough") return group;
	const deployments = group.deployments.filter(({ provider }) => provider === "openai");
	if (deployments.length === 0) throw new GatewayError("unsupported_operation", { model: group.name });
	return { name: group.name, deployments };
}

interface Betas {
	readonly list: readonly string[];
	readonly sorted: string;
}

const NO_BETAS: Betas = { list: [], sorted: "" };
const knownBetas = new Map<string, Betas>();
/** Clients send few different lists, each many times. */
const MOST_KNOWN_BETAS = 256;

function betasOf(header: string | null, inBody: readonly string[]): Betas {
	const written = inBody.length === 0 ? header : [header ?? "", ...inBody].join(",");
	if (written === null) return NO_BETAS;
	let betas = knownBetas.get(written);
	if (betas === undefined) {
		const list = [...new Set(listed(written))];
		betas = { list, sorted: [...list].sort().join(",") };
		if (knownBetas.size < MOST_KNOWN_BETAS) knownBetas.set(written, betas);
	}
	return betas;
}

function listed(header: string | null): string[] {
	if (header === null) return [];
	return header
		.split(",")
		.map((entry) => entry.trim())
		.filter((entry) => entry !== "");
}
