// A usage in dollars, part by part, and what it would have cost without a cache. Leaves prices to pricing/prices.
import type { Usage } from "../protocol/usage.ts";
import { type Price, ratesFor } from "./prices.ts";

export type { Usage };

/** One call of those that made an answer. */
export type BilledCall = NonNullable<Usage["billing"]>["iterations"][number];

/** Dollars. */
export interface Cost {
	/** All six parts. */
	readonly total: number;
	/** Prompt tokens that were neither read from nor written to a cache. */
	readonly input: number;
	readonly read: number;
	readonly write5m: number;
	readonly write1h: number;
	readonly output: number;
	/** Tools that the provider ran. */
	readonly tools: number;
	/** What the prompt's tokens cost: input + read + writes. */
	readonly prompt: number;
	/** The same prompt with every token at the input price. */
	readonly promptWithoutCaching: number;
	/** `promptWithoutCaching` + output + tools: the same request had nothing been cached. */
	readonly withoutCaching: number;
}

const PER_MILLION = 1e-6;

/**
 * `costOf(…).total` of the same usage, had `read` of the tokens that were read or written been read, `write1h` been written for an hour, and
 * the rest for five minutes. Makes no object: it is asked for every deployment of every request.
 */
export function totalOf(usage: Usage, price: Price, read: number, write1h: number): number {
	const cached = usage.cacheReadTokens + usage.cacheWriteTokens;
	const rates = ratesFor(price, usage.inputTokens + cached);
	const input = usage.inputTokens * rates.input * PER_MILLION;
	const reads = read * rates.read * PER_MILLION;
	const writes5m = (cached - read - write1h) * rates.write5m * PER_MILLION;
	const writes1h = write1h * rates.write1h * PER_MILLION;
	return input + reads + writes5m + writes1h + usage.outputTokens * rates.output * PER_MILLION;
}

/**
 * What a request cost: each kind of token at its own rate, the tier chosen by the whole prompt (prices-and-minimums §1,
 * routing-model §3; what `inputTokens` leaves out: prompt-caching R10). Writes the
 * provider did not split by lifetime count as 5-minute ones, which is its default.
 */
export function costOf(usage: Usage, price: Price): Cost {
	const write1hTokens = usage.cacheWrite1hTokens;
	const write5mTokens = Math.max(usage.cacheWrite5mTokens, usage.cacheWriteTokens - write1hTokens);
	const promptTokens = usage.inputTokens + usage.cacheReadTokens + write5mTokens + write1hTokens;
	const rates = ratesFor(price, promptTokens);
	const input = usage.inputTokens * rates.input * PER_MILLION;
	const read = usage.cacheReadTokens * rates.read * PER_MILLION;
	const write5m = write5mTokens * rates.write5m * PER_MILLION;
	const write1h = write1hTokens * rates.write1h * PER_MILLION;
	const output = usage.outputTokens * rates.output * PER_MILLION;
	const prompt = input + read + write5m + write1h;
	const promptWithoutCaching = promptTokens * rates.input * PER_MILLION;
	return {
		total: prompt + output,
		input,
		read,
		write5m,
		write1h,
		output,
		tools: 0,
		prompt,
		promptWithoutCaching,
		withoutCaching: promptWithoutCaching + output,
	};
}

/** Nothing, to add to. */
export const NO_COST: Cost = {
	total: 0,
	input: 0,
	read: 0,
	write5m: 0,
	write1h: 0,
	output: 0,
	tools: 0,
	prompt: 0,
	promptWithoutCaching: 0,
	withoutCaching: 0,
};

/** Two costs as one. */
export function sumOf(one: Cost, other: Cost): Cost {
	return {
		total: one.total + other.total,
		input: one.input + other.input,
		read: one.read + other.read,
		write5m: one.write5m + other.write5m,
		write1h: one.write1h + other.write1h,
		output: one.output + other.output,
		tools: one.tools + other.tools,
		prompt: one.prompt + other.prompt,
		promptWithoutCaching: one.promptWithoutCaching + other.promptWithoutCaching,
		withoutCaching: one.withoutCaching + other.withoutCaching,
	};
}

/** The same with tools for so many dollars. */
export function withTools(cost: Cost, dollars: number): Cost {
	if (dollars === 0) return cost;
	return {
		...cost,
		total: cost.total + dollars,
		tools: cost.tools + dollars,
		withoutCaching: cost.withoutCaching + dollars,
	};
}
