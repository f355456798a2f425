// The request log as those see it who fill it: a finished request goes in, and is kept. Leaves translating an exchange to proxy/record and
// writing to db/writer.
import type { Miss, Turn } from "../cache/miss.ts";
import { type SummedChain, summarise } from "../cache/summary.ts";
import type { Details } from "./details.ts";
import { storableText } from "./packing.ts";
import type { RequestRow } from "./tables.ts";
import type { TurnMemory } from "./turns.ts";
import type { LogWriter } from "./writer.ts";

export type { Miss };

/**
 * A request that has come to its end, in whatever way. Made for one call and given away: the log fills in what it alone knows, which
 * costs less than copying objects of fifty fields once a request.
 */
export interface FinishedRequest {
	/** The log sets `miss`, and cuts what is too long; `details` are those beside it. */
	readonly row: Mutable<RequestRow>;
	/** The log sets `miss` and `turn`. */
	readonly details: Mutable<Details>;
	/** Null where it marked nothing for caching, or no usage was reported. */
	readonly turn: ServedTurn | null;
	/** Where bodies are stored at all. */
	readonly bodies: { readonly request: string | null; readonly response: string | null } | null;
}

type Mutable<Fields> = { -readonly [Field in keyof Fields]: Fields[Field] };

/** A turn with its prompt, not summed up yet. */
export interface ServedTurn {
	readonly about: Omit<Turn, "summary">;
	readonly chain: SummedChain;
	readonly breakpoints: readonly { readonly block: number; readonly ttl: "5m" | "1h" }[];
}

/** A request that is over and is still to be told of. `failed` must not throw. */
export interface Finishing {
	/** What there is to record. */
	finish(): FinishedRequest;
	/** It is recorded: why it missed, for the process log. */
	told(miss: Miss | null): void;
	/** It could not be. */
	failed(error: unknown): void;
}

export interface RequestLog {
	/** Records it, with others and within RECORDED_WITHIN_MS: in a row they take half of what they take between requests. Never throws. */
	record(request: Finishing): void;
	/** Records now what waits. */
	drain(): void;
}

const RECORDED_TOGETHER = 16;
const RECORDED_WITHIN_MS = 20;

/** Longest text of a column; ids of clients are shorter. */
const MOST_TEXT = 512;

export function createRequestLog(writer: Pick<LogWriter, "push">, turns: TurnMemory): RequestLog {
	let waiting: Finishing[] = [];
	let timer: NodeJS.Timeout | null = null;

	function drain(): void {
		if (timer !== null) clearTimeout(timer);
		timer = null;
		const requests = waiting;
		waiting = [];
		for (const request of requests) {
			try {
				request.told(write(request.finish()));
			} catch (error) {
				request.failed(error);
			}
		}
	}

	function write({ row, details, turn: served, bodies }: FinishedRequest): Miss | null {
		clean(row);
		const turn = served === null ? null : turnOf(served);
		const conversation = conversationOf(row);
		const miss = turn === null || conversation === null ? null : turns.next(conversation, turn);
		details.turn = turn;
		if (miss !== null) {
			details.miss = { detail: miss.detail, tokens: miss.tokens };
			row.miss = miss.reason;
		}
		writer.push({ row, details, body: bodies });
		return miss;
	}

	return {
		record(request) {
			const count = waiting.push(request);
			if (count >= RECORDED_TOGETHER) drain();
			else timer ??= setTimeout(drain, RECORDED_WITHIN_MS).unref();
		},
		drain,
	};
}

function turnOf({ about, chain, breakpoints }: ServedTurn): Turn {
	return {
		startedAt: about.startedAt,
		firstByteAt: about.firstByteAt,
		model: about.model,
		place: about.place,
		modelId: about.modelId,
		betas: about.betas,
		variant: about.variant,
		settings: about.settings,
		summary: summarise(chain, breakpoints),
		inputTokens: about.inputTokens,
		readTokens: about.readTokens,
		writeTokens: about.writeTokens,
		minimumTokens: about.minimumTokens,
		collapseRuns: about.collapseRuns,
		route: about.route,
		diagnosis: about.diagnosis,
	};
}

/** Whose next turn a row may be; null = its client named no session. */
export function conversationOf(row: Pick<RequestRow, "key_id" | "session" | "agent">): string | null {
	return row.session === null ? null : `${row.key_id ?? ""}\n${row.session}\n${row.agent ?? ""}`;
}

/** Columns that hold what clients and upstreams sent. One by one: to go through their names takes longer. */
function clean(row: FinishedRequest["row"]): void {
	row.error = storable(row.error);
	row.end_user = storable(row.end_user);
	row.session = storable(row.session);
	row.agent = storable(row.agent);
	row.client = storable(row.client);
	row.model = storable(row.model);
	row.user_id = storable(row.user_id);
	row.key_alias = storable(row.key_alias);
}

/** Ids are sums' keys, so two that are stored alike must be alike before. */
function storable(text: string | null): string | null {
	if (text === null) return null;
	return storableText(text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) : text);
}
