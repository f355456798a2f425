// Under which ids each platform offers Claude's current models: what a group whose name is a pattern can be asked for. Leaves what they cost
// to pricing/prices.
import type { ProviderKind } from "../config/schema.ts";

/** One model's ids, where they are not its name. */
interface Ids {
	/** The Claude API's, its partners' on AWS and Google Cloud, Foundry's. */
	readonly name: string;
	readonly bedrock?: string;
	readonly vertex?: string;
}

/**
 * Newest first within a family. Models that are retired on the Claude API (model deprecations page), or that only invited organisations may
 * use, are left out: a name that is listed should work. Ids: the models overview's table, read 2026-11-30.
 */
const CURRENT: readonly Ids[] = [
	{ name: "claude-fable-5-2" },
	{ name: "claude-fable-5-1" },
	{ name: "claude-fable-5" },
	{ name: "claude-opus-5-5" },
	{ name: "claude-opus-5" },
	{ name: "claude-opus-4-8" },
	{ name: "claude-opus-4-7" },
	{ name: "claude-opus-4-6", bedrock: "claude-opus-4-6-v1" },
	{ name: "claude-opus-4-5", bedrock: "claude-opus-4-5-20251101-v1:0", vertex: "claude-opus-4-5@20251101" },
	{ name: "claude-sonnet-5-5" },
	{ name: "claude-sonnet-5" },
	{ name: "claude-sonnet-4-6" },
	{ name: "claude-haiku-5-5" },
	{ name: "claude-haiku-4-5", bedrock: "claude-haiku-4-5-20251001-v1:0", vertex: "claude-haiku-4-5@20251001" },
];

/** Ids that a platform understands; none for OpenAI-compatible servers, whose models nobody knows. */
export function currentModels(provider: ProviderKind): readonly string[] {
	switch (provider) {
		case "openai":
			return [];
		case "bedrock":
			// The newer models are offered by profiles only; this one serves in every Region.
			return CURRENT.map(({ name, bedrock = name }) => `global.anthropic.${bedrock}`);
		case "vertex":
			return CURRENT.map(({ name, vertex = name }) => vertex);
		default:
			return CURRENT.map(({ name }) => name);
	}
}
