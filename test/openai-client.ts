// The official OpenAI SDK pointed at a gateway, and its streams put together as its users do it. Leaves what is asked to the tests.
import OpenAI from "openai";
import { MASTER_KEY } from "./harness.ts";

/** A client that repeats no failed request by itself. */
export function openaiClient(url: string, apiKey: string = MASTER_KEY): OpenAI {
	return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
}

interface CollectedCall {
	readonly id: string;
	readonly name: string;
	args: string;
}

/** All of a stream's chunks, and what they come to. */
export async function collect(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
	const chunks: OpenAI.ChatCompletionChunk[] = [];
	for await (const chunk of stream) chunks.push(chunk);
	const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta));
	const calls: CollectedCall[] = [];
	for (const call of deltas.flatMap((delta) => delta.tool_calls ?? [])) {
		calls[call.index] ??= { id: call.id ?? "", name: call.function?.name ?? "", args: "" };
		const known = calls[call.index];
		if (known !== undefined) known.args += call.function?.arguments ?? "";
	}
	return {
		chunks,
		text: deltas.map((delta) => delta.content ?? "").join(""),
		calls,
		finish: chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.finish_reason)).filter(Boolean),
		usage: chunks.at(-1)?.usage,
	};
}
