// Answers in another form than was asked for, under another type than theirs, and answers whose response stays open behind their end.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { CONTENT, DELTA, START, STOP } from "../message-events.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const ASK = { max_tokens: 10, messages: [{ role: "user" as const, content: "hi" }] };
const MESSAGE = {
	id: "msg_1",
	type: "message",
	role: "assistant",
	model: "m",
	content: [
		{ type: "thinking", thinking: "hm", signature: "sig" },
		{ type: "text", text: "a" },
		{ type: "tool_use", id: "t1", name: "f", input: { p: 1 } },
	],
	stop_reason: "tool_use",
	stop_sequence: null,
	usage: { input_tokens: 5, output_tokens: 2 },
};
const COMPLETION = {
	id: "chatcmpl-1",
	object: "chat.completion",
	created: 1,
	model: "m",
	choices: [
		{
			index: 0,
			message: {
				role: "assistant",
				reasoning_content: "hm",
				content: "a",
				tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: '{"p":1}' } }],
			},
			finish_reason: "tool_calls",
		},
	],
	usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
};
const chunk = (delta: object, finish_reason: string | null = null) =>
	`data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const CHUNKS = [
	chunk({ role: "assistant", content: "" }),
	chunk({ reasoning_content: "hm" }),
	chunk({ content: "a" }),
	chunk({ tool_calls: [{ index: 0, id: "t1", type: "function", function: { name: "f", arguments: '{"p":1}' } }] }),
	chunk({}, "tool_calls"),
	`data: ${JSON.stringify({ id: "chatcmpl-1", choices: [], usage: COMPLETION.usage })}\n\n`,
	"data: [DONE]\n\n",
].join("");
const event = (data: { readonly type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const piece = (index: number, delta: object) => event(Object.assign({ type: "content_block_delta" }, { index, delta }));
const opened = (index: number, content_block: object) =>
	event(Object.assign({ type: "content_block_start" }, { index, content_block }));
const closed = (index: number) => event(Object.assign({ type: "content_block_stop" }, { index }));
const EVENTS = [
	START,
	opened(0, { type: "thinking", thinking: "", signature: "" }),
	piece(0, { type: "thinking_delta", thinking: "hm" }),
	piece(0, { type: "signature_delta", signature: "sig" }),
	closed(0),
	opened(1, { type: "text", text: "" }),
	piece(1, { type: "text_delta", text: "a" }),
	closed(1),
	opened(2, { type: "tool_use", id: "t1", name: "f", input: {} }),
	piece(2, { type: "input_json_delta", partial_json: '{"p"' }),
	piece(2, { type: "input_json_delta", partial_json: ":1}" }),
	closed(2),
	event(Object.assign({ type: "message_delta" }, { delta: { stop_reason: "tool_use" }, usage: { output_tokens: 2 } })),
	event({ type: "message_stop" }),
].join("");

async function start(answer: Answer, retries = 0) {
	const upstream = await startRecordingUpstream(answer);
	const entry = `  - model_name: gpt
    litellm_params: { model: openai/gpt-x, api_base: "${upstream.url}/v1", api_key: sk-upstream }
    model_info: { id: gpt }`;
	const settings = `litellm_settings: { num_retries: ${retries} }\n`;
	const gateway = await startTestGateway(
		deploymentsConfig([{ id: "claude", group: "claude", apiBase: upstream.url }], settings, entry),
	);
	return {
		upstream,
		gateway,
		claude: new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY, maxRetries: 0 }),
		openai: new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: MASTER_KEY, maxRetries: 0 }),
		isIdle: () => gateway.router.deployments().every(({ inFlight }) => inFlight === 0),
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

type World = Awaited<ReturnType<typeof start>>;

/** What each of the official clients makes of an answer: text, name and arguments of the call, tokens of input and output. */
const CLIENTS: Readonly<Record<string, (world: World, model: string) => Promise<unknown[]>>> = {
	"messages, streamed": async ({ claude }, model) =>
		said(await claude.messages.stream({ model, ...ASK }).finalMessage()),
	"messages, whole": async ({ claude }, model) => said(await claude.messages.create({ model, ...ASK })),
	"chat, streamed": async ({ openai }, model) => {
		const ask = { model, ...ASK, stream_options: { include_usage: true } };
		return chatted(await openai.chat.completions.stream(ask).finalChatCompletion());
	},
	"chat, whole": async ({ openai }, model) => chatted(await openai.chat.completions.create({ model, ...ASK })),
	"responses, streamed": async ({ openai }, model) =>
		responded(await openai.responses.stream({ model, input: "hi", max_output_tokens: 10 }).finalResponse()),
	"responses, whole": async ({ openai }, model) =>
		responded(await openai.responses.create({ model, input: "hi", max_output_tokens: 10 })),
};

function said({ content, usage }: Anthropic.Message): unknown[] {
	const text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
	const call = content.find((block) => block.type === "tool_use");
	return [text, call?.name, call?.input, usage.input_tokens, usage.output_tokens];
}

function chatted({ choices, usage }: OpenAI.ChatCompletion): unknown[] {
	const message = choices[0]?.message;
	const call = message?.tool_calls?.[0];
	const called = call?.type === "function" ? call.function : undefined;
	return [
		message?.content,
		called?.name,
		JSON.parse(called?.arguments ?? ""),
		usage?.prompt_tokens,
		usage?.completion_tokens,
	];
}

function responded({ output, usage }: OpenAI.Responses.Response): unknown[] {
	const text = output.flatMap((item) => (item.type === "message" ? item.content : []));
	const call = output.find((item) => item.type === "function_call");
	const said = text.map((part) => (part.type === "output_text" ? part.text : "")).join("");
	return [said, call?.name, JSON.parse(call?.arguments ?? ""), usage?.input_tokens, usage?.output_tokens];
}

const GOT = ["a", "f", { p: 1 }, 5, 2];

/** An answer under a type of its own; null = under none. */
function under(type: string | null, body: string, bytesAtOnce = body.length): Answer {
	return (_request, response) => {
		response.writeHead(200, type === null ? {} : { "content-type": type });
		const bytes = Buffer.from(body);
		for (let at = 0; at < bytes.length; at += bytesAtOnce) response.write(bytes.subarray(at, at + bytesAtOnce));
		response.end();
	};
}

const TYPES = ["text/event-stream", "application/json", "text/plain; charset=utf-8", "application/octet-stream", null];

describe.each(Object.keys(CLIENTS))("a client of %s", (name) => {
	const client = CLIENTS[name] as (world: World, model: string) => Promise<unknown[]>;

	test("gets what it asked for, be it answered in events or whole, under whatever type", async () => {
		await using world = await start(under(null, ""));
		for (const type of TYPES) {
			for (const body of [EVENTS, JSON.stringify(MESSAGE), `\n\n${JSON.stringify(MESSAGE)}`]) {
				world.upstream.setAnswer(under(type, body));
				expect([type, body.slice(0, 9), await client(world, "claude")]).toEqual([type, body.slice(0, 9), GOT]);
			}
			for (const body of [CHUNKS, `: PROCESSING\n\n${CHUNKS}`, JSON.stringify(COMPLETION)]) {
				world.upstream.setAnswer(under(type, body));
				expect([type, body.slice(0, 9), await client(world, "gpt")]).toEqual([type, body.slice(0, 9), GOT]);
			}
		}
	});

	test("gets it too where the first bytes come one by one", async () => {
		await using world = await start(under(null, ""));
		for (const [model, body] of [
			["claude", EVENTS],
			["claude", JSON.stringify(MESSAGE)],
			["gpt", CHUNKS],
			["gpt", JSON.stringify(COMPLETION, null, 1)],
		] as const) {
			world.upstream.setAnswer(under("text/plain", body, 1));
			expect([model, await client(world, model)]).toEqual([model, GOT]);
		}
	});
});

test("a head says what the client gets, whatever the upstream's head said", async () => {
	await using world = await start(under("text/plain", EVENTS));
	const body = JSON.stringify({ model: "claude", ...ASK });
	const streamed = await world.gateway.post("/v1/messages", body.replace("{", '{"stream":true,'));
	expect([streamed.headers.get("content-type"), await streamed.text()]).toEqual([
		"text/event-stream; charset=utf-8",
		EVENTS,
	]);
	const whole = await world.gateway.post("/v1/messages", body);
	expect([whole.headers.get("content-type"), ((await whole.json()) as { type: string }).type]).toEqual([
		"application/json",
		"message",
	]);
});

test("a stream that breaks before its end is no whole answer", async () => {
	await using world = await start(under("text/event-stream", START + CONTENT + DELTA));
	for (const path of ["/v1/messages", "/v1/chat/completions"]) {
		const response = await world.gateway.post(path, JSON.stringify({ model: "claude", ...ASK }));
		expect(response.status).toBeGreaterThanOrEqual(500);
		expect(await response.text()).toMatch(/"error":.*broke/);
	}
});

test.each([
	[
		"stream",
		EVENTS.slice(0, EVENTS.indexOf("event: content_block_stop")) +
			event(Object.assign({ type: "error" }, { error: { type: "overloaded_error", message: "busy" } })),
		529,
	],
	["whole", JSON.stringify({ type: "error", error: { type: "overloaded_error", message: "busy" } }), 529],
])("an error in a %s is the client's error, in the other form too", async (form, body, status) => {
	await using world = await start(under(form === "stream" ? "text/event-stream" : "application/json", body));
	const ask = JSON.stringify({ model: "claude", stream: form !== "stream", ...ASK });
	const response = await world.gateway.post("/v1/messages", ask);
	expect([response.status, await response.text()]).toEqual([status, expect.stringContaining("overloaded_error")]);
});

const ENDS: readonly (readonly [string, string, string])[] = [
	["message_stop", "claude", EVENTS],
	["[DONE]", "gpt", CHUNKS],
	["a finish_reason without [DONE]", "gpt", CHUNKS.replace("data: [DONE]\n\n", "")],
	["a stop_reason without message_stop", "claude", EVENTS.slice(0, EVENTS.indexOf("event: message_stop"))],
	[
		"[DONE] instead of message_stop",
		"claude",
		`${EVENTS.slice(0, EVENTS.indexOf("event: message_stop"))}data: [DONE]\n\n`,
	],
];

test.each(ENDS)(
	"a response that stays open behind %s keeps no client and no deployment waiting, and is closed",
	async (_end, model, body) => {
		await using world = await start((_request, response) => {
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.write(body);
		});
		const got = await Promise.all(Object.values(CLIENTS).map((client) => client(world, model)));
		expect(got).toEqual(got.map(() => GOT));
		await expect.poll(world.isIdle).toBe(true);
		await Promise.all(world.upstream.requests.map(({ closed }) => closed));
	},
);

test("what comes late behind the end reaches nobody", async () => {
	await using world = await start((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.write(START + CONTENT + STOP, () => response.end(": bye\n\nevent: ping\ndata: {}\n\ndata: [DONE]\n\n"));
	});
	for (let at = 0; at < 3; at += 1) {
		const response = await world.gateway.post(
			"/v1/messages",
			JSON.stringify({ model: "claude", stream: true, ...ASK }),
		);
		expect(await response.text()).toBe(START + CONTENT + STOP);
		await expect.poll(world.isIdle).toBe(true);
	}
});

test("an untouched stream of several choices is not over before each of them is", async () => {
	const other = chunk({ content: "b" }).replace('"index":0', '"index":1');
	const last = chunk({}, "stop").replace('"index":0', '"index":1');
	let finish = (): void => {};
	await using world = await start((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.write(chunk({ content: "a" }) + other + chunk({}, "stop"));
		finish = () => response.end(`${last}data: [DONE]\n\n`);
	});
	const ask = JSON.stringify({ model: "gpt", stream: true, n: 2, ...ASK });
	const response = await world.gateway.post("/v1/chat/completions", ask);
	finish();
	expect(await response.text()).toBe(`${chunk({ content: "a" })}${other}${chunk({}, "stop")}${last}data: [DONE]\n\n`);
});
