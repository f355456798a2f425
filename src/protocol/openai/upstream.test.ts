import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnswerEvent } from "../answer-event.ts";
import { UNSIGNED } from "./carried.ts";
import { asObject, type JsonObject } from "./json.ts";
import { ChatAnswer } from "./upstream-answer.ts";
import { dialectOf } from "./upstream-dialect.ts";
import { chatRequest } from "./upstream-request.ts";
import { ChatReframer } from "./upstream-stream.ts";

const SELF_HOSTED = dialectOf({ host: "gpu-1", model: "qwen", maxOutputTokens: null });
const OPENAI = dialectOf({ host: "api.openai.com", model: "gpt-4.1", maxOutputTokens: 4096 });

const request = (body: JsonObject, dialect = SELF_HOSTED) => {
	const bytes = Buffer.from(JSON.stringify({ model: "claude", max_tokens: 8192, messages: [], ...body }));
	const model = dialect === OPENAI ? "gpt-4.1" : "qwen";
	return chatRequest(bytes, { model, stream: body["stream"] === true }, dialect).chat;
};

describe("requests", () => {
	test("system blocks are one message, without the attribution block", () => {
		const { messages } = request({
			system: [
				{ type: "text", text: "x-anthropic-billing-header: cc_version=1;" },
				{ type: "text", text: "one", cache_control: { type: "ephemeral" } },
				{ type: "text", text: "two" },
			],
			messages: [{ role: "user", content: "hi" }],
		});
		expect(messages).toEqual([
			{ role: "system", content: "one\n\ntwo" },
			{ role: "user", content: "hi" },
		]);
	});

	test("tool calls and their results, images after them", () => {
		const { messages } = request({
			messages: [
				{
					role: "assistant",
					content: [
						{ type: "thinking", thinking: "hm", signature: UNSIGNED },
						{ type: "thinking", thinking: "signed by Claude", signature: "abc" },
						{ type: "tool_use", id: "t1", name: "shot", input: { a: 1 } },
					],
				},
				{
					role: "user",
					content: [
						{
							type: "tool_result",
							tool_use_id: "t1",
							content: [
								{ type: "text", text: "ok" },
								{ type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } },
							],
						},
						{ type: "text", text: "go on" },
					],
				},
			],
		});
		expect(messages).toEqual([
			{
				role: "assistant",
				content: null,
				reasoning_content: "hm",
				tool_calls: [{ id: "t1", type: "function", function: { name: "shot", arguments: '{"a":1}' } }],
			},
			{ role: "tool", tool_call_id: "t1", content: "ok" },
			{
				role: "user",
				content: [
					{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } },
					{ type: "text", text: "go on" },
				],
			},
		]);
	});

	test("several texts stay apart, one is a string", () => {
		const block = (text: string) => ({ type: "text", text });
		const { messages } = request({
			messages: [
				{ role: "user", content: [block("a"), block("b")] },
				{ role: "user", content: [block("c")] },
			],
		});
		expect(messages).toEqual([
			{ role: "user", content: [block("a"), block("b")] },
			{ role: "user", content: "c" },
		]);
	});

	test("tools, choice, limits and thinking in the upstream's words", () => {
		const tool = { name: "f", description: "d", input_schema: { type: "object" } };
		const body = {
			tools: [tool, { type: "web_search_20250305", name: "web_search" }],
			tool_choice: { type: "any", disable_parallel_tool_use: true },
			thinking: { type: "enabled", budget_tokens: 4096 },
			stop_sequences: ["X"],
			top_k: 5,
			stream: true,
		};
		expect(request(body)).toMatchObject({
			model: "qwen",
			max_tokens: 8192,
			tools: [{ type: "function", function: { name: "f", description: "d", parameters: { type: "object" } } }],
			tool_choice: "required",
			parallel_tool_calls: false,
			reasoning_effort: "medium",
			stop: ["X"],
			top_k: 5,
			stream_options: { include_usage: true },
		});
		const openai = request(body, OPENAI);
		expect(openai["max_completion_tokens"]).toBe(4096);
		expect(openai).not.toHaveProperty("top_k");
		expect(openai).not.toHaveProperty("reasoning_effort");
	});
});

/** What a list of chunks becomes, as [event name, data] pairs; the bytes come in pieces of `size`. */
function reframed(chunks: readonly (JsonObject | string)[], size = 10_000): (readonly [string, JsonObject])[] {
	const bytes = Buffer.from(
		chunks.map((chunk) => `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`).join(""),
	);
	const reframer = new ChatReframer();
	const out: AnswerEvent[] = [];
	for (let at = 0; at < bytes.length; at += size) out.push(...reframer.push(bytes.subarray(at, at + size)));
	out.push(...reframer.end());
	return out.map(({ name, text }) => [name, asObject(JSON.parse(text)) ?? {}] as const);
}

const chunk = (delta: JsonObject, finish_reason: string | null = null) => ({
	id: "chatcmpl-1",
	object: "chat.completion.chunk",
	model: "qwen",
	choices: [{ index: 0, delta, finish_reason }],
});
const USAGE = {
	choices: [],
	usage: { prompt_tokens: 50, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 32 } },
};

describe("streams", () => {
	const STREAM = [
		chunk({ role: "assistant", content: "" }),
		chunk({ reasoning_content: "hm" }),
		chunk({ content: "he" }),
		chunk({ content: "y" }),
		chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "" } }] }),
		chunk({ tool_calls: [{ index: 1, id: "b", function: { name: "g", arguments: "{}" } }] }),
		chunk({ tool_calls: [{ index: 0, function: { arguments: '{"x":1}' } }] }),
		chunk({}, "tool_calls"),
		USAGE,
		"[DONE]",
	];

	test("become the Messages API's events in their order", () => {
		const events = reframed(STREAM);
		expect(events.map(([name]) => name)).toEqual([
			"message_start",
			"content_block_start",
			"content_block_delta",
			"content_block_delta",
			"content_block_stop",
			"content_block_start",
			"content_block_delta",
			"content_block_delta",
			"content_block_stop",
			"content_block_start",
			"content_block_start",
			"content_block_delta",
			"content_block_delta",
			"content_block_stop",
			"content_block_stop",
			"message_delta",
			"message_stop",
		]);
		expect(events.at(-2)?.[1]).toEqual({
			type: "message_delta",
			delta: { stop_reason: "tool_use", stop_sequence: null },
			usage: { input_tokens: 18, output_tokens: 4, cache_read_input_tokens: 32 },
		});
		const deltas = events.filter(([, data]) => data["type"] === "content_block_delta").map(([, data]) => data);
		expect(deltas.slice(-2)).toEqual([
			{ type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: '{"x":1}' } },
			{ type: "content_block_delta", index: 3, delta: { type: "input_json_delta", partial_json: "{}" } },
		]);
	});

	test("are the same however the bytes are cut", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 200 }), (size) => {
				expect(reframed(STREAM, size)).toEqual(reframed(STREAM));
			}),
			{ numRuns: 30 },
		);
	});

	test("one that was cut off ends with an error, not with an end of turn", () => {
		const events = reframed([chunk({ content: "he" })]);
		expect(events.at(-1)).toMatchObject(["error", { error: { type: "api_error" } }]);
	});

	test("an error inside a stream is the dialect's error event", () => {
		const events = reframed([chunk({ content: "he" }), { error: { message: "out of memory", code: 500 } }]);
		expect(events.at(-1)).toMatchObject(["error", { error: { type: "api_error", message: "out of memory" } }]);
	});
});

describe("whole answers", () => {
	test("text, reasoning and calls; usage without what the server did not say", () => {
		const completion = {
			id: "chatcmpl-1",
			model: "qwen",
			choices: [
				{
					finish_reason: "stop",
					message: {
						content: "hi",
						reasoning: "hm",
						tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } }],
					},
				},
			],
			usage: { prompt_tokens: 10, completion_tokens: 2 },
		};
		expect(JSON.parse(new ChatAnswer().body(Buffer.from(JSON.stringify(completion))).toString())).toEqual({
			id: "msg_1",
			type: "message",
			role: "assistant",
			model: "qwen",
			content: [
				{ type: "thinking", thinking: "hm", signature: UNSIGNED },
				{ type: "text", text: "hi" },
				{ type: "tool_use", id: "a", name: "f", input: { x: 1 } },
			],
			stop_reason: "tool_use",
			stop_sequence: null,
			usage: { input_tokens: 10, output_tokens: 2 },
		});
	});
});
