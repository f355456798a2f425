// Options that say with which credential and where a deployment is called, and which of them each provider takes. Leaves reading them to
// sections/credentials.
import * as z from "zod";
import { address, text } from "../fields.ts";
import type { Secret } from "../secret.ts";
import { type Options, optional } from "../section.ts";

const credentialsFile = z.union([z.string().min(1, "must not be empty"), z.record(z.string(), z.unknown())], {
	error: "expected a path, or the JSON of a service account",
});

const awsOptions = {
	aws_access_key_id: optional(text(), "AWS access key."),
	aws_secret_access_key: optional(text(), "Secret of the AWS access key."),
	aws_session_token: optional(text(), "Token of a temporary AWS key."),
	aws_region_name: optional(text(), "AWS region, such as us-west-2."),
	aws_profile_name: optional(text(), "Profile of ~/.aws to take credentials from."),
	aws_role_name: optional(text(), "ARN of a role to assume."),
	aws_session_name: optional(text(), "Session name for the assumed role."),
	aws_web_identity_token: optional(
		text(),
		"Web identity token for the assumed role: oidc/file/PATH, oidc/env/NAME, or the token itself.",
	),
	aws_sts_endpoint: optional(address(), "Address of STS, if not the region's own."),
	aws_external_id: optional(text(), "External id for the assumed role."),
};

const bedrockOptions = {
	aws_bedrock_runtime_endpoint: optional(address(), "Address of the Bedrock runtime, if not the region's own."),
	bedrock_api: optional(
		z.enum(["invoke", "messages", "mantle"]),
		"Bedrock's InvokeModel, or its Messages API on the runtime or on mantle. Default: invoke.",
	),
};

const googleOptions = {
	vertex_project: optional(text(), "Google Cloud project."),
	vertex_location: optional(text(), "Google Cloud region, or global."),
	vertex_credentials: optional(credentialsFile, "Service account: path of its file, or its JSON."),
};

const entraOptions = {
	azure_ad_token: optional(text(), "Microsoft Entra token, instead of a key."),
	tenant_id: optional(text(), "Microsoft Entra tenant."),
	client_id: optional(text(), "Microsoft Entra application."),
	client_secret: optional(text(), "Secret of the Microsoft Entra application."),
	azure_scope: optional(text(), "Whom the Microsoft Entra token is for. Default: https://ai.azure.com/.default."),
	azure_authority_host: optional(address(), "Address of Microsoft Entra. Default: https://login.microsoftonline.com."),
};

/** A deployment and a `credential_list` entry may hold the same. */
export const credentialOptions = {
	api_key: optional(text(), "The provider's key. For anthropic/ models ANTHROPIC_API_KEY is used when it is missing."),
	api_base: optional(address(), "The provider's address. Default: its public one."),
	api_version: optional(text(), "API version of an Azure resource."),
	organization: optional(text(), "OpenAI organization."),
	...awsOptions,
	...bedrockOptions,
	anthropic_workspace_id: optional(
		text(),
		"Workspace of Claude Platform on AWS or of Claude on Google Cloud, managed by Anthropic.",
	),
	...googleOptions,
	...entraOptions,
	region_name: optional(text(), "Region, for any cloud; the cloud's own option wins."),
};

/** Those of one deployment, as they are written. */
export type CredentialOptions = Options<typeof credentialOptions>;

export const CREDENTIAL_OPTIONS: readonly string[] = Object.keys(credentialOptions);

export const providerOption = {
	custom_llm_provider: optional(text(), "Provider, when the model's name does not say it."),
};

/** An entry of `credential_list`. */
export const credentialSchema = z.strictObject({
	credential_name: text().describe("Name for litellm_credential_name."),
	credential_values: z
		.strictObject({ ...credentialOptions, ...providerOption })
		.describe("Options every deployment that names the entry gets, unless it sets them itself."),
	credential_info: optional(z.looseObject({}), "Free text about the entry."),
});

/** Credentials and address of a deployment. Every field is optional in the file; a provider says what it needs. */
export interface DeploymentCredentials {
	/** `litellm_params.api_key`. */
	readonly apiKey: Secret | null;
	/** `litellm_params.api_base`, without a trailing slash. null = the provider's public address. */
	readonly apiBase: string | null;
	/** Provider-specific fields (`aws_profile_name`, `vertex_project` …) as written, `os.environ/` resolved; secrets are Secret. */
	readonly extra: Readonly<Record<string, string | Secret>>;
	/** Where each field came from, by its name in the file: `{api_key: "env ANTHROPIC_API_KEY_1"}`. Absent when built by hand. */
	readonly origins?: Readonly<Record<string, string>>;
}

/** Families of upstream APIs that a configuration may name. Which of them are served is providers/index's business. */
export type ProviderKind =
	| "anthropic"
	| "anthropic_aws"
	| "anthropic_google_cloud"
	| "bedrock"
	| "vertex"
	| "foundry"
	| "openai";

/** What a provider takes from the file and the environment. */
interface ProviderNeeds {
	/** Options that mean something to it. */
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

const AWS_OPTIONS = [...Object.keys(awsOptions), "region_name"];

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
		options: ["api_base", "anthropic_workspace_id", ...Object.keys(googleOptions)],
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
		options: ["api_key", "api_base", ...Object.keys(bedrockOptions), ...AWS_OPTIONS],
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
		options: ["api_base", ...Object.keys(googleOptions), "region_name"],
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
		options: ["api_key", "api_base", ...Object.keys(entraOptions)],
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
