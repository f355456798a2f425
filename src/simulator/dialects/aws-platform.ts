// The Claude Platform on AWS: the first-party API behind AWS signatures, with a mandatory workspace. Leaves the Messages form to messages.ts.
import { ApiError } from "../api-error.ts";
import { authenticateAws } from "../aws/sender.ts";
import type { Caller, Dialect, Visit } from "../dialect.ts";
import { identityHeaders } from "./anthropic.ts";
import { answerModels, MESSAGES_FORM, readMessagesBody } from "./messages.ts";

export const AWS_PLATFORM: Dialect = {
	...MESSAGES_FORM,
	name: "aws-platform",
	promptRules: {},
	authenticate,
	read: (visit, _caller, json) => readMessagesBody(visit, json),
	headers: identityHeaders,
	message: { idPrefix: "msg_sim", modelName: (model) => model, fullUsage: true },
	other: (ask) => (ask.route.endpoint === "models" ? answerModels(ask) : null),
};

function authenticate(visit: Visit): Caller {
	const { account } = identify(visit);
	const workspace = visit.request.headers["anthropic-workspace-id"];
	if (typeof workspace !== "string" || workspace === "")
		throw new ApiError(400, "anthropic-workspace-id: header is required");
	if (!account.workspaces.includes(workspace))
		throw new ApiError(403, `Workspace ${workspace} is not available to this AWS account`);
	// The Region of the endpoint does not pin inference, so it is no part of the domain.
	return { deployment: account, domain: visit.world.domain("aws-platform", `org-${account.accountId}`, workspace) };
}

/** Refusals of AWS's front keep their names, in the first-party shape. */
function identify(visit: Visit): ReturnType<typeof authenticateAws> {
	try {
		return authenticateAws(visit, { services: ["aws-external-anthropic"], key: "platform" });
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		throw new ApiError(error.status, error.message, { headers: { "x-amzn-errortype": error.type } });
	}
}
