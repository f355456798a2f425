// A whole chat completion → a Messages API answer. Leaves streams to upstream-stream.

import { randomUUID } from "node:crypto";
import { jsonText } from "../json-text.ts";
import { carrierOf, ReasoningDetails, UNSIGNED } from "./carried.ts";
import { asObject, type Draft, type JsonObject, parseLenient } from "./json.ts";
import { failedFinish, messagesError, readOpenaiError, stopReason } from "./reasons.ts";
import type { ToolNames } from "./tool-names.ts";
import { inputOf } from "./upstream-arguments.ts";
import { callsIn, finishOf, firstChoice, messagesIn, saidIn } from "./upstream-parts.ts";
import { NO_USAGE, reportedUsage } from "./usage.ts";

/** Translates one answer. An error body becomes the Messages API's; what is neither comes back unchanged. */
export class ChatAnswer {
	readonly streaming = false;
	#usageUnknown = false;
	readonly #names: ToolNames | null;

	/** `names` are those of the request, for tools that the upstream knows by other ones. */
	constructor(names: ToolNames | null = null) {
		this.#names = names;
	}

	/** The answer had no usage: the counts of zero that were put in mean nothing. */
	get usageUnknown(): boolean {
		return this.#usageUnknown;
	}

	body(answer: Buffer): Buffer {
		const text = answer.toString("utf8");
		const completion = asObject(parseLenient(text));
		const choice = firstChoice(completion);
		const usage = reportedUsage(completion);
		const isUsed = Object.keys(usage).length > 0;
		const error = readOpenaiError(text, null) ?? failedFinish(finishOf(choice));
		if (error !== null) return Buffer.from(jsonText(messagesError(error)));
		// Embeddings and their like: of them only the usage has a form in the Messages API.
		if (completion === null || choice === null) return isUsed ? Buffer.from(jsonText({ usage })) : answer;
		this.#usageUnknown = !isUsed;
		return Buffer.from(jsonText(message(completion, choice, { usage: { ...NO_USAGE, ...usage }, names: this.#names })));
	}
}

function message(
	completion: JsonObject,
	choice: JsonObject,
	{ usage, names }: { readonly usage: JsonObject; readonly names: ToolNames | null },
): Draft {
	const id = messageId(completion["id"]);
	const content = answerBlocks(messagesIn(completion), id, names);
	const calledTools = content.some((block) => block["type"] === "tool_use");
	return {
		id,
		type: "message",
		role: "assistant",
		model: completion["model"] ?? "",
		content,
		stop_reason: stopReason(finishOf(choice), calledTools),
		stop_sequence: null,
		usage,
	};
}

/** The Messages API's ids begin so; clients may rely on it, and take answers of one id for parts of one. */
export function messageId(id: unknown): string {
	const own = typeof id === "string" ? id.replace(/^chatcmpl-/, "").replace(/[^\w-]/g, "_") : "";
	return `msg_${own === "" ? randomUUID().replaceAll("-", "") : own}`;
}

/** Ids of the calls of an answer that has none for them begin so. */
export function callIdPrefix(messageId: string): string {
	return messageId.replace(/^msg/, "toolu");
}

function answerBlocks(said: readonly JsonObject[], id: string, names: ToolNames | null): Draft[] {
	const blocks: Draft[] = [];
	for (const { type, text } of said.flatMap(saidIn)) {
		const last = blocks.at(-1);
		if (last?.["type"] === type) last[type] = `${last[type]}${text}`;
		else if (type === "text") blocks.push({ type, text });
		else blocks.push({ type, thinking: text, signature: UNSIGNED });
	}
	const calls = said.flatMap(callsIn).filter((call) => call.name !== "" || call.args !== "");
	const details = new ReasoningDetails();
	for (const each of said) details.add(each);
	// Only calls are refused without them.
	if (calls.length > 0 && details.carrier !== null) blocks.push(details.carrier);
	const ids = new Set<string>();
	for (const call of calls) {
		let own = call.id === "" ? `${callIdPrefix(id)}_${ids.size}` : call.id;
		if (ids.has(own)) own = `${own}_${ids.size}`;
		ids.add(own);
		const carrier = carrierOf(own, call.extra);
		if (carrier !== null) blocks.push(carrier);
		blocks.push({
			type: "tool_use",
			id: own,
			name: names?.toClient(call.name) ?? call.name,
			input: inputOf(call.args),
		});
	}
	return blocks;
}
