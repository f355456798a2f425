// Entries of the log on their way to the database, as the bytes that are sent and the sums they add to: an entry is taken apart when it
// comes, so that nothing of a request outlives it. Leaves when a batch is written, and what happens if not, to db/writer.

import { type NewDetails, writeDetails } from "./details.ts";
import type { BulkStep } from "./dialect-sqlite.ts";
import { JsonBytes, storable } from "./json-bytes.ts";
import { addMeasures, measuresOf } from "./measures.ts";
import { REQUEST_COLUMN_NAMES, requestValues, type Statements } from "./statements.ts";
import type { RequestBodyRow, RequestRow } from "./tables.ts";

/** `details` is JSON, and so holds no line break. */
export type NewRequestRow = Omit<RequestRow, "seq">;

/** One finished request on its way to the database. */
export interface LogEntry {
	readonly row: NewRequestRow;
	/** In the place of the row's, where they are not JSON yet. */
	readonly details?: NewDetails;
	readonly body: Omit<RequestBodyRow, "id" | "started_at"> | null;
}

/** What sums are told apart by; rows of the log have it. */
type Summed = Omit<RequestRow, "seq" | "details">;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Entries in the order they came. */
export class Batch {
	readonly #rows = new JsonBytes();
	readonly #details = new JsonBytes();
	/** Where each entry's row and details end; a row is followed by a comma, details by a line break. */
	readonly #rowEnds: number[] = [];
	readonly #detailEnds: number[] = [];
	readonly #ids: string[] = [];
	readonly #bodies: { readonly entry: number; readonly values: readonly unknown[] }[] = [];
	readonly #ledger = new Ledger();
	#bodyBytes = 0;

	get count(): number {
		return this.#ids.length;
	}

	/** What it holds in memory, about: bodies are counted by characters. */
	get bytes(): number {
		return this.#rows.length + this.#details.length + this.#bodyBytes;
	}

	/** The id of an entry. */
	id(entry: number): string | undefined {
		return this.#ids[entry];
	}

	/** An entry that cannot be written throws, and leaves the others alone. */
	add({ row, details, body }: LogEntry): void {
		const [rows, texts] = [this.#rows.length, this.#details.length];
		try {
			writeRow(this.#rows, row);
			if (details === undefined) this.#details.json(storable(row.details));
			else writeDetails(this.#details, details);
		} catch (error) {
			this.#rows.cut(rows);
			this.#details.cut(texts);
			throw error;
		}
		this.#rowEnds.push(this.#rows.length);
		this.#rows.raw(",");
		this.#detailEnds.push(this.#details.length);
		this.#details.raw("\n");
		if (body !== null) {
			this.#bodies.push({ entry: this.count, values: [row.id, row.started_at, body.request, body.response] });
			this.#bodyBytes += (body.request?.length ?? 0) + (body.response?.length ?? 0);
		}
		this.#ids.push(row.id);
		this.#ledger.add(row);
	}

	/** What writes the entries from `from` to before `to`, and adds them to the sums. */
	steps(statements: Statements, from = 0, to = this.count): BulkStep[] {
		const rows = `[${this.#rows.text(this.#beginOf(this.#rowEnds, from), this.#rowEnds[to - 1] ?? 0)}]`;
		const texts = this.#details.text(this.#beginOf(this.#detailEnds, from), this.#detailEnds[to - 1] ?? 0);
		const bodies = this.#bodies.filter(({ entry }) => entry >= from && entry < to).map(({ values }) => values);
		const ledger = to - from === this.count ? this.#ledger : ledgerOf(rows);
		return [
			{ sql: statements.requests, rows, texts },
			...(bodies.length === 0 ? [] : [{ sql: statements.bodies, rows: storable(JSON.stringify(bodies)) }]),
			...ledger.steps(statements),
		];
	}

	#beginOf(ends: readonly number[], entry: number): number {
		return entry === 0 ? 0 : (ends[entry - 1] ?? 0) + 1;
	}
}

function writeRow(json: JsonBytes, row: NewRequestRow): void {
	const values = requestValues(row);
	json.raw("[");
	for (let at = 0; at < values.length; at += 1) {
		const value = values[at] as string | number | null;
		if (at > 0) json.raw(",");
		if (typeof value === "string") json.string(value);
		else json.number(value);
	}
	json.raw("]");
}

/** The sums of rows that are JSON already: of the parts of a batch that the database does not take as a whole. */
function ledgerOf(rows: string): Ledger {
	const ledger = new Ledger();
	for (const values of JSON.parse(rows) as readonly (readonly unknown[])[]) {
		ledger.add(Object.fromEntries(REQUEST_COLUMN_NAMES.map((name, at) => [name, values[at]])) as unknown as Summed);
	}
	return ledger;
}

/** What entries add to the tables of sums. */
class Ledger {
	readonly #hours = new Sums();
	readonly #minutes = new Sums();
	readonly #sessions = new Sessions();

	add(row: Summed): void {
		const measures = measuresOf(row);
		const model = row.model ?? "";
		const modelId = row.model_id ?? "";
		const { started_at: at } = row;
		this.#hours.add([at - (at % HOUR_MS), row.key_id ?? "", row.team_id ?? "", model, modelId], measures);
		this.#minutes.add([at - (at % MINUTE_MS), model, modelId], measures);
		if (row.session !== null) this.#sessions.add(row, measures);
	}

	steps(statements: Statements): BulkStep[] {
		const places = new Sums();
		const keys = new Sums();
		for (const [[hour = 0, key = "", team = "", model = "", modelId = ""], measures] of this.#hours.sums()) {
			places.add([hour, model, modelId], measures);
			keys.add([hour, key, team], measures);
		}
		const sums = [
			{ sql: statements.hours, rows: this.#hours.rows() },
			{ sql: statements.places, rows: places.rows() },
			{ sql: statements.keys, rows: keys.rows() },
			{ sql: statements.minutes, rows: this.#minutes.rows() },
			{ sql: statements.sessions, rows: this.#sessions.rows() },
		];
		return sums.flatMap(({ sql, rows }) => (rows.length === 0 ? [] : [{ sql, rows: storable(JSON.stringify(rows)) }]));
	}
}

type Key = readonly (string | number)[];

/** Sums by key. In the order of the keys: replicas that add to the same rows must not do it crosswise, or one waits for the other. */
class Sums {
	readonly #sums = new Map<string, readonly [Key, number[]]>();

	/** Does not keep `measures`. */
	add(key: Key, measures: readonly number[]): void {
		let name = "";
		for (let at = 0; at < key.length; at += 1) name += `${key[at]}\0`;
		const known = this.#sums.get(name);
		if (known === undefined) this.#sums.set(name, [key, [...measures]]);
		else addMeasures(known[1], measures);
	}

	sums(): Iterable<readonly [Key, readonly number[]]> {
		return this.#sums.values();
	}

	rows(): unknown[][] {
		return sortedByName(this.#sums).map(([key, measures]) => [...key, ...measures]);
	}
}

/** What is kept of a conversation's latest row. */
type LatestRow = Pick<
	Summed,
	"key_id" | "session" | "team_id" | "started_at" | "outcome" | "model" | "model_id" | "key_alias"
>;

class Sessions {
	readonly #sums = new Map<string, { first: number; last: LatestRow; measures: number[] }>();

	add(row: LatestRow, measures: readonly number[]): void {
		const name = `${row.key_id ?? ""}\0${row.session}`;
		const known = this.#sums.get(name);
		if (known === undefined) {
			this.#sums.set(name, { first: row.started_at, last: latestOf(row), measures: [...measures] });
			return;
		}
		known.first = Math.min(known.first, row.started_at);
		// The deployment of a request that nobody served says nothing about the conversation.
		if (row.started_at >= known.last.started_at && (row.outcome === "served" || known.last.outcome !== "served"))
			known.last = latestOf(row);
		addMeasures(known.measures, measures);
	}

	rows(): unknown[][] {
		return sortedByName(this.#sums).map(({ first, last, measures }) => [
			last.key_id ?? "",
			last.session,
			last.team_id ?? "",
			first,
			last.started_at,
			last.model ?? "",
			last.model_id ?? "",
			last.key_alias ?? "",
			...measures,
		]);
	}
}

function latestOf({ key_id, session, team_id, started_at, outcome, model, model_id, key_alias }: LatestRow): LatestRow {
	return { key_id, session, team_id, started_at, outcome, model, model_id, key_alias };
}

function sortedByName<Value>(map: ReadonlyMap<string, Value>): Value[] {
	return [...map].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, value]) => value);
}
