// Entries of the log on their way to the database, packed, and the sums they add to: an entry is taken apart when it comes, so that nothing
// of a request outlives it. Leaves when a batch is written, and what happens if not, to db/writer.

import { Chunk, MOST_ROWS, type Packed, packedBytes } from "./chunk.ts";
import { packRow } from "./columns.ts";
import { type NewDetails, packDetails } from "./details.ts";
import type { BulkStep } from "./dialect-sqlite.ts";
import { KIND, listingOf } from "./listing.ts";
import { addMeasures, measuresOf } from "./measures.ts";
import { Packer, storable } from "./packing.ts";
import type { Statements } from "./statements.ts";
import type { RequestBodyRow, RequestRow } from "./tables.ts";

/** One finished request on its way to the database. */
export interface LogEntry {
	readonly row: RequestRow;
	readonly details: NewDetails;
	readonly body: Omit<RequestBodyRow, "id" | "started_at"> | null;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Sums that a request is looked for among first. */
const MOST_RECENT = 8;
/** Packed bytes from which on a batch is full: a page of the log reads whole chunks. */
const MOST_BYTES = 256 * 1024;

/** What entries are packed into; undefined = nothing is kept. */
export interface BatchMemory {
	readonly rows: Uint8Array<ArrayBuffer> | undefined;
	readonly details: Uint8Array<ArrayBuffer> | undefined;
}

/** Entries in the order they came. */
export class Batch {
	readonly #rows: PackedPart;
	readonly #details: PackedPart;
	readonly #bodies: { readonly entry: number; readonly values: readonly unknown[] }[] = [];
	readonly #ledger = new Ledger();
	#bodyBytes = 0;

	/** `memory`: of a batch that nobody needs any more. */
	constructor(memory: BatchMemory | null = null) {
		this.#rows = new PackedPart(memory?.rows);
		this.#details = new PackedPart(memory?.details);
	}

	/** For the next batch, when this one is written: nothing else of it need be kept. */
	get memory(): BatchMemory {
		return { rows: this.#rows.packer.memory, details: this.#details.packer.memory };
	}

	get count(): number {
		return this.#rows.count;
	}

	/** What it holds in memory, about: bodies are counted by characters. */
	get bytes(): number {
		return this.#rows.packer.bytes + this.#details.packer.bytes + this.#bodyBytes;
	}

	/** The id of an entry. */
	id(entry: number): string {
		return new Chunk(0, this.#rows.view(entry, entry + 1)).summary(0).id;
	}

	get isFull(): boolean {
		return this.count >= MOST_ROWS || this.#rows.packer.length + this.#details.packer.length >= MOST_BYTES;
	}

	/** An entry that cannot be written throws, and leaves the others alone. */
	add({ row, details, body }: LogEntry): void {
		this.#rows.packer.begin();
		this.#details.packer.begin();
		try {
			packDetails(this.#details.packer, details);
		} catch (error) {
			this.#details.cut();
			throw error;
		}
		packRow(this.#rows.packer, row);
		if (body !== null) {
			this.#bodies.push({ entry: this.count, values: [row.id, row.started_at, body.request, body.response] });
			this.#bodyBytes += (body.request?.length ?? 0) + (body.response?.length ?? 0);
		}
		this.#details.end();
		this.#rows.end();
		this.#ledger.add(row);
	}

	/** The entries from `from` to before `to` as the log keeps them. */
	chunk(from = 0, to = this.count): NewChunk {
		const packed = this.#rows.view(from, to);
		const { firstAt, lastAt, values } = listingOf(new Chunk(0, packed));
		const listed = values.map(({ kind, value }) => [KIND[kind], value, lastAt] as const);
		const details = packedBytes(this.#details.view(from, to));
		return { firstAt, lastAt, rows: to - from, data: packedBytes(packed), details, listed };
	}

	/** What writes these entries, and adds them to the sums. */
	steps(statements: Statements, from = 0, to = this.count): BulkStep[] {
		const { firstAt, lastAt, rows, data, details, listed } = this.chunk(from, to);
		const bodies = this.#bodies.filter(({ entry }) => entry >= from && entry < to).map(({ values }) => values);
		const ledger = to - from === this.count ? this.#ledger : ledgerOf(new Chunk(0, this.#rows.view(from, to)));
		return [
			{ sql: statements.chunk, values: [firstAt, lastAt, lastAt - firstAt, rows, data, details] },
			{ sql: statements.listed, rows: JSON.stringify(listed) },
			...(bodies.length === 0 ? [] : [{ sql: statements.bodies, rows: storable(JSON.stringify(bodies)) }]),
			...ledger.steps(statements),
		];
	}
}

/** What is packed of every entry, and where it ends. */
class PackedPart {
	readonly packer: Packer;
	readonly #ends: number[] = [];

	constructor(memory: Uint8Array<ArrayBuffer> | undefined) {
		this.packer = new Packer(memory);
	}

	get count(): number {
		return this.#ends.length;
	}

	/** Here an entry ends. */
	end(): void {
		this.#ends.push(this.packer.length);
	}

	/** Takes back what was packed since the last entry's end. */
	cut(): void {
		this.packer.cut(this.#ends.at(-1) ?? 0);
	}

	/** Of the entries from `from` to before `to`; good until more is packed. */
	view(from: number, to: number): Packed {
		const begin = from === 0 ? 0 : (this.#ends[from - 1] ?? 0);
		const bytes = this.packer.view(begin, this.#ends[to - 1] ?? begin);
		return { bytes, ends: this.#ends.slice(from, to).map((end) => end - begin), words: this.packer.words };
	}
}

/** A chunk that the database has not numbered yet. Times are ms since epoch. */
interface NewChunk {
	readonly firstAt: number;
	readonly lastAt: number;
	readonly rows: number;
	readonly data: Uint8Array;
	readonly details: Uint8Array;
	readonly listed: readonly (readonly [kind: number, value: string, lastAt: number])[];
}

/** The sums of a part of a batch that the database does not take as a whole. */
function ledgerOf(chunk: Chunk): Ledger {
	const ledger = new Ledger();
	for (let row = 0; row < chunk.count; row += 1) ledger.add(chunk.summary(row));
	return ledger;
}

/** What entries add to the tables of sums. */
class Ledger {
	/** Told apart by everything: what the tables keep is summed up from these when the batch is written. */
	readonly #minutes = new Sums();
	readonly #sessions = new Sessions();
	/** Those that were added to last: a few take most requests, and are cheaper to go through than to look up. */
	readonly #recent: Sum[] = [];
	#oldest = 0;

	add(row: RequestRow): void {
		const measures = measuresOf(row);
		const recent = this.#recentOf(row);
		if (recent === undefined) this.#begin(row, measures);
		else addMeasures(recent.measures, measures);
		if (row.session !== null) this.#sessions.add(row, measures);
	}

	#recentOf(row: RequestRow): Sum | undefined {
		const minute = minuteOf(row);
		for (const sum of this.#recent) {
			const { key } = sum;
			if (key[4] !== (row.model_id ?? "") || key[0] !== minute || key[1] !== (row.key_id ?? "")) continue;
			if (key[2] === (row.team_id ?? "") && key[3] === (row.model ?? "")) return sum;
		}
		return undefined;
	}

	#begin(row: RequestRow, measures: readonly number[]): void {
		const { key_id, team_id, model, model_id } = row;
		const sum = this.#minutes.add([minuteOf(row), key_id ?? "", team_id ?? "", model ?? "", model_id ?? ""], measures);
		this.#recent[this.#oldest] = sum;
		this.#oldest = (this.#oldest + 1) % MOST_RECENT;
	}

	steps(statements: Statements): BulkStep[] {
		const hours = new Sums();
		const places = new Sums();
		const keys = new Sums();
		const minutes = new Sums();
		for (const { key: sum, measures } of this.#minutes.sums()) {
			const [minute = 0, key = "", team = "", model = "", modelId = ""] = sum;
			const hour = Number(minute) - (Number(minute) % HOUR_MS);
			hours.add([hour, key, team, model, modelId], measures);
			places.add([hour, model, modelId], measures);
			keys.add([hour, key, team], measures);
			minutes.add([minute, model, modelId], measures);
		}
		const sums = [
			{ sql: statements.hours, rows: hours.rows() },
			{ sql: statements.places, rows: places.rows() },
			{ sql: statements.keys, rows: keys.rows() },
			{ sql: statements.minutes, rows: minutes.rows() },
			{ sql: statements.sessions, rows: this.#sessions.rows() },
		];
		return sums.flatMap(({ sql, rows }) => (rows.length === 0 ? [] : [{ sql, rows: storable(JSON.stringify(rows)) }]));
	}
}

/** When it began. */
function minuteOf({ started_at }: RequestRow): number {
	return started_at - (started_at % MINUTE_MS);
}

type Part = string | number;
type Key = readonly Part[];
interface Sum {
	readonly key: Key;
	readonly measures: number[];
}
/** Sums by a key's last part, below maps by its other parts: cheaper than to make one name of all parts for every request. */
type Level = Map<Part, Level | Sum>;

/** Sums by key. In the order of the keys: replicas that add to the same rows must not do it crosswise, or one waits for the other. */
class Sums {
	readonly #sums: Sum[] = [];
	readonly #root: Level = new Map();

	/** Does not keep `measures`. Every key has as many parts. The sum may be added to. */
	add(key: Key, measures: readonly number[]): Sum {
		let level = this.#root;
		const last = key.length - 1;
		for (let at = 0; at < last; at += 1) {
			const part = key[at] as Part;
			let next = level.get(part) as Level | undefined;
			if (next === undefined) {
				next = new Map();
				level.set(part, next);
			}
			level = next;
		}
		const known = level.get(key[last] as Part) as Sum | undefined;
		if (known !== undefined) {
			addMeasures(known.measures, measures);
			return known;
		}
		const sum = { key, measures: [...measures] };
		level.set(key[last] as Part, sum);
		this.#sums.push(sum);
		return sum;
	}

	sums(): readonly Sum[] {
		return this.#sums;
	}

	rows(): unknown[][] {
		const named = this.#sums.map((sum) => [`${sum.key.join("\0")}\0`, sum] as const);
		return sortedByName(named).map(({ key, measures }) => [...key, ...measures]);
	}
}

/** Of one conversation: what it adds up to, and what is kept of its latest row. Times are ms since epoch. */
interface SessionSum {
	readonly keyId: string;
	readonly session: string;
	first: number;
	last: number;
	outcome: string;
	teamId: string;
	model: string;
	modelId: string;
	keyAlias: string;
	readonly measures: number[];
}

class Sessions {
	/** By key, then by session. */
	readonly #sums = new Map<string | null, Map<string | null, SessionSum>>();

	add(row: RequestRow, measures: readonly number[]): void {
		const { key_id, session, started_at, outcome } = row;
		let ofKey = this.#sums.get(key_id);
		if (ofKey === undefined) {
			ofKey = new Map();
			this.#sums.set(key_id, ofKey);
		}
		const known = ofKey.get(session);
		if (known === undefined) {
			ofKey.set(session, sessionSumOf(row, measures));
			return;
		}
		known.first = Math.min(known.first, started_at);
		// The deployment of a request that nobody served says nothing about the conversation.
		if (started_at >= known.last && (outcome === "served" || known.outcome !== "served")) {
			known.last = started_at;
			known.outcome = outcome;
			known.teamId = row.team_id ?? "";
			known.model = row.model ?? "";
			known.modelId = row.model_id ?? "";
			known.keyAlias = row.key_alias ?? "";
		}
		addMeasures(known.measures, measures);
	}

	rows(): unknown[][] {
		const sums = [...this.#sums.values()].flatMap((ofKey) => [...ofKey.values()]);
		const named = sums.map((sum) => [`${sum.keyId}\0${sum.session}`, sum] as const);
		return sortedByName(named).map((sum) => [
			sum.keyId,
			sum.session,
			sum.teamId,
			sum.first,
			sum.last,
			sum.model,
			sum.modelId,
			sum.keyAlias,
			...sum.measures,
		]);
	}
}

function sessionSumOf(row: RequestRow, measures: readonly number[]): SessionSum {
	return {
		keyId: row.key_id ?? "",
		session: row.session ?? "",
		first: row.started_at,
		last: row.started_at,
		outcome: row.outcome,
		teamId: row.team_id ?? "",
		model: row.model ?? "",
		modelId: row.model_id ?? "",
		keyAlias: row.key_alias ?? "",
		measures: [...measures],
	};
}

function sortedByName<Value>(named: Iterable<readonly [string, Value]>): Value[] {
	return [...named].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, value]) => value);
}
