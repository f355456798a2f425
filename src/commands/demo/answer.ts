// Reads one streamed answer the way a client does: content blocks, usage, and the gateway's headers. For the demo only.
import type { AnswerBlock } from "../../simulator/agent.ts";
import type { TurnUsage } from "./ledger.ts";

export interface Answer {
	readonly content: readonly AnswerBlock[];
	readonly usage: TurnUsage;
	/** When the first event came, ms since epoch. */
	readonly beganAt: number;
	readonly deployment: string;
	readonly affinity: string;
	readonly reason: string;
}

interface OpenBlock {
	readonly block: Record<string, unknown>;
	json: string;
}

/** The whole answer. Throws when it is an error or ends early. */
export async function readAnswer(response: Response): Promise<Answer> {
	if (!response.ok || response.body === null) throw new Error(`the gateway answered ${response.status}`);
	const blocks: OpenBlock[] = [];
	let usage: TurnUsage = { read: 0, write: 0, uncached: 0 };
	let beganAt = 0;
	let complete = false;
	for await (const data of events(response.body)) {
		if (beganAt === 0) beganAt = Date.now();
		const event = JSON.parse(data) as Record<string, unknown>;
		if (event["type"] === "message_start") usage = usageOf(event["message"]);
		else if (event["type"] === "message_stop") complete = true;
		else if (event["type"] === "error") throw new Error("the answer broke off");
		else collect(blocks, event);
	}
	if (!complete) throw new Error("the answer ended early");
	return {
		content: blocks.map(finished),
		usage,
		beganAt,
		deployment: response.headers.get("x-litellm-model-id") ?? "?",
		affinity: response.headers.get("x-warmpath-affinity") ?? "?",
		reason: response.headers.get("x-warmpath-reason") ?? "?",
	};
}

async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
	const decoder = new TextDecoder();
	let text = "";
	for await (const chunk of body) {
		text += decoder.decode(chunk, { stream: true });
		for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
			const data = /^data: ?(.*)$/m.exec(text.slice(0, end))?.[1];
			text = text.slice(end + 2);
			if (data !== undefined) yield data;
		}
	}
}

function collect(blocks: OpenBlock[], event: Record<string, unknown>): void {
	const index = Number(event["index"]);
	if (event["type"] === "content_block_start") {
		blocks[index] = { block: { ...(event["content_block"] as Record<string, unknown>) }, json: "" };
		return;
	}
	const open = blocks[index];
	if (event["type"] !== "content_block_delta" || open === undefined) return;
	const delta = event["delta"] as Record<string, unknown>;
	for (const field of ["text", "thinking", "signature"]) {
		if (typeof delta[field] === "string") open.block[field] = `${open.block[field] ?? ""}${delta[field]}`;
	}
	if (typeof delta["partial_json"] === "string") open.json += delta["partial_json"];
}

function finished({ block, json }: OpenBlock): AnswerBlock {
	const input = json === "" ? {} : { input: JSON.parse(json) as unknown };
	return { ...block, type: String(block["type"]), ...input };
}

function usageOf(message: unknown): TurnUsage {
	const usage = (message as { readonly usage?: Record<string, number> }).usage ?? {};
	return {
		read: usage["cache_read_input_tokens"] ?? 0,
		write: usage["cache_creation_input_tokens"] ?? 0,
		uncached: usage["input_tokens"] ?? 0,
	};
}
