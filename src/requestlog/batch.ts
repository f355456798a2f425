// Entries of the log on their way to the database: each is made into text when it comes, so that nothing of a request outlives it. Leaves
// when a batch is written, and what happens if it is refused, to requestlog/writer.
import type { BulkStep } from "../db/dialect-sqlite.ts";
import { type RequestRow, storedTime, valuesOf } from "../db/schema/requests.ts";
import { type Details, writeDetails } from "./details.ts";
import type { Statements } from "./statements.ts";
import { storableJson } from "./storable.ts";
import { sumSteps } from "./sums.ts";

export interface Bodies {
	readonly request: string | null;
	readonly response: string | null;
}

/** One finished request on its way to the database. */
export interface LogEntry {
	readonly row: RequestRow;
	readonly details: Readonly<Details>;
	/** Where bodies are stored at all. */
	readonly bodies: Bodies | null;
}

/** Entries from which on a batch is full. */
const MOST_ROWS = 200;
const MOST_BYTES = 1024 * 1024;
/** What a row takes beside its text, about. */
const ROW_BYTES = 1_000;

interface Packed {
	readonly row: RequestRow;
	/** A JSON array of the row's values. */
	readonly values: string;
	/** JSON. */
	readonly details: string;
	/** The same of its bodies; null = none. */
	readonly bodies: string | null;
}

/** Entries in the order they came. */
export class Batch {
	readonly #entries: Packed[] = [];
	#bytes = 0;

	get count(): number {
		return this.#entries.length;
	}

	/** What it holds in memory, about. */
	get bytes(): number {
		return this.#bytes;
	}

	get isFull(): boolean {
		return this.count >= MOST_ROWS || this.#bytes >= MOST_BYTES;
	}

	/** The id of an entry. */
	id(entry: number): string {
		return this.#entries[entry]?.row.id ?? "";
	}

	/** An entry that cannot be written throws, and leaves the others alone. */
	add({ row, details, bodies }: LogEntry): void {
		const values = storableJson(valuesOf(row));
		const texts = bodies === null ? null : [row.id, storedTime(row.started_at), bodies.request, bodies.response];
		const packed = { row, values, details: writeDetails(details), bodies: texts === null ? null : storableJson(texts) };
		this.#entries.push(packed);
		this.#bytes += ROW_BYTES + packed.values.length + packed.details.length + (packed.bodies?.length ?? 0);
	}

	/** What writes the entries from `from` to before `to`, and adds them to the sums. */
	steps(statements: Statements, from = 0, to = this.count): BulkStep[] {
		const entries = this.#entries.slice(from, to);
		const bodies = entries.flatMap((entry) => (entry.bodies === null ? [] : [entry.bodies]));
		return [
			{
				sql: statements.requests,
				rows: `[${entries.map(({ values }) => values).join(",")}]`,
				texts: entries.map((entry) => entry.details),
			},
			...(bodies.length === 0 ? [] : [{ sql: statements.bodies, rows: `[${bodies.join(",")}]` }]),
			...sumSteps(
				entries.map(({ row }) => row),
				statements,
			),
		];
	}
}
