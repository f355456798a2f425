import { expect, test } from "vitest";
import { rowAt } from "./__fixtures__/rows.ts";
import { Packer } from "./packing.ts";
import { packRow, REQUEST_COLUMN_NAMES, REQUEST_COLUMNS, REQUEST_KINDS } from "./statements.ts";
import { unpackEntries } from "./unpacking.js";

test("a row's values stand in the order of the columns, each of its column's kind, and none is left out", () => {
	const { details: _, ...known } = rowAt(0);
	expect(Object.keys(known).sort()).toEqual([...REQUEST_COLUMN_NAMES].sort());
	const values = Object.entries(REQUEST_COLUMNS).map(([name, type], at) => [name, type === "text" ? name : at + 0.5]);
	const packer = new Packer();
	packRow(packer, Object.fromEntries(values) as typeof known);
	packer.flag(true);
	packer.text("{}");
	const [row] = unpackEntries(packer.slice(0, packer.length), REQUEST_KINDS);
	expect(row).toEqual([...values.map(([, value]) => value), "{}"]);
});
