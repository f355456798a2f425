// A whole answer of the Messages API → the events of its stream, and back, for servers that answer otherwise than they were asked. Leaves
// odd streams to messages-repair, which comes first.
import { AnswerEvent } from "./answer-event.ts";
import { jsonText } from "./json-text.ts";
import { asList, asObject, type Draft, type JsonObject, parseLenient, textOf } from "./openai/json.ts";

/** What of a block's content comes in deltas: its member, the delta's type and the delta's member. Other blocks come whole with their start. */
const PIECES: Readonly<Record<string, readonly (readonly [member: string, type: string, piece: string])[]>> = {
	text: [["text", "text_delta", "text"]],
	thinking: [
		["thinking", "thinking_delta", "thinking"],
		["signature", "signature_delta", "signature"],
	],
};
const CALLS: ReadonlySet<string> = new Set(["tool_use", "server_tool_use", "mcp_tool_use"]);

/** The events of an answer; of what is no answer, one `error` event. */
export function messageEvents(answer: JsonObject | null): readonly AnswerEvent[] {
	if (answer === null || answer["type"] === "error" || !Array.isArray(answer["content"])) {
		const error = asObject(answer?.["error"]) ?? {
			type: "api_error",
			message: "The upstream's answer was no message.",
		};
		return [AnswerEvent.of("error", { ...(answer?.["type"] === "error" ? answer : {}), error })];
	}
	const { usage = null } = answer;
	const opening = { ...answer, content: [], stop_reason: null, stop_sequence: null };
	const delta = { stop_reason: answer["stop_reason"] ?? null, stop_sequence: answer["stop_sequence"] ?? null };
	return [
		AnswerEvent.of("message_start", { message: opening }),
		...answer["content"].flatMap((block, index) => blockEvents(index, asObject(block) ?? {})),
		AnswerEvent.of("message_delta", { delta, usage }),
		AnswerEvent.of("message_stop", {}),
	];
}

function blockEvents(index: number, block: JsonObject): AnswerEvent[] {
	const type = textOf(block, "type") ?? "";
	const deltas: Draft[] = [];
	let empty: Draft = block;
	for (const [member, name, piece] of Object.hasOwn(PIECES, type) ? (PIECES[type] ?? []) : []) {
		empty = { ...empty, [member]: "" };
		const value = textOf(block, member) ?? "";
		if (value !== "") deltas.push({ type: name, [piece]: value });
	}
	for (const citation of asList(block["citations"])) deltas.push({ type: "citations_delta", citation });
	if (deltas.length > 0 && Array.isArray(block["citations"])) empty = { ...empty, citations: [] };
	if (CALLS.has(type)) {
		empty = { ...block, input: {} };
		deltas.push({ type: "input_json_delta", partial_json: jsonText(block["input"] ?? {}) });
	}
	return [
		AnswerEvent.of("content_block_start", { index, content_block: empty }),
		...deltas.map((delta) => AnswerEvent.of("content_block_delta", { index, delta })),
		AnswerEvent.of("content_block_stop", { index }),
	];
}

/** Where each delta's content goes in its block. */
const TEXTS: Readonly<Record<string, readonly [member: string, piece: string]>> = {
	text_delta: ["text", "text"],
	thinking_delta: ["thinking", "thinking"],
	signature_delta: ["signature", "signature"],
};

/** Puts an answer together from the events of its stream, in order. */
export class MessageAssembler {
	#message: Draft | null = null;
	readonly #blocks = new Map<number, Draft>();
	/** JSON text of calls. */
	readonly #inputs = new Map<number, string[]>();
	#error: JsonObject | null = null;

	event({ name, data }: AnswerEvent): void {
		const index = data?.["index"];
		const block = typeof index === "number" ? this.#blocks.get(index) : undefined;
		switch (name) {
			case "message_start":
				this.#message = { ...asObject(data?.["message"]) };
				break;
			case "content_block_start":
				if (typeof index === "number") this.#blocks.set(index, { ...asObject(data?.["content_block"]) });
				break;
			case "content_block_delta":
				if (block !== undefined) this.#delta(index as number, block, asObject(data?.["delta"]) ?? {});
				break;
			case "message_delta":
				Object.assign(this.#message ?? {}, data?.["delta"]);
				if (this.#message !== null)
					this.#message["usage"] = { ...asObject(this.#message["usage"]), ...asObject(data?.["usage"]) };
				break;
			case "error":
				this.#error = asObject(data?.["error"]) ?? {};
				break;
		}
	}

	/** What the stream reported instead of an answer; null = nothing. */
	get error(): { readonly type: string; readonly message: string } | null {
		const error = this.#error;
		if (error === null) return null;
		return { type: textOf(error, "type") ?? "api_error", message: textOf(error, "message") ?? "" };
	}

	/** The answer, as the API gives it whole. */
	answer(): Buffer {
		const content = [...this.#blocks].map(([index, block]) => {
			const input = this.#inputs.get(index);
			return input === undefined ? block : { ...block, input: asObject(parseLenient(input.join("") || "{}")) ?? {} };
		});
		return Buffer.from(jsonText({ ...this.#message, content }));
	}

	#delta(index: number, block: Draft, delta: JsonObject): void {
		const type = textOf(delta, "type") ?? "";
		if (type === "input_json_delta") {
			const pieces = this.#inputs.get(index) ?? [];
			pieces.push(textOf(delta, "partial_json") ?? "");
			this.#inputs.set(index, pieces);
		} else if (type === "citations_delta") block["citations"] = [...asList(block["citations"]), delta["citation"]];
		else if (Object.hasOwn(TEXTS, type)) {
			const [member, piece] = TEXTS[type] ?? ["", ""];
			block[member] = (textOf(block, member) ?? "") + (textOf(delta, piece) ?? "");
		}
	}
}
