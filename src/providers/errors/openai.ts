// What errors of OpenAI and of OpenAI-compatible servers mean. Leaves reading their forms to protocol/openai/reasons.
import { readOpenaiRateLimits } from "../../protocol/openai/ratelimits.ts";
import type { UpstreamFailure, Verdict } from "../provider.ts";
import { type ErrorRule, judgeBy } from "./judge.ts";
import { messagesRulesAfter } from "./messages.ts";
import { GOOGLE } from "./platforms.ts";

const OPENAI: readonly ErrorRule[] = [
	{
		codes: ["pre_consume_token_quota_failed", "budget_exceeded"],
		scope: "credential",
		errorClass: "authentication",
		lasting: true,
		reason: "its key's own limit is reached",
		source: "new-api and one-api 403; LiteLLM 400",
	},
	{
		status: [403],
		says: /requires moderation|\b(?:input|prompt|content) was flagged/i,
		scope: "request",
		errorClass: "contentPolicyViolation",
		reason: "its moderation refused the prompt",
		source: "OpenRouter 403, error codes",
	},
	{
		codes: [
			"insufficient_quota",
			"insufficient_user_quota",
			"billing_hard_limit_reached",
			"billing_not_active",
			"account_deactivated",
			"exceeded_current_quota_error",
			"insufficient_balance",
			"blocked_api_access",
			"access_terminated",
			"access_terminated_error",
			"Arrearage",
		],
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its credit is used up, or its account is closed",
		source: "OpenAI, error codes; Moonshot exceeded_current_quota_error; DashScope Arrearage",
	},
	{
		status: [400, 401, 402, 403, 429],
		says: /exceeded your current quota, please check your plan|billing (?:hard )?limit|account is not active|(?:credit|spending) limit/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its credit is used up",
		source: "OpenAI and xAI in words",
	},
	{
		codes: ["unsupported_country_region_territory"],
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its provider does not serve this country",
		source: "OpenAI, error codes",
	},
	{
		codes: ["invalid_api_key", "API_KEY_INVALID"],
		scope: "credential",
		errorClass: "authentication",
		reason: "credentials refused",
		source: "OpenAI, error codes; xAI sends it with 400",
	},
	{
		status: [400, 403, 404],
		codes: ["model_not_found", "model_not_available", "DeploymentNotFound"],
		scope: "model",
		errorClass: "notFound",
		reason: "it does not have this model",
		source: "OpenAI, error codes; 'Project … does not have access to model …'",
	},
	{
		status: [400, 403, 404],
		says: /must be verified to (?:use|stream|generate|access)|(?:does|do) not have access to (?:the )?model|not allowed to sample from this model|model .{0,120}(?:does not exist|not found|is not available to you)/i,
		scope: "model",
		errorClass: "notFound",
		reason: "its account may not use this model",
		source: "OpenAI 400 of unverified organisations, 403 of projects; vLLM 404",
	},
	{
		status: [400, 413, 429],
		says: /request too large for .*(?:per min|TPM)/i,
		scope: "request",
		errorClass: "rateLimit",
		reason: "this request is larger than its limit of a minute",
		source: "Groq 413, OpenAI 429: 'Request too large for … on tokens per min (TPM)'; waiting does not help",
	},
	{
		codes: ["content_filter", "content_policy_violation"],
		scope: "request",
		action: "relay",
		errorClass: "contentPolicyViolation",
		reason: "its content filter refused",
		source: "OpenAI and Azure, error codes",
	},
];

const RULES = messagesRulesAfter([...GOOGLE, ...OPENAI]);

/** As the Messages API's errors, which they are by now, with the servers' own codes in `errorCode`. */
export function judgeOpenai(failure: UpstreamFailure, now: number): Verdict {
	return { ...judgeBy(RULES, failure, now), limits: readOpenaiRateLimits(failure.headers, now) };
}
