// Bedrock's native Messages endpoints, on runtime and on mantle: SSE, `model` in the body. Leaves InvokeModel to bedrock.ts.
import { ApiError, invalid } from "../api-error.ts";
import { checkModelAccess, regionDomain } from "../aws/accounts.ts";
import { awsHeaders } from "../aws/errors.ts";
import { resolveModel } from "../aws/inference-profiles.ts";
import { type AwsCaller, authenticateAws } from "../aws/sender.ts";
import { fieldsOf } from "../body.ts";
import type { Dialect, Incoming, Visit } from "../dialect.ts";
import { AWS_PROMPT_RULES, bedrockCaller, plainModelName } from "./bedrock.ts";
import { MESSAGES_FORM, readMessagesBody } from "./messages.ts";

const MAX_BODY_BYTES = 20 * 1024 * 1024;

/** `bedrock-runtime…/anthropic/v1/messages`: profiles as on InvokeModel, and the same caches. */
export const BEDROCK_MESSAGES: Dialect = {
	...MESSAGES_FORM,
	name: "bedrock-messages",
	maxBodyBytes: MAX_BODY_BYTES,
	promptRules: AWS_PROMPT_RULES,
	authenticate: bedrockCaller,
	read(visit, caller, json) {
		const { account, region } = caller as AwsCaller;
		const target = resolveModel(modelOf(json), region, account);
		checkModelAccess(account, target.modelId);
		return readNative(visit, json);
	},
	headers: (requestId) => ({ ...awsHeaders(requestId), "request-id": requestId }),
	message: { idPrefix: "msg_bdrk_", modelName: plainModelName, fullUsage: false },
};

/** `bedrock-mantle…/anthropic/v1/messages`: bare ids of one Region, quotas and caches of its own. */
export const MANTLE: Dialect = {
	...BEDROCK_MESSAGES,
	name: "bedrock-mantle",
	authenticate(visit): AwsCaller {
		const { account, region } = authenticateAws(visit, { services: ["bedrock-mantle"], key: "bedrock" });
		const domains = (organization: string, workspace: string) => visit.world.domain("aws", organization, workspace);
		const domain = regionDomain(domains, account, { region, endpoint: "mantle" });
		return { deployment: account, account, region, domain, limitClass: (model) => `mantle ${region} ${model}` };
	},
	read(visit, caller, json) {
		const { account } = caller as AwsCaller;
		const model = modelOf(json);
		if (!model.startsWith("anthropic."))
			throw new ApiError(400, `The model '${model}' does not exist`, { type: "invalid_request_error" });
		checkModelAccess(account, model);
		return readNative(visit, json);
	},
};

function modelOf(json: unknown): string {
	const model = fieldsOf(json)?.["model"];
	if (typeof model !== "string") throw invalid("model: Field required");
	return model;
}

function readNative(visit: Visit, json: unknown): Incoming {
	if (fieldsOf(json)?.["diagnostics"] !== undefined) throw invalid("diagnostics: Extra inputs are not permitted");
	return readMessagesBody(visit, json);
}
