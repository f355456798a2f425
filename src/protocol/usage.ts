// Token counts out of the provider's answers, streamed or whole. Leaves prices to pricing and beliefs about caches to routing.

import { AnswerEvent } from "./answer-event.ts";
import { type Billing, billingOf, type TokenCounts } from "./billing.ts";
import { sseData } from "./sse.ts";

/** What a provider reported of an answer. */
export interface Usage extends TokenCounts {
	/** `diagnostics.cache_miss_reason.type`, where the client asked for a diagnosis and there is one (prompt-caching R14). */
	cacheMissReason?: string;
	/** What of the bill these counts do not say; absent = the answer said nothing about it. */
	billing?: Billing;
}

/** Reads usage from the events of one streamed answer. Counts are cumulative: the last one seen holds (providers §3). */
export class UsageReader {
	#usage: Usage | null = null;
	/** Something of the answer's content has passed. */
	#hasContent = false;

	/** null until an event with usage has passed. */
	get usage(): Usage | null {
		return this.#usage;
	}

	/**
	 * Give it every whole event; only `message_start` and `message_delta` are looked into, and where they said nothing Bedrock's metrics in
	 * `message_stop` (providers §4). Malformed data is passed over.
	 */
	event(name: string, event: Buffer): void {
		if (name === "content_block_start") this.#hasContent = true;
		else if (READ.has(name)) this.read(AnswerEvent.read(name, sseData(event)));
	}

	/** The same for an event that is read already. */
	read(event: AnswerEvent, name = event.name): void {
		if (name === "content_block_start") this.#hasContent = true;
		if (name === "message_stop" && this.#usage === null) this.#usage = metricsOf(event.data);
		if (name !== "message_start" && name !== "message_delta") return;
		const message = name === "message_start" ? field(event.data, "message") : event.data;
		const isDeclined = !this.#hasContent && isRefusal(field(message, "delta"));
		this.#usage = diagnosed(merge(this.#usage, reportedAfter(this.#usage, message), isDeclined), message);
	}

	/** Reads a whole JSON answer. Anything that is not one leaves the usage as it was. */
	body(bytes: Buffer): void {
		const last = lastUsage(bytes);
		if (last !== undefined) {
			this.#usage = merge(this.#usage, last);
			return;
		}
		const message = parseLenient(bytes.toString("utf8"));
		const content = field(message, "content");
		const isDeclined = isRefusal(message) && Array.isArray(content) && content.length === 0;
		this.#usage = diagnosed(merge(this.#usage, field(message, "usage"), isDeclined), message);
	}
}

/** Events that may report usage. */
const READ: ReadonlySet<string> = new Set(["message_start", "message_delta", "message_stop"]);
const USAGE_MEMBER = Buffer.from('"usage":');
const DIAGNOSTICS_MEMBER = Buffer.from('"diagnostics"');
const REFUSAL = Buffer.from('"refusal"');
const WHITE_SPACE = 0x20;
const CLOSE_OBJECT = 0x7d;

/**
 * The answer's usage where that is its last member, as the Messages API writes it: the text before it need not be parsed then. No string
 * holds an unescaped `"usage":`, and what is an object up to the brace that closes the answer is a member of the answer. Undefined where
 * the whole must be looked through.
 */
function lastUsage(bytes: Buffer): unknown {
	let end = bytes.length;
	while (end > 0 && (bytes[end - 1] as number) <= WHITE_SPACE) end -= 1;
	const at = bytes.lastIndexOf(USAGE_MEMBER);
	if (at === -1 || bytes[end - 1] !== CLOSE_OBJECT) return undefined;
	if (bytes.includes(DIAGNOSTICS_MEMBER) || bytes.includes(REFUSAL)) return undefined;
	return parseLenient(bytes.toString("utf8", at + USAGE_MEMBER.length, end - 1));
}

/**
 * What an event reports. Servers that reported the prompt's counts at the start leave them out at the end, or write zeros there: a prompt is
 * never empty.
 */
function reportedAfter(before: Usage | null, message: unknown): unknown {
	const usage = field(message, "usage") ?? field(field(message, "delta"), "usage");
	if (before === null || before.inputTokens + before.cacheReadTokens + before.cacheWriteTokens === 0) return usage;
	const sent = PROMPT_COUNTS.map((name) => count(usage, name));
	if (sent[0] === null || sent.some((each) => each !== null && each > 0)) return usage;
	const others = Object.entries(usage as object).filter(([name]) => !PROMPT_MEMBERS.has(name));
	return Object.fromEntries(others);
}

const PROMPT_COUNTS = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
const PROMPT_MEMBERS: ReadonlySet<string> = new Set([...PROMPT_COUNTS, "cache_creation"]);
const COUNTS = [...PROMPT_COUNTS, "output_tokens"];

/** Usage from `amazon-bedrock-invocationMetrics`; null where there are none. */
function metricsOf(data: unknown): Usage | null {
	const metrics = field(data, "amazon-bedrock-invocationMetrics");
	const input = count(metrics, "inputTokenCount");
	if (input === null) return null;
	return merge(null, {
		input_tokens: input,
		output_tokens: count(metrics, "outputTokenCount") ?? 0,
		cache_read_input_tokens: count(metrics, "cacheReadInputTokenCount") ?? 0,
		cache_creation_input_tokens: count(metrics, "cacheWriteInputTokenCount") ?? 0,
	});
}

function isRefusal(message: unknown): boolean {
	return field(message, "stop_reason") === "refusal";
}

function merge(before: Usage | null, reported: unknown, isDeclined = false): Usage | null {
	if (typeof reported !== "object" || reported === null) return before;
	const counts = before === null ? countsOf(reported) : mergedCounts(before, reported);
	if (counts === null) return null;
	const billing = billingOf(before?.billing, reported, { counts: countsOf, isDeclined });
	return billing === undefined ? counts : { ...counts, billing };
}

/** Of an answer, or of one call of several; null where it reports none. */
function countsOf(reported: unknown): TokenCounts | null {
	if (typeof reported !== "object" || reported === null) return null;
	return COUNTS.some((name) => count(reported, name) !== null) ? mergedCounts(null, reported) : null;
}

function mergedCounts(before: Usage | null, reported: object): Usage {
	const previous: Usage = before ?? {
		inputTokens: 0,
		outputTokens: 0,
		cacheReadTokens: 0,
		cacheWriteTokens: 0,
		cacheWrite5mTokens: 0,
		cacheWrite1hTokens: 0,
	};
	const split = field(reported, "cache_creation");
	const split1h = count(split, "ephemeral_1h_input_tokens");
	const split5m = count(split, "ephemeral_5m_input_tokens");
	const splitSum = split1h === null && split5m === null ? null : (split1h ?? 0) + (split5m ?? 0);
	const write = count(reported, "cache_creation_input_tokens") ?? splitSum ?? previous.cacheWriteTokens;
	// An answer that fell back to another model may report the first one's split beside the last one's total.
	const write1h = Math.min(split1h ?? previous.cacheWrite1hTokens, write);
	return {
		inputTokens: count(reported, "input_tokens") ?? previous.inputTokens,
		outputTokens: count(reported, "output_tokens") ?? previous.outputTokens,
		cacheReadTokens: count(reported, "cache_read_input_tokens") ?? previous.cacheReadTokens,
		cacheWriteTokens: write,
		cacheWrite5mTokens: Math.min(split5m ?? write, write - write1h),
		cacheWrite1hTokens: write1h,
		...(previous.cacheMissReason === undefined ? {} : { cacheMissReason: previous.cacheMissReason }),
	};
}

function diagnosed(usage: Usage | null, message: unknown): Usage | null {
	const reason = field(field(field(message, "diagnostics"), "cache_miss_reason"), "type");
	return usage === null || typeof reason !== "string" ? usage : { ...usage, cacheMissReason: reason.slice(0, 64) };
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
