// What AWS's errors mean, by its names and words: Bedrock, and Claude Platform on AWS. Leaves the names' place in the Messages API to
// protocol/aws-errors.
import type { UpstreamFailure, Verdict } from "../provider.ts";
import { judgeBy } from "./judge.ts";
import { messagesRulesAfter } from "./messages.ts";

/** CountTokens does not know every model (providers §4). */
const NOT_COUNTED = /(does ?n.t|not) support(ed|s)? (the )?(count_?tokens|counting tokens|token counting)/i;

const AWS = messagesRulesAfter([
	{
		codes: ["SubscriptionRequiredException", "OptInRequired", "AccountProblem"],
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its account has not signed up for the service",
		source: "AWS, common errors",
	},
	{
		status: [400],
		says: /^operation not allowed\.?$/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its account may not call models",
		source: "AWS re:Post, ValidationException 'Operation not allowed' of new and restricted accounts",
	},
	{
		status: [400, 403, 404],
		says: /use case details have not been submitted|fill out the anthropic use case/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its account has not sent the use-case form",
		source: "Bedrock, model access; ResourceNotFoundException",
	},
	{
		status: [400, 403],
		says: /INVALID_PAYMENT_INSTRUMENT|valid payment instrument|payment (?:method|instrument)/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its account has no valid way of paying",
		source: "Bedrock 403, AWS Marketplace",
	},
	{
		status: [400, 403, 404],
		says: /is not available for this account/i,
		scope: "model",
		errorClass: "notFound",
		lasting: true,
		reason: "its account may not use this model",
		source: "Bedrock 403 'MODEL is not available for this account' (anthropics/claude-code #51183)",
	},
	{
		status: [400, 403],
		says: /account .{0,40}(?:not (?:yet )?(?:been )?verified|being verified|verification|not authorized to invoke|blocked|on hold)|not allowed for this account|not authorized to use .*(?:account|bedrock)|contact aws support|reach out to aws support/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its account is not verified, or is blocked",
		source: "AWS re:Post, 'Your account is not authorized to invoke this API operation'",
	},
	{
		status: [400, 403],
		says: /data retention|zero[ -]?data/i,
		scope: "model",
		errorClass: "authentication",
		lasting: true,
		reason: "its account's data-retention mode does not allow this model",
		source: "PostHog #71189, aaif-goose/goose #9732",
	},
	{
		status: [400, 403, 404],
		says: /marked by provider as legacy|reached the end of its life|aws-marketplace:|marketplace (?:subscription|agreement)|agreement (?:to|for) this model/i,
		scope: "model",
		errorClass: "notFound",
		lasting: true,
		reason: "its account may not use this model",
		source: "Bedrock 404 for models of the past, 403 for want of a Marketplace subscription",
	},
	{
		says: NOT_COUNTED,
		scope: "request",
		errorClass: "notFound",
		reason: "it does not count this model's tokens",
		source: "BerriAI/litellm #32683",
	},
	{
		status: [400, 403, 404],
		says: /model identifier is invalid|on-demand throughput isn.t supported|access to the model|model is not supported in this region|resolve the (?:model|foundation model)|inference profile/i,
		scope: "model",
		errorClass: "notFound",
		reason: "its account or region does not have this model",
		source: "Bedrock, ValidationException and AccessDeniedException",
	},
	{
		status: [403],
		says: /is not authorized to perform|explicit deny/i,
		scope: "model",
		reason: "its role may not call this model",
		source: "IAM policies name models; BerriAI/litellm",
	},
	{
		status: [403],
		says: /authentication failed/i,
		scope: "credential",
		reason: "credentials refused",
		source: "Bedrock API keys, 'Authentication failed: Please make sure your API Key is valid.'",
	},
	{
		status: [429, 400],
		says: /too many tokens per day|daily (?:token )?(?:limit|quota)|per day/i,
		scope: "model",
		errorClass: "rateLimit",
		lasting: true,
		reason: "its quota of a day is used up",
		source: "Bedrock quotas, per model and account (providers §1)",
	},
	{
		codes: ["ServiceQuotaExceededException", "serviceQuotaExceededException"],
		scope: "model",
		lasting: true,
		reason: "its quota is used up",
		source: "Bedrock, ServiceQuotaExceededException (providers §2)",
	},
]);

/** As the Messages API's errors, which they are by now, with what AWS says in its own words. */
export function judgeAws(failure: UpstreamFailure, now: number = Date.now()): Verdict {
	return judgeBy(AWS, failure, now);
}

/** Whether the answer says that this operation does not exist for the model. */
export function isNotCounted({ status, message, errorType }: UpstreamFailure): boolean {
	return NOT_COUNTED.test(message) || (status === 404 && errorType === "not_found_error") || status === 501;
}
