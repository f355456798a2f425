// What the models behind a name have in common, for translations into the Messages API. Leaves the translation to protocol/openai.
import { fillWildcard, resolveGroup } from "../../config/model-name.ts";
import type { Config, DeploymentConfig, ProviderKind } from "../../config/schema.ts";
import { bothTraits, type ModelTraits, OPENAI_TRAITS, traitsOfModel } from "../../protocol/openai/traits.ts";

/** Platforms that have `output_config.format`; the clouds have not (providers §4, §5). */
const STRUCTURED: ReadonlySet<ProviderKind> = new Set(["anthropic", "anthropic_aws", "anthropic_google_cloud"]);

/**
 * Traits that hold for every deployment that may serve `model`. Where all of them are OpenAI-compatible nothing is refused: an OpenAI
 * client's own bytes go there. An unknown model gets those of a modern one; routing refuses it.
 */
export function traitsFor(config: Config, model: string): ModelTraits {
	const resolved = resolveGroup(config, model);
	const deployments = resolved?.group.deployments ?? [];
	const claude = deployments.filter(({ provider }) => provider !== "openai");
	const [first, ...others] = claude.map((deployment) => traitsOf(deployment, resolved?.wildcard ?? null));
	if (first === undefined) return deployments.length > 0 ? OPENAI_TRAITS : traitsOfModel(model, true);
	return others.reduce(bothTraits, first);
}

function traitsOf(deployment: DeploymentConfig, wildcard: string | null): ModelTraits {
	const { provider, upstreamModel, modelInfo } = deployment;
	const { base_model: base, max_output_tokens: most } = modelInfo;
	const named = fillWildcard(upstreamModel, wildcard);
	const traits = traitsOfModel(typeof base === "string" ? base : named, STRUCTURED.has(provider));
	return typeof most === "number" && most > 0
		? { ...traits, maxTokens: Math.min(traits.maxTokens ?? most, most) }
		: traits;
}
