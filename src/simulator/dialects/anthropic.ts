// The first-party API: API keys, organization and workspace headers. Leaves the Messages form to messages.ts.
import { ApiError } from "../api-error.ts";
import type { Caller, Dialect, Visit } from "../dialect.ts";
import { answerModels, keysOf, MESSAGES_FORM, readMessagesBody } from "./messages.ts";

export const ANTHROPIC: Dialect = {
	...MESSAGES_FORM,
	name: "anthropic",
	promptRules: {},
	authenticate,
	read: (visit, _caller, json) => readMessagesBody(visit, json),
	headers: identityHeaders,
	message: { idPrefix: "msg_sim", modelName: (model) => model, fullUsage: true },
	other: (ask) => (ask.route.endpoint === "models" ? answerModels(ask) : null),
};

/** Request id, organization and workspace, as the first-party API and the Claude Platform on AWS state them. */
export function identityHeaders(requestId: string, caller: Caller | null): Record<string, string> {
	if (caller === null) return { "request-id": requestId };
	const { organization, workspace } = caller.domain;
	return { "request-id": requestId, "anthropic-organization-id": organization, "anthropic-workspace-id": workspace };
}

function authenticate({ world, only, request }: Visit): Caller {
	const keys = keysOf(request);
	if (keys.length === 0) throw new ApiError(401, "x-api-key header is required");
	for (const key of keys) {
		const deployment = world.apiKeys.find((candidate) => candidate.apiKey === key);
		if (deployment !== undefined && (only === null || only === deployment)) {
			return { deployment, domain: deployment.domain };
		}
	}
	throw new ApiError(401, request.headers["x-api-key"] === undefined ? "Invalid bearer token" : "invalid x-api-key");
}
