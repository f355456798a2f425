// What Google's and Azure's errors mean, by their names and words. Leaves their canonical form to providers/platform-errors.
import type { UpstreamFailure, Verdict } from "../provider.ts";
import { type ErrorRule, judgeBy } from "./judge.ts";
import { messagesRulesAfter } from "./messages.ts";

/** Google's, which its OpenAI-compatible endpoint sends too. */
export const GOOGLE: readonly ErrorRule[] = [
	{
		status: [400, 403],
		says: /billing (?:to be |is |has been )?(?:not )?(?:enabled|disabled|active|closed)|billing account .*(?:disabled|closed|not found)|dunning|BILLING_DISABLED/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its project has no billing",
		source: "google.api.ErrorReason BILLING_DISABLED, 'This API method requires billing to be enabled'",
	},
	{
		status: [403],
		says: /has not been used in project|it is disabled|SERVICE_DISABLED|CONSUMER_(?:SUSPENDED|INVALID)|project .{0,80}(?:suspended|deleted)|permission denied on resource project/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its project has the service switched off, or is suspended",
		source: "google.api.ErrorReason SERVICE_DISABLED, CONSUMER_SUSPENDED, CONSUMER_INVALID",
	},
	{
		status: [429],
		says: /per[ _-]?day|daily/i,
		scope: "model",
		lasting: true,
		reason: "its quota of a day is used up",
		source: "Google's quotas, per base model and project",
	},
	{
		status: [429],
		says: /quota exceeded for (?:metric|quota metric)/i,
		scope: "model",
		reason: "rate limit",
		source: "Gemini 429: begins with OpenAI's words for a spent account, and goes on with the limit of a model",
	},
];

/** 400s, 403s and 404s that are about the deployment, not the request: another one may serve it. */
const NOT_HERE: readonly ErrorRule[] = [
	{
		codes: ["FAILED_PRECONDITION"],
		scope: "model",
		errorClass: "notFound",
		reason: "its project may not use this model",
		source: "Vertex AI, Model Garden",
	},
	{
		status: [400, 403, 404],
		says: /publisher model|not allowed to use .*model|not (?:servable|available|supported) in (?:region|location)/i,
		scope: "model",
		errorClass: "notFound",
		reason: "its project or region does not have this model",
		source: "Vertex AI, 'Publisher Model … was not found or your project does not have access to it'",
	},
	{
		codes: ["DeploymentNotFound", "OperationNotSupported", "unavailable_model"],
		scope: "model",
		errorClass: "notFound",
		reason: "it does not have this model",
		source: "Azure OpenAI and Foundry, error codes",
	},
];

const AZURE: readonly ErrorRule[] = [
	{
		codes: ["ReadOnlyDisabledSubscription", "SubscriptionNotRegistered", "SubscriptionDisabled"],
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its subscription is disabled",
		source: "Azure Resource Manager, common errors",
	},
	{
		status: [403, 429],
		says: /out of call volume quota/i,
		scope: "credential",
		errorClass: "rateLimit",
		lasting: true,
		reason: "its key's quota is used up",
		source: "Azure API Management, policy `quota`",
	},
	{
		codes: ["content_filter"],
		scope: "request",
		action: "relay",
		errorClass: "contentPolicyViolation",
		reason: "its content filter refused",
		source: "Azure, error codes",
	},
];

const PLATFORMS = [...messagesRulesAfter([...GOOGLE, ...AZURE]), ...NOT_HERE];

/** As the Messages API's errors, with the platforms' own names in `errorCode`. */
export function judgePlatform(failure: UpstreamFailure, now: number = Date.now()): Verdict {
	return judgeBy(PLATFORMS, failure, now);
}
