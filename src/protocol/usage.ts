// Token counts out of the provider's answers, streamed or whole. Leaves prices to pricing and beliefs about caches to routing.
import { sseData } from "./sse.ts";

/**
 * What a provider reported, in tokens. `inputTokens` counts only what came after the last breakpoint; the whole prompt is
 * input + read + write (caching-semantics R10).
 */
export interface Usage {
	inputTokens: number;
	outputTokens: number;
	cacheReadTokens: number;
	/** 5m and 1h writes together. */
	cacheWriteTokens: number;
	cacheWrite5mTokens: number;
	cacheWrite1hTokens: number;
}

/** Reads usage from the events of one streamed answer. Counts are cumulative: the last one seen holds (caching-semantics §9). */
export class UsageReader {
	#usage: Usage | null = null;

	/** null until an event with usage has passed. */
	get usage(): Usage | null {
		return this.#usage;
	}

	/** Give it every whole event; only `message_start` and `message_delta` are looked into. Malformed data is passed over. */
	event(name: string, event: Buffer): void {
		if (name !== "message_start" && name !== "message_delta") return;
		const data = parseLenient(sseData(event));
		const usage = name === "message_start" ? field(field(data, "message"), "usage") : field(data, "usage");
		this.#usage = merge(this.#usage, usage);
	}

	/** Reads a whole JSON answer. Anything that is not one leaves the usage as it was. */
	body(bytes: Buffer): void {
		this.#usage = merge(this.#usage, field(parseLenient(bytes.toString("utf8")), "usage"));
	}
}

function merge(before: Usage | null, reported: unknown): Usage | null {
	if (typeof reported !== "object" || reported === null) return before;
	const previous = before ?? {
		inputTokens: 0,
		outputTokens: 0,
		cacheReadTokens: 0,
		cacheWriteTokens: 0,
		cacheWrite5mTokens: 0,
		cacheWrite1hTokens: 0,
	};
	const split = field(reported, "cache_creation");
	const write = count(reported, "cache_creation_input_tokens") ?? previous.cacheWriteTokens;
	const write1h = count(split, "ephemeral_1h_input_tokens") ?? Math.min(previous.cacheWrite1hTokens, write);
	return {
		inputTokens: count(reported, "input_tokens") ?? previous.inputTokens,
		outputTokens: count(reported, "output_tokens") ?? previous.outputTokens,
		cacheReadTokens: count(reported, "cache_read_input_tokens") ?? previous.cacheReadTokens,
		cacheWriteTokens: write,
		cacheWrite5mTokens: count(split, "ephemeral_5m_input_tokens") ?? write - write1h,
		cacheWrite1hTokens: write1h,
	};
}

function field(value: unknown, name: string): unknown {
	return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function count(value: unknown, name: string): number | null {
	const found = field(value, name);
	return typeof found === "number" && Number.isFinite(found) && found >= 0 ? found : null;
}

function parseLenient(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
