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

test("a write without a split counts as 5m", () => {
	const reader = new UsageReader();
	reader.body(Buffer.from('{"usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":9}}'));
	expect(reader.usage).toMatchObject({ cacheWriteTokens: 9, cacheWrite5mTokens: 9, cacheWrite1hTokens: 0 });
});

test("broken data, missing usage and odd types leave the usage unknown", () => {
	const reader = new UsageReader();
	reader.event("message_start", Buffer.from("event: message_start\ndata: {oops\n\n"));
	reader.event(...event("message_delta", { usage: null }));
	reader.body(Buffer.from("<html>"));
	expect(reader.usage).toBeNull();
	reader.body(Buffer.from('{"usage":{"input_tokens":"7","output_tokens":-1}}'));
	expect(reader.usage).toMatchObject({ inputTokens: 0, outputTokens: 0 });
});

test("Bedrock's metrics tell the usage where no other event did", () => {
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
	const told = new UsageReader();
	told.event(...event("message_delta", { usage: { input_tokens: 1, output_tokens: 2 } }));
	told.event(...stop);
	expect(told.usage).toMatchObject({ inputTokens: 1, outputTokens: 2 });
});
