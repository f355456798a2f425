// What a batch of requests adds to the tables of sums. Leaves what one request adds to requestlog/measures and the statements to
// requestlog/statements.
import type { BulkStep } from "../db/dialect-sqlite.ts";
import type { RequestRow } from "../db/schema/requests.ts";
import { MEASURES, type SumTableName } from "../db/schema/sums.ts";
import { addMeasures, type Measures, measuresOf } from "./measures.ts";
import type { Statements } from "./statements.ts";
import { storableJson } from "./storable.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Steps that add these requests to every table. */
export function sumSteps(rows: readonly RequestRow[], statements: Statements): BulkStep[] {
	const tables: Readonly<Record<SumTableName, Sums>> = {
		ledger_hours: new Sums(),
		ledger_places: new Sums(),
		ledger_keys: new Sums(),
		ledger_minutes: new Sums(),
		sessions: new Sums(),
	};
	// First what rows have in common, so that each is added twice and not to every table.
	const minutes = new Sums();
	for (const row of rows) {
		const measures = measuresOf(row);
		minutes.add([minuteOf(row), row.key_id ?? "", row.team_id ?? "", row.model ?? "", row.model_id ?? ""], measures);
		if (row.session_id !== null) tables.sessions.add([row.key_id ?? "", row.session_id], measures, row);
	}
	for (const { key, measures } of minutes.each()) addMinute(key, measures, tables);
	return (Object.keys(tables) as SumTableName[]).flatMap((name) => {
		const values = tables[name].values();
		return values.length === 0 ? [] : [{ sql: statements.sums[name], rows: storableJson(values) }];
	});
}

function minuteOf({ started_at: at }: RequestRow): number {
	return at - (at % MINUTE_MS);
}

/** The sums of a minute, one for each key, team, model and deployment. */
function addMinute(sum: Sum["key"], measures: Measures, tables: Readonly<Record<SumTableName, Sums>>): void {
	const [minute = 0, key = "", team = "", model = "", modelId = ""] = sum;
	const hour = Number(minute) - (Number(minute) % HOUR_MS);
	tables.ledger_hours.add([hour, key, team, model, modelId], measures);
	tables.ledger_places.add([hour, model, modelId], measures);
	tables.ledger_keys.add([hour, key, team], measures);
	tables.ledger_minutes.add([minute, model, modelId], measures);
}

interface Sum {
	readonly key: readonly (string | number)[];
	readonly measures: Record<(typeof MEASURES)[number], number>;
	first: number;
	/** What a conversation's facts are taken from; undefined = the table has none. */
	latest: RequestRow | undefined;
}

/** Sums by key. In the order of the keys: replicas that add to the same rows must not do it crosswise, or one waits for the other. */
class Sums {
	readonly #sums = new Map<string, Sum>();

	add(key: Sum["key"], measures: Measures, row?: RequestRow): void {
		const name = key.join("\0");
		const known = this.#sums.get(name);
		if (known === undefined) {
			this.#sums.set(name, { key, measures: { ...measures }, first: row?.started_at ?? 0, latest: row });
			return;
		}
		addMeasures(known.measures, measures);
		if (row === undefined || known.latest === undefined) return;
		known.first = Math.min(known.first, row.started_at);
		// The deployment of a request that nobody served says nothing about the conversation.
		const mayReplace = row.outcome === "served" || known.latest.outcome !== "served";
		if (mayReplace && row.started_at >= known.latest.started_at) known.latest = row;
	}

	each(): Iterable<Sum> {
		return this.#sums.values();
	}

	values(): unknown[][] {
		const sorted = [...this.#sums].sort(([left], [right]) => (left < right ? -1 : 1));
		return sorted.map(([, { key, measures, first, latest }]) => [
			...key,
			...(latest === undefined ? [] : factsOf(latest, first)),
			...MEASURES.map((name) => measures[name]),
		]);
	}
}

/** In the order of the facts of `sessions`. */
function factsOf(latest: RequestRow, firstAt: number): unknown[] {
	const { team_id, started_at, model, model_id, key_alias } = latest;
	return [team_id ?? "", firstAt, started_at, model ?? "", model_id ?? "", key_alias ?? ""];
}
