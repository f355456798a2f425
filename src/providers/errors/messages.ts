// What the Messages API's own errors mean: api.anthropic.com, and servers and clouds that pass its errors on. Leaves words that all families
// share to errors/accounts and errors/models.
import { readError } from "../../protocol/anthropic.ts";
import { readOpenaiError } from "../../protocol/openai/reasons.ts";
import { isOverflow, overflowMessage } from "../../protocol/overflow.ts";
import type { CanonicalError, ResponseHead, UpstreamFailure, Verdict } from "../provider.ts";
import { ACCOUNTS } from "./accounts.ts";
import { type ErrorRule, judgeBy } from "./judge.ts";
import { MODELS } from "./models.ts";

/** Limits that hold for one kind of request (platform docs, "Rate limits"). */
const CLASSES: readonly ErrorRule[] = [
	{
		status: [400, 403, 429],
		says: /extra usage is required for long context|usage credits are required for long context|long context beta is not (?:yet )?available|incompatible with the long context beta/i,
		scope: "class",
		requestClass: "long_context",
		lasting: true,
		reason: "long-context requests are not included",
		source: "Wei-Shaw/claude-relay-service #1000",
	},
	{
		status: [429],
		says: /long[ _-]context|context[ -]1m|\b1m context|(?:more than|over|above|exceed(?:s|ing)?) 200(?:k|,?000)\b/i,
		scope: "class",
		requestClass: "long_context",
		reason: "rate limit of long-context requests",
		source: "Rate limits, 'Long context'; Wei-Shaw/sub2api #572",
	},
	{
		status: [429],
		codes: ["fast_itpmca", "fast_itpm", "fast_otpm", "fast_rpm"],
		scope: "class",
		requestClass: "fast",
		reason: "rate limit of fast mode",
		source: "SDK, limiter types (providers §1)",
	},
	{
		status: [429],
		header: ["anthropic-fast-input-tokens-remaining", /^0$/],
		scope: "class",
		requestClass: "fast",
		reason: "rate limit of fast mode",
		source: "Fast mode, `anthropic-fast-*` headers",
	},
	{
		status: [429],
		header: ["anthropic-fast-output-tokens-remaining", /^0$/],
		scope: "class",
		requestClass: "fast",
		reason: "rate limit of fast mode",
		source: "Fast mode, `anthropic-fast-*` headers",
	},
	{
		status: [403, 429],
		says: /fast[ -]mode/i,
		scope: "class",
		requestClass: "fast",
		reason: "rate limit of fast mode",
		source: "Fast mode, 'has limits of its own'; CLIProxyAPI #2323",
	},
	{
		status: [400],
		says: /fast[ -]mode .*(?:your (?:organi[sz]ation|account|workspace|plan)|extra usage)/i,
		scope: "class",
		requestClass: "fast",
		lasting: true,
		reason: "fast mode is not included",
		source: "Fast mode, 'availability'; a model without it is the request's own fault",
	},
];

/** A feature by its name, or anything but a model that is not switched on. */
const FEATURE = new RegExp(
	[
		/\b(?:code execution|web (?:search|fetch)|files?(?: api)?|skills?|containers?|mcp|connectors?|batch(?:es)?|computer use|tools?|citations|structured outputs?|thinking|caching|data residency|inference_geo|service tier|priority tier|beta|features?)\b.{0,80}(?:not|n't|n’t) (?:been |yet )*(?:enabled|available|allowed|supported|permitted|included)/,
		/^(?!.*\b(?:models?|claude|gpt|gemini|endpoint|resource)\b).*(?:not|n't|n’t) (?:been |yet |currently )*(?:enabled|available|supported|included)/,
	]
		.map(({ source }) => source)
		.join("|"),
	"i",
);

const MESSAGES: readonly ErrorRule[] = [
	...ACCOUNTS,
	{
		codes: ["enforced_spend_limit_reached", "contract_spend_limit_reached"],
		scope: "account",
		lasting: true,
		reason: "its spend limit is reached",
		source: "Rate limits, 'Spend limits': 429 without retry-after (providers §1)",
	},
	...CLASSES,
	...MODELS,
	{
		status: [429],
		header: ["anthropic-ratelimit-unified-representative-claim", /^(?:five_hour|seven_day|overage)$/],
		scope: "credential",
		reason: "its subscription's limit is reached",
		source: "unified headers of subscriptions; a claim such as seven_day_opus is of one model class",
	},
	{
		status: [400, 403],
		says: /only authorized for use with claude code/i,
		scope: "request",
		reason: "its credential serves Claude Code only",
		source: "Messages API 400 for OAuth tokens of subscriptions",
	},
	{
		status: [403],
		codes: ["forbidden"],
		scope: "endpoint",
		reason: "its address refuses this gateway",
		source: "api.anthropic.com's edge, 'Request not allowed'",
	},
	{
		status: [403],
		says: FEATURE,
		scope: "request",
		reason: "a feature that the request asks for is not enabled",
		source: "TracecatHQ #3538, OmniRoute #12859; 'Code execution is not enabled for your organization.'",
	},
	{
		status: [404],
		says: /^model: |\bmodel\b.{0,120}\b(?:not (?:be )?found|does not exist|not (?:exist|available|supported))/i,
		scope: "model",
		errorClass: "notFound",
		reason: "it does not have this model",
		source: "Messages API 404 'model: NAME'",
	},
];

/** Which answers are the client's own affair and which another deployment may cure (providers §2, routing-model §6). */
export function judgeMessagesApi(failure: UpstreamFailure, now: number = Date.now()): Verdict {
	return judgeBy(MESSAGES, failure, now);
}

/** The same with a platform's own rows before the API's. */
export function messagesRulesAfter(rules: readonly ErrorRule[]): readonly ErrorRule[] {
	return [...CLASSES, ...rules, ...MESSAGES];
}

/**
 * Of servers with a Messages API of their own (Moonshot, z.ai, MiniMax …): a prompt that does not fit, in the words that the API's clients
 * act on. null for everything else, and for those words themselves.
 */
export function canonicalOverflow({ status }: ResponseHead, body: Buffer): CanonicalError | null {
	const text = body.toString("utf8");
	const own = readError(text);
	const error = own ?? readOpenaiError(text, status);
	if (error === null || !isOverflow({ status, message: error.message, codes: [error.code, error.type] })) return null;
	const message = overflowMessage(error.message);
	if (own !== null && message === own.message) return null;
	const details = error.code === null ? {} : { details: { error_code: error.code } };
	const sent = { type: "error", error: { type: "invalid_request_error", message, ...details } };
	return { status: 400, body: Buffer.from(JSON.stringify(sent)) };
}
