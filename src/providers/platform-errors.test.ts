import { describe, expect, test } from "vitest";
import { readError } from "../protocol/anthropic.ts";
import { judgePlatform } from "./errors/platforms.ts";
import { canonicalPlatformError } from "./platform-errors.ts";
import type { UpstreamFailure, Verdict } from "./provider.ts";

/** What the platform's answer becomes, and what it means. */
function judged(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
	const text = typeof body === "string" ? body : JSON.stringify(body);
	const canonical = canonicalPlatformError({ status, headers }, Buffer.from(text), "Vertex AI");
	const error = readError(canonical?.body.toString() ?? text);
	const failure: UpstreamFailure = {
		status: canonical?.status ?? status,
		errorType: error?.type ?? null,
		message: error?.message ?? "",
		errorCode: error?.code ?? null,
		timedOut: false,
		headers,
	};
	return { status: failure.status, type: failure.errorType, message: failure.message, verdict: judgePlatform(failure) };
}

const google = (code: number, status: string, message = "said") => ({ error: { code, message, status } });
const azure = (code: string, message = "said") => ({ error: { code, message } });

describe("errors of the platforms", () => {
	test.each<[string, number, unknown, [number, string], Partial<Verdict>]>([
		[
			"a quota of a minute",
			429,
			google(429, "RESOURCE_EXHAUSTED", "Quota exceeded for online_prediction_input_tokens_per_minute_per_base_model"),
			[429, "rate_limit_error"],
			{ action: "next", errorClass: "rateLimit", lasting: false },
		],
		[
			"a quota of a day",
			429,
			google(429, "RESOURCE_EXHAUSTED", "Quota exceeded for requests_per_day"),
			[429, "rate_limit_error"],
			{ action: "next", errorClass: "rateLimit", lasting: true },
		],
		[
			"no capacity, in a stream's array",
			503,
			[google(503, "UNAVAILABLE")],
			[529, "overloaded_error"],
			{ action: "next", errorClass: "serviceUnavailable" },
		],
		["a token that ran out", 401, google(401, "UNAUTHENTICATED"), [401, "authentication_error"], { action: "next" }],
		[
			"an account that may not",
			403,
			google(403, "PERMISSION_DENIED"),
			[403, "permission_error"],
			{ action: "next", errorClass: "authentication" },
		],
		[
			"a model the project has not enabled",
			404,
			google(404, "NOT_FOUND"),
			[404, "not_found_error"],
			{ action: "next", errorClass: "notFound" },
		],
		[
			"a project that may not use the model",
			400,
			google(400, "FAILED_PRECONDITION"),
			[400, "invalid_request_error"],
			{ action: "next", errorClass: "notFound" },
		],
		[
			"a request that Google itself refuses",
			400,
			google(400, "INVALID_ARGUMENT"),
			[400, "invalid_request_error"],
			{ action: "relay", errorClass: "badRequest" },
		],
		[
			"a Foundry deployment that does not exist",
			404,
			azure("DeploymentNotFound"),
			[404, "not_found_error"],
			{ action: "next", errorClass: "notFound" },
		],
		["a wrong Foundry key", 401, azure("401"), [401, "authentication_error"], { action: "next" }],
		[
			"Foundry's content filter",
			400,
			azure("content_filter"),
			[400, "invalid_request_error"],
			{ action: "relay", errorClass: "contentPolicyViolation" },
		],
		[
			"Azure's API management",
			429,
			{ statusCode: 429, message: "Rate limit is exceeded. Try again in 2 seconds." },
			[429, "rate_limit_error"],
			{ action: "next", errorClass: "rateLimit" },
		],
		["a proxy's page", 502, "<html>Bad Gateway</html>", [500, "api_error"], { action: "next" }],
	])("%s", (_name, status, body, [canonicalStatus, type], verdict) => {
		const found = judged(status, body);
		expect(found).toMatchObject({ status: canonicalStatus, type });
		expect(found.verdict).toMatchObject(verdict);
	});

	test("Claude's own errors stay as they are, byte for byte", () => {
		const body = { type: "error", error: { type: "invalid_request_error", message: "prompt is too long: 9 > 8" } };
		const bytes = Buffer.from(JSON.stringify(body));
		expect(canonicalPlatformError({ status: 400, headers: {} }, bytes, "Vertex AI")).toBeNull();
		expect(judged(400, body).verdict).toMatchObject({ action: "relay", contextWindow: true });
	});

	test("a page's text is not passed on, a platform's message is", () => {
		expect(judged(502, "<html>internal host 10.1.2.3</html>").message).toBe("Vertex AI answered with HTTP 502.");
		expect(judged(400, google(400, "INVALID_ARGUMENT", "bad field")).message).toBe("bad field");
	});

	test("the wait that is named is kept", () => {
		expect(judged(429, azure("429"), { "retry-after": "7" }).verdict.retryAfterMs).toBe(7000);
	});
});
