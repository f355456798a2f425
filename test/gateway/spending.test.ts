// What requests cost, through real sockets: the log, a key's budget and LiteLLM's endpoints say the same of answers whose bill is more than
// their token counts, of answers that were cut off, and of those whose cost nobody knows.
import { expect, test } from "vitest";
import type { RequestDetail, RequestView } from "../../src/admin/contract/log.ts";
import { IN_MEMORY } from "../../src/db/location.ts";
import { openDatabase } from "../../src/db/open.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const CONFIG = (url: string) => `model_list:
  - model_name: sonnet
    litellm_params: { model: anthropic/claude-sonnet-4-6, api_base: "${url}", api_key: sk-sim-a }
  - model_name: chat
    litellm_params: { model: openai/m, api_base: "${url}/v1", api_key: sk-any }
    model_info: { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }
  - model_name: bedrock
    litellm_params:
      model: bedrock/global.anthropic.claude-sonnet-4-6
      api_key: sk-bedrock
      aws_region_name: us-west-2
      aws_bedrock_runtime_endpoint: "${url}"
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`;

interface Event {
	readonly type: string;
	readonly [name: string]: unknown;
}

async function start() {
	const database = await openDatabase(IN_MEMORY);
	const upstream = await startRecordingUpstream(() => {});
	const gateway = await startTestGateway(configFrom(CONFIG(upstream.url)), { database });
	const headers = { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" };
	async function get<T>(path: string): Promise<T> {
		await gateway.requestLog?.flush();
		return (await (await fetch(`${gateway.url}${path}`, { headers })).json()) as T;
	}
	return {
		gateway,
		upstream,
		get,
		async key(fields: object): Promise<string> {
			const body = JSON.stringify(fields);
			const made = await fetch(`${gateway.url}/key/generate`, { method: "POST", headers, body });
			return ((await made.json()) as { readonly key: string }).key;
		},
		async spendOf(key: string) {
			const { info } = await get<{ readonly info: { readonly spend: number; readonly unpriced_requests: number } }>(
				`/key/info?key=${key}`,
			);
			return info;
		},
		/** The newest request, with all that is known of it. */
		async newest(): Promise<RequestDetail> {
			const { requests } = await get<{ readonly requests: readonly RequestView[] }>("/api/requests");
			return get<RequestDetail>(`/api/requests/${requests[0]?.id}`);
		},
		async litellm() {
			const [row] = await get<readonly Record<string, unknown>[]>("/spend/logs?limit=1");
			return row;
		},
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
			await database[Symbol.asyncDispose]();
		},
	};
}

const counts = (input: number, output: number) => ({
	input_tokens: input,
	output_tokens: output,
	cache_read_input_tokens: 0,
	cache_creation_input_tokens: 0,
});

function body(stream: boolean, model = "sonnet", maxTokens = 4_000): string {
	return JSON.stringify({ model, stream, max_tokens: maxTokens, messages: [{ role: "user", content: "hello there" }] });
}

const message = (usage: object, content: readonly object[] = []) => ({
	id: "msg_1",
	type: "message",
	role: "assistant",
	model: "claude-sonnet-4-6",
	content,
	stop_reason: "end_turn",
	stop_sequence: null,
	usage,
});

function event({ type, ...data }: Event): string {
	return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

const STREAM = { "content-type": "text/event-stream" };
const beginning = (input: number): Event => ({ type: "message_start", message: message(counts(input, 1)) });
const blockStart = (block: object): Event => ({ type: "content_block_start", index: 0, content_block: block });
const delta = (of: object): Event => ({ type: "content_block_delta", index: 0, delta: of });

/** A whole answer with this usage, streamed or not, as it was asked for. */
function answering(usage: object): Answer {
	return (request, response) => {
		const { stream } = JSON.parse(request.body.toString()) as { readonly stream: boolean };
		if (!stream) {
			response.writeHead(200, { "content-type": "application/json" });
			response.end(JSON.stringify(message(usage, [{ type: "text", text: "x" }])));
			return;
		}
		response.writeHead(200, STREAM);
		const events: readonly Event[] = [
			{ type: "message_start", message: message(counts(0, 1)) },
			blockStart({ type: "text", text: "" }),
			delta({ type: "text_delta", text: "x" }),
			{ type: "content_block_stop", index: 0 },
			{ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage },
			{ type: "message_stop" },
		];
		response.end(events.map(event).join(""));
	};
}

const COMPACTED = {
	...counts(1_000, 100),
	iterations: [
		{ type: "compaction", ...counts(180_000, 3_500) },
		{ type: "message", ...counts(1_000, 100) },
	],
	server_tool_use: { web_search_requests: 2 },
};
const COMPACTED_DOLLARS = 181_000 * 3e-6 + 3_600 * 15e-6 + 0.02;

test.each([false, true])(
	"a compaction and searches are billed to the log and the budget alike (stream: %s)",
	async (stream) => {
		await using world = await start();
		world.upstream.setAnswer(answering(COMPACTED));
		const key = await world.key({ max_budget: 1 });
		const answer = await world.gateway.post("/v1/messages", body(stream), { "x-api-key": key });
		await answer.text();
		const { request, billed } = await world.newest();
		expect(request.cost).toBeCloseTo(COMPACTED_DOLLARS, 9);
		// The caches are judged by the answer's own counts.
		expect(request).toMatchObject({ input_tokens: 1_000, output_tokens: 100, estimated: false });
		expect(request.cost_server_tools).toBeCloseTo(0.02, 9);
		expect(request.cost_random_routing).toBeCloseTo(COMPACTED_DOLLARS, 9);
		expect(billed).toMatchObject({
			estimated: [],
			unknown: null,
			iterations: [
				{ kind: "compaction", model: null, input_tokens: 180_000, output_tokens: 3_500 },
				{ kind: "message" },
			],
			server_tools: { web_search_requests: 2 },
		});
		expect(await world.spendOf(key)).toMatchObject({
			spend: expect.closeTo(COMPACTED_DOLLARS, 9),
			unpriced_requests: 0,
		});
		expect(await world.litellm()).toMatchObject({
			spend: expect.closeTo(COMPACTED_DOLLARS, 9),
			metadata: { cost_breakdown: { tool_usage_cost: expect.closeTo(0.02, 9) } },
		});
	},
);

test("a budget ends with the compaction that spends it", async () => {
	await using world = await start();
	world.upstream.setAnswer(answering(COMPACTED));
	const key = await world.key({ max_budget: 0.1 });
	const ask = async () => {
		const answer = await world.gateway.post("/v1/messages", body(false), { "x-api-key": key });
		await answer.text();
		return answer.status;
	};
	expect([await ask(), await ask()]).toEqual([200, 429]);
});

test.each([
	["an ordinary answer", { ...counts(10, 10), service_tier: "standard", inference_geo: "not_available" }],
	["one call that is the answer", { ...counts(10, 10), iterations: [{ type: "message", ...counts(10, 10) }] }],
])("of %s the log keeps nothing beside its counts", async (_, usage) => {
	await using world = await start();
	world.upstream.setAnswer(answering(usage));
	await (await world.gateway.post("/v1/messages", body(true), { "x-api-key": MASTER_KEY })).text();
	expect((await world.newest()).billed).toBeNull();
});

test.each([
	["committed capacity", { ...counts(1_000, 100), service_tier: "priority" }, /served/],
	[
		"an advisor nobody knows",
		{
			...counts(1_000, 100),
			iterations: [
				{ type: "message", ...counts(1_000, 100) },
				{ type: "advisor_message", model: "claude-epic-9", ...counts(9_000, 100) },
			],
		},
		/claude-epic-9/,
	],
])(
	"where the cost is unknown (%s) it is null and counted, and the budget takes what is known",
	async (_, usage, why) => {
		await using world = await start();
		world.upstream.setAnswer(answering(usage));
		const key = await world.key({ max_budget: 0.008 });
		const ask = async () => {
			const answer = await world.gateway.post("/v1/messages", body(false), { "x-api-key": key });
			await answer.text();
			return answer.status;
		};
		expect(await ask()).toBe(200);
		const { request, billed } = await world.newest();
		expect(request).toMatchObject({
			cost: null,
			cost_output: null,
			cost_without_caching: null,
			cost_random_routing: null,
		});
		expect(billed?.unknown).toMatch(why);
		expect((await world.litellm())?.["spend"]).toBeNull();
		expect(await world.spendOf(key)).toMatchObject({ spend: expect.closeTo(0.0045, 9), unpriced_requests: 1 });
		const { sums } = await world.get<{ readonly sums: readonly { readonly measures: Record<string, number> }[] }>(
			"/api/ledger",
		);
		expect(sums[0]?.measures).toMatchObject({ cost: 0, unpriced: 1 });
		// Nobody spends without end because nobody knows what it costs.
		expect([await ask(), await ask()]).toEqual([200, 429]);
	},
);

test.each([
	["default", 0.0045],
	["flex", null],
	["priority", null],
])("Bedrock's tier %s is asked for by header, and costs what is known of it", async (tier, dollars) => {
	await using world = await start();
	world.upstream.setAnswer((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(JSON.stringify(message(counts(1_000, 100))));
	});
	const headers = { "x-api-key": MASTER_KEY, "x-amzn-bedrock-service-tier": tier };
	await (await world.gateway.post("/v1/messages", body(false, "bedrock"), headers)).text();
	expect(world.upstream.requests[0]?.headers["x-amzn-bedrock-service-tier"]).toBe(tier);
	const { cost } = (await world.newest()).request;
	if (dollars === null) expect(cost).toBeNull();
	else expect(cost).toBeCloseTo(dollars, 9);
});

test.each([false, true])("a server that counts nothing is not free (stream: %s)", async (stream) => {
	await using world = await start();
	world.upstream.setAnswer(answering(counts(0, 0)));
	const key = await world.key({ max_budget: 1 });
	await (await world.gateway.post("/v1/messages", body(stream), { "x-api-key": key })).text();
	expect((await world.newest()).request.cost).toBeNull();
	expect((await world.litellm())?.["spend"]).toBeNull();
	const { spend, unpriced_requests } = await world.spendOf(key);
	expect(spend).toBeGreaterThan(0);
	expect(unpriced_requests).toBe(1);
});

test.each([false, true])("a model that declines before its first word costs nothing (stream: %s)", async (stream) => {
	await using world = await start();
	const refused = { ...message(counts(5_000, 1)), stop_reason: "refusal" };
	world.upstream.setAnswer((_request, response) => {
		response.writeHead(200, stream ? STREAM : { "content-type": "application/json" });
		const events: readonly Event[] = [
			{ type: "message_start", message: message(counts(5_000, 1)) },
			{ type: "message_delta", delta: { stop_reason: "refusal", stop_sequence: null }, usage: counts(5_000, 1) },
			{ type: "message_stop" },
		];
		response.end(stream ? events.map(event).join("") : JSON.stringify(refused));
	});
	const key = await world.key({ max_budget: 1 });
	await (await world.gateway.post("/v1/messages", body(stream), { "x-api-key": key })).text();
	expect((await world.newest()).request).toMatchObject({
		input_tokens: 5_000,
		cost: 0,
		cost_without_caching: 0,
		cost_random_routing: 0,
	});
	expect(await world.spendOf(key)).toMatchObject({ spend: 0, unpriced_requests: 0 });
});

test("what was refused or failed costs nothing, and that is known", async () => {
	await using world = await start();
	world.upstream.setAnswer((_request, response) => {
		response.writeHead(400, { "content-type": "application/json" });
		response.end('{"type":"error","error":{"type":"invalid_request_error","message":"no"}}');
	});
	await (await world.gateway.post("/v1/messages", body(false), { "x-api-key": MASTER_KEY })).text();
	expect((await world.litellm())?.["spend"]).toBe(0);
});

/** Begins a stream, sends these events, and never ends; the client leaves after the last of them. */
async function cutOff(
	world: Awaited<ReturnType<typeof start>>,
	events: readonly Event[],
	key: string,
	maxTokens?: number,
) {
	world.upstream.setAnswer((_request, response) => {
		response.writeHead(200, STREAM);
		response.write(events.map(event).join(""));
		response.write(event({ type: "ping" }));
	});
	const leave = new AbortController();
	const response = await fetch(`${world.gateway.url}/v1/messages`, {
		method: "POST",
		headers: { "content-type": "application/json", "x-api-key": key },
		body: body(true, "sonnet", maxTokens),
		signal: leave.signal,
	});
	const decoder = new TextDecoder();
	let text = "";
	const reader = response.body?.getReader();
	while (!text.includes("event: ping")) text += decoder.decode((await reader?.read())?.value);
	leave.abort();
	await expect
		.poll(async () => (await world.get<{ readonly requests: readonly unknown[] }>("/api/requests")).requests.length)
		.toBe(1);
	return world.newest();
}

const WORDS = "words and words and more words here ";
const many = <Value>(count: number, value: Value): readonly Value[] => Array.from({ length: count }, () => value);

test.each<[string, readonly Event[], number, number]>([
	[
		"text",
		[blockStart({ type: "text", text: "" }), ...many(100, delta({ type: "text_delta", text: WORDS }))],
		600,
		1_100,
	],
	[
		"thinking, whose signature is not the model's words",
		[
			blockStart({ type: "thinking", thinking: "", signature: "" }),
			...many(50, delta({ type: "thinking_delta", thinking: WORDS })),
			delta({ type: "signature_delta", signature: "c2ln".repeat(5_000) }),
		],
		300,
		550,
	],
	[
		"a tool's input, in pieces of a few letters",
		[
			blockStart({ type: "tool_use", id: "toolu_1", name: "write", input: {} }),
			...many(400, delta({ type: "input_json_delta", partial_json: "abcd ef" })),
		],
		500,
		900,
	],
	[
		"text in other letters, escaped",
		[
			blockStart({ type: "text", text: "" }),
			...many(60, delta({ type: "text_delta", text: 'say "ы"\n\tand go on, please; ' })),
		],
		250,
		600,
	],
])(
	"an answer that its client left in the middle of %s is billed with what had been written",
	async (_, events, least, most) => {
		await using world = await start();
		const key = await world.key({ max_budget: 10 });
		const { request, billed } = await cutOff(world, [beginning(1_000), ...events], key);
		expect(request).toMatchObject({ outcome: "aborted", input_tokens: 1_000, estimated: true });
		expect(request.output_tokens).toBeGreaterThan(least);
		expect(request.output_tokens).toBeLessThan(most);
		expect(billed).toMatchObject({ estimated: ["output"] });
		expect(request.cost).toBeCloseTo(0.003 + (request.output_tokens ?? 0) * 15e-6, 9);
		expect(await world.spendOf(key)).toMatchObject({ spend: request.cost, unpriced_requests: 0 });
	},
);

test("no more is estimated than was asked for", async () => {
	await using world = await start();
	const text = [blockStart({ type: "text", text: "" }), ...many(100, delta({ type: "text_delta", text: WORDS }))];
	const { request } = await cutOff(world, [beginning(1_000), ...text], await world.key({}), 64);
	expect(request.output_tokens).toBe(64);
});

test("left before any content, the input is billed as the provider reported it", async () => {
	await using world = await start();
	const key = await world.key({ max_budget: 10 });
	const { request, billed } = await cutOff(world, [beginning(2_000), blockStart({ type: "text", text: "" })], key);
	expect(request).toMatchObject({ outcome: "aborted", input_tokens: 2_000, output_tokens: 1 });
	expect(billed?.estimated).toEqual(["output"]);
	expect((await world.spendOf(key)).spend).toBeCloseTo(0.006 + 15e-6, 9);
});

test("searches that were seen before the client left are billed", async () => {
	await using world = await start();
	const search = blockStart({ type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} });
	const { request, billed } = await cutOff(world, [beginning(1_000), search, search], await world.key({}));
	expect(billed).toMatchObject({
		estimated: ["output", "server_tools"],
		server_tools: { web_search_requests: 2 },
	});
	expect(request.cost).toBeCloseTo(0.003 + 15e-6 + 0.02, 9);
});

test("a stream that is left after its last count is billed by that count", async () => {
	await using world = await start();
	const text = [blockStart({ type: "text", text: "" }), ...many(100, delta({ type: "text_delta", text: WORDS }))];
	const last = { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 777 } };
	const { request, billed } = await cutOff(world, [beginning(1_000), ...text, last], await world.key({}));
	expect(request.output_tokens).toBe(777);
	expect(billed).toBeNull();
});

test("a chat stream that its client left is billed by estimates, because no count had come", async () => {
	await using world = await start();
	const words = { choices: [{ index: 0, delta: { content: WORDS }, finish_reason: null }] };
	world.upstream.setAnswer((_request, response) => {
		response.writeHead(200, STREAM);
		response.write(`data: ${JSON.stringify({ id: "c", model: "m", ...words })}\n\n`.repeat(100));
		response.write('data: {"id":"c","choices":[{"index":0,"delta":{"content":"last"},"finish_reason":null}]}\n\n');
	});
	const key = await world.key({ max_budget: 10 });
	const leave = new AbortController();
	const response = await fetch(`${world.gateway.url}/v1/chat/completions`, {
		method: "POST",
		headers: { "content-type": "application/json", "x-api-key": key },
		body: JSON.stringify({ model: "chat", stream: true, messages: [{ role: "user", content: "y".repeat(4_000) }] }),
		signal: leave.signal,
	});
	const reader = response.body?.getReader();
	let text = "";
	while (!text.includes("last")) text += new TextDecoder().decode((await reader?.read())?.value);
	leave.abort();
	await expect
		.poll(async () => (await world.get<{ readonly requests: readonly unknown[] }>("/api/requests")).requests.length)
		.toBe(1);
	const { request, billed } = await world.newest();
	expect(request).toMatchObject({ outcome: "aborted", estimated: true });
	expect(billed?.estimated).toEqual(["input", "output"]);
	expect(request.input_tokens).toBeGreaterThan(500);
	expect(request.output_tokens).toBeGreaterThan(600);
	expect(request.cost).toBeCloseTo((request.input_tokens ?? 0) * 1e-6 + (request.output_tokens ?? 0) * 2e-6, 9);
	expect((await world.spendOf(key)).spend).toBeCloseTo(request.cost ?? 0, 9);
});

test("an answer that breaks off upstream is billed with what had been written", async () => {
	await using world = await start();
	const text = [blockStart({ type: "text", text: "" }), ...many(100, delta({ type: "text_delta", text: WORDS }))];
	world.upstream.setAnswer((_request, response) => {
		response.writeHead(200, STREAM);
		response.write([beginning(1_000), ...text].map(event).join(""), () => response.destroy());
	});
	await (await world.gateway.post("/v1/messages", body(true), { "x-api-key": MASTER_KEY })).text();
	const { request, billed } = await world.newest();
	expect(request.outcome).toBe("broke");
	expect(request.output_tokens).toBeGreaterThan(600);
	expect(billed).toMatchObject({ estimated: ["output"] });
});
