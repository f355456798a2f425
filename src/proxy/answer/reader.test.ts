// Odd streams of servers that speak the Messages API, read as Anthropic's own client assembles what the repair makes of them.
import { MessageStream } from "@anthropic-ai/sdk/lib/MessageStream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf } from "../../protocol/answer-event.ts";
import { MessagesStream } from "../../protocol/messages-stream.ts";
import { sseFields } from "../../protocol/sse.ts";
import type { Usage } from "../../protocol/usage.ts";
import {
	args,
	block,
	delta,
	type Event,
	end,
	FORMS,
	type Form,
	plain,
	STOP,
	say,
	sent,
	start,
	stop,
	text,
	thinking,
	tool,
	WELL_FORMED,
} from "./__fixtures__/streams.ts";
import { EventReader } from "./event-reader.ts";
import { AnswerReader } from "./reader.ts";

interface Read {
	readonly out: Buffer;
	readonly usage: Usage | null;
	readonly isOver: boolean;
	readonly written: number | undefined;
}

function read(bytes: Buffer, cuts: readonly number[] = []): Read {
	const reader = new AnswerReader({
		streaming: true,
		encoding: "identity",
		repairs: true,
		onEvent: () => {},
		onFault: (error) => {
			throw error;
		},
	});
	return readBy(reader, bytes, cuts);
}

/** The same stream, on its way into another form. */
function readAsEvents(bytes: Buffer, cuts: readonly number[] = []): Read {
	return readBy(new EventReader(new MessagesStream(), { repairs: true, onEvent: () => {} }), bytes, cuts);
}

const READERS = [read, readAsEvents];

function readBy(reader: AnswerReader | EventReader, bytes: Buffer, cuts: readonly number[]): Read {
	const points = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
	const out = points.slice(1).map((to, at) => bytesOf(reader.push(bytes.subarray(points[at], to)) ?? []));
	out.push(bytesOf(reader.end()));
	const { usage, isOver, written } = reader;
	return { out: Buffer.concat(out), usage, isOver, written: written?.bytes };
}

/** As the official client does: events by their name, and only those; then its assembly. */
async function assembled(out: Buffer) {
	const named = out
		.toString()
		.split(/\r?\n\r?\n/)
		.map((event) => sseFields(Buffer.from(event)))
		.filter(({ name, data }) => name !== "" && name !== "ping" && data !== "");
	for (const { name, data } of named) expect(JSON.parse(data).type).toBe(name);
	const lines = named.map(({ data }) => `${JSON.stringify(JSON.parse(data))}\n`);
	const { body } = new Response(lines.join(""));
	return MessageStream.fromReadableStream(body as ReadableStream).finalMessage();
}

async function contentOf(out: Buffer): Promise<unknown[]> {
	const { content } = await assembled(out);
	return content.map((each) => {
		if (each.type === "tool_use") return [each.name, each.input];
		return each.type === "thinking" ? `thinking ${each.thinking}` : each.type === "text" ? each.text : each.type;
	});
}

test("a stream as the API writes it passes byte for byte, wherever it is cut", () => {
	const forms = [plain, FORMS["no space"] as Form, FORMS["spaces in the JSON"] as Form];
	const setup = fc.record({
		form: fc.constantFrom(...forms),
		eol: fc.constantFrom("\n", "\r\n"),
		cuts: fc.array(fc.nat(4000), { maxLength: 60 }),
	});
	fc.assert(
		fc.property(setup, ({ form, eol, cuts }) => {
			const bytes = sent(WELL_FORMED, form, eol);
			expect(read(bytes, cuts).out.equals(bytes)).toBe(true);
		}),
	);
});

test("an interleaved stream passes byte for byte too", () => {
	const bytes = sent([start(), tool(0), tool(1), args(1, "{}"), args(0, "{}"), stop(0), stop(1), end(), STOP]);
	expect(read(bytes).out.equals(bytes)).toBe(true);
});

test("every valid way to write the same events gives the client the same message and us the same usage, wherever it is cut", async () => {
	const expected = await assembled(sent(WELL_FORMED));
	const setup = fc.record({
		forms: fc.array(fc.constantFrom(...Object.values(FORMS)), { minLength: 3, maxLength: 3 }),
		eol: fc.constantFrom("\n", "\r\n", "\r"),
		mark: fc.constantFrom("", "\uFEFF"),
		unfinished: fc.boolean(),
		cuts: fc.array(fc.nat(4000), { maxLength: 60 }),
	});
	await fc.assert(
		fc.asyncProperty(setup, async ({ forms, eol, mark, unfinished, cuts }) => {
			const pieces = WELL_FORMED.map((event, at) => sent([event], forms[at % 3], eol));
			const whole = Buffer.concat([Buffer.from(mark), ...pieces]);
			for (const reader of READERS) {
				const { out, usage, isOver } = reader(unfinished ? whole.subarray(0, -eol.length) : whole, cuts);
				expect(await assembled(out)).toEqual(expected);
				expect(usage).toMatchObject({ inputTokens: 100, outputTokens: 7 });
				expect(isOver).toBe(true);
			}
		}),
		{ numRuns: 300 },
	);
});

const BODY = [text(0), say(0, "a"), stop(0)];
const { type: _type, ...untypedStop } = STOP;
const ODD: readonly (readonly [string, readonly (Event | string)[], readonly unknown[]])[] = [
	["no ping", [start(), ...BODY, end(), STOP], ["a"]],
	["no content_block_stop", [start(), text(0), say(0, "a"), end(), STOP], ["a"]],
	[
		"no content_block_stop before the next block",
		[start(), text(0), say(0, "a"), tool(1), args(1, '{"p":1}'), end(), STOP],
		["a", ["f", { p: 1 }]],
	],
	[
		"the same index for every block",
		[start(), text(0), say(0, "a"), tool(0), args(0, '{"p":1}'), stop(0), end(), STOP],
		["a", ["f", { p: 1 }]],
	],
	[
		"indexes from 1 on",
		[start(), text(1), say(1, "a"), stop(1), tool(2), args(2, "{}"), stop(2), end(), STOP],
		["a", ["f", {}]],
	],
	[
		"no indexes",
		[
			start(),
			{ ...text(0), index: undefined },
			{ ...say(0, "a"), index: undefined },
			{ ...stop(0), index: undefined },
			end(),
			STOP,
		],
		["a"],
	],
	["no content_block_start", [start(), say(0, "a"), stop(0), end(), STOP], ["a"]],
	[
		"no content_block_start for the second block",
		[start(), delta(0, { type: "thinking_delta", thinking: "h" }), stop(0), say(1, "a"), stop(1), end(), STOP],
		["thinking h", "a"],
	],
	[
		"a content_block_start without its block",
		[start(), { type: "content_block_start", index: 0 }, say(0, "a"), stop(0), end(), STOP],
		["a"],
	],
	["deltas without a type", [start(), text(0), delta(0, { text: "a" }), stop(0), end(), STOP], ["a"]],
	[
		"text that comes with its block's start",
		[start(), block(0, { type: "text", text: "a" }), say(0, "b"), stop(0), end(), STOP],
		["ab"],
	],
	[
		"text that comes with its block's start and once more",
		[start(), block(0, { type: "text", text: "a" }), say(0, "ab"), stop(0), end(), STOP],
		["ab"],
	],
	[
		"thinking that comes whole",
		[start(), block(0, { type: "thinking", thinking: "h" }), stop(0), ...[text(1), say(1, "a"), stop(1)], end(), STOP],
		["thinking h", "a"],
	],
	[
		"blocks without their empty members",
		[start(), block(0, { type: "text" }), say(0, "a"), stop(0), end(), STOP],
		["a"],
	],
	[
		"input that comes whole with its block's start",
		[start(), tool(0, { input: { p: 1 } }), stop(0), end(), STOP],
		[["f", { p: 1 }]],
	],
	[
		"input that comes whole and in deltas too",
		[start(), tool(0, { input: { p: 1 } }), args(0, '{"p":'), args(0, "1}"), stop(0), end(), STOP],
		[["f", { p: 1 }]],
	],
	["input as text", [start(), tool(0, { input: '{"p":1}' }), stop(0), end(), STOP], [["f", { p: 1 }]]],
	[
		"input that is no object",
		[start(), tool(0, { input: null }), args(0, '{"p":1}'), stop(0), end(), STOP],
		[["f", { p: 1 }]],
	],
	["arguments as an object", [start(), tool(0), args(0, { p: 1 }), stop(0), end(), STOP], [["f", { p: 1 }]]],
	["a call without an id", [start(), tool(0, { id: "" }), args(0, "{}"), stop(0), end(), STOP], [["f", {}]]],
	[
		"deltas of nothing",
		[start(), text(0), delta(0, { type: "text_delta", text: null }), say(0, "a"), stop(0), end(), STOP],
		["a"],
	],
	["no message_start", [...BODY, end(), STOP], ["a"]],
	["message_start twice", [start(), start(), ...BODY, end(), STOP], ["a"]],
	["a bare message_start", [{ type: "message_start", message: { usage: null } }, ...BODY, end(), STOP], ["a"]],
	["message_delta without usage", [start(), ...BODY, end({ usage: undefined }), STOP], ["a"]],
	["message_delta with empty usage", [start(), ...BODY, end({ usage: { output_tokens: null } }), STOP], ["a"]],
	["no message_delta", [start(), ...BODY, STOP], ["a"]],
	["no message_stop", [start(), ...BODY, end()], ["a"]],
	["[DONE] for message_stop", [start(), ...BODY, end(), "data: [DONE]\n\n"], ["a"]],
	["[DONE] for all that ends an answer", [start(), text(0), say(0, "a"), "data: [DONE]\n\n"], ["a"]],
	["message_stop without data", [start(), ...BODY, end(), "event: message_stop\n\n"], ["a"]],
	[
		"data without a type of its own",
		[start(), ...BODY, end(), `event: message_stop\ndata: ${JSON.stringify(untypedStop)}\n\n`],
		["a"],
	],
	[
		"events behind the end",
		[start(), ...BODY, end(), STOP, "data: [DONE]\n\n", ": bye\n\n", { type: "ping" }, say(0, "b")],
		["a"],
	],
	["a block twice stopped", [start(), ...BODY, stop(0), end(), STOP], ["a"]],
];

test.each(ODD)("%s", async (_name, events, content) => {
	const forms = [plain, FORMS["data only"] as Form];
	for (const [form, reader] of forms.flatMap((each) => READERS.map((reader) => [each, reader] as const))) {
		const { out, isOver } = reader(sent(events, form));
		const message = await assembled(out);
		expect(await contentOf(out)).toEqual(content);
		expect([message.role, message.type, typeof message.id, isOver]).toEqual(["assistant", "message", "string", true]);
		expect(message.usage.output_tokens).toEqual(expect.any(Number));
		expect(out.toString().match(/event: message_stop/g)).toHaveLength(1);
		const count = (name: string) => out.toString().split(`event: ${name}\n`).length - 1;
		expect(count("content_block_start")).toBe(count("content_block_stop"));
	}
});

test.each([
	["stop", "end_turn"],
	["length", "max_tokens"],
	["tool_calls", "tool_use"],
	["pause_turn", "pause_turn"],
])("a stop_reason of %s is %s to the client", async (reason, got) => {
	for (const reader of READERS) {
		const { out } = reader(sent([start(), ...BODY, end({ delta: { stop_reason: reason } }), STOP]));
		expect((await assembled(out)).stop_reason).toBe(got);
	}
});

const USAGES: readonly (readonly [string, unknown, unknown, Partial<Usage> | null])[] = [
	[
		"the prompt at the start only",
		{ input_tokens: 9, output_tokens: 1 },
		{ output_tokens: 5 },
		{ inputTokens: 9, outputTokens: 5 },
	],
	[
		"zeros at the end",
		{ input_tokens: 9, output_tokens: 1 },
		{ input_tokens: 0, output_tokens: 5 },
		{ inputTokens: 9, outputTokens: 5 },
	],
	[
		"zeros at the start",
		{ input_tokens: 0, output_tokens: 0 },
		{ input_tokens: 9, output_tokens: 5 },
		{ inputTokens: 9, outputTokens: 5 },
	],
	["all at the end", undefined, { input_tokens: 9, output_tokens: 5 }, { inputTokens: 9, outputTokens: 5 }],
	[
		"the whole prompt first, split at the end (QwenCloud, Kimi)",
		{ input_tokens: 9, output_tokens: 0 },
		{ input_tokens: 0, cache_read_input_tokens: 9, output_tokens: 5 },
		{ inputTokens: 0, cacheReadTokens: 9, outputTokens: 5 },
	],
	["nothing at all", undefined, undefined, null],
	["empty objects", {}, {}, null],
];

test.each(USAGES)("usage with %s", (_name, first, last, usage) => {
	const bytes = sent([start({ usage: first }), ...BODY, end({ usage: last }), STOP]);
	for (const reader of READERS) {
		const reported = reader(bytes).usage;
		if (usage === null) expect(reported).toBeNull();
		else expect(reported).toMatchObject(usage);
	}
});

test("what the model has written counts alike as bytes and as events, until usage counts it", () => {
	const said = sent([
		start(),
		thinking(0),
		delta(0, { type: "thinking_delta", thinking: "hm" }),
		text(1),
		say(1, "Grüße"),
		say(1, "👋"),
	]);
	expect(READERS.map((reader) => reader(said).written)).toEqual([13, 13]);
	expect(READERS.map((reader) => reader(sent(WELL_FORMED)).written)).toEqual([0, 0]);
});

test("as events, a kind that the API may have tomorrow goes on as it came, and a comment does not", () => {
	const unknown = 'event: mood_delta\ndata: {"type":"mood_delta", "mood": 1e2}\n\n';
	const { out } = readAsEvents(Buffer.concat([sent([start()]), Buffer.from(`: hello\n\n${unknown}`)]));
	expect(out.toString()).toBe(`${sent([start()])}${unknown}`);
});

test("as events, a stream that is cut within its answer has no end", () => {
	const whole = sent([start(), text(0), say(0, "a")]);
	const cut = Buffer.concat([whole, Buffer.from('event: content_block_delta\ndata: {"type":"content')]);
	const { out, isOver } = readAsEvents(cut);
	expect([out.equals(whole), isOver]).toEqual([true, false]);
});

test("a stream that is cut within its answer stays cut", () => {
	const bytes = sent([start(), text(0), say(0, "a")]);
	const cut = Buffer.concat([bytes, Buffer.from('event: content_block_delta\ndata: {"type":"content')]);
	const { out, isOver } = read(cut);
	expect([out.equals(cut), isOver]).toEqual([true, false]);
});

test.each([
	['event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"m"}}\n\n', "overloaded_error"],
	['data: {"type":"error","error":{"type":"overloaded_error","message":"m"}}\n\n', "overloaded_error"],
	['data: {"error":{"message":"m","type":"server_error"}}\n\n', "server_error"],
	['event: error\ndata: {"error":"m"}\n\n', "api_error"],
	['event: error\ndata: {"message":"m"}\n\n', "api_error"],
])("%j is the API's error event, and the last one", (error, type) => {
	for (const reader of READERS) {
		const { out, isOver } = reader(Buffer.concat([sent([start(), text(0)]), Buffer.from(error), sent([say(0, "x")])]));
		const last = out.toString().split("\n\n").at(-2) ?? "";
		const { name, data } = sseFields(Buffer.from(last));
		expect([name, JSON.parse(data)]).toMatchObject(["error", { type: "error", error: { type, message: "m" } }]);
		expect(isOver).toBe(true);
	}
});
