// What a request is expected to take before it is sent, in tokens and dollars, and what it took. Leaves prices to pricing and whose
// budget it is to proxy/admission/admission.

import type { KeySettings, ModelGroup } from "../../config/schema.ts";
import { type Price, ratesFor } from "../../pricing/prices.ts";
import type { Outline } from "../../prompt/outline.ts";
import { priceOfDeployment } from "../../routing/bill.ts";
import type { Exchange } from "../exchange.ts";
import { spendingOf } from "../record/spending.ts";
import type { Caller } from "./authenticate.ts";

/** The group that a model stands for; null = not configured. */
type Resolved = { readonly group: ModelGroup; readonly wildcard: string | null } | null;

/** What one request is expected to take. */
export interface Expected {
	/** Those that count against limits of tokens a minute. */
	readonly tokens: number;
	readonly tokenType: TokenType;
	/** null = a deployment that may serve it has no known price. 0 = somebody else pays: the client brought its own credential. */
	readonly dollars: number | null;
	/** Of them, those for the prompt. */
	readonly promptDollars: number | null;
	readonly promptTokens: number;
	/** Whose later requests this one teaches something. */
	readonly group: string;
	/** The client's own credential pays. */
	readonly own: boolean;
}

/** Which of a request's tokens are counted (`token_rate_limit_type`). */
type TokenType = KeySettings["tokenType"];

/** What it took. */
interface Charge {
	/** null = nobody knows. */
	readonly tokens: number | null;
	/** What the ledger says. */
	readonly dollars: number | null;
	/** Where `dollars` is null: what budgets are charged all the same, for else whoever made the cost unknown would spend without end. */
	readonly atLeast: number;
}

export interface Charges {
	expect(about: {
		readonly caller: Caller;
		readonly outline: Outline;
		readonly resolved: Resolved;
		readonly tokenType: TokenType;
		readonly now: number;
	}): Expected;
	/** Never throws. Learns what requests of the group take. */
	settle(exchange: Exchange, expected: Expected): Charge;
}

const NOTHING: Charge = { tokens: 0, dollars: 0, atLeast: 0 };
/** English and code, before anything is known. */
const BYTES_PER_TOKEN = 3.5;
/** An answer's tokens before any was seen. */
const FIRST_OUTPUT = 1000;
/** Share of the newest answer in what is expected of the next. */
const LEARNING_RATE = 0.1;

interface Learned {
	/** Dollars of a prompt over what it would cost without a cache: below 1 where it is read, 1.25 where it is written. */
	promptFactor: number;
	output: number;
}

/** Knows nothing yet. */
export function createCharges(): Charges {
	const learned = new Map<string, Learned>();

	function learnedOf(group: string): Learned {
		let known = learned.get(group);
		if (known === undefined) {
			known = { promptFactor: 1.25, output: FIRST_OUTPUT };
			learned.set(group, known);
		}
		return known;
	}

	return {
		expect({ caller, outline, resolved, tokenType, now }) {
			const group = resolved?.group.name ?? "";
			const { promptFactor, output } = learnedOf(group);
			const promptTokens = promptTokensOf(outline);
			const outputTokens = Math.min(outline.maxTokens ?? output, output);
			const tokens = counted(tokenType, promptTokens, outputTokens);
			if (caller.credential !== null)
				return { tokens, tokenType, dollars: 0, promptDollars: 0, promptTokens, group, own: true };
			const prices = pricesOf(resolved, outline, now);
			const dollars = prices.map((price) => {
				if (price === null) return null;
				const rates = ratesFor(price, promptTokens);
				const prompt = (promptTokens * rates.input * promptFactor) / 1e6;
				return { prompt, all: prompt + (outputTokens * rates.output) / 1e6 };
			});
			const known = dollars.filter((each) => each !== null);
			const dearest = (amounts: readonly number[]) =>
				known.length < dollars.length || known.length === 0 ? null : Math.max(...amounts);
			return {
				tokens,
				tokenType,
				dollars: dearest(known.map(({ all }) => all)),
				promptDollars: dearest(known.map(({ prompt }) => prompt)),
				promptTokens,
				group,
				own: false,
			};
		},
		settle(exchange, expected) {
			const last = exchange.attempts.at(-1);
			const { outline } = exchange;
			const { usage, bill, estimated } = spendingOf(exchange);
			if (usage === null || last === undefined || outline === null) {
				// Cut off after it had begun, before any usage was reported: the provider bills it all the same.
				const begun =
					last !== undefined && (last.outcome === "broke" || exchange.firstByteAt !== null) && !isRefusal(last.status);
				// An answer in one piece is made out of sight: whoever leaves just before it comes would have it made for nothing.
				const unseen = last?.outcome === "aborted" && outline?.stream === false;
				if (begun || unseen) return unknownCharge(null, expected.dollars);
				// Left before the stream began: the prompt was on its way, and whoever always leaves then must not read for nothing.
				const sent = last?.outcome === "aborted" && !isRefusal(last.status);
				return sent ? unknownCharge(null, expected.promptDollars) : NOTHING;
			}
			const promptTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
			const tokens = counted(expected.tokenType, promptTokens, usage.outputTokens);
			if (expected.own) return { tokens, dollars: 0, atLeast: 0 };
			const cost = bill?.cost ?? null;
			if (cost === null) return unknownCharge(tokens, bill?.least ?? expected.dollars);
			if (estimated.length > 0) return { tokens, dollars: cost.total, atLeast: cost.total };
			const known = learnedOf(expected.group);
			known.output += (usage.outputTokens - known.output) * LEARNING_RATE;
			if (cost.promptWithoutCaching > 0) {
				known.promptFactor += (cost.prompt / cost.promptWithoutCaching - known.promptFactor) * LEARNING_RATE;
			}
			return { tokens, dollars: cost.total, atLeast: cost.total };
		},
	};
}

function unknownCharge(tokens: number | null, atLeast: number | null): Charge {
	return { tokens, dollars: null, atLeast: atLeast ?? 0 };
}

function counted(type: TokenType, input: number, output: number): number {
	switch (type) {
		case "input":
			return input;
		case "output":
			return output;
		case "total":
			return input + output;
	}
}

function isRefusal(status: number | null): boolean {
	return status !== null && status >= 400;
}

/** One price for each deployment of the group; none where the model is not known. */
function pricesOf(resolved: Resolved, outline: Outline, now: number): readonly (Price | null)[] {
	if (resolved === null) return [];
	const { group, wildcard } = resolved;
	return group.deployments.map((config) => priceOfDeployment(config, { wildcard, variant: outline.variant, now }));
}

function promptTokensOf({ chain }: Outline): number {
	return Math.ceil((chain.bytes[chain.count - 1] ?? 0) / BYTES_PER_TOKEN);
}
