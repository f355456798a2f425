import { expect, test } from "vitest";
import { rowAt } from "./__fixtures__/rows.ts";
import { REQUEST_COLUMN_NAMES, requestValues } from "./statements.ts";

test("a row's values stand in the order of the columns, and none is left out", () => {
	const named = Object.fromEntries(REQUEST_COLUMN_NAMES.map((name) => [name, name]));
	const { details: _, ...known } = rowAt(0);
	expect(Object.keys(known).sort()).toEqual([...REQUEST_COLUMN_NAMES].sort());
	expect(requestValues(named as unknown as typeof known)).toEqual(REQUEST_COLUMN_NAMES);
});
