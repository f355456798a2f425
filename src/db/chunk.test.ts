// Rows as a chunk keeps them and gives them back, and what is listed of them.

import { expect, test } from "vitest";
import { entryAt, entryOf, NOON, rowAt } from "./__fixtures__/rows.ts";
import { Batch, type LogEntry } from "./batch.ts";
import { Chunk, ChunkDetails, packedBytes, readPacked } from "./chunk.ts";
import { EXAMINED, packRow, unpackRow } from "./columns.ts";
import { NO_DETAILS } from "./details.ts";
import { testFor } from "./filter.ts";
import { listingOf } from "./listing.ts";
import { Packer, Unpacker } from "./packing.ts";
import type { RequestRow } from "./tables.ts";

function chunkOf(entries: readonly LogEntry[], from = 0, to = entries.length): Chunk {
	const batch = new Batch();
	for (const entry of entries) batch.add(entry);
	return new Chunk(7, readPacked(batch.chunk(from, to).data));
}

test("every column of a row is read as it was written, and those that filters look at come first", () => {
	const names = Object.keys(rowAt(0)) as (keyof RequestRow)[];
	const isText = (name: keyof RequestRow) => !/_at$|_tokens$|^cost|^(?:status|stream|waited_ms|attempts)$/.test(name);
	const values = names.map((name, at) => [name, isText(name) ? `${name} "é"` : at + 0.5]);
	const row = Object.fromEntries(values) as RequestRow;
	const packer = new Packer();
	packRow(packer, row);
	const bytes = packer.view(0, packer.length);
	const unpacker = new Unpacker(bytes, packer.words);
	expect(unpackRow(unpacker)).toEqual(row);
	expect(unpacker.at).toBe(bytes.length);
	unpacker.at = 0;
	const first = EXAMINED.map((name) => (isText(name) ? unpacker.word() : unpacker.number()));
	expect(first).toEqual(EXAMINED.map((name) => row[name]));
});

test("rows come back one by one, in any order, with numbers that grow", () => {
	const rows = [0, 5, 3].map((at) => rowAt(at, { id: `id-${at}`, cost: at / 7, agent: at === 5 ? "agent-1" : null }));
	const entries = rows.map((row, at) => entryOf(row, { tags: [`tag-${at}`] }));
	const batch = new Batch();
	for (const entry of entries) batch.add(entry);
	const { data, details: kept } = batch.chunk();
	const chunk = new Chunk(7, readPacked(data));
	const details = new ChunkDetails(readPacked(kept));
	expect(chunk.count).toBe(3);
	for (const at of [2, 0, 1]) {
		expect(chunk.summary(at)).toEqual({ seq: 7_000 + at, ...rows[at] });
		expect(details.of(at)).toEqual({ ...NO_DETAILS, tags: [`tag-${at}`] });
		expect(chunk.word(chunk.examine(at), "agent")).toBe(rows[at]?.agent);
	}
});

test("an entry that cannot be written leaves the others in the batch alone, and parts of a batch are chunks of their own", () => {
	const batch = new Batch();
	batch.add(entryAt(1));
	expect(() => batch.add(entryOf(rowAt(2), { metadata: { big: 1n } }))).toThrow(TypeError);
	expect(batch.count).toBe(1);
	batch.add(entryOf(rowAt(3), { tags: ["b"] }));
	const idsOf = (from: number, to: number) => {
		const chunk = new Chunk(1, readPacked(batch.chunk(from, to).data));
		return Array.from({ length: chunk.count }, (_, row) => chunk.summary(row).id);
	};
	expect(idsOf(0, 2)).toEqual(["request-1", "request-3"]);
	expect(idsOf(0, 1)).toEqual(["request-1"]);
	expect(idsOf(1, 2)).toEqual(["request-3"]);
	expect(new ChunkDetails(readPacked(batch.chunk(1, 2).details)).of(0).tags).toEqual(["b"]);
});

test("a batch is full before its chunk is too large to be read for a page", () => {
	const batch = new Batch();
	for (let at = 0; !batch.isFull; at += 1)
		batch.add(entryOf(rowAt(at), { tags: Array.from({ length: 400 }, (_, tag) => `${tag}`) }));
	expect(batch.count).toBeLessThan(600);
	const { data, details } = batch.chunk();
	expect(data.length + details.length).toBeLessThan(400_000);
	const small = new Batch();
	for (let at = 0; !small.isFull; at += 1) small.add(entryAt(at));
	expect(small.count).toBe(1_000);
});

test("what a newer version wrote is not taken for something else", () => {
	const { data } = (() => {
		const batch = new Batch();
		batch.add(entryAt(0));
		return batch.chunk();
	})();
	data[0] = 3;
	expect(() => readPacked(data)).toThrow("a part of the request log is of version 3, unknown here");
});

test("ids that are UUIDs stand as bytes: they are read as they were, found by their beginning, and take no room as words", () => {
	const ids = [
		"019a0b1c-2d3e-7f40-8123-456789abcdef",
		"00000000-0000-0000-0000-000000000000",
		"ffffffff-ffff-ffff-ffff-ffffffffffff",
		// None of these is one in its canonical form.
		"019A0B1C-2D3E-7F40-8123-456789ABCDEF",
		"019a0b1c-2d3e-7f40-8123-456789abcdeg",
		"019a0b1c02d3e-7f40-8123-456789abcdef",
		"019a0b1c-2d3e-7f40-8123-456789abcde\u0161",
		"019a0b1c-2d3e-7f40-8123-456789abcdef0",
		"x",
	];
	const chunk = chunkOf(ids.map((id, at) => entryAt(at, { id })));
	expect(ids.map((_, at) => chunk.summary(at).id)).toEqual(ids);
	expect(ids.map((_, at) => chunk.word(chunk.examine(at), "id"))).toEqual(ids);
	expect(chunk.words.filter((word) => ids.includes(word))).toEqual(ids.slice(3));
	const found = (filter: Parameters<typeof testFor>[1]) => {
		const test = testFor(chunk, filter);
		return ids.filter((_, at) => test?.(chunk.examine(at)) === true);
	};
	for (const id of ids) expect(found({ id })).toEqual([id]);
	expect(found({ text: "019a0b1c-2d3e-7" })).toEqual([ids[0], ids[4], ids[6], ids[7]]);
	expect(found({ text: "f" })).toEqual([ids[2]]);
	expect(found({ text: "x" })).toEqual(["x"]);
	expect(found({ id: "019a0b1c-2d3e-7f40-8123-456789abcdee" })).toEqual([]);
});

test("chunks whose ids all stand as words are read as well", () => {
	const packer = new Packer();
	const row = rowAt(4, { id: "019a0b1c-2d3e-7f40-8123-456789abcdef" });
	packer.text(row.id);
	const first = packer.length;
	packRow(packer, row);
	// An id as a word, then the row's columns behind its id.
	const whole = packer.view(0, packer.length);
	const bytes = Uint8Array.from([...whole.subarray(0, first), ...whole.subarray(first + 17)]);
	const data = packedBytes({ bytes, ends: [bytes.length], words: packer.words });
	data[0] = 1;
	const chunk = new Chunk(7, readPacked(data));
	expect(chunk.summary(0)).toEqual({ seq: 7_000, ...row });
	expect(testFor(chunk, { id: row.id })?.(chunk.examine(0))).toBe(true);
	expect(testFor(chunk, { text: "019a0b" })?.(chunk.examine(0))).toBe(true);
});

test("a chunk lists each value of its rows once, what went wrong, and the ids that do not tell where they stand", () => {
	const dated = (at: number) => {
		const hex = (NOON + at).toString(16).padStart(12, "0");
		return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
	};
	const { firstAt, lastAt, values } = listingOf(
		chunkOf([
			entryAt(50, { id: dated(50), user_id: null, end_user: "nul\0" }),
			entryAt(10, { id: dated(11), key_id: null, session: null, reason: null }),
			entryAt(90, { id: dated(91), status: 529, outcome: "failed", miss: "expired" }),
			entryAt(60, { id: "own", status: 401, outcome: "rejected", team_id: "team-2", user_id: null }),
			entryAt(61, { id: dated(60), status: 499, outcome: "aborted", user_id: null }),
		]),
	);
	expect([firstAt, lastAt]).toEqual([NOON + 10, NOON + 90]);
	const listed = (kind: string) =>
		values
			.filter((each) => each.kind === kind)
			.map(({ value }) => value)
			.sort();
	expect(listed("model")).toEqual(["claude-code"]);
	expect(listed("model_id")).toEqual(["a"]);
	expect(listed("key_id")).toEqual(["", "key-1"]);
	expect(listed("team_id")).toEqual(["team-1", "team-2"]);
	expect(listed("user_id")).toEqual(["user-1"]);
	expect(listed("end_user")).toEqual(["nul\ufffd"]);
	expect(listed("session")).toEqual(["session-1"]);
	expect(listed("reason")).toEqual(["prefix"]);
	expect(listed("miss")).toEqual(["any", "expired"]);
	expect(listed("failure")).toEqual(["401", "499", "4xx", "529", "5xx", "aborted", "any", "rejected"]);
	expect(listed("id")).toEqual([dated(91), "own"]);
});

test("words that stand twice, as an id and as something else, are told apart", () => {
	const chunk = chunkOf([entryAt(0, { id: "same", session: "other" }), entryAt(1, { id: "r", session: "same" })]);
	const found = (filter: Parameters<typeof testFor>[1]) => {
		const test = testFor(chunk, filter);
		return [0, 1].filter((row) => test?.(chunk.examine(row)) === true);
	};
	expect(found({ session: "same" })).toEqual([1]);
	expect(found({ id: "same" })).toEqual([0]);
	expect(found({ text: "sam" })).toEqual([0, 1]);
	expect(found({ session: "nothing" })).toEqual([]);
});
