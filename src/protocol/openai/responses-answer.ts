// A whole Messages API answer → a response of the Responses API, and the objects that its stream is made of too. Leaves events to
// responses-stream.
import { jsonText } from "../json-text.ts";
import { ANSWER_TOOL } from "./chat-tools.ts";
import { asList, asObject, type Draft, type JsonObject, textOf } from "./json.ts";
import { sealReasoning } from "./responses-request.ts";
import { responsesUsage } from "./usage.ts";

export interface ResponseAbout {
	/** Seconds since epoch, for `created_at`. */
	readonly created: number;
	/** The request asked for JSON by `ANSWER_TOOL`. */
	readonly answerTool: boolean;
	/** What the request said of these, given back as the API does. */
	readonly request: JsonObject;
}

/** Members of every response object; `status` and `output` come with them. */
export function responseObject(
	message: JsonObject | null,
	about: ResponseAbout,
	state: {
		readonly status: string;
		readonly output: readonly Draft[];
		readonly usage: unknown;
		readonly reason?: string | null;
	},
): Draft {
	const { request, created } = about;
	const { status, output, usage, reason } = state;
	return {
		id: `resp_${textOf(message, "id") ?? ""}`,
		object: "response",
		created_at: created,
		status,
		error: null,
		incomplete_details: status === "incomplete" ? { reason: reason ?? "max_output_tokens" } : null,
		instructions: request["instructions"] ?? null,
		max_output_tokens: request["max_output_tokens"] ?? null,
		model: message?.["model"] ?? request["model"],
		output,
		parallel_tool_calls: request["parallel_tool_calls"] ?? true,
		previous_response_id: null,
		reasoning: { effort: textOf(request["reasoning"], "effort"), summary: null },
		store: false,
		temperature: request["temperature"] ?? null,
		text: request["text"] ?? { format: { type: "text" } },
		tool_choice: request["tool_choice"] ?? "auto",
		tools: request["tools"] ?? [],
		top_p: request["top_p"] ?? null,
		truncation: "disabled",
		usage: usage === null ? null : responsesUsage(usage),
		metadata: request["metadata"] ?? {},
	};
}

/** How a response ended: `[status, reason]`. */
export function responseEnd(stopReason: string | null): readonly [string, string | null] {
	if (stopReason === "max_tokens" || stopReason === "model_context_window_exceeded") {
		return ["incomplete", "max_output_tokens"];
	}
	return stopReason === "refusal" ? ["incomplete", "content_filter"] : ["completed", null];
}

/** The text part of a message item. */
export function textPart(text: string): Draft {
	return { type: "output_text", text, annotations: [], logprobs: [] };
}

export function messageItem(id: string, text: string): Draft {
	return { id, type: "message", status: "completed", role: "assistant", content: [textPart(text)] };
}

export function callItem(
	id: string,
	call: { readonly callId: unknown; readonly name: unknown; readonly args: string },
): Draft {
	return {
		id,
		type: "function_call",
		status: "completed",
		call_id: call.callId,
		name: call.name,
		arguments: call.args,
	};
}

/** Thinking as a reasoning item: its text as the summary, its signature sealed. */
export function reasoningItem(id: string, block: JsonObject): Draft {
	const text = textOf(block, "thinking") ?? "";
	const summary = text === "" ? [] : [{ type: "summary_text", text }];
	return { id, type: "reasoning", summary, encrypted_content: sealReasoning([block]) };
}

/** Translates a Messages answer. What is no such answer comes back unchanged. */
export function responseOf(answer: Buffer, message: JsonObject | null, about: ResponseAbout): Buffer {
	if (message === null || message["type"] !== "message") return answer;
	const key = textOf(message, "id") ?? "";
	const output = asList(message["content"]).flatMap((value, at): Draft[] => {
		const block = asObject(value);
		const id = `${key}_${at}`;
		switch (block?.["type"]) {
			case "text":
				return [messageItem(`msg_${id}`, textOf(block, "text") ?? "")];
			case "thinking":
			case "redacted_thinking":
				return [reasoningItem(`rs_${id}`, block)];
			case "tool_use": {
				const args = jsonText(block["input"] ?? {});
				if (about.answerTool && block["name"] === ANSWER_TOOL) return [messageItem(`msg_${id}`, args)];
				return [callItem(`fc_${id}`, { callId: block["id"], name: block["name"], args })];
			}
			default:
				return [];
		}
	});
	const [status, reason] = responseEnd(textOf(message, "stop_reason"));
	return Buffer.from(jsonText(responseObject(message, about, { status, output, usage: message["usage"], reason })));
}
