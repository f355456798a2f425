// The store of entries against a plain model of it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { EntryTable, type NewEntry, NONE } from "./entry-table.ts";

function entry(high: number, changes: Partial<NewEntry> = {}): NewEntry {
	const base = {
		high,
		low: high + 1,
		domain: 0,
		variant: 0,
		ttl: "5m",
		availableAt: 0,
		tokens: 1,
		exact: false,
	} as const;
	return { ...base, expiresAt: 300_000, ...changes };
}

function foundAt(table: EntryTable, high: number): boolean {
	return table.first(high, high + 1) !== NONE;
}

test("at its bound the least recently used entry goes", () => {
	const table = new EntryTable(3);
	const slots = [1, 2, 3].map((high) => table.add(entry(high, { expiresAt: 300_000 + high }), high));
	table.renew(slots[0] ?? NONE, { availableAt: 0, expiresAt: 300_010, tokens: 1, exact: false });
	table.add(entry(4, { expiresAt: 300_011 }), 11);
	expect([1, 2, 3, 4].map((high) => foundAt(table, high))).toEqual([true, false, true, true]);
	expect(table.size).toBe(3);
});

test("long and short lives compete by use, not by expiry", () => {
	const table = new EntryTable(2);
	table.add(entry(1, { ttl: "1h", expiresAt: 3_600_000 }), 0);
	table.add(entry(2, { expiresAt: 300_005 }), 5);
	table.add(entry(3, { expiresAt: 300_006 }), 6);
	expect([1, 2, 3].map((high) => foundAt(table, high))).toEqual([false, true, true]);
});

test("expired entries do not pile up", () => {
	const table = new EntryTable(100_000);
	for (let at = 0; at < 50_000; at += 1) table.add(entry(at, { expiresAt: at * 100 + 300_000 }), at * 100);
	expect(table.size).toBeLessThan(3_100);
	for (let at = 47_010; at < 50_000; at += 1) expect(foundAt(table, at)).toBe(true);
});

test("a count by the provider is not replaced by an estimate", () => {
	const table = new EntryTable(10);
	const slot = table.add(entry(1, { tokens: 500, exact: true }), 0);
	table.renew(slot, { availableAt: 0, expiresAt: 400_000, tokens: 450, exact: false });
	expect(table.tokens(slot)).toBe(500);
	table.renew(slot, { availableAt: 0, expiresAt: 400_000, tokens: 510, exact: true });
	expect(table.tokens(slot)).toBe(510);
});

test("it holds what a map would hold, in the face of any order of additions and removals", () => {
	const step = fc.record({ high: fc.integer({ min: 0, max: 60 }), add: fc.boolean() });
	fc.assert(
		fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
			const table = new EntryTable(10_000);
			const model = new Set<number>();
			for (const { high, add } of steps) {
				// Few buckets' worth of keys, so that chains form.
				const key = high * 4_096;
				const slot = table.first(key, key + 1);
				expect(slot !== NONE).toBe(model.has(key));
				if (add && slot === NONE) {
					table.add(entry(key), 0);
					model.add(key);
				} else if (!add && slot !== NONE) {
					table.remove(slot);
					model.delete(key);
				}
			}
			expect(table.size).toBe(model.size);
			for (const key of model) expect(foundAt(table, key)).toBe(true);
		}),
	);
});

test("entries of one fingerprint are found one after the other", () => {
	const table = new EntryTable(10);
	for (const domain of [0, 1, 2]) table.add(entry(7, { domain }), 0);
	const domains: number[] = [];
	for (let slot = table.first(7, 8); slot !== NONE; slot = table.following(slot)) domains.push(table.domain(slot));
	expect(domains.sort()).toEqual([0, 1, 2]);
	expect(table.first(7, 9)).toBe(NONE);
});

test("growing keeps everything found", () => {
	const table = new EntryTable(1_000_000);
	for (let at = 0; at < 10_000; at += 1) table.add(entry(at * 3), 0);
	for (let at = 0; at < 10_000; at += 1) expect(foundAt(table, at * 3)).toBe(true);
	table.resize(100);
	expect(table.size).toBe(100);
});

test("a full table replaces entries without going through all of them each time", () => {
	// Going through all of them would take minutes, and end at the time-out.
	const table = new EntryTable(50_000);
	for (let at = 0; at < 140_000; at += 1) table.add(entry(at, { expiresAt: 300_000 + at }), 0);
	expect(table.size).toBe(50_000);
});
