import { describe, expect, test } from "vitest";
import { AnswerEvent } from "../answer-event.ts";
import { chatCompletion } from "./chat-answer.ts";
import { ChatStream } from "./chat-stream.ts";
import { asObject, type JsonObject } from "./json.ts";
import { openaiErrorBody, readOpenaiError } from "./reasons.ts";

const ABOUT = { created: 7, answerTool: false };
const USAGE = { input_tokens: 5, output_tokens: 3, cache_read_input_tokens: 100, cache_creation_input_tokens: 20 };

function completion(content: readonly JsonObject[], stop: string, about = ABOUT) {
	const message = {
		id: "msg_1",
		type: "message",
		role: "assistant",
		model: "m",
		content,
		stop_reason: stop,
		usage: USAGE,
	};
	return JSON.parse(chatCompletion(Buffer.from(""), asObject(message), about).toString());
}

/** The chunks for a list of canonical events; the last one is `[DONE]` where the stream was complete. */
function chunks(events: readonly JsonObject[], about: { includeUsage?: boolean; answerTool?: boolean } = {}) {
	const stream = new ChatStream({ ...ABOUT, includeUsage: false, ...about });
	const bytes = events.map((event) => stream.event(AnswerEvent.of(String(event["type"]), event)));
	const lines = Buffer.concat(bytes).toString().split("\n\n").filter(Boolean);
	return lines.map((line) => (line === "data: [DONE]" ? "[DONE]" : JSON.parse(line.replace("data: ", ""))));
}

const START = { type: "message_start", message: { id: "msg_1", model: "m", usage: { ...USAGE, output_tokens: 1 } } };
const blockStart = (index: number, content_block: JsonObject) => ({
	type: "content_block_start",
	index,
	content_block,
});
const delta = (index: number, value: JsonObject) => ({ type: "content_block_delta", index, delta: value });
const blockStop = (index: number) => ({ type: "content_block_stop", index });
const end = (stop_reason: string) => [
	{ type: "message_delta", delta: { stop_reason }, usage: { output_tokens: 3 } },
	{ type: "message_stop" },
];

describe("whole answers", () => {
	test("text, thinking, parallel calls and usage with what was read and written", () => {
		const answer = completion(
			[
				{ type: "thinking", thinking: "hm", signature: "s" },
				{ type: "text", text: "hi" },
				{ type: "tool_use", id: "a", name: "f", input: { x: 1 } },
				{ type: "tool_use", id: "b", name: "g", input: {} },
			],
			"tool_use",
		);
		expect(answer).toMatchObject({ id: "chatcmpl-msg_1", object: "chat.completion", created: 7, model: "m" });
		expect(answer.choices[0].finish_reason).toBe("tool_calls");
		expect(answer.choices[0].message).toMatchObject({
			role: "assistant",
			content: "hi",
			reasoning_content: "hm",
			thinking_blocks: [{ type: "thinking", thinking: "hm", signature: "s" }],
			tool_calls: [
				{ id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } },
				{ id: "b", type: "function", function: { name: "g", arguments: "{}" } },
			],
		});
		expect(answer.usage).toMatchObject({
			prompt_tokens: 125,
			completion_tokens: 3,
			total_tokens: 128,
			prompt_tokens_details: { cached_tokens: 100, cache_creation_tokens: 20 },
			cache_read_input_tokens: 100,
			cache_creation_input_tokens: 20,
		});
	});

	test.each([
		["end_turn", "stop"],
		["stop_sequence", "stop"],
		["max_tokens", "length"],
		["refusal", "content_filter"],
	])("stop_reason %s is finish_reason %s", (stop, finish) => {
		expect(completion([{ type: "text", text: "x" }], stop).choices[0].finish_reason).toBe(finish);
	});

	test("a call of the answer tool is the answer's text", () => {
		const content = [{ type: "tool_use", id: "a", name: "json_answer", input: { x: 1 } }];
		const { message, finish_reason } = completion(content, "tool_use", { ...ABOUT, answerTool: true }).choices[0];
		expect(message.content).toBe('{"x":1}');
		expect(message.tool_calls).toBeUndefined();
		expect(finish_reason).toBe("stop");
	});
});

describe("streams", () => {
	test("role first, text as it comes, one finish, usage last, then the end", () => {
		const all = chunks(
			[
				START,
				blockStart(0, { type: "text", text: "" }),
				delta(0, { type: "text_delta", text: "he" }),
				{ type: "ping" },
				delta(0, { type: "text_delta", text: "y" }),
				blockStop(0),
				...end("end_turn"),
			],
			{ includeUsage: true },
		);
		expect(all.map((chunk) => chunk.choices?.[0]?.delta ?? chunk.choices ?? chunk)).toEqual([
			{ role: "assistant", content: "" },
			{ content: "he" },
			{ content: "y" },
			{},
			[],
			"[DONE]",
		]);
		expect(all.slice(0, 4).map((chunk) => chunk.usage)).toEqual([null, null, null, null]);
		expect(all[3].choices[0].finish_reason).toBe("stop");
		expect(all[4].usage).toMatchObject({ prompt_tokens: 125, completion_tokens: 3 });
	});

	test("without include_usage no chunk has usage or an empty list of choices", () => {
		const all = chunks([START, ...end("end_turn")]);
		expect(all.slice(0, -1).every((chunk) => chunk.choices.length === 1 && !("usage" in chunk))).toBe(true);
	});

	test("parallel tools have their own indexes, and one without arguments says so with an empty object", () => {
		const all = chunks([
			START,
			blockStart(0, { type: "tool_use", id: "a", name: "f", input: {} }),
			delta(0, { type: "input_json_delta", partial_json: "" }),
			delta(0, { type: "input_json_delta", partial_json: '{"x":' }),
			delta(0, { type: "input_json_delta", partial_json: "1}" }),
			blockStop(0),
			blockStart(1, { type: "tool_use", id: "b", name: "g", input: {} }),
			blockStop(1),
			...end("tool_use"),
		]);
		const calls = all.flatMap((chunk) => chunk.choices?.[0]?.delta.tool_calls ?? []);
		expect(calls).toEqual([
			{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } },
			{ index: 0, function: { arguments: '{"x":' } },
			{ index: 0, function: { arguments: "1}" } },
			{ index: 1, id: "b", type: "function", function: { name: "g", arguments: "" } },
			{ index: 1, function: { arguments: "{}" } },
		]);
		expect(all.at(-2).choices[0].finish_reason).toBe("tool_calls");
	});

	test("thinking comes as reasoning_content, and whole with its signature when it ends", () => {
		const all = chunks([
			START,
			blockStart(0, { type: "thinking", thinking: "", signature: "" }),
			delta(0, { type: "thinking_delta", thinking: "h" }),
			delta(0, { type: "thinking_delta", thinking: "m" }),
			delta(0, { type: "signature_delta", signature: "sig" }),
			blockStop(0),
			blockStart(1, { type: "redacted_thinking", data: "xx" }),
			blockStop(1),
			...end("end_turn"),
		]);
		const deltas = all.flatMap((chunk) => chunk.choices?.[0]?.delta ?? []);
		expect(deltas.slice(1, 5)).toEqual([
			{ reasoning_content: "h" },
			{ reasoning_content: "m" },
			{ thinking_blocks: [{ type: "thinking", thinking: "hm", signature: "sig" }] },
			{ thinking_blocks: [{ type: "redacted_thinking", data: "xx" }] },
		]);
	});

	test("the answer tool's arguments are text, and the answer stops as text does", () => {
		const all = chunks(
			[
				START,
				blockStart(0, { type: "tool_use", id: "a", name: "json_answer", input: {} }),
				delta(0, { type: "input_json_delta", partial_json: '{"x":1}' }),
				blockStop(0),
				...end("tool_use"),
			],
			{ answerTool: true },
		);
		expect(all[1].choices[0].delta).toEqual({ content: '{"x":1}' });
		expect(all[2].choices[0].finish_reason).toBe("stop");
	});

	test("an error ends the stream in OpenAI's shape and without the mark of completeness", () => {
		const all = chunks([START, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }]);
		expect(all.at(-1)).toEqual({
			error: { message: "Overloaded", type: "server_error", param: null, code: "overloaded" },
		});
	});
});

describe("errors", () => {
	test("a prompt that is too long is shown by OpenAI's code, and the other way round by Anthropic's words", () => {
		const ours = JSON.parse(openaiErrorBody("invalid_request_error", "prompt is too long: 9 > 8").toString());
		expect(ours.error).toMatchObject({ type: "invalid_request_error", code: "context_length_exceeded" });
		const theirs = { error: { message: "maximum context length is 8", type: "BadRequestError", code: 400 } };
		expect(readOpenaiError(JSON.stringify(theirs), 400)).toMatchObject({
			type: "invalid_request_error",
			message: "prompt is too long: maximum context length is 8",
		});
	});

	test.each([
		['{"object":"error","message":"no such model","type":"NotFoundError","code":404}', "not_found_error"],
		['{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}', "rate_limit_error"],
		['{"detail":"Bad key"}', "api_error"],
	])("%s is read", (body, type) => {
		expect(readOpenaiError(body, null)?.type).toBe(type);
	});

	test("an answer is no error", () => {
		expect(readOpenaiError('{"choices":[],"message":"x"}', null)).toBeNull();
	});
});
