// Which provider a deployment means, by LiteLLM's ways of saying so, and what each provider needs. Leaves calling it to providers/.
import type { ProviderKind } from "./schema.ts";

/** What a provider takes from the file and the environment. */
interface ProviderNeeds {
	/** Options of `litellm_params` that mean something to it, besides those every deployment has. */
	readonly options: readonly string[];
	/** Variables that stand in for missing options, first one first, as in LiteLLM. */
	readonly fromEnv: Readonly<Record<string, readonly string[]>>;
	/** Options that name a credential by themselves: where one is given, a key of the environment must not take its place. */
	readonly otherCredentials: readonly string[];
	/** Each inner list is satisfied by any one of its options. */
	readonly required: readonly (readonly string[])[];
}

const AWS_REGION_VARIABLES = ["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"];
/** Each names a credential by itself. */
const AWS_CREDENTIALS = ["aws_access_key_id", "aws_profile_name", "aws_role_name", "aws_web_identity_token"];

const AWS_OPTIONS = [
	"aws_access_key_id",
	"aws_secret_access_key",
	"aws_session_token",
	"aws_region_name",
	"aws_profile_name",
	"aws_role_name",
	"aws_session_name",
	"aws_web_identity_token",
	"aws_sts_endpoint",
	"aws_external_id",
	"region_name",
];

const ENTRA_OPTIONS = ["tenant_id", "client_id", "client_secret", "azure_scope", "azure_authority_host"];

export const PROVIDER_NEEDS: Readonly<Record<ProviderKind, ProviderNeeds>> = {
	// ANTHROPIC_BASE_URL is left out: where the gateway is tried out it names the gateway itself.
	anthropic: {
		options: ["api_key", "api_base"],
		fromEnv: { api_key: ["ANTHROPIC_API_KEY"] },
		otherCredentials: [],
		required: [["api_key"]],
	},
	anthropic_aws: {
		options: ["api_key", "api_base", "anthropic_workspace_id", ...AWS_OPTIONS],
		fromEnv: {
			api_key: ["ANTHROPIC_AWS_API_KEY"],
			anthropic_workspace_id: ["ANTHROPIC_AWS_WORKSPACE_ID"],
			aws_region_name: AWS_REGION_VARIABLES,
		},
		otherCredentials: AWS_CREDENTIALS,
		required: [["anthropic_workspace_id"], ["aws_region_name", "region_name", "aws_profile_name", "api_base"]],
	},
	// The environment's names are those of Anthropic's SDKs and Claude Code.
	anthropic_google_cloud: {
		options: ["api_base", "anthropic_workspace_id", "vertex_project", "vertex_location", "vertex_credentials"],
		fromEnv: {
			anthropic_workspace_id: ["ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID"],
			vertex_project: ["ANTHROPIC_GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT"],
			vertex_location: ["ANTHROPIC_GOOGLE_CLOUD_LOCATION"],
			vertex_credentials: ["VERTEXAI_CREDENTIALS"],
		},
		otherCredentials: [],
		required: [["anthropic_workspace_id"], ["vertex_project", "vertex_credentials"]],
	},
	bedrock: {
		options: ["api_key", "api_base", "aws_bedrock_runtime_endpoint", "bedrock_api", ...AWS_OPTIONS],
		fromEnv: {
			api_key: ["AWS_BEARER_TOKEN_BEDROCK"],
			aws_region_name: AWS_REGION_VARIABLES,
			// LiteLLM's, then the AWS tools' own.
			aws_bedrock_runtime_endpoint: ["AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"],
		},
		otherCredentials: AWS_CREDENTIALS,
		required: [["aws_region_name", "region_name", "aws_profile_name", "aws_bedrock_runtime_endpoint", "api_base"]],
	},
	vertex: {
		options: ["api_base", "vertex_project", "vertex_location", "vertex_credentials", "region_name"],
		fromEnv: {
			vertex_project: ["VERTEXAI_PROJECT"],
			vertex_location: ["VERTEXAI_LOCATION"],
			vertex_credentials: ["VERTEXAI_CREDENTIALS"],
		},
		otherCredentials: [],
		required: [
			["vertex_project", "vertex_credentials"],
			["vertex_location", "region_name"],
		],
	},
	foundry: {
		options: ["api_key", "api_base", "azure_ad_token", ...ENTRA_OPTIONS],
		fromEnv: {
			api_key: ["AZURE_AI_API_KEY"],
			api_base: ["AZURE_AI_API_BASE"],
			azure_authority_host: ["AZURE_AUTHORITY_HOST"],
		},
		otherCredentials: ["azure_ad_token", "client_secret"],
		required: [["api_base"], ["api_key", "azure_ad_token", "client_secret"]],
	},
	openai: {
		options: ["api_key", "api_base", "api_version", "organization"],
		fromEnv: { api_key: ["OPENAI_API_KEY"] },
		otherCredentials: [],
		required: [["api_key", "api_base"]],
	},
};

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
