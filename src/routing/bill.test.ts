// What deployments charge, and the guides' own example through the ledger.
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import { configFrom, memoryLog } from "../../test/harness.ts";
import type { DeploymentConfig } from "../config/schema.ts";
import type { Usage } from "../protocol/usage.ts";
import { entryOf, NOON, rowAt } from "../requestlog/__fixtures__/rows.ts";
import { sumLedger } from "../requestlog/ledger.ts";
import { createLogWriter } from "../requestlog/writer.ts";
import { billOf } from "./bill.ts";

function deploymentOf(params: string, info = "{}", name = "claude-code"): DeploymentConfig {
	const [deployment] = configFrom(
		`model_list:\n  - { model_name: "${name}", litellm_params: { ${params} }, model_info: ${info} }\n`,
	).deployments;
	if (deployment === undefined) throw new Error("no deployment");
	return deployment;
}

function usageOf(tokens: Partial<Usage>): Usage {
	const nothing = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0 };
	return { ...nothing, cacheWriteTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0, ...tokens };
}

const PLAIN = { wildcard: null, variant: "", now: NOON };
const KEY = "api_key: sk-ant-0000000000000000";
const MILLION = usageOf({ inputTokens: 1_000_000 });

test.each([
	["an Anthropic key", `model: anthropic/claude-sonnet-4-6, ${KEY}`, "{}", 3],
	[
		"a Bedrock profile of one geography costs a tenth more",
		"model: bedrock/us.anthropic.claude-sonnet-4-6-v1:0, aws_region_name: us-west-2",
		"{}",
		3.3,
	],
	[
		"a global one does not",
		"model: bedrock/global.anthropic.claude-sonnet-4-6-v1:0, aws_region_name: us-west-2",
		"{}",
		3,
	],
	["Vertex in a region", "model: vertex_ai/claude-sonnet-4-6, vertex_project: p, vertex_location: us-east5", "{}", 3.3],
	["Vertex everywhere", "model: vertex_ai/claude-sonnet-4-6, vertex_project: p, vertex_location: global", "{}", 3],
	["a name of the operator's own", `model: anthropic/house, ${KEY}`, "{ base_model: claude-opus-5 }", 5],
	[
		"prices of the operator's own, as they are",
		"model: bedrock/us.anthropic.claude-sonnet-5, aws_region_name: us-west-2",
		"{ input_cost_per_token: 0.000007 }",
		7,
	],
])("%s", (_, params, info, dollars) => {
	expect(billOf(MILLION, deploymentOf(params, info), PLAIN)?.total).toBeCloseTo(dollars, 9);
});

test("geography and speed are billed as asked for", () => {
	const deployment = deploymentOf(`model: anthropic/claude-opus-5, ${KEY}`);
	expect(billOf(MILLION, deployment, { ...PLAIN, variant: "geo=us" })?.total).toBeCloseTo(5.5, 9);
	expect(billOf(MILLION, deployment, { ...PLAIN, variant: "speed=fast" })?.total).toBeCloseTo(10, 9);
	expect(billOf(MILLION, deployment, { ...PLAIN, variant: "geo=us;speed=fast" })?.total).toBeCloseTo(11, 9);
});

test("a wildcard's model has its own price; an unknown one has none, and that is not zero", () => {
	const any = deploymentOf(`model: "anthropic/*", ${KEY}`, "{}", "*");
	expect(billOf(MILLION, any, { ...PLAIN, wildcard: "claude-haiku-4-5" })?.total).toBeCloseTo(1, 9);
	expect(billOf(MILLION, any, { ...PLAIN, wildcard: "gpt-oss" })).toBeNull();
});

test("prices change with the day", () => {
	const deployment = deploymentOf(`model: anthropic/claude-sonnet-5-5, ${KEY}`);
	const read = usageOf({ cacheReadTokens: 1_000_000 });
	const on = (date: string) => billOf(read, deployment, { ...PLAIN, now: Date.parse(date) })?.total;
	expect(on("2026-10-06T12:00:00Z")).toBeCloseTo(0.2, 9);
	expect(on("2026-10-07T12:00:00Z")).toBeCloseTo(0.1, 9);
});

onEachDatabase(({ open }) => {
	test("the guide's ten queries over 5,000 cacheable tokens cost what the provider charges: 78.5 % less, not 81 %", async () => {
		const deployment = deploymentOf(`model: anthropic/claude-3-5-sonnet-20240620, ${KEY}`);
		await using database = await open();
		const writer = createLogWriter(database, { maxQueued: 100, maxQueuedBytes: 1e9, log: memoryLog().log });
		for (let query = 0; query < 10; query += 1) {
			const usage =
				query === 0
					? usageOf({ cacheWriteTokens: 5_000, cacheWrite5mTokens: 5_000 })
					: usageOf({ cacheReadTokens: 5_000 });
			const cost = billOf(usage, deployment, { ...PLAIN, now: NOON + query * 60_000 });
			const row = rowAt(query * 60_000, {
				input_tokens: usage.inputTokens,
				cache_read_tokens: usage.cacheReadTokens,
				cache_write_5m_tokens: usage.cacheWriteTokens,
				output_tokens: 0,
				cost: cost?.total ?? null,
				cost_without_caching: cost?.withoutCaching ?? null,
			});
			writer.push(entryOf(row));
		}
		await writer.flush();
		const [sums] = await sumLedger(database, { from: NOON, to: NOON + 3_600_000 }, []);
		// $3 a million: the write at 1.25 times that, nine reads at a tenth; the guide counts the write as if it cost no more than input.
		expect(sums?.measures.cost).toBeCloseTo((5_000 * 1.25 + 9 * 5_000 * 0.1) * 3e-6, 12);
		expect(sums?.measures.cost).toBeCloseTo(0.03225, 9);
		expect(sums?.measures.cost_without_caching).toBeCloseTo(0.15, 9);
		expect(1 - (sums?.measures.cost ?? 0) / (sums?.measures.cost_without_caching ?? 1)).toBeCloseTo(0.785, 9);
	});
});
