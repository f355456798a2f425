// A whole chat completion → a Messages API answer. Leaves streams to upstream-stream.
import { asList, asObject, type Draft, type JsonObject, member, parseLenient, textOf } from "./json.ts";
import { messagesError, readOpenaiError, stopReason } from "./reasons.ts";
import { UNSIGNED } from "./upstream-request.ts";
import { messagesUsage } from "./usage.ts";

/** Translates an answer. An error body becomes the Messages API's; what is neither comes back unchanged. */
export function messagesAnswer(answer: Buffer): Buffer {
	const text = answer.toString("utf8");
	const completion = asObject(parseLenient(text));
	const choice = asObject(asList(completion?.["choices"])[0]);
	if (completion === null || choice === null) {
		const error = readOpenaiError(text, null);
		if (error !== null) return Buffer.from(JSON.stringify(messagesError(error)));
		// Embeddings and their like: of them only the usage has a form in the Messages API.
		const usage = asObject(completion?.["usage"]);
		return usage === null ? answer : Buffer.from(JSON.stringify({ usage: messagesUsage(usage) }));
	}
	const message = asObject(choice["message"]) ?? { content: choice["text"] };
	const content = answerBlocks(message);
	const calledTools = content.some((block) => block["type"] === "tool_use");
	return Buffer.from(
		JSON.stringify({
			id: messageId(completion["id"]),
			type: "message",
			role: "assistant",
			model: completion["model"],
			content,
			stop_reason: stopReason(textOf(choice, "finish_reason"), calledTools),
			stop_sequence: null,
			usage: messagesUsage(completion["usage"]),
		}),
	);
}

/** `reasoning_content` is DeepSeek's, SGLang's and older vLLM's name, `reasoning` newer vLLM's and OpenRouter's. */
export function reasoningOf(message: unknown): string {
	return textOf(message, "reasoning_content") ?? textOf(message, "reasoning") ?? "";
}

/** The Messages API's ids begin so; clients may rely on it. */
export function messageId(id: unknown): string {
	return `msg_${typeof id === "string" ? id.replace(/^chatcmpl-/, "").replace(/[^\w-]/g, "_") : "unknown"}`;
}

function answerBlocks(message: JsonObject | null): Draft[] {
	const blocks: Draft[] = [];
	const reasoning = reasoningOf(message);
	if (reasoning !== "") blocks.push({ type: "thinking", thinking: reasoning, signature: UNSIGNED });
	const text = textOf(message, "content") ?? textOf(message, "refusal") ?? "";
	if (text !== "") blocks.push({ type: "text", text });
	for (const [at, call] of asList(message?.["tool_calls"]).entries()) {
		const described = member(call, "function");
		const input = parseLenient(textOf(described, "arguments") ?? "");
		blocks.push({
			type: "tool_use",
			id: textOf(call, "id") ?? `toolu_${at}`,
			name: textOf(described, "name") ?? "",
			input: asObject(input) ?? {},
		});
	}
	return blocks;
}
