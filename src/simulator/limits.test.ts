import { describe, expect, it } from "vitest";
import { ApiError } from "./api-error.ts";
import type { Demand } from "./deployment.ts";
import { OrganizationLimits } from "./limits.ts";

const demand = (more: Partial<Demand> = {}): Demand => ({
	modelClass: "opus-5",
	model: "claude-opus-5-5",
	inputTokens: 0,
	outputTokens: 0,
	maxTokens: 1_000,
	...more,
});

/** Seconds of the retry-after that a refused request gets; null when it is admitted. */
function refusal(run: () => void): string | null {
	try {
		run();
		return null;
	} catch (error) {
		if (error instanceof ApiError && error.status === 429) return error.headers["retry-after"] ?? "";
		throw error;
	}
}

describe("an organization's limits", () => {
	it("refuse the request after the last one of a minute, with the wait in whole seconds", () => {
		const limits = new OrganizationLimits("org", { requests: 2 });
		limits.admit(demand(), 0);
		limits.admit(demand(), 0);
		expect(refusal(() => limits.admit(demand(), 0))).toBe("30");
		expect(refusal(() => limits.admit(demand(), 10_500))).toBe("20");
		expect(refusal(() => limits.admit(demand(), 30_000))).toBeNull();
	});

	it("count uncached input, refill evenly, and take nothing for a refused request", () => {
		const limits = new OrganizationLimits("org", { inputTokens: 60_000 });
		limits.admit(demand({ inputTokens: 50_000 }), 0);
		expect(refusal(() => limits.admit(demand({ inputTokens: 20_000 }), 0))).toBe("10");
		expect(refusal(() => limits.admit(demand({ inputTokens: 10_000 }), 0))).toBeNull();
		expect(refusal(() => limits.admit(demand({ inputTokens: 0 }), 0))).toBeNull();
	});

	it("admit a request larger than a whole minute's worth once the bucket is full", () => {
		const limits = new OrganizationLimits("org", { inputTokens: 1_000 });
		expect(refusal(() => limits.admit(demand({ inputTokens: 5_000 }), 0))).toBeNull();
		expect(refusal(() => limits.admit(demand({ inputTokens: 1 }), 60_000))).toBe("181");
	});

	it("take the output that was expected and correct it to what was generated", () => {
		const limits = new OrganizationLimits("org", { outputTokens: 1_000 });
		const first = demand({ outputTokens: 1_000 });
		limits.admit(first, 0);
		expect(refusal(() => limits.admit(demand({ outputTokens: 10 }), 0))).toBe("1");
		limits.settle(first, 100, 0);
		expect(refusal(() => limits.admit(demand({ outputTokens: 10 }), 0))).toBeNull();
	});

	it("are apart for each class of models", () => {
		const limits = new OrganizationLimits("org", { requests: 1 });
		limits.admit(demand(), 0);
		expect(refusal(() => limits.admit(demand({ modelClass: "haiku-5" }), 0))).toBeNull();
		expect(refusal(() => limits.admit(demand(), 0))).toBe("60");
	});

	it("report limit, remaining in thousands, and reset in RFC 3339", () => {
		const limits = new OrganizationLimits("org", { requests: 10, inputTokens: 60_000, outputTokens: 30_000 });
		limits.admit(demand({ inputTokens: 12_345, outputTokens: 400 }), 0);
		expect(limits.headers("opus-5", 0)).toEqual({
			"anthropic-ratelimit-requests-limit": "10",
			"anthropic-ratelimit-requests-remaining": "9",
			"anthropic-ratelimit-requests-reset": "1970-01-01T00:00:06.000Z",
			"anthropic-ratelimit-input-tokens-limit": "60000",
			"anthropic-ratelimit-input-tokens-remaining": "48000",
			"anthropic-ratelimit-input-tokens-reset": "1970-01-01T00:00:12.345Z",
			"anthropic-ratelimit-output-tokens-limit": "30000",
			"anthropic-ratelimit-output-tokens-remaining": "30000",
			"anthropic-ratelimit-output-tokens-reset": "1970-01-01T00:00:00.800Z",
			"anthropic-ratelimit-tokens-limit": "30000",
			"anthropic-ratelimit-tokens-remaining": "30000",
			"anthropic-ratelimit-tokens-reset": "1970-01-01T00:00:00.800Z",
		});
	});

	it("are silent when there are none", () => {
		const limits = new OrganizationLimits("org", {});
		limits.admit(demand({ inputTokens: 1e9 }), 0);
		expect(limits.headers("opus-5", 0)).toEqual({});
		expect(limits.limited).toBe(false);
	});

	it("have a bucket of their own for counting tokens", () => {
		const limits = new OrganizationLimits("org", { requests: 1, countTokens: 1 });
		limits.admit(demand(), 0);
		expect(refusal(() => limits.admitCount(0))).toBeNull();
		expect(refusal(() => limits.admitCount(0))).toBe("60");
	});
});
