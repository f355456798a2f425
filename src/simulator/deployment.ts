// Who is served and what is shared: deployments, cache domains, the interface of rate limits. Leaves building them to world.ts and the platforms.
import type { PromptCache } from "./cache.ts";

/** Whose credential a deployment is. An AWS account serves Bedrock and the Claude Platform on AWS. */
type Vendor = "anthropic" | "aws" | "google" | "foundry" | "openai";

/** One credential and what belongs to it. */
export interface Deployment {
	readonly name: string;
	readonly vendor: Vendor;
	/** Signs thinking and owns limits: organization, AWS account id, Google project, Foundry resource. */
	readonly organization: string;
	readonly limits: RateLimits;
	/** Wish for a port of its own. */
	readonly port: number | null;
}

/** Requests that read each other's cache entries (prompt-caching §1). */
export interface Domain {
	/** `<organization>/<workspace>`. */
	readonly name: string;
	readonly organization: string;
	/** Workspace, serving Region or location, with the endpoint where that has a cache of its own. */
	readonly workspace: string;
	readonly cache: PromptCache;
}

/** What one request takes from the limits. */
export interface Demand {
	/** Models of one class share their limits. */
	readonly modelClass: string;
	readonly model: string;
	/** Input tokens that are not read from the cache. */
	readonly inputTokens: number;
	/** Expected output; corrected by `settle`. */
	readonly outputTokens: number;
	/** What the request allows at most; some platforms reserve it. */
	readonly maxTokens: number;
}

/** Rate limits of one organization. Times are the clock's milliseconds. */
export interface RateLimits {
	/** Whether any limit applies to messages; when false, `admit` takes nothing. */
	readonly limited: boolean;
	/** Takes what the request needs, or throws a 429 and takes nothing. */
	admit(demand: Demand, nowMs: number): void;
	/** Corrects what `admit` took to the output that was really generated. */
	settle(demand: Demand, outputTokens: number, nowMs: number): void;
	/** Takes one count_tokens request, or throws a 429. */
	admitCount(nowMs: number): void;
	/** Response headers that report the limits; empty where the platform has none. */
	headers(modelClass: string, nowMs: number): Record<string, string>;
	/** Fills every bucket. */
	reset(): void;
}
