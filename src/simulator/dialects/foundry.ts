// Microsoft Foundry: the Messages API below /anthropic, with api-key, x-api-key or Entra token. Leaves resources to foundry.ts of the room.
import { ApiError, invalid } from "../api-error.ts";
import { fieldsOf } from "../body.ts";
import type { Caller, Dialect, TextAnswer, Visit } from "../dialect.ts";
import type { FoundryResource } from "../foundry.ts";
import { findModel } from "../model-table.ts";
import { keysOf, MESSAGES_FORM, messagesError, readMessagesBody } from "./messages.ts";

interface FoundryCaller extends Caller {
	readonly resource: FoundryResource;
}

export const FOUNDRY: Dialect = {
	...MESSAGES_FORM,
	name: "foundry",
	promptRules: { stripBillingBlock: false },
	authenticate,
	read(visit, caller, json) {
		const { resource } = caller as FoundryCaller;
		const incoming = readMessagesBody(visit, json);
		const fields = fieldsOf(json);
		const name = fields?.["model"];
		if (fields === null || typeof name !== "string") return incoming;
		if (fields["diagnostics"] !== undefined) throw invalid("diagnostics: Extra inputs are not permitted");
		const model = resource.models === null ? name : (resource.models[name] ?? null);
		if (model === null || findModel(model) === null) {
			throw new ApiError(
				404,
				"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.",
				{ type: "DeploymentNotFound" },
			);
		}
		if (resource.hosting === "azure") checkAzure(fields);
		return { ...incoming, json: { ...fields, model } };
	},
	headers: (requestId) => ({ "request-id": requestId, "apim-request-id": requestId }),
	error: foundryError,
	message: { idPrefix: "msg_fdry", modelName: (model) => model, fullUsage: false },
};

function authenticate({ world, only, request }: Visit): FoundryCaller {
	const keys = keysOf(request);
	const resource = world.foundry.find(
		(candidate) => keys.includes(candidate.apiKey) || keys.includes(candidate.entraToken),
	);
	if (resource === undefined || (only !== null && only !== resource)) {
		throw new ApiError(
			401,
			"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.",
			{ type: "401" },
		);
	}
	return { deployment: resource, resource, domain: resource.domain };
}

/** What Azure's own infrastructure does not have (providers §5). */
function checkAzure(body: Readonly<Record<string, unknown>>): void {
	if (fieldsOf(body["output_config"])?.["format"] !== undefined)
		throw invalid("output_config.format: structured outputs are not supported");
	const tools = Array.isArray(body["tools"]) ? body["tools"] : [];
	for (const [index, item] of tools.entries()) {
		const type = String(fieldsOf(item)?.["type"] ?? "custom");
		if (/^(web_search|web_fetch|code_execution|tool_search)/.test(type))
			throw invalid(`tools.${index}: tool type '${type}' is not supported`);
	}
}

/** Errors of Azure's front have a shape of their own; those of the model have the Messages API's. */
function foundryError(error: ApiError, requestId: string): TextAnswer {
	if (error.status !== 401 && error.type !== "DeploymentNotFound") return messagesError(error, requestId);
	const code = error.type.endsWith("_error") ? String(error.status) : error.type;
	return {
		status: error.status,
		headers: error.headers,
		body: JSON.stringify({ error: { code, message: error.message } }),
	};
}
