// Answers whose bill is more than their own token counts, by arithmetic written out by hand: calls within them, tools, how they were served.
import { expect, test } from "vitest";
import { configFrom } from "../../test/harness.ts";
import { UsageReader } from "../protocol/usage.ts";
import { billFor } from "./bill.ts";

const NOON = Date.parse("2026-11-21T12:00:00Z");
const KEY = "api_key: sk-ant-0000000000000000";
const SONNET = `model: anthropic/claude-sonnet-4-6, ${KEY}`;
const HAIKU_5_5 = `model: anthropic/claude-haiku-5-5, ${KEY}`;
const OPUS_5_5 = `model: anthropic/claude-opus-5-5, ${KEY}`;
const HOUSE = `model: anthropic/house, ${KEY}`;
const FOUNDRY = "model: azure_ai/claude-opus-5, api_base: https://r.services.ai.azure.com/anthropic, api_key: k";
const BEDROCK = "model: bedrock/global.anthropic.claude-sonnet-4-6, aws_region_name: us-west-2";

function bill(params: string, usage: object, { info = "{}", variant = "", message = {} } = {}) {
	const [deployment] = configFrom(
		`model_list:\n  - { model_name: m, litellm_params: { ${params} }, model_info: ${info} }\n`,
	).deployments;
	if (deployment === undefined) throw new Error("no deployment");
	const reader = new UsageReader();
	reader.body(Buffer.from(JSON.stringify({ type: "message", ...message, usage })));
	if (reader.usage === null) throw new Error("no usage");
	return billFor(reader.usage, deployment, { wildcard: null, variant, now: NOON });
}

const counts = (input: number, output: number, read = 0, write5m = 0, write1h = 0) => ({
	input_tokens: input,
	output_tokens: output,
	cache_read_input_tokens: read,
	cache_creation_input_tokens: write5m + write1h,
	cache_creation: { ephemeral_5m_input_tokens: write5m, ephemeral_1h_input_tokens: write1h },
});
const call = (type: string, tokens: object, model?: string) => ({ type, ...tokens, ...(model && { model }) });

test.each<[string, string, object, number]>([
	["no other call", SONNET, counts(1_000, 100), 0.003 + 0.0015],
	["an empty list of calls", SONNET, { ...counts(1_000, 100), iterations: [] }, 0.0045],
	["null for a list", SONNET, { ...counts(1_000, 100), iterations: null }, 0.0045],
	["one plain call", SONNET, { ...counts(1_000, 100), iterations: [call("message", counts(1_000, 100))] }, 0.0045],
	[
		"a compaction that writes and reads the cache, which the answer's own counts leave out",
		SONNET,
		{
			...counts(1_000, 100, 20_000),
			iterations: [
				call("compaction", counts(5_000, 3_500, 100_000, 30_000, 10_000)),
				call("message", counts(1_000, 100, 20_000)),
			],
		},
		// 5,000 in, 100,000 read, 30,000 written for 5 minutes and 10,000 for an hour, 3,500 out; then 1,000, 20,000 read, 100.
		0.015 + 0.03 + 0.1125 + 0.06 + 0.0525 + 0.003 + 0.006 + 0.0015,
	],
	[
		"an advisor of a dearer model between two calls",
		SONNET,
		{
			...counts(412, 531),
			iterations: [
				call("message", counts(412, 89)),
				call("advisor_message", counts(823, 1_612), "claude-fable-5-2"),
				call("message", counts(1_348, 442, 412)),
			],
		},
		(412 * 3 + 89 * 15 + 823 * 8 + 1_612 * 40 + 1_348 * 3 + 412 * 0.3 + 442 * 15) / 1e6,
	],
	[
		"an advisor, and a call whose tokens only the answer's own counts report",
		SONNET,
		{
			...counts(1_000, 100),
			iterations: [{ type: "message" }, call("advisor_message", counts(30_000, 300), "claude-opus-5-20260101")],
		},
		0.0045 + 0.15 + 0.0075,
	],
	[
		"a fallback to another model",
		`model: anthropic/claude-fable-5-2, ${KEY}`,
		{
			...counts(2_000, 300),
			iterations: [call("message", counts(2_000, 40)), call("fallback_message", counts(2_000, 300), "claude-opus-4-8")],
		},
		(2_000 * 8 + 40 * 40 + 2_000 * 5 + 300 * 25) / 1e6,
	],
	[
		"a fallback after a refusal that came before any output, which is reported and not charged",
		`model: anthropic/claude-fable-5-2, ${KEY}`,
		{
			...counts(2_000, 300),
			iterations: [
				call("message", counts(408, 0, 0, 4_000)),
				call("fallback_message", counts(400, 0), "claude-opus-5-5"),
				call("fallback_message", counts(2_000, 300), "claude-opus-4-8"),
			],
		},
		(2_000 * 5 + 300 * 25) / 1e6,
	],
	[
		"an answer without words that nobody refused",
		SONNET,
		{ ...counts(1_000, 0), iterations: [call("message", counts(1_000, 0))] },
		0.003,
	],
	[
		"a split of writes that an earlier model made and this one did not",
		SONNET,
		{
			...counts(1_000, 100),
			cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 4_369 },
		},
		0.0045,
	],
	[
		"a split of writes without their sum",
		SONNET,
		{
			input_tokens: 1_000,
			output_tokens: 100,
			cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 1_000 },
		},
		0.0045 + 0.00375 + 0.006,
	],
	[
		"a compaction alone, before the answer pauses",
		SONNET,
		{ ...counts(0, 0), iterations: [call("compaction", counts(180_000, 3_500))] },
		0.54 + 0.0525,
	],
	[
		"a compaction with the model's own name in full",
		`model: anthropic/claude-sonnet-4-5, ${KEY}`,
		{
			...counts(1_000, 100),
			iterations: [
				call("compaction", counts(250_000, 1_000), "claude-sonnet-4-5-20250929"),
				call("message", counts(1_000, 100)),
			],
		},
		// Longer than 200,000 tokens: the step is this call's own.
		1.5 + 0.0225 + 0.003 + 0.0015,
	],
	[
		"calls of Haiku 5.5 that only together are longer than its step",
		HAIKU_5_5,
		{
			...counts(120_000, 200),
			iterations: [call("message", counts(60_000, 100)), call("message", counts(60_000, 100))],
		},
		(120_000 * 0.1 + 200 * 0.5) / 1e6,
	],
	[
		"two searches and a fetch",
		SONNET,
		{ ...counts(1_000, 100), server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 } },
		0.0245,
	],
	[
		"tools that were not used",
		SONNET,
		{ ...counts(1_000, 100), server_tool_use: { web_search_requests: 0, code_execution_requests: 0 } },
		0.0045,
	],
	[
		"code beside a search",
		SONNET,
		{ ...counts(1_000, 100), server_tool_use: { web_search_requests: 1, code_execution_requests: 3 } },
		0.0145,
	],
	["a search for tools", SONNET, { ...counts(1_000, 100), server_tool_use: { tool_search_requests: 2 } }, 0.0045],
	[
		"a search on top of a compaction",
		SONNET,
		{
			...counts(1_000, 100),
			server_tool_use: { web_search_requests: 1 },
			iterations: [call("compaction", counts(10_000, 0)), call("message", counts(1_000, 100))],
		},
		0.03 + 0.0045 + 0.01,
	],
	["confined to the US, unasked", SONNET, { ...counts(1_000, 100), inference_geo: "us" }, 0.0045 * 1.1],
	["anywhere", SONNET, { ...counts(1_000, 100), inference_geo: "global", service_tier: "standard" }, 0.0045],
	["a model without the choice", SONNET, { ...counts(1_000, 100), inference_geo: "not_available" }, 0.0045],
	["a batch", SONNET, { ...counts(1_000, 100), service_tier: "batch" }, 0.00225],
	[
		"a batch in the US with a search",
		SONNET,
		{ ...counts(1_000, 100), service_tier: "batch", inference_geo: "us", server_tool_use: { web_search_requests: 1 } },
		0.00225 * 1.1 + 0.01,
	],
	["fast, as answered", OPUS_5_5, { ...counts(1_000, 100), speed: "fast" }, 0.008 + 0.004],
	[
		"fast on Opus 4.6, which is standard",
		`model: anthropic/claude-opus-4-6, ${KEY}`,
		{ ...counts(1_000, 100), speed: "fast" },
		0.0075,
	],
	["the address says where Bedrock serves", BEDROCK, { ...counts(1_000, 100), inference_geo: "us" }, 0.0045],
	["Bedrock's word for standard", BEDROCK, { ...counts(1_000, 100), service_tier: "default" }, 0.0045],
	[
		"an advisor beside a fast answer thinks at its usual speed",
		OPUS_5_5,
		{
			...counts(1_000, 100),
			speed: "fast",
			iterations: [
				call("message", counts(1_000, 100)),
				call("advisor_message", counts(1_000, 100), "claude-fable-5-2"),
			],
		},
		0.012 + 0.012,
	],
])("%s", (_, params, usage, dollars) => {
	const { cost, least, unknown } = bill(params, usage);
	expect(cost?.total).toBeCloseTo(dollars, 10);
	expect(least).toBeCloseTo(dollars, 10);
	expect(unknown).toBeNull();
	if (cost === null) return;
	const parts = cost.input + cost.read + cost.write5m + cost.write1h + cost.output + cost.tools;
	expect(parts).toBeCloseTo(cost.total, 10);
	expect(cost.withoutCaching).toBeCloseTo(cost.promptWithoutCaching + cost.output + cost.tools, 10);
});

const REFUSED = { stop_reason: "refusal", content: [] };

test.each<[string, string, object, object, number]>([
	["before any output", SONNET, REFUSED, counts(106, 1), 0],
	["before any output, on Bedrock", BEDROCK, REFUSED, counts(1_000, 0, 0, 5_000), 0],
	["in mid-answer", SONNET, { ...REFUSED, content: [{ type: "text", text: "Well" }] }, counts(1_000, 100), 0.0045],
	[
		"after a compaction",
		SONNET,
		REFUSED,
		{
			...counts(1_000, 1),
			iterations: [call("compaction", counts(10_000, 100)), call("message", counts(1_000, 1))],
		},
		0.0315,
	],
	[
		"by every model",
		SONNET,
		REFUSED,
		{ ...counts(9, 1), iterations: [call("fallback_message", counts(9, 1), "x")] },
		0,
	],
])("a request that was refused %s costs what its provider charges", (_, params, message, usage, dollars) => {
	const { cost, least, beside } = bill(params, usage, { message });
	expect(cost?.total).toBeCloseTo(dollars, 10);
	expect(least ?? 0).toBeCloseTo(dollars, 10);
	expect(beside).toBeLessThanOrEqual(dollars + 1e-9);
});

test("a filter of an OpenAI-compatible server is charged", () => {
	const info = "{ input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }";
	const params = "model: openai/m, api_base: https://r.example/v1, api_key: k";
	expect(bill(params, counts(1_000, 0), { info, message: REFUSED }).cost?.total).toBeCloseTo(0.001, 10);
});

test("what the answer says of its speed and place wins over what was asked for", () => {
	const asked = { variant: "geo=us;speed=fast" };
	expect(bill(OPUS_5_5, counts(1_000, 0), asked).cost?.total).toBeCloseTo(0.0088, 10);
	const answered = { ...counts(1_000, 0), speed: "standard", inference_geo: "global" };
	expect(bill(OPUS_5_5, answered, asked).cost?.total).toBeCloseTo(0.004, 10);
	// A cloud without fast mode is not sent the word.
	expect(bill(BEDROCK, counts(1_000, 0), asked).cost?.total).toBeCloseTo(0.003, 10);
});

test("a Foundry deployment in a data zone costs a tenth more, where the file says so", () => {
	expect(bill(FOUNDRY, counts(1_000, 0)).cost?.total).toBeCloseTo(0.005, 10);
	expect(bill(FOUNDRY, counts(1_000, 0), { info: "{ data_zone: true }" }).cost?.total).toBeCloseTo(0.0055, 10);
	const both = { ...counts(1_000, 0), inference_geo: "us" };
	expect(bill(FOUNDRY, both, { info: "{ data_zone: true }" }).cost?.total).toBeCloseTo(0.0055, 10);
});

test("the operator's prices hold for the deployment's own calls, whatever name they bear, and not for another model's", () => {
	const info = "{ input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }";
	const iterations = [
		call("compaction", counts(10_000, 0)),
		call("message", counts(1_000, 100), "house-20260101"),
		call("advisor_message", counts(1_000, 0), "claude-opus-5"),
	];
	expect(bill(HOUSE, { ...counts(1_000, 100), iterations }, { info }).cost?.total).toBeCloseTo(
		0.01 + 0.001 + 0.0002 + 0.005,
		10,
	);
	expect(bill(HOUSE, { ...counts(1_000, 0), service_tier: "priority" }, { info }).cost?.total).toBeCloseTo(0.001, 10);
});

test.each<[string, string, object, number | null, RegExp]>([
	["a model nobody knows", HOUSE, counts(1_000, 100), null, /no price is known of house/],
	["a server that counts nothing", SONNET, counts(0, 0), null, /prompt/],
	["a server that counts its own words only", SONNET, counts(0, 50), null, /prompt/],
	["counts that are no numbers", SONNET, { input_tokens: "10", output_tokens: 5 }, null, /prompt/],
	[
		"an advisor nobody knows",
		SONNET,
		{
			...counts(1_000, 100),
			iterations: [call("message", counts(1_000, 100)), call("advisor_message", counts(9_000, 9), "claude-epic-9")],
		},
		0.0045,
		/claude-epic-9/,
	],
	[
		"an advisor without a name",
		SONNET,
		{ ...counts(1_000, 100), iterations: [call("advisor_message", counts(9_000, 9))] },
		0.0045,
		/advisor_message/,
	],
	[
		"committed capacity",
		SONNET,
		{ ...counts(1_000, 100), service_tier: "priority" },
		0.0045,
		/how claude-sonnet-4-6 was served/,
	],
	["a tier without a list price", SONNET, { ...counts(1_000, 100), service_tier: "flex" }, 0.0045, /served/],
	["a place without a list price", SONNET, { ...counts(1_000, 100), inference_geo: "eu" }, 0.0045, /served/],
	["a speed without a list price", SONNET, { ...counts(1_000, 100), speed: "ludicrous" }, 0.0045, /served/],
	[
		"code that ran for some time",
		SONNET,
		{ ...counts(1_000, 100), server_tool_use: { code_execution_requests: 2 } },
		0.0045,
		/code_execution_requests/,
	],
	[
		"a tool that is new",
		SONNET,
		{ ...counts(1_000, 100), server_tool_use: { oracle_requests: 1, web_search_requests: 1 } },
		0.0145,
		/oracle_requests/,
	],
])("%s: the cost is unknown, and what is known of it is given separately", (_, params, usage, least, why) => {
	const found = bill(params, usage);
	expect(found.cost).toBeNull();
	if (least === null) expect(found.least).toBeNull();
	else expect(found.least).toBeCloseTo(least, 10);
	expect(found.unknown).toMatch(why);
});

test("calls within calls, however deep, are nobody's bill and do no harm", () => {
	const deep = `{"type":"message","input_tokens":1,"iterations":[`.repeat(20_000) + "]}".repeat(20_000);
	const reader = new UsageReader();
	reader.body(Buffer.from(`{"usage":{"input_tokens":1000,"output_tokens":0,"iterations":[${deep}]}}`));
	expect(reader.usage?.billing?.iterations).toHaveLength(1);
});
