// Single verdicts, by the wordings of provider docs and public reports: what an error is about, and what only looks like it. Leaves what rests
// because of a verdict to routing, and what a client gets to test/gateway/blame.test.ts.
import { describe, expect, test } from "vitest";
import { readError } from "../../protocol/anthropic.ts";
import { messagesError, readOpenaiError } from "../../protocol/openai/reasons.ts";
import { retryHintIn } from "../../protocol/retry-hints.ts";
import { canonicalAws } from "../aws-judge.ts";
import { canonicalPlatformError } from "../platform-errors.ts";
import type { CanonicalError, ResponseHead, UpstreamFailure, Verdict } from "../provider.ts";
import { judgeAws } from "./aws.ts";
import { canonicalOverflow, judgeMessagesApi } from "./messages.ts";
import { judgeOpenai } from "./openai.ts";
import { judgePlatform } from "./platforms.ts";

const NOW = Date.UTC(2026, 11, 1);
const MINUTE = 60_000;

interface Family {
	readonly canonical: (head: ResponseHead, body: Buffer) => CanonicalError | null;
	readonly judge: (failure: UpstreamFailure, now: number) => Verdict;
	/** The platform's own form of an error. */
	readonly body: (error: UpstreamError) => unknown;
}

interface UpstreamError {
	readonly status: number;
	/** `error.type`, AWS's name, Google's status, Azure's or OpenAI's code. */
	readonly name: string | null;
	readonly message: string;
}

const messagesBody = ({ name, message }: UpstreamError) => ({
	type: "error",
	error: { type: name ?? "api_error", message },
});

function canonicalOpenai({ status }: ResponseHead, body: Buffer): CanonicalError | null {
	const error = readOpenaiError(body.toString(), status);
	return error === null ? null : { status, body: Buffer.from(JSON.stringify(messagesError(error))) };
}

const FAMILIES = {
	"Messages API": { canonical: canonicalOverflow, judge: judgeMessagesApi, body: messagesBody },
	Mantle: { canonical: canonicalAws, judge: judgeAws, body: messagesBody },
	Bedrock: {
		canonical: canonicalAws,
		judge: judgeAws,
		body: ({ name, message }: UpstreamError) => ({ __type: name, message }),
	},
	Google: {
		canonical: (head: ResponseHead, body: Buffer) => canonicalPlatformError(head, body, "Vertex AI"),
		judge: judgePlatform,
		body: ({ status, name, message }: UpstreamError) => ({ error: { code: status, message, status: name } }),
	},
	Azure: {
		canonical: (head: ResponseHead, body: Buffer) => canonicalPlatformError(head, body, "Foundry"),
		judge: judgePlatform,
		body: ({ name, message }: UpstreamError) => ({ error: { code: name, message } }),
	},
	OpenAI: {
		canonical: canonicalOpenai,
		judge: judgeOpenai,
		body: ({ name, message }: UpstreamError) => ({ error: { message, type: "x", param: null, code: name } }),
	},
	"OpenAI by type": {
		canonical: canonicalOpenai,
		judge: judgeOpenai,
		body: ({ name, message }: UpstreamError) => ({ error: { message, type: name } }),
	},
} as const satisfies Readonly<Record<string, Family>>;

type FamilyName = keyof typeof FAMILIES;

function judged(name: FamilyName, sentError: UpstreamError, headers: Readonly<Record<string, string>> = {}): Verdict {
	const { canonical, judge, body } = FAMILIES[name];
	const sent = Buffer.from(JSON.stringify(body(sentError)));
	const known = canonical({ status: sentError.status, headers }, sent);
	const error = readError((known?.body ?? sent).toString());
	return judge(
		{
			status: known?.status ?? sentError.status,
			errorType: error?.type ?? null,
			errorCode: error?.code ?? null,
			message: error?.message ?? "",
			retryHintMs: retryHintIn(sent),
			timedOut: false,
			headers,
		},
		NOW,
	);
}

type Row = readonly [family: FamilyName, status: number, name: string | null, message: string];

/** Every row gives a verdict that has all of `expected`. */
function verdicts(about: string, expected: Partial<Verdict>, rows: readonly Row[]): void {
	describe(about, () => {
		test.each(rows)("%s %i %s: %s", (family, status, name, message) => {
			expect(judged(family, { status, name, message })).toMatchObject(expected);
		});
	});
}

verdicts(
	"an account that is spent, closed or not served rests for long",
	{ action: "next", scope: "account", lasting: true, errorClass: "authentication", contextWindow: false },
	[
		[
			"Messages API",
			400,
			"invalid_request_error",
			"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
		],
		["Messages API", 400, "invalid_request_error", "This organization has been disabled."],
		["Messages API", 403, "permission_error", "Your account has been temporarily suspended."],
		[
			"Messages API",
			400,
			"invalid_request_error",
			"You have reached your specified API usage limits. You will regain access on 2026-12-08 at 00:00 UTC.",
		],
		["Messages API", 402, "billing_error", "Your account has a problem with its billing."],
		["Messages API", 429, "rate_limit_error", "Insufficient balance or no resource package. Please recharge."],
		["Bedrock", 400, "ValidationException", "Operation not allowed"],
		["Bedrock", 400, "ValidationException", "Operation not allowed."],
		[
			"Bedrock",
			403,
			"AccessDeniedException",
			"Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided. Your AWS Marketplace subscription for this model cannot be completed at this time.",
		],
		[
			"Bedrock",
			404,
			"ResourceNotFoundException",
			"Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.",
		],
		[
			"Bedrock",
			400,
			"ValidationException",
			"Access to Anthropic models is not allowed from unsupported countries, regions, or territories.",
		],
		["Bedrock", 403, "AccessDeniedException", "Your account is not authorized to invoke this API operation."],
		[
			"Mantle",
			403,
			"permission_error",
			"Your account is being verified. Please try again later or contact AWS Support.",
		],
		["Google", 400, "FAILED_PRECONDITION", "User location is not supported for the API use."],
		[
			"Google",
			400,
			"FAILED_PRECONDITION",
			"Gemini API free tier is not available in your country. Please enable billing on your project in Google AI Studio.",
		],
		[
			"Google",
			403,
			"PERMISSION_DENIED",
			"Vertex AI API has not been used in project 12345 before or it is disabled. Enable it by visiting the console, then retry.",
		],
		[
			"Google",
			403,
			"PERMISSION_DENIED",
			"This API method requires billing to be enabled. Please enable billing on project #12345 by visiting the console, then retry.",
		],
		["Google", 403, "PERMISSION_DENIED", "Permission denied on resource project my-first-project."],
		["Google", 403, "PERMISSION_DENIED", "Your project has been denied access. Please contact support."],
		[
			"Azure",
			403,
			"ReadOnlyDisabledSubscription",
			"The subscription '11111111-2222' is disabled and therefore marked as read only.",
		],
		["Azure", 403, "Forbidden", "The subscription 11111111-2222 is disabled."],
		[
			"OpenAI",
			429,
			"insufficient_quota",
			"You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs.",
		],
		["OpenAI", 429, null, "Your account org-abc<ak-def> is suspended, please check your plan and billing details"],
		["OpenAI", 429, "1113", "Insufficient balance or no resource package. Please recharge."],
		["OpenAI", 402, null, "Insufficient Balance"],
		["OpenAI by type", 429, "exceeded_current_quota_error", "Your quota is used up"],
		["OpenAI by type", 429, "insufficient_quota", "You have run out of it"],
		[
			"OpenAI",
			402,
			null,
			"This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 2666.",
		],
		[
			"OpenAI",
			403,
			null,
			"Your newly created team doesn't have any credits yet. You can purchase credits in the console.",
		],
		["OpenAI", 429, null, "Your team has either used all available credits or reached its monthly spending limit."],
		[
			"OpenAI",
			412,
			null,
			"Account alice-42 is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.",
		],
		["OpenAI", 400, "Arrearage", "Access denied, please make sure your account is in good standing."],
		["OpenAI", 400, "billing_hard_limit_reached", "Billing hard limit has been reached"],
		["OpenAI", 403, "unsupported_country_region_territory", "Country, region, or territory not supported"],
		["OpenAI", 403, "insufficient_user_quota", "用户额度不足, 剩余额度: 0"],
		["OpenAI", 400, "FAILED_PRECONDITION", "User location is not supported for the API use."],
		["Messages API", 400, "invalid_request_error", "Your account does not have sufficient credits"],
		["Messages API", 429, "rate_limit_error", "Your organization has reached its monthly spend limit."],
		[
			"Messages API",
			400,
			"invalid_request_error",
			"Third-party apps now draw from your extra usage, not your plan limits. Add more in your settings and keep going.",
		],
		["Bedrock", 403, "SubscriptionRequiredException", "The AWS Access Key Id needs a subscription for the service"],
		["Google", 429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please manage your billing."],
		["OpenAI", 429, "1113", "Your account is in arrears. Please recharge and try again."],
		["OpenAI", 429, "1308", "Usage limit reached for 5 hour. Your limit will reset at the end of the day"],
		["OpenAI", 403, "AccountOverdueError", "The request failed because your account has an overdue balance."],
		["OpenAI", 403, null, "预扣费额度失败, 用户剩余额度: 0.2, 需要预扣费额度: 0.5"],
		["OpenAI", 400, "blocked_api_access", "This organization is over its limit"],
	],
);

verdicts("the limit of one key or workspace rests for long", { action: "next", scope: "credential", lasting: true }, [
	[
		"Messages API",
		400,
		"invalid_request_error",
		"You have reached your specified workspace API usage limits. You will regain access on 2026-12-08 at 00:00 UTC.",
	],
	["OpenAI", 403, null, "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys"],
	[
		"OpenAI",
		402,
		null,
		"Prompt tokens limit exceeded: 230799 > 91442. To increase, visit the settings and create a key with a higher monthly limit",
	],
	["OpenAI", 400, "400", "Budget has been exceeded! Current cost: 0.52, Max budget: 0.5"],
	["OpenAI by type", 400, "budget_exceeded", "Over budget"],
	["Azure", 403, "403", "Out of call volume quota. Quota will be replenished in 01:12:33."],
]);

verdicts(
	"a credential that is refused",
	{ action: "next", scope: "credential", lasting: false, errorClass: "authentication" },
	[
		["Messages API", 401, "authentication_error", "invalid x-api-key"],
		["Messages API", 403, "permission_error", "OAuth authentication is currently not allowed for this organization."],
		[
			"Messages API",
			403,
			"permission_error",
			"OAuth token does not meet scope requirement any_of(user:inference, org:service_key_inference)",
		],
		[
			"Messages API",
			403,
			"permission_error",
			"Account is no longer a member of the organization associated with this token.",
		],
		["Messages API", 403, "permission_error", "Invalid authorization for organization"],
		["Messages API", 403, "permission_error", "OAuth token has been revoked. Please obtain a new token."],
		["Bedrock", 403, "AccessDeniedException", "Bearer Token has expired"],
		["Bedrock", 403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."],
		["Bedrock", 403, "UnrecognizedClientException", "The security token included in the request is invalid."],
		["Bedrock", 400, "ExpiredTokenException", "The security token included in the request is expired"],
		[
			"Google",
			401,
			"UNAUTHENTICATED",
			"Request had invalid authentication credentials. Expected OAuth 2 access token.",
		],
		["Google", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."],
		["Google", 400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."],
		[
			"Google",
			403,
			"PERMISSION_DENIED",
			"Method doesn't allow unregistered callers (callers without established identity).",
		],
		["Google", 403, "PERMISSION_DENIED", "Request had insufficient authentication scopes."],
		[
			"Google",
			403,
			"PERMISSION_DENIED",
			"Requests to this API aiplatform.googleapis.com method google.cloud.aiplatform.v1.PredictionService.Predict are blocked.",
		],
		["Azure", 401, "401", "Access denied due to invalid subscription key or wrong API endpoint."],
		[
			"Azure",
			401,
			"PermissionDenied",
			"The principal `abc` lacks the required data action `Microsoft.CognitiveServices/accounts/x/action`.",
		],
		["Azure", 403, "403", "Public access is disabled. Please configure private endpoint."],
		["Azure", 403, "AccessDenied", "Access denied due to Virtual Network/Firewall rules."],
		["OpenAI", 401, "invalid_api_key", "Incorrect API key provided: sk-abc. You can find your API key in the console."],
		["OpenAI", 400, "Client specified an invalid argument", "Incorrect API key provided: xa***bc."],
		["OpenAI", 403, null, "You have insufficient permissions for this operation. Missing scopes: model.request."],
		["OpenAI", 403, "ip_not_authorized", "Your request IP is not authorized to use this API key."],
		["Google", 400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key."],
		["Google", 403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."],
		["Azure", 403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource."],
		["OpenAI", 403, null, "无效的令牌"],
		["OpenAI", 403, null, "Invalid proxy server token passed"],
	],
);

verdicts(
	"a model that this credential, account or region has not",
	{ action: "next", scope: "model", contextWindow: false },
	[
		["Messages API", 403, "permission_error", "Your API key does not have permission to use the specified resource."],
		["Messages API", 403, "permission_error", "Your organization does not have access to claude-opus-5."],
		["Messages API", 403, "permission_error", "This model isn't available right now."],
		["Messages API", 404, "not_found_error", "model: claude-opus-9"],
		["Bedrock", 403, "AccessDeniedException", "You don't have access to the model with the specified model ID."],
		[
			"Bedrock",
			403,
			"AccessDeniedException",
			"User: arn:aws:iam::1:user/u is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5 because no identity-based policy allows the bedrock:InvokeModel action",
		],
		[
			"Bedrock",
			403,
			"AccessDeniedException",
			"Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model.",
		],
		[
			"Bedrock",
			400,
			"ValidationException",
			"Invocation of model ID anthropic.claude-sonnet-4-20250514-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.",
		],
		["Bedrock", 400, "ValidationException", "The provided model identifier is invalid."],
		["Bedrock", 400, "ValidationException", "data retention mode 'default' is not available for this model"],
		[
			"Bedrock",
			404,
			"ResourceNotFoundException",
			"This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
		],
		[
			"Mantle",
			403,
			"permission_error",
			"anthropic.claude-opus-4-7 is not available for this account. You can explore other available models on Amazon Bedrock. For additional access options, contact AWS Sales.",
		],
		[
			"Google",
			400,
			"FAILED_PRECONDITION",
			"Project `123` is not allowed to use Publisher Model `projects/p/locations/l/publishers/anthropic/models/claude-3-sonnet@20240229`",
		],
		[
			"Google",
			403,
			"PERMISSION_DENIED",
			"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/locations/l/publishers/anthropic/models/claude-opus-5' (or it may not exist).",
		],
		[
			"Google",
			403,
			"PERMISSION_DENIED",
			"Access to this model requires data sharing to be enabled for publisher 'anthropic'.",
		],
		[
			"Google",
			404,
			"NOT_FOUND",
			"Publisher Model `projects/p/locations/l/publishers/anthropic/models/claude-9` was not found or your project does not have access to it.",
		],
		["Azure", 404, "DeploymentNotFound", "The API deployment for this resource does not exist."],
		["Azure", 400, "unavailable_model", "Unavailable model: claude-x"],
		["OpenAI", 404, "model_not_found", "The model `gpt-9` does not exist or you do not have access to it."],
		["OpenAI", 403, "model_not_found", "Project `proj_1` does not have access to model `gpt-5`"],
		[
			"OpenAI",
			400,
			"unsupported_value",
			"Your organization must be verified to stream this model. Please go to the settings and click on Verify Organization.",
		],
		["OpenAI", 403, "model_permission_blocked_org", "The model `x` is blocked at the organization level."],
		["OpenAI", 404, null, 'model "llama9" not found, try pulling it first'],
		[
			"OpenAI",
			401,
			"key_model_access_denied",
			"key not allowed to access model. This key can only access models=['a']. Tried to access b",
		],
		["Messages API", 401, "auth_error", "Authentication Error, key not allowed to access model. Tried to access b"],
		["OpenAI", 403, null, "该令牌无权使用模型：gpt-x"],
		["OpenAI", 503, "model_not_found", "No available channel for model gpt-x under group default"],
		["OpenAI", 503, null, "当前分组 default 下对于模型 gpt-x 无可用渠道"],
		["OpenAI", 404, null, "No endpoints found for anthropic/claude-x."],
		["OpenAI", 400, null, "claude-x is not a valid model ID"],
		["OpenAI", 400, "invalid_request_error", "Model Not Exist"],
		["OpenAI", 400, "1211", "模型不存在，请检查模型代码。"],
		["OpenAI", 400, "model_decommissioned", "The model `x` has been decommissioned and is no longer supported."],
		["OpenAI", 400, null, "Invalid model name passed in model=gpt-x. Call `/v1/models` to view available models."],
		["OpenAI by type", 404, "resource_not_found_error", "Not found the model kimi-x or Permission denied"],
		["OpenAI", 404, "NOT_FOUND", "models/gemini-9 is not found for API version v1main."],
		["OpenAI", 403, null, "This model is not available in your region."],
		["OpenAI", 451, null, "Unavailable for legal reasons"],
		["OpenAI", 498, null, "Flex tier capacity exceeded"],
	],
);

verdicts(
	"a limit of a model that passes",
	{ action: "next", scope: "model", lasting: false, errorClass: "rateLimit" },
	[
		[
			"Messages API",
			429,
			"rate_limit_error",
			"This request would exceed your organization's rate limit of 40,000 input tokens per minute.",
		],
		["Bedrock", 429, "ThrottlingException", "Too many tokens, please wait before trying again."],
		["Bedrock", 429, "ThrottlingException", "Too many requests, please wait before trying again."],
		[
			"Google",
			429,
			"RESOURCE_EXHAUSTED",
			"Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: anthropic-claude-3-5-sonnet. Please submit a quota increase request.",
		],
		["Google", 429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."],
		[
			"Azure",
			429,
			"429",
			"Requests have exceeded token rate limit of your current AIServices S0 pricing tier. Please retry after 21 seconds.",
		],
		[
			"OpenAI",
			429,
			"rate_limit_exceeded",
			"Rate limit reached for gpt-5 in organization org-1 on tokens per min (TPM): Limit 10000, Used 9000, Requested 2000. Please try again in 6s.",
		],
		[
			"OpenAI",
			429,
			null,
			"You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 20, model: gemini-2.5-flash\nPlease retry in 33.5s.",
		],
		["OpenAI", 429, null, "Service tier capacity exceeded for this model."],
	],
);

verdicts(
	"a quota of a day that does not say when it ends",
	{ scope: "model", lasting: true, errorClass: "rateLimit" },
	[
		["Bedrock", 429, "ThrottlingException", "Too many tokens per day, please wait before trying again."],
		[
			"Google",
			429,
			"RESOURCE_EXHAUSTED",
			"Quota exceeded for quota metric 'Requests' and limit 'Requests per day' of service 'aiplatform.googleapis.com'.",
		],
		["Google", 429, "RESOURCE_EXHAUSTED", "Quota exceeded: daily limit of requests per base model."],
	],
);

verdicts(
	"what one request asks for is for the client to know, and nobody rests",
	{ scope: "request", lasting: false },
	[
		["Messages API", 403, "permission_error", "Code execution is not enabled for your organization."],
		["Messages API", 403, "permission_error", "Web search is not supported with this model."],
		["Messages API", 403, "permission_error", "The Files API isn't available on your plan."],
		["Messages API", 404, "not_found_error", "Not found"],
		["Bedrock", 400, "ValidationException", "The provided model doesn't support counting tokens"],
		[
			"OpenAI",
			403,
			null,
			'anthropic/claude-x requires moderation on OpenInference. Your input was flagged for "violence".',
		],
		[
			"OpenAI",
			413,
			"rate_limit_exceeded",
			"Request too large for model `x` in organization `y` on tokens per minute (TPM): Limit 6000, Requested 9000.",
		],
		["OpenAI", 404, null, "No endpoints found that support tool use."],
		["OpenAI", 405, null, "Method Not Allowed"],
		["OpenAI", 409, "conflict", "Try again"],
		["OpenAI", 425, null, "Too Early"],
		["Messages API", 499, null, "Client closed request"],
	],
);

verdicts(
	"a class of requests that is limited or not included",
	{ action: "next", scope: "class", requestClass: "long_context" },
	[
		["Messages API", 429, "rate_limit_error", "Extra usage is required for long context requests."],
		[
			"Messages API",
			429,
			"rate_limit_error",
			"This request would exceed your organization's rate limit for long context (over 200k tokens).",
		],
		["Messages API", 400, "invalid_request_error", "The long context beta is not yet available for this subscription."],
		["Messages API", 429, "rate_limit_error", "Usage credits are required for long context requests."],
		[
			"Messages API",
			400,
			"invalid_request_error",
			"This authentication style is incompatible with the long context beta header.",
		],
		[
			"Messages API",
			429,
			"rate_limit_error",
			"This request would exceed your organization's rate limit for requests with more than 200K tokens",
		],
		[
			"Google",
			429,
			"RESOURCE_EXHAUSTED",
			"Quota exceeded for metric: aiplatform.googleapis.com/online_prediction_long_context_input_tokens_per_minute",
		],
	],
);

verdicts("fast mode that is limited or not included", { action: "next", scope: "class", requestClass: "fast" }, [
	["Messages API", 429, "rate_limit_error", "Fast mode rate limit exceeded."],
	["Messages API", 400, "invalid_request_error", "Fast mode is not available for your organization."],
]);

verdicts("a fault of the endpoint", { action: "next", scope: "endpoint" }, [
	["Messages API", 529, "overloaded_error", "Overloaded"],
	["Messages API", 403, "forbidden", "Request not allowed"],
	["Bedrock", 503, "ServiceUnavailableException", "Bedrock is unable to process your request."],
	["Google", 503, "UNAVAILABLE", "The service is currently unavailable."],
	["Azure", 500, "InternalServerError", "boom"],
	["Azure", 424, "FailedDependency", "A dependency failed"],
	["OpenAI", 500, null, "The server had an error while processing your request"],
]);

describe("a prompt that does not fit is recognised, and is nobody's fault", () => {
	test.each<Row>([
		["Messages API", 400, "invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum"],
		["Bedrock", 400, "ValidationException", "Input is too long for requested model."],
		[
			"Google",
			400,
			"INVALID_ARGUMENT",
			"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
		],
		["Azure", 400, "context_length_exceeded", "Input tokens exceed the configured limit of 272000 tokens."],
		["OpenAI", 400, null, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens."],
	])("%s %i %s: %s", (family, status, name, message) => {
		expect(judged(family, { status, name, message })).toMatchObject({ scope: "request", contextWindow: true });
	});
});

verdicts(
	"the client's own 400 stays its own, whatever words of the client it quotes",
	{ action: "relay", scope: "request", lasting: false, contextWindow: false },
	[
		[
			"Messages API",
			400,
			"invalid_request_error",
			"messages.0.content.0.text: Your credit balance is too low to access the Anthropic API. is not valid",
		],
		["Messages API", 400, "invalid_request_error", "metadata.user_id: this organization has been disabled"],
		[
			"Messages API",
			400,
			"invalid_request_error",
			"tools.0.custom.name: 'reached your specified API usage limits' should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
		],
		[
			"Messages API",
			400,
			"invalid_request_error",
			'Unexpected value "You have reached your specified API usage limits" for `tool_choice`',
		],
		["Messages API", 400, "invalid_request_error", "tools.0.name: context_length should be unique"],
		[
			"Messages API",
			400,
			"invalid_request_error",
			"max_tokens: 300000 > 64000, which is the maximum allowed number of output tokens for claude-x",
		],
		["Bedrock", 400, "ValidationException", "messages.2.content: operation not allowed"],
		[
			"Bedrock",
			400,
			"ValidationException",
			'Malformed input request: #/tools/0: "data retention is not allowed for this account" is not an object',
		],
		[
			"Google",
			400,
			"INVALID_ARGUMENT",
			"Invalid value at 'contents[0]': \"API key not valid. Please pass a valid API key.\"",
		],
		["Azure", 400, "BadRequest", "Invalid 'messages[0].content': 'the subscription is disabled' is no array"],
		[
			"OpenAI",
			400,
			"invalid_value",
			"Invalid value: 'insufficient balance on my card'. Supported values are: 'auto' and 'none'.",
		],
		[
			"OpenAI",
			400,
			null,
			"1 validation error for ChatCompletionRequest\nmessages.0\n  Input should be a valid dictionary [type=dict_type, input_value='your credit balance is too low', input_type=str]",
		],
		[
			"OpenAI",
			400,
			"invalid_request_error",
			"Invalid schema for function `context_length`: 'prompt is too long' is not valid under any of the given schemas",
		],
		["OpenAI", 400, null, "Unknown tool name 'context_length_exceeded' in tool_choice"],
		[
			"Messages API",
			400,
			"invalid_request_error",
			"Unable to download the file. The server replied: 403 API key not valid",
		],
		[
			"Messages API",
			400,
			"invalid_request_error",
			"Authentication error while communicating with MCP server. The access token is invalid: insufficient credits",
		],
		["Messages API", 400, "invalid_request_error", "mcp_servers.0.url: this account has been suspended"],
		["OpenAI", 400, "invalid_image_url", "Failed to download image: HTTP 402 insufficient credits"],
		[
			"OpenAI",
			400,
			"string_above_max_length",
			"Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got 70 instead.",
		],
	],
);

test.each<[FamilyName, string, Readonly<Record<string, string>>, number | null]>([
	["Messages API", "limited", { "retry-after": "12" }, 12_000],
	["Messages API", "limited", {}, null],
	["Azure", "Please retry after 21 seconds.", {}, 21_000],
	["OpenAI", "Rate limit reached on requests per day (RPD). Please try again in 7m12s.", {}, 432_000],
])("%s 429 %s: the wait that it names is %#", (family, message, headers, wait) => {
	const verdict = judged(family, { status: 429, name: "rate_limit_error", message }, headers);
	expect(verdict).toMatchObject({ retryAfterMs: wait, lasting: false });
});

test("a date in the words of a spent account is how long it lasts", () => {
	const message =
		"You have reached your specified API usage limits. You will regain access on 2026-12-02 at 06:30 UTC.";
	const verdict = judged("Messages API", { status: 400, name: "invalid_request_error", message });
	expect(verdict.retryAfterMs).toBe((24 * 60 + 6 * 60 + 30) * MINUTE);
	const past = judged("Messages API", { status: 400, name: "x", message: message.replace("2026", "2025") });
	expect(past).toMatchObject({ scope: "account", retryAfterMs: null });
});

test("a 403 with a page is of what stands in front of the upstream, not of a model", () => {
	const failure = { status: 403, errorType: null, errorCode: null, message: "", timedOut: false };
	const page = judgeMessagesApi({ ...failure, headers: { "content-type": "text/html; charset=UTF-8" } }, NOW);
	expect(page).toMatchObject({ action: "next", scope: "endpoint" });
	const error = judgeMessagesApi({ ...failure, headers: { "content-type": "application/json" } }, NOW);
	expect(error).toMatchObject({ action: "next", scope: "model" });
});
