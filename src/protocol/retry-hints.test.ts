import { expect, test } from "vitest";
import { retryHintIn, waitInWords } from "./retry-hints.ts";

test.each([
	["Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000. Please try again in 1.2s. Visit …", 1200],
	["Rate limit reached … Please try again in 120ms.", 120],
	["Rate limit reached … Please try again in 6m0s.", 360_000],
	["Rate limit reached for model `llama3` … Please try again in 7m12.5s. Need more tokens?", 432_500],
	["Rate limit reached … Please try again in 1h2m3s.", 3_723_000],
	["Requests have exceeded the token rate limit. Please retry after 21 seconds. Please go here", 21_000],
	["Please retry after 1 second.", 1000],
	["You exceeded your current quota. Please retry in 33.5s.", 33_500],
	["Too many requests, please wait 30 seconds before trying again", 30_000],
	["Too many requests: retry-after: 12 s", 12_000],
	["Your limit resets in 3 hours and 5 minutes", 11_100_000],
	["Try again in 2 minutes, 10 seconds", 130_000],
	["Try again later", null],
	["max_tokens must be less than 4096", null],
	["Please try again with 3 messages", null],
	["Please try again in 5 mangos", null],
])("%j asks for %s ms", (message, ms) => {
	expect(waitInWords(message)).toBe(ms);
});

const RETRY_INFO = { "@type": "type.googleapis.com/google.rpc.RetryInfo" };

test.each([
	[
		[
			{
				error: {
					code: 429,
					message: "m",
					details: [{ "@type": "x.QuotaFailure" }, { ...RETRY_INFO, retryDelay: "34s" }],
				},
			},
		],
		34_000,
	],
	[{ error: { details: [{ ...RETRY_INFO, retryDelay: "33.25s" }] } }, 33_250],
	[{ error: { details: [{ ...RETRY_INFO, retryDelay: { seconds: "5", nanos: 500_000_000 } }] } }, 5500],
	[{ error: { message: "m", retry_after: 12 } }, 12_000],
	[{ retry_after_ms: 250, message: "m" }, 250],
	[{ message: "m", retry_after: "1m30s" }, 90_000],
	[{ error: { metadata: { retry_after_seconds: 7 } } }, 7000],
	[{ error: { message: "m", retry_after: null, details: "none" } }, null],
	["text", null],
])("%j asks for %s ms", (body, ms) => {
	expect(retryHintIn(Buffer.from(JSON.stringify(body)))).toBe(ms);
});
