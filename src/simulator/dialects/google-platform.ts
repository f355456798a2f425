// Claude Models on Google Cloud, managed by Anthropic: the first-party API behind Google's tokens, project and workspace in its address.
// Leaves tokens to google/projects.ts and the Messages form to messages.ts.
import { ApiError } from "../api-error.ts";
import type { Caller, Dialect, TextAnswer, Visit } from "../dialect.ts";
import { identityHeaders } from "./anthropic.ts";
import { answerModels, MESSAGES_FORM, messagesError, readMessagesBody } from "./messages.ts";
import { ownerOfToken, vertexError } from "./vertex.ts";

export const GOOGLE_PLATFORM: Dialect = {
	...MESSAGES_FORM,
	name: "google-platform",
	promptRules: {},
	authenticate,
	read: (visit, _caller, json) => readMessagesBody(visit, json),
	headers: identityHeaders,
	error: refusal,
	message: { idPrefix: "msg_sim", modelName: (model) => model, fullUsage: true },
	other: (ask) => (ask.route.endpoint === "models" ? answerModels(ask) : null),
};

function authenticate(visit: Visit): Caller {
	const owner = ownerOfToken(visit);
	const { project, location, workspace } = visit.route;
	if (owner.project !== project) {
		throw new ApiError(
			403,
			`Permission 'claude.workspaces.invoke' denied on resource '//claude.googleapis.com/projects/${project}/locations/${location}/workspaces/${workspace}' (or it may not exist).`,
		);
	}
	// The front names the workspace to the API behind it; a client that does so itself is refused.
	if (visit.request.headers["anthropic-workspace-id"] !== undefined)
		throw new ApiError(400, "anthropic-workspace-id: header is not allowed here");
	if (!owner.workspaces.includes(workspace)) throw new ApiError(404, `Workspace ${workspace} was not found`);
	// The project's organisation is its own, and where requests are served is no part of the domain.
	return { deployment: owner, domain: visit.world.domain("google-platform", `org-${project}`, workspace) };
}

/** What Google's front refuses is reported in its form, the rest in the API's own. */
function refusal(error: ApiError, requestId: string): TextAnswer {
	return error.status === 401 || error.status === 403 ? vertexError(error, requestId) : messagesError(error, requestId);
}
