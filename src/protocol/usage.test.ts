import { expect, test } from "vitest";
import { UsageReader } from "./usage.ts";

function event(name: string, data: unknown): [string, Buffer] {
	return [name, Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)];
}

test("message_delta's cumulative counts replace those of message_start and are never summed", () => {
	const reader = new UsageReader();
	reader.event(
		...event("message_start", {
			message: {
				usage: {
					input_tokens: 10,
					output_tokens: 1,
					cache_read_input_tokens: 500,
					cache_creation_input_tokens: 70,
					cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 50 },
				},
			},
		}),
	);
	reader.event(...event("message_delta", { usage: { output_tokens: 42 } }));
	expect(reader.usage).toEqual({
		inputTokens: 10,
		outputTokens: 42,
		cacheReadTokens: 500,
		cacheWriteTokens: 70,
		cacheWrite5mTokens: 20,
		cacheWrite1hTokens: 50,
	});
});

test.each([
	["before any output", [], true],
	["in mid-answer", ["content_block_start", "content_block_delta"], false],
])("a stream that is refused %s says whether it is charged", (_, between, isDeclined) => {
	const reader = new UsageReader();
	const usage = { input_tokens: 10, output_tokens: 1 };
	reader.event(...event("message_start", { message: { usage } }));
	for (const name of between) reader.event(...event(name, {}));
	reader.event(...event("message_delta", { delta: { stop_reason: "refusal" }, usage: { output_tokens: 3 } }));
	expect(reader.usage?.billing?.isDeclined ?? false).toBe(isDeclined);
});

test("a write without a split counts as 5m", () => {
	const reader = new UsageReader();
	reader.body(Buffer.from('{"usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":9}}'));
	expect(reader.usage).toMatchObject({ cacheWriteTokens: 9, cacheWrite5mTokens: 9, cacheWrite1hTokens: 0 });
});

test("zeros of a prompt at a stream's end do not hide what else the end reports", () => {
	const reader = new UsageReader();
	reader.event(...event("message_start", { message: { usage: { input_tokens: 10, output_tokens: 1 } } }));
	const iterations = [{ type: "compaction", input_tokens: 9, output_tokens: 3 }, { type: "message" }];
	const usage = { input_tokens: 0, output_tokens: 42, iterations, server_tool_use: { web_search_requests: 1 } };
	reader.event(...event("message_delta", { usage }));
	expect(reader.usage).toMatchObject({ inputTokens: 10, outputTokens: 42 });
	expect(reader.usage?.billing).toMatchObject({
		iterations: [
			{ kind: "compaction", model: null, usage: { inputTokens: 9, outputTokens: 3 } },
			{ kind: "message", usage: null },
		],
		tools: { web_search_requests: 1 },
	});
});

test("broken data, missing usage and odd types leave the usage unknown", () => {
	const reader = new UsageReader();
	reader.event("message_start", Buffer.from("event: message_start\ndata: {oops\n\n"));
	reader.event(...event("message_delta", { usage: null }));
	reader.body(Buffer.from("<html>"));
	expect(reader.usage).toBeNull();
	reader.body(Buffer.from('{"usage":{"input_tokens":"7","output_tokens":-1}}'));
	expect(reader.usage).toBeNull();
});

test("Bedrock's metrics give the usage where no other event did", () => {
	const metrics = {
		inputTokenCount: 3,
		outputTokenCount: 4,
		cacheReadInputTokenCount: 5,
		cacheWriteInputTokenCount: 6,
	};
	const stop = event("message_stop", { type: "message_stop", "amazon-bedrock-invocationMetrics": metrics });
	const reader = new UsageReader();
	reader.event(...stop);
	expect(reader.usage).toMatchObject({ inputTokens: 3, outputTokens: 4, cacheReadTokens: 5, cacheWriteTokens: 6 });
	const reported = new UsageReader();
	reported.event(...event("message_delta", { usage: { input_tokens: 1, output_tokens: 2 } }));
	reported.event(...stop);
	expect(reported.usage).toMatchObject({ inputTokens: 1, outputTokens: 2 });
});

test("a whole answer's usage is its own, wherever it stands and whatever the content looks like", () => {
	const usage = { input_tokens: 10, output_tokens: 2, cache_read_input_tokens: 500 };
	const tool = { type: "tool_use", name: "t", input: { usage: { input_tokens: 999 } } };
	const text = { type: "text", text: 'says "usage":{"input_tokens":999}}' };
	const answers = [
		{ type: "message", content: [text, tool], usage },
		{ usage, content: [text, tool] },
		{ usage, content: [tool], stop_reason: "end_turn" },
		{ usage, input: { usage: { input_tokens: 999 } } },
		{ content: [], usage, diagnostics: { cache_miss_reason: null } },
	];
	for (const answer of answers) {
		for (const body of [JSON.stringify(answer), JSON.stringify(answer, null, 2), `${JSON.stringify(answer)}\n`]) {
			const reader = new UsageReader();
			reader.body(Buffer.from(body));
			expect(reader.usage, body).toMatchObject({ inputTokens: 10, outputTokens: 2, cacheReadTokens: 500 });
		}
	}
});

test("a cut answer reports no usage", () => {
	const whole = JSON.stringify({ content: [], usage: { input_tokens: 10, output_tokens: 2 } });
	for (let length = 0; length < whole.length; length += 1) {
		const reader = new UsageReader();
		reader.body(Buffer.from(whole.slice(0, length)));
		expect(reader.usage, whole.slice(0, length)).toBeNull();
	}
});
