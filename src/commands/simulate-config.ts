// A gateway configuration for everything that a simulator plays, so that one can be tried without any account. Leaves printing and
// running to simulate.ts.
import { stringify } from "yaml";
import type { Simulator } from "../simulator/server.ts";

const GROUP = "claude-code";
const MODEL = "claude-sonnet-5-5";
const LOCATION = "us-east5";

/** YAML of a configuration whose Claude deployments are one group, `claude-code`, and whose OpenAI-compatible servers are `gpt-sim`. */
export function simulatedConfig(simulator: Simulator): string {
	const entry = (group: string, id: string, params: Readonly<Record<string, unknown>>) => {
		return { model_name: group, litellm_params: params, model_info: { id } };
	};
	const model_list = [
		...simulator.deployments.map(({ name, apiKey, url }) =>
			entry(GROUP, `key-${name}`, { model: `anthropic/${MODEL}`, api_base: url, api_key: apiKey }),
		),
		...simulator.aws.map(({ name, region, url, accessKeyId, secretAccessKey }) =>
			entry(GROUP, name, {
				model: `bedrock/us.anthropic.${MODEL}`,
				aws_region_name: region,
				aws_bedrock_runtime_endpoint: url,
				aws_access_key_id: accessKeyId,
				aws_secret_access_key: secretAccessKey,
			}),
		),
		...simulator.google.map((project) =>
			entry(GROUP, project.name, {
				model: `vertex_ai/${MODEL}`,
				api_base: project.url,
				vertex_project: project.project,
				vertex_location: LOCATION,
				vertex_credentials: JSON.stringify(project.serviceAccount()),
			}),
		),
		...simulator.foundry.map(({ name, url, apiKey }) =>
			entry(GROUP, name, { model: `azure_ai/${MODEL}`, api_base: url, api_key: apiKey }),
		),
		...simulator.openai.map(({ name, url, apiKey }) =>
			entry("gpt-sim", name, {
				model: "openai/gpt-sim",
				api_base: `${url}/v1`,
				...(apiKey !== null && { api_key: apiKey }),
			}),
		),
	];
	return `# Everything that the simulator on ${simulator.url} plays. Its credentials open nothing else.\n${stringify({ model_list }, { lineWidth: 0 })}`;
}
