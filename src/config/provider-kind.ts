// Which provider a deployment means, by LiteLLM's ways of saying so. Leaves what it needs to sections/credential-options.
import type { ProviderKind } from "./sections/credential-options.ts";

/** Names LiteLLM has for the providers, in `custom_llm_provider`, `model_info.litellm_provider` and before a model's slash. */
const PROVIDER_NAMES: Readonly<Record<string, ProviderKind>> = {
	anthropic: "anthropic",
	bedrock: "bedrock",
	bedrock_converse: "bedrock",
	vertex_ai: "vertex",
	"vertex_ai-anthropic_models": "vertex",
	azure_ai: "foundry",
	openai: "openai",
	anthropic_aws: "anthropic_aws",
	anthropic_google_cloud: "anthropic_google_cloud",
};

/** Which provider and upstream model a deployment means. */
export interface ProviderTarget {
	readonly provider: ProviderKind;
	readonly upstreamModel: string;
	/** Options that the model's name itself gives, such as the region of `bedrock/us-west-2/…`. */
	readonly implied: Readonly<Record<string, string>>;
}

export interface TargetFault {
	readonly message: string;
	readonly hint: string;
}

const UNDERSTOOD =
	"Understood: anthropic/MODEL, anthropic_aws/MODEL, anthropic_google_cloud/MODEL, bedrock/MODEL, vertex_ai/claude-…, azure_ai/claude-…, " +
	"openai/MODEL, a bare claude-… (Anthropic), a bare [us.|eu.|global.…]anthropic.claude-… (Bedrock), or any name with model_info.litellm_provider.";

const BARE_BEDROCK = /^((us|us-gov|eu|global|jp|apac|au|ca|sa|me|af|il|mx)\.)?anthropic\./;
const BEDROCK_ARN = /^arn:aws[\w-]*:bedrock:([\w-]+):/;
const AWS_REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;

/** `named` is what the file says of the provider besides the model's name; it decides, and need not be repeated in the name. */
export function targetOf(model: string, named: string | undefined): ProviderTarget | TargetFault {
	const slash = model.indexOf("/");
	const prefix = slash < 0 ? "" : model.slice(0, slash);
	const byPrefix = Object.hasOwn(PROVIDER_NAMES, prefix) ? PROVIDER_NAMES[prefix] : undefined;
	if (named !== undefined) {
		const provider = Object.hasOwn(PROVIDER_NAMES, named) ? PROVIDER_NAMES[named] : undefined;
		if (provider === undefined) {
			const names = Object.keys(PROVIDER_NAMES).join(", ");
			return { message: `the provider '${named}' is not supported`, hint: `Understood: ${names}.` };
		}
		if (byPrefix !== undefined && byPrefix !== provider) {
			return {
				message: `the model's prefix says ${prefix}, the provider option says ${named}`,
				hint: "Remove one of the two.",
			};
		}
		return finish(provider, byPrefix === undefined ? model : model.slice(slash + 1));
	}
	if (byPrefix !== undefined) return finish(byPrefix, model.slice(slash + 1));
	if (BARE_BEDROCK.test(model) || BEDROCK_ARN.test(model)) return finish("bedrock", model);
	if (slash < 0 && model.startsWith("claude-")) return finish("anthropic", model);
	const reason =
		slash < 0 ? "does not say which provider it is of" : `has a provider that is not supported ('${prefix}/')`;
	return { message: `'${model}' ${reason}`, hint: UNDERSTOOD };
}

function finish(provider: ProviderKind, name: string): ProviderTarget | TargetFault {
	if (name === "") return { message: "names a provider, but no model", hint: "Write provider/MODEL." };
	if (provider === "bedrock") return bedrockTarget(name);
	if ((provider === "vertex" || provider === "foundry") && !name.startsWith("claude") && name !== "*") {
		return {
			message: `'${name}' is not a Claude model: of this provider only those are supported`,
			hint: "Write vertex_ai/claude-… or azure_ai/claude-….",
		};
	}
	return { provider, upstreamModel: name, implied: {} };
}

/** Bedrock names may hold the API to use and a region before the model. */
function bedrockTarget(name: string): ProviderTarget {
	const implied: Record<string, string> = {};
	let model = name;
	const route = /^(invoke|converse|converse_like|messages|mantle)\//.exec(model);
	if (route !== null) {
		// Converse is LiteLLM's other way to the same models; Claude's own format loses nothing on the way.
		implied["bedrock_api"] = route[1] === "messages" || route[1] === "mantle" ? route[1] : "invoke";
		model = model.slice(route[0].length);
	}
	const slash = model.indexOf("/");
	if (slash > 0 && AWS_REGION.test(model.slice(0, slash))) {
		implied["aws_region_name"] = model.slice(0, slash);
		model = model.slice(slash + 1);
	}
	const arn = BEDROCK_ARN.exec(model);
	if (arn?.[1] !== undefined) implied["aws_region_name"] ??= arn[1];
	return { provider: "bedrock", upstreamModel: model, implied };
}
