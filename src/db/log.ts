// The request log as those see it who fill it: a finished request goes in, and is kept. Leaves translating an exchange to proxy/record and
// writing to db/writer.
import type { Miss, Turn } from "../cache/miss.ts";
import type { NewDetails } from "./details.ts";
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
	readonly details: Mutable<NewDetails>;
	/** Null where it marked nothing for caching, or no usage was reported. */
	readonly turn: Turn | null;
	/** Where bodies are stored at all. */
	readonly bodies: { readonly request: string | null; readonly response: string | null } | null;
}

type Mutable<Fields> = { -readonly [Field in keyof Fields]: Fields[Field] };

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
	/** Records it, with others and within RECORDED_WITHIN_MS: in a row they take less than half of what they take between requests. Never throws. */
	record(request: Finishing): void;
	/** Records now what waits. */
	drain(): void;
}

const RECORDED_TOGETHER = 64;
const RECORDED_WITHIN_MS = 20;

/** Longest text of a column; ids of clients are shorter. */
const MOST_TEXT = 512;

export function createRequestLog(writer: Pick<LogWriter, "push">, turns: TurnMemory): RequestLog {
	const names = new Names();
	let waiting: Finishing[] = [];
	let timer: NodeJS.Timeout | null = null;

	function drain(): void {
		if (timer !== null) clearTimeout(timer);
		timer = null;
		const requests = waiting;
		waiting = [];
		// One step for all, then the next: a processor holds one step's code at hand, not all of them.
		const finished = requests.map(finishOf);
		for (const [at, request] of requests.entries()) {
			const record = finished[at] ?? null;
			try {
				if (record !== null) request.told(write(record));
			} catch (error) {
				request.failed(error);
			}
		}
	}

	function write({ row, details, turn, bodies }: FinishedRequest): Miss | null {
		names.clean(row);
		const miss = turn === null || !hasSession(row) ? null : turns.next(row, turn);
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

/** Null where that failed. */
function finishOf(request: Finishing): FinishedRequest | null {
	try {
		return request.finish();
	} catch (error) {
		request.failed(error);
		return null;
	}
}

/** False where its client named no session: whose next turn it is cannot be told. */
function hasSession<Row extends Pick<RequestRow, "session">>(row: Row): row is Row & { session: string } {
	return row.session !== null;
}

/** Names that may be met again, so many. */
const MOST_NAMES = 4_096;

/**
 * What clients and upstreams sent, as columns keep it. A name that was met before is the same string again: whoever looks it up next has
 * its hash, and whoever compares it compares a pointer.
 */
class Names {
	readonly #known = new Map<string, string>();
	/** As it was met last: most requests come from clients of one kind, and texts are cheaper to compare than to look up. */
	readonly #last = { client: null as string | null, model: null as string | null, key_alias: null as string | null };

	/** One by one: to go through the columns' names takes longer. */
	clean(row: FinishedRequest["row"]): void {
		const last = this.#last;
		if (row.error !== null) row.error = this.#of(row.error);
		if (row.end_user !== null) row.end_user = this.#of(row.end_user);
		if (row.session !== null) row.session = this.#of(row.session);
		if (row.agent !== null) row.agent = this.#of(row.agent);
		if (row.user_id !== null) row.user_id = this.#of(row.user_id);
		if (row.client !== null) row.client = last.client = row.client === last.client ? last.client : this.#of(row.client);
		if (row.model !== null) row.model = last.model = row.model === last.model ? last.model : this.#of(row.model);
		if (row.key_alias !== null)
			row.key_alias = last.key_alias = row.key_alias === last.key_alias ? last.key_alias : this.#of(row.key_alias);
	}

	/** Ids are sums' keys, so two that are stored alike must be alike before. */
	#of(text: string): string {
		const known = this.#known.get(text);
		if (known !== undefined) return known;
		const name = storableText(text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) : text);
		if (this.#known.size >= MOST_NAMES) this.#known.clear();
		// Headers reach to many thousand characters; what is cut is not worth remembering.
		if (name === text) this.#known.set(name, name);
		return name;
	}
}
