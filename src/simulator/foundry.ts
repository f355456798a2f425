// Microsoft Foundry resources: their keys and model deployments. Leaves the form of the API to dialects/foundry.ts.
import type { Deployment, Domain, RateLimits } from "./deployment.ts";
import type { Limits } from "./limits.ts";

/** One Foundry resource. */
export interface FoundryResourceOptions {
	readonly name: string;
	/** Default `foundry-key-<name>`. */
	readonly apiKey?: string;
	/** Entra token, sent as bearer. Default `entra-<name>`. */
	readonly entraToken?: string;
	/** Name of the subscription, which limits are pooled over. Default `sub-<name>`. */
	readonly subscription?: string;
	/** Model deployment's name → model. Default: every Claude model is deployed under its own name. */
	readonly models?: Readonly<Record<string, string>>;
	/** Azure's own infrastructure knows no server tools and no structured outputs. Default `anthropic`. */
	readonly hosting?: "azure" | "anthropic";
	/** Per minute and model; cache reads are free of input tokens. */
	readonly limits?: Limits;
	/** Also listen on a port of its own (0: a free one). */
	readonly port?: number;
}

/** A resource with its defaults filled in. */
export interface FoundryResource extends Deployment {
	readonly apiKey: string;
	readonly entraToken: string;
	readonly models: Readonly<Record<string, string>> | null;
	readonly hosting: "azure" | "anthropic";
	readonly domain: Domain;
}

/** Whom limits are pooled over. */
export function subscriptionOf(options: FoundryResourceOptions): string {
	return options.subscription ?? `sub-${options.name}`;
}

/** A resource from its options; it is a cache domain of its own (prompt-caching §1). */
export function buildResource(
	options: FoundryResourceOptions,
	parts: { readonly limits: RateLimits; readonly domain: Domain },
): FoundryResource {
	const { name } = options;
	return {
		name,
		vendor: "foundry",
		organization: name,
		port: options.port ?? null,
		apiKey: options.apiKey ?? `foundry-key-${name}`,
		entraToken: options.entraToken ?? `entra-${name}`,
		models: options.models ?? null,
		hosting: options.hosting ?? "anthropic",
		...parts,
	};
}
