// The forms in which results are shown.
import { expect, test } from "vitest";
import { formatHtml } from "./html-report.ts";
import type { ReplayResult } from "./policy-figures.ts";
import { formatJson, formatTable } from "./report.ts";

const RESULT: ReplayResult = {
	policy: "warmpath",
	requests: 12_540,
	hitRatio: 0.9034567891,
	costRatio: 0.2109,
	dollars: 650.239,
	rateLimited: 73,
	shed: 2,
	imbalance: 1.1179,
	waits: 4,
	waitedMs: 10_000,
	moves: 394,
	deployments: [
		{ requests: 6_000, uncachedTokens: 2_000_000, readTokens: 9_000_000, rateLimited: 70 },
		{ requests: 6_538, uncachedTokens: 1_000_000, readTokens: 9_000_000, rateLimited: 3 },
	],
};
const UNPRICED: ReplayResult = { ...RESULT, policy: "<random>", costRatio: null, dollars: null, waits: 0, waitedMs: 0 };

test("the JSON form has exactly the promised names", () => {
	expect(JSON.parse(formatJson([RESULT, UNPRICED]))).toEqual({
		policies: [
			{
				policy: "warmpath",
				hitRatio: 0.903457,
				costRatio: 0.2109,
				dollars: 650.239,
				rateLimited: 73,
				shed: 2,
				requests: 12_540,
				imbalance: 1.1179,
				waits: 4,
				moves: 394,
			},
			expect.objectContaining({ policy: "<random>", costRatio: null, dollars: null }),
		],
	});
});

test("the table has a line for every policy, its columns aligned", () => {
	const [head = "", ours = "", other = ""] = formatTable([RESULT, UNPRICED]).split("\n");
	expect(head.split(/\s{2,}/)).toEqual([
		"policy",
		"hit ratio",
		"cost",
		"dollars",
		"429s",
		"shed",
		"imbalance",
		"waits",
		"moves",
	]);
	expect(ours.split(/\s{2,}/)).toEqual([
		"warmpath",
		"0.9035",
		"0.2109",
		"650.24",
		"73",
		"2",
		"1.118",
		"4 (2.5 s)",
		"394",
	]);
	expect(other).toContain("unknown");
	expect(new Set([head.length, ours.length, other.length]).size).toBe(1);
});

test("the page needs nothing from elsewhere and shows every policy in every chart", () => {
	const html = formatHtml([RESULT, UNPRICED], [["Trace", 'a "trace" <1>']]);
	expect(html).not.toMatch(/https?:|src=|@import|url\(/);
	expect(html.match(/<svg/g)).toHaveLength(4);
	expect(html).toContain("prefers-color-scheme: dark");
	expect(html).toContain("a &#34;trace&#34; &#60;1&#62;");
	expect(html).not.toContain("<random>");
	expect(html).toContain("90.3 %");
	expect(html).toContain("deployment 2: 1.0 M tokens");
});
