// Gateway configuration for the simulator's clouds: one deployment per account, project, resource or server. Leaves starting them to harness.ts.
import { stringify } from "yaml";
import type { AwsAccountOptions } from "../src/simulator/aws/accounts.ts";
import type { FoundryResourceOptions } from "../src/simulator/foundry.ts";
import type { GoogleProjectOptions } from "../src/simulator/google/projects.ts";
import type { OpenAiServerOptions } from "../src/simulator/openai/servers.ts";
import type { Simulator } from "../src/simulator/server.ts";

/** Clouds of a test's world; a name alone takes every default. */
export interface CloudOptions {
	/** Bedrock in us-east-1, by the `us.` profile. */
	readonly aws?: readonly (string | AwsAccountOptions)[];
	/** Which of Bedrock's APIs these deployments use; default InvokeModel. */
	readonly bedrock?: "invoke" | "messages" | "mantle" | "none";
	/** The same accounts as `anthropic_aws/` deployments too, named `<name>-platform`. */
	readonly awsPlatform?: readonly string[];
	/** Vertex at us-east5, with a service account; none: no Vertex deployments of these projects. */
	readonly vertex?: "none";
	readonly google?: readonly (string | GoogleProjectOptions)[];
	/** The same projects as `anthropic_google_cloud/` deployments too, named `<name>-platform`. */
	readonly googlePlatform?: readonly string[];
	readonly foundry?: readonly (string | FoundryResourceOptions)[];
	/** OpenAI-compatible servers with the model `gpt-sim`. */
	readonly openai?: readonly (string | OpenAiServerOptions)[];
}

/** The simulator's side of the clouds. */
export function cloudsOf(options: CloudOptions) {
	return {
		aws: (options.aws ?? []).map(named),
		google: (options.google ?? []).map(named),
		foundry: (options.foundry ?? []).map(named),
		openai: (options.openai ?? []).map(named),
	};
}

/** The gateway's side: entries of `model_list`, as YAML lines under that key. Ids are the names in the simulator. */
export function cloudEntries(
	simulator: Simulator,
	options: CloudOptions,
	names: { readonly group: string; readonly model: string },
): string {
	const entry = (id: string, params: Record<string, unknown>) => ({
		model_name: names.group,
		litellm_params: params,
		model_info: { id },
	});
	const awsKeys = (account: Simulator["aws"][number]) => ({
		aws_access_key_id: account.accessKeyId,
		aws_secret_access_key: account.secretAccessKey,
		aws_region_name: account.region,
	});
	const { bedrock = "invoke" } = options;
	const entries = [
		...(bedrock === "none" ? [] : simulator.aws).map((account) =>
			entry(account.name, {
				// Mantle takes bare ids only.
				model: `bedrock/${bedrock === "mantle" ? "" : "us."}anthropic.${names.model}`,
				aws_bedrock_runtime_endpoint: bedrock === "mantle" ? account.mantleUrl(account.region) : account.url,
				bedrock_api: bedrock,
				...awsKeys(account),
			}),
		),
		...simulator.aws
			.filter((account) => options.awsPlatform?.includes(account.name))
			.map((account) =>
				entry(`${account.name}-platform`, {
					model: `anthropic_aws/${names.model}`,
					api_base: account.url,
					anthropic_workspace_id: account.workspaces[0],
					...awsKeys(account),
				}),
			),
		...(options.vertex === "none" ? [] : simulator.google).map((project) =>
			entry(project.name, {
				model: `vertex_ai/${names.model}`,
				api_base: project.url,
				vertex_project: project.project,
				vertex_location: "us-east5",
				vertex_credentials: JSON.stringify(project.serviceAccount()),
			}),
		),
		...simulator.google
			.filter((project) => options.googlePlatform?.includes(project.name))
			.map((project) =>
				entry(`${project.name}-platform`, {
					model: `anthropic_google_cloud/${names.model}`,
					api_base: project.url,
					anthropic_workspace_id: project.workspaces[0],
					vertex_project: project.project,
					vertex_credentials: JSON.stringify(project.serviceAccount()),
				}),
			),
		...simulator.foundry.map((resource) =>
			entry(resource.name, {
				model: `azure_ai/${names.model}`,
				api_base: `${resource.url}/anthropic`,
				api_key: resource.apiKey,
			}),
		),
		...simulator.openai.map((server) =>
			entry(server.name, {
				model: "openai/gpt-sim",
				api_base: `${server.url}/v1`,
				...(server.apiKey !== null && { api_key: server.apiKey }),
			}),
		),
	];
	if (entries.length === 0) return "";
	return stringify(entries).replace(/^/gm, "  ").trimEnd();
}

function named<T extends { readonly name: string }>(option: string | T): T | { readonly name: string } {
	return typeof option === "string" ? { name: option } : option;
}
