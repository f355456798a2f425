// From a request's outline to the question for the router: which group, whose conversation, which betas. Leaves the answer to routing.
import { resolveGroup, suggestModel } from "../config/model-name.ts";
import type { Config, ModelGroup } from "../config/schema.ts";
import { GatewayError } from "../errors.ts";
import type { Outline } from "../prompt/outline.ts";
import { conversationOf } from "../prompt/session.ts";
import type { Provider } from "../providers/provider.ts";
import type { Conversation, RouteRequest } from "../routing/decision.ts";
import type { Caller } from "./authenticate.ts";
import type { Exchange } from "./exchange.ts";
import { headerValue } from "./headers.ts";

/** What the client asked, whatever model ends up serving it. */
export interface Asked {
	readonly outline: Outline;
	readonly conversation: Conversation;
	/** Sorted, comma-joined. */
	readonly betas: string;
	/** `x-litellm-tags`. */
	readonly tags: readonly string[];
}

/** Reads conversation and betas off the headers. */
export function asked(exchange: Exchange, caller: Caller, outline: Outline): Asked {
	const { headers } = exchange.request;
	return {
		outline,
		conversation: conversationOf(headers, outline.userId, caller.id),
		betas: sortedBetas(headerValue(headers, "anthropic-beta")),
		tags: listed(headerValue(headers, "x-litellm-tags")),
	};
}

/** The question for one model. Throws unknown_model, or unsupported_provider when none of its deployments can be served. */
export function routeRequest(
	about: Asked,
	model: string,
	parts: { readonly config: Config; readonly providers: ReadonlyMap<string, Provider> },
): RouteRequest {
	const resolved = resolveGroup(parts.config, model) ?? defaultGroup(parts.config);
	if (resolved === null) {
		throw new GatewayError("unknown_model", { model, suggestion: suggestModel(parts.config, model) });
	}
	return { ...about, group: served(resolved.group, parts.providers), wildcard: resolved.wildcard };
}

/** LiteLLM serves unknown models by `default_fallbacks` too [litellm §2.2]. */
function defaultGroup(config: Config): ReturnType<typeof resolveGroup> {
	for (const model of config.fallbacks.default) {
		const resolved = resolveGroup(config, model);
		if (resolved !== null) return resolved;
	}
	return null;
}

/** The group without deployments of kinds that are not served yet. */
function served(group: ModelGroup, providers: ReadonlyMap<string, Provider>): ModelGroup {
	if (group.deployments.every((deployment) => providers.has(deployment.id))) return group;
	const deployments = group.deployments.filter((deployment) => providers.has(deployment.id));
	const first = group.deployments[0];
	if (deployments.length === 0 && first !== undefined) {
		throw new GatewayError("unsupported_provider", { deployment: first.id, provider: first.provider });
	}
	return { name: group.name, deployments };
}

const knownBetas = new Map<string, string>();
/** Clients send few different lists, each many times. */
const MOST_KNOWN_BETAS = 256;

function sortedBetas(header: string | null): string {
	if (header === null) return "";
	let sorted = knownBetas.get(header);
	if (sorted === undefined) {
		sorted = listed(header).sort().join(",");
		if (knownBetas.size < MOST_KNOWN_BETAS) knownBetas.set(header, sorted);
	}
	return sorted;
}

function listed(header: string | null): string[] {
	if (header === null) return [];
	return header
		.split(",")
		.map((entry) => entry.trim())
		.filter((entry) => entry !== "");
}
