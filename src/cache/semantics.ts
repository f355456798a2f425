// What providers cache, as data: minimums per model, look-back, lifetimes, what separates caches per platform.
// Leaves what is cached at the moment to cache/index, and prices to pricing/.
import type { ProviderKind } from "../config/schema.ts";

/** Cache lifetime a breakpoint may ask for. */
export type Ttl = "5m" | "1h";

/** Lifetime of an entry, measured from the start of the request that wrote or last read it (prompt-caching R6). */
export const TTL_MS: Readonly<Record<Ttl, number>> = { "5m": 300_000, "1h": 3_600_000 };

/** Positions a provider tests backwards from a breakpoint, the breakpoint included (prompt-caching R4). */
export const LOOK_BACK_POSITIONS = 20;

/** Minimum for models the table does not know. */
export const DEFAULT_MINIMUM_TOKENS = 1024;

/** Bytes of prompt text per token to start from, before any usage was reported. */
const DEFAULT_BYTES_PER_TOKEN = 4;

/** Same text, 30 % more tokens: the tokenizer that came with Opus 4.7 (prices-and-minimums §1). */
const DENSE_BYTES_PER_TOKEN = DEFAULT_BYTES_PER_TOKEN / 1.3;

interface ModelFacts {
	/** A prefix of fewer tokens is silently not cached (prompt-caching R9). */
	readonly minimumTokens: number;
	/** Where the learned bytes-per-token figure starts. */
	readonly bytesPerToken: number;
}

function facts(minimumTokens: number, bytesPerToken = DEFAULT_BYTES_PER_TOKEN): ModelFacts {
	return { minimumTokens, bytesPerToken };
}

/** By canonical model id. Source: prices-and-minimums §1; where it is in doubt, the value prompt-caching §7.5 settles on. */
const MODELS: ReadonlyMap<string, ModelFacts> = new Map([
	["claude-fable-5-2", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-fable-5-1", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-fable-5", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-mythos-5-2", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-mythos-5-1", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-mythos-5", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-mythos-preview", facts(2048, DENSE_BYTES_PER_TOKEN)],
	["claude-opus-5-5", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-opus-5", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-opus-4-8", facts(1024, DENSE_BYTES_PER_TOKEN)],
	["claude-opus-4-7", facts(2048, DENSE_BYTES_PER_TOKEN)],
	["claude-opus-4-6", facts(4096)],
	["claude-opus-4-5", facts(4096)],
	["claude-opus-4-1", facts(1024)],
	["claude-opus-4", facts(1024)],
	["claude-sonnet-5-5", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-sonnet-5", facts(1024, DENSE_BYTES_PER_TOKEN)],
	["claude-sonnet-4-6", facts(1024)],
	["claude-sonnet-4-5", facts(1024)],
	["claude-sonnet-4", facts(1024)],
	["claude-haiku-5-5", facts(512, DENSE_BYTES_PER_TOKEN)],
	["claude-haiku-4-5", facts(4096)],
	["claude-haiku-3-5", facts(2048)],
	["claude-3-5-haiku", facts(2048)],
]);

interface PlatformFacts {
	/** A run of tool_use, or of tool_result, blocks is one look-back position (prompt-caching R5, and §7.3 for the clouds). */
	readonly collapseRuns: boolean;
	/** The id's profile prefix (`us.`, `global.`) names the Regions that serve, hence another set of caches (prompt-caching §1). */
	readonly profileSeparates: boolean;
	/** Minimums that differ from the model's own. */
	readonly minimumTokens: Readonly<Record<string, number>>;
	/** Limits admit a request with its `max_tokens`, and get back what was not used (providers §1). Default false. */
	readonly reservesOutput?: boolean;
}

const PLATFORMS: Readonly<Record<ProviderKind, PlatformFacts>> = {
	anthropic: { collapseRuns: true, profileSeparates: false, minimumTokens: {} },
	anthropic_aws: { collapseRuns: true, profileSeparates: false, minimumTokens: {} },
	anthropic_google_cloud: { collapseRuns: true, profileSeparates: false, minimumTokens: {} },
	bedrock: {
		collapseRuns: false,
		profileSeparates: true,
		// AWS's model card; 2,038 tokens were not cached and 2,067 were (BerriAI/litellm-docs#49, strands sdk-python #1194).
		minimumTokens: { "claude-opus-4-7": 4096, "claude-sonnet-4-6": 2048 },
		reservesOutput: true,
	},
	vertex: { collapseRuns: false, profileSeparates: false, minimumTokens: {} },
	foundry: { collapseRuns: false, profileSeparates: false, minimumTokens: {} },
	openai: { collapseRuns: false, profileSeparates: false, minimumTokens: {} },
};

/**
 * The model an upstream id stands for: provider path, Region profile, vendor prefix, date, revision and a `[1m]` suffix removed,
 * lower case. An id of unknown form comes back as it is, less what was recognised.
 */
export function canonicalModel(upstreamModel: string): string {
	const name = upstreamModel.slice(upstreamModel.lastIndexOf("/") + 1).toLowerCase();
	return name
		.replace(/\[[^\]]*\]$/, "")
		.replace(/^(?:[a-z]{2,6}(?:-[a-z]+)?\.)?anthropic\./, "")
		.replace(/@[\w.-]+$/, "")
		.replace(/-v\d+(?::\d+)?$/, "")
		.replace(/-(?:\d{8}|latest)$/, "");
}

/** Fewest tokens a prefix needs to be cached by this model on this platform. `model` is canonical. */
export function minimumTokens(provider: ProviderKind, model: string): number {
	return PLATFORMS[provider].minimumTokens[model] ?? MODELS.get(model)?.minimumTokens ?? DEFAULT_MINIMUM_TOKENS;
}

/** Bytes per token to assume for a canonical model before its usage was seen. */
export function initialBytesPerToken(model: string): number {
	return MODELS.get(model)?.bytesPerToken ?? DEFAULT_BYTES_PER_TOKEN;
}

/** Whether the platform's look-back counts a run of tool blocks as one position. */
export function collapsesRuns(provider: ProviderKind): boolean {
	return PLATFORMS[provider].collapseRuns;
}

/** Whether a request is admitted with all the output it may have, not with what is to be expected. */
export function reservesOutput(provider: ProviderKind): boolean {
	return PLATFORMS[provider].reservesOutput === true;
}

/** Whether tokens read from the cache count against the input limit: only on the oldest models (providers §1). */
export function countsReads(model: string): boolean {
	return model === "claude-haiku-3-5" || model === "claude-3-5-haiku";
}

/** What separates caches by model: equal values may share entries, different ones never do (prompt-caching §1, "always per model"). */
export function cacheModel(provider: ProviderKind, upstreamModel: string): string {
	return PLATFORMS[provider].profileSeparates ? upstreamModel.toLowerCase() : canonicalModel(upstreamModel);
}
