import { expect, test } from "vitest";
import { readRateLimits } from "./ratelimits.ts";

test("limits, what remains and when they are full again are read per limiter", () => {
	expect(
		readRateLimits({
			"anthropic-ratelimit-requests-limit": "1000",
			"anthropic-ratelimit-requests-remaining": "999",
			"anthropic-ratelimit-requests-reset": "2026-11-21T20:00:01Z",
			"anthropic-ratelimit-input-tokens-limit": "2000000",
			"anthropic-ratelimit-input-tokens-remaining": "0",
			"anthropic-ratelimit-input-tokens-reset": "2026-11-21T20:01:00Z",
			"anthropic-ratelimit-output-tokens-limit": "oops",
		}),
	).toEqual({
		requests: { limit: 1000, remaining: 999, resetAt: Date.parse("2026-11-21T20:00:01Z") },
		inputTokens: { limit: 2_000_000, remaining: 0, resetAt: Date.parse("2026-11-21T20:01:00Z") },
		outputTokens: null,
		tokens: null,
		unified: null,
	});
});

test("a subscription's unified limit gives its status and reset", () => {
	const report = readRateLimits({
		"anthropic-ratelimit-unified-status": "rejected",
		"anthropic-ratelimit-unified-reset": "1795291200",
	});
	expect(report?.unified).toEqual({ status: "rejected", resetAt: 1_795_291_200_000 });
});

test("an answer without such headers says nothing", () => {
	expect(readRateLimits({ "content-type": "application/json" })).toBeNull();
});

test("a reset time is what it is in any form of RFC 3339, and no time is no limit", () => {
	const resetAt = (reset: string) =>
		readRateLimits({
			"anthropic-ratelimit-requests-limit": "1",
			"anthropic-ratelimit-requests-remaining": "1",
			"anthropic-ratelimit-requests-reset": reset,
		})?.requests?.resetAt;
	const times = ["2026-11-21T20:00:01Z", "2028-02-29T23:59:59Z", "2026-12-31T00:00:00Z", "2026-01-01T00:00:00.250Z"];
	for (const time of [...times, "2026-11-21T20:00:01+02:00"]) expect(resetAt(time), time).toBe(Date.parse(time));
	for (const time of ["2026-13-01T00:00:00Z", "2026-02-31T00:00:61Z", "2026-1x-01T00:00:00Z", "soon"])
		expect(resetAt(time), time).toBeUndefined();
});
