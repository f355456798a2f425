// What a batch adds to the sums: the same as its rows one by one, whatever order they come in.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { BulkStep } from "../db/dialect-sqlite.ts";
import type { RequestRow } from "../db/schema/requests.ts";
import { MEASURES } from "../db/schema/sums.ts";
import { entryOf, rowAt } from "./__fixtures__/rows.ts";
import { Batch } from "./batch.ts";
import { measuresOf } from "./measures.ts";
import { statementsFor } from "./statements.ts";

const STATEMENTS = statementsFor("sqlite");
const HOUR_MS = 3_600_000;

/** More groups than are looked through one by one, and some that differ in one thing only. */
const rows = () =>
	fc
		.array(
			fc.record({
				at: fc.constantFrom(0, 1, 59_999, 60_000, 3_599_999, 3_600_000),
				key_id: fc.constantFrom(null, "key-1", "key-2", "key-3"),
				team_id: fc.constantFrom(null, "team-1", "team-2"),
				model: fc.constantFrom(null, "model-1", "model-2"),
				model_id: fc.constantFrom(null, "a", "b", "c", "d"),
				session_id: fc.constantFrom(null, "session-1", "session-2"),
				output_tokens: fc.nat({ max: 1_000 }),
			}),
			{ minLength: 1, maxLength: 300 },
		)
		.map((list) => list.map(({ at, ...change }, index) => rowAt(at, { ...change, id: `request-${index}` })));

const hourOf = ({ started_at }: RequestRow) => started_at - (started_at % HOUR_MS);

/** Sums by key, a key's parts joined by spaces. */
function sumsOf(all: readonly RequestRow[], keyOf: (row: RequestRow) => readonly unknown[]) {
	const sums: Record<string, number[]> = {};
	for (const row of all) {
		const key = keyOf(row).join(" ");
		const measures = MEASURES.map((name) => measuresOf(row)[name]);
		sums[key] = (sums[key] ?? measures.map(() => 0)).map((sum, at) => sum + (measures[at] ?? 0));
	}
	return rounded(sums);
}

/** What a step of a batch writes, in the same form. `keys` columns tell the sums apart; of `facts` between them and the sums nothing is told. */
function written(steps: readonly BulkStep[], sql: string, { keys, facts = 0 }: { keys: number; facts?: number }) {
	const step = steps.find((each) => each.sql === sql);
	const lists = step !== undefined && "rows" in step ? (JSON.parse(step.rows) as unknown[][]) : [];
	const sums = lists.map((list) => [list.slice(0, keys).join(" "), list.slice(keys + facts) as number[]] as const);
	expect(new Set(sums.map(([key]) => key)).size).toBe(sums.length);
	return rounded(Object.fromEntries(sums));
}

/** Dollars are added in another order. */
function rounded(sums: Readonly<Record<string, readonly number[]>>) {
	return Object.fromEntries(Object.entries(sums).map(([key, list]) => [key, list.map((sum) => sum.toPrecision(9))]));
}

test("a batch's sums are those of its rows, for every table", () => {
	fc.assert(
		fc.property(rows(), (all) => {
			const batch = new Batch();
			for (const row of all) batch.add(entryOf(row));
			const steps = batch.steps(STATEMENTS);
			const key = (row: RequestRow) => row.key_id ?? "";
			const team = (row: RequestRow) => row.team_id ?? "";
			const place = (row: RequestRow) => [row.model ?? "", row.model_id ?? ""];
			expect(written(steps, STATEMENTS.sums.ledger_hours, { keys: 5 })).toEqual(
				sumsOf(all, (row) => [hourOf(row), key(row), team(row), ...place(row)]),
			);
			expect(written(steps, STATEMENTS.sums.ledger_places, { keys: 3 })).toEqual(
				sumsOf(all, (row) => [hourOf(row), ...place(row)]),
			);
			expect(written(steps, STATEMENTS.sums.ledger_keys, { keys: 3 })).toEqual(
				sumsOf(all, (row) => [hourOf(row), key(row), team(row)]),
			);
			expect(written(steps, STATEMENTS.sums.ledger_minutes, { keys: 3 })).toEqual(
				sumsOf(all, (row) => [row.started_at - (row.started_at % 60_000), ...place(row)]),
			);
			expect(written(steps, STATEMENTS.sums.sessions, { keys: 2, facts: 6 })).toEqual(
				sumsOf(
					all.filter(({ session_id }) => session_id !== null),
					(row) => [key(row), row.session_id],
				),
			);
		}),
		{ numRuns: 40 },
	);
});
