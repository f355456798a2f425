import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { claudeCodeTurn, encode, type Generation, type Json } from "./__fixtures__/claude-code.ts";
import { growing } from "./__fixtures__/conversation.ts";
import { mutate, mutation } from "./__fixtures__/mutation.ts";
import { faultOf } from "./__fixtures__/reading.ts";
import { BodyWriter } from "./body-memory.ts";
import { PromptMemory } from "./memory.ts";
import { createHasher, type OutlineOptions, outline, type PromptHasher } from "./outline.ts";
import { Snapshot } from "./snapshot.ts";

const seed = { first: 0x0123_4567_89ab_cdefn, second: 0xfedc_ba98_7654_3210n };
/** Remembers nothing, as it is never given a key. */
const forgetful = await createHasher(seed);
/** Remembers bodies of every size. */
const remembering = (): Promise<PromptHasher> => createHasher(seed, { minBodyBytes: 0 });

/** The outline, or what is wrong. */
function outcome(body: Buffer, options: OutlineOptions): unknown {
	let outlined: unknown = null;
	const fault = faultOf(() => {
		outlined = outline(body, options);
	});
	return fault ?? outlined;
}

describe("an outline is the same with and without memory", () => {
	test("for conversations that grow, are edited, compacted, spoilt", async () => {
		const hasher = await remembering();
		let sent = 0;
		let reused = 0;
		let faults = 0;
		let run = 0;
		fc.assert(
			fc.property(growing, (bodies) => {
				run++;
				for (const { body, maxDepth, conversation } of bodies) {
					const memory = { key: `${run}/${conversation}`, now: 0 };
					const remembered = outcome(body, { hasher, maxDepth, memory });
					if (hasher.reader.reused !== null) reused++;
					sent++;
					const read = outcome(body, { hasher: forgetful, maxDepth });
					if (typeof read === "object" && read !== null && "code" in read) faults++;
					expect(remembered).toEqual(read);
				}
			}),
			{ numRuns: 1500 },
		);
		// Otherwise this shows nothing.
		expect(reused / sent).toBeGreaterThan(0.2);
		expect(faults / sent).toBeGreaterThan(0.05);
	});

	test("for bodies that are read over each other, in pieces of any size", async () => {
		const hasher = await remembering();
		let inPlace = 0;
		let reused = 0;
		let run = 0;
		fc.assert(
			fc.property(growing, fc.integer({ min: 1, max: 900 }), (bodies, pieceBytes) => {
				run++;
				for (const { body, maxDepth, conversation } of bodies) {
					const key = `${run}/${conversation}`;
					const reusable = hasher.memory.takeReusable(key, 0);
					const writer = new BodyWriter(body.length, reusable);
					for (let at = 0; at < body.length; at += pieceBytes) writer.add(body.subarray(at, at + pieceBytes));
					const { memory } = writer;
					if (memory === reusable?.memory) inPlace++;
					expect(writer.body().equals(body)).toBe(true);
					const kept = { memory, reused: reusable && { snapshot: reusable.snapshot, equal: writer.equal } };
					const remembered = outcome(writer.body(), { hasher, maxDepth, memory: { key, now: 0, kept } });
					if (hasher.reader.reused !== null) reused++;
					expect(remembered).toEqual(outcome(body, { hasher: forgetful, maxDepth }));
					memory.isFree = true;
				}
			}),
			{ numRuns: 800 },
		);
		expect(inPlace).toBeGreaterThan(400);
		expect(reused).toBeGreaterThan(200);
	});

	test("for a real conversation's next turn with any byte changed", async () => {
		const turns = [11, 12].map((turn) => encode(claudeCodeTurn(turn, { resultBytes: 6000 })));
		const [last = Buffer.alloc(0), next = Buffer.alloc(0)] = turns;
		const hasher = await remembering();
		let reused = 0;
		fc.assert(
			fc.property(mutation, (change) => {
				const spoilt = mutate(next, change);
				outline(last, { hasher, memory: { key: "k", now: 0 } });
				const remembered = outcome(spoilt, { hasher, memory: { key: "k", now: 0 } });
				if (hasher.reader.reused !== null) reused++;
				expect(remembered).toEqual(outcome(spoilt, { hasher: forgetful }));
				expect(outline(next, { hasher, memory: { key: "k", now: 0 } })).toEqual(outline(next, { hasher: forgetful }));
			}),
			{ numRuns: 400 },
		);
		expect(reused).toBeGreaterThan(280);
	});

	test("cut off at any byte", async () => {
		const turns = [3, 4].map((turn) => encode(claudeCodeTurn(turn, { resultBytes: 500 })));
		const [last = Buffer.alloc(0), next = Buffer.alloc(0)] = turns;
		const hasher = await remembering();
		outline(last, { hasher, memory: { key: "k", now: 0 } });
		// Every fifth byte: each kind of place is met many times over.
		for (let length = 0; length < next.length; length += 5) {
			const body = next.subarray(0, length);
			const fault = faultOf(() => outline(body, { hasher, memory: { key: "k", now: 0 } }));
			const read = faultOf(() => outline(body, { hasher: forgetful }));
			if (fault?.message !== read?.message) expect(fault, `at ${length}`).toEqual(read);
		}
	});

	test.each<Generation>(["2.1.330", "2.1.177", "2.0.62"])(
		"for a session of %s, and next to nothing is read twice",
		async (generation) => {
			const hasher = await createHasher(seed);
			const session = { generation, deferredFromTurn: 20, parallel: 2 };
			for (let turn = 1; turn <= 60; turn++) {
				const body = encode(claudeCodeTurn(turn, session));
				const remembered = outline(body, { hasher, memory: { key: "k", now: turn } });
				expect(remembered).toEqual(outline(body, { hasher: forgetful }));
				const { reused } = hasher.reader;
				if (turn > 2) expect(body.length - (reused?.gap.to ?? 0)).toBeLessThan(56_000);
			}
		},
	);
});

describe("what is not the same is read again", () => {
	const words = "lorem ipsum ".repeat(100);
	const after = async (first: string, second: string): Promise<PromptHasher> => {
		const hasher = await remembering();
		outline(Buffer.from(first), { hasher, memory: { key: "k", now: 0 } });
		const bytes = Buffer.from(second);
		expect(outcome(bytes, { hasher, memory: { key: "k", now: 0 } })).toEqual(outcome(bytes, { hasher: forgetful }));
		return hasher;
	};
	const body = (messages: string, more = ""): string => `{"model":"m","messages":[${messages}]${more}}`;
	const user = `{"role":"user","content":"${words}"}`;

	test.each<[string, string, string, boolean]>([
		["a longer conversation", body(user), body(`${user},${user}`), true],
		["a number as message that goes on", body(`${user},1`), body(`${user},12`), true],
		["a message that goes on as another value", body(user), body(`${user}1`), true],
		["messages sent twice", body(user), body(user, `,"messages":[${user}]`), true],
		["a tool that was not there", body(user), body(user, ',"tools":[{"name":"A"}]'), true],
		["a system prompt that was not there", body(user), body(user, ',"system":"s"'), true],
		["the first image", body(user), body(`${user},{"content":[{"type":"image"}]}`), true],
		["an element that counts other bytes", body(user, ',"system":"s"'), body(user, ',"system":["s"]'), true],
		["another model", body(user), body(user).replace('"m"', '"n"'), false],
		["an edited first message", body(user), body(user).replace("lorem", "Lorem"), false],
		[
			"a message without a block at the end",
			body(`${user},{"content":[]}`),
			body(`${user},{"content":[]},${user}`),
			true,
		],
	])("%s", async (_, first, second, isReused) => {
		const { reader } = await after(first, second);
		expect(reader.reused !== null).toBe(isReused);
	});

	test("another limit of depth", async () => {
		const hasher = await remembering();
		const bytes = Buffer.from(body(`{"role":"user","content":[{"type":"text","text":"${words}","x":[[1]]}]}`));
		outline(bytes, { hasher, memory: { key: "k", now: 0 } });
		const options = { hasher, maxDepth: 5, memory: { key: "k", now: 0 } };
		expect(faultOf(() => outline(bytes, options))?.code).toBe("body_too_deep");
	});

	test("a body that was refused leaves the last good one to go on from", async () => {
		const hasher = await remembering();
		const options = { hasher, memory: { key: "k", now: 0 } };
		outline(Buffer.from(body(user)), options);
		expect(faultOf(() => outline(Buffer.from(`${body(user)}]`), options))?.code).toBe("invalid_json");
		outline(Buffer.from(body(`${user},${user}`)), options);
		expect(hasher.reader.reused?.messages).toBe(1);
	});
});

describe("a body's memory", () => {
	test("is not reused while the body is in use, and only once", async () => {
		const hasher = await remembering();
		const body = Buffer.from('{"model":"m","messages":[{"role":"user","content":"hello"}]}');
		const writer = new BodyWriter(body.length, null);
		writer.add(body);
		const kept = { memory: writer.memory, reused: null };
		outline(writer.body(), { hasher, memory: { key: "k", now: 0, kept } });
		expect(hasher.memory.takeReusable("k", 0)).toBeNull();
		writer.memory.isFree = true;
		expect(hasher.memory.takeReusable("k", 0)?.memory).toBe(writer.memory);
		expect(hasher.memory.takeReusable("k", 0)).toBeNull();
		expect(hasher.memory.bytes).toBe(0);
	});

	test("holds a body that has outgrown the last one's memory", () => {
		const first = new BodyWriter(10, null);
		first.add(Buffer.from("0123456789"));
		const large = Buffer.alloc(200_000, "0123456789");
		const second = new BodyWriter(large.length, { memory: first.memory, body: first.body() });
		second.add(large);
		expect(second.memory).not.toBe(first.memory);
		expect(second.equal).toBe(10);
		expect(second.body().equals(large)).toBe(true);
	});
});

describe("memory", () => {
	const bodyOf = (bytes: number, model = "m"): Buffer =>
		encode({ model, messages: [{ role: "user", content: "a".repeat(bytes) } as Json] });
	const snapshotOf = (bytes: number): Snapshot => {
		const body = bodyOf(bytes);
		const chain = outline(body, { hasher: forgetful }).chain;
		const snapshot = new Snapshot();
		expect(snapshot.take(forgetful.reader, null, { chain, notes: forgetful.notes })).toBe(true);
		return snapshot;
	};

	test("of one key is never seen under another", async () => {
		const hasher = await createHasher(seed);
		const body = bodyOf(40_000);
		for (const key of ["a/session", "b/session", "a/session/agent", ""]) {
			outline(body, { hasher, memory: { key, now: 0 } });
			expect(hasher.reader.reused, key).toBeNull();
		}
		outline(body, { hasher, memory: { key: "a/session", now: 0 } });
		expect(hasher.reader.reused).not.toBeNull();
		outline(body, { hasher });
		expect(hasher.reader.reused).toBeNull();
		expect(hasher.memory.size).toBe(4);
	});

	test("holds the last body only, none that is small, and the body itself, not a copy", async () => {
		const hasher = await createHasher(seed);
		outline(bodyOf(20_000), { hasher, memory: { key: "k", now: 0 } });
		expect(hasher.memory.size).toBe(0);
		for (const bytes of [300_000, 200_000, 400_000]) outline(bodyOf(bytes), { hasher, memory: { key: "k", now: 0 } });
		outline(bodyOf(2000), { hasher, memory: { key: "k", now: 0 } });
		expect(hasher.memory.size).toBe(1);
		expect(hasher.memory.bytes).toBeGreaterThan(400_000);
		expect(hasher.memory.bytes).toBeLessThan(425_000);
	});

	test("is bounded: what was kept longest ago goes first, and what is too large is not kept", () => {
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(90_000)), { maxLength: 30 }), (kept) => {
				const memory = new PromptMemory({ maxBytes: 200_000 });
				for (const [key, bytes] of kept) {
					memory.keep(String(key), snapshotOf(bytes), 0);
					expect(memory.bytes).toBeLessThanOrEqual(200_000);
					expect(memory.recall(String(key), 0)).not.toBeNull();
				}
				const keys = [...new Set(kept.map(([key]) => key).reverse())];
				const isThere = keys.map((key) => memory.recall(String(key), 0) !== null);
				expect(isThere).toEqual([...isThere].sort((a, b) => Number(b) - Number(a)));
				for (const key of keys) memory.forget(String(key));
				expect([memory.bytes, memory.size]).toEqual([0, 0]);
			}),
			{ numRuns: 100 },
		);
		const memory = new PromptMemory({ maxBytes: 200_000 });
		memory.keep("small", snapshotOf(1000), 0);
		memory.keep("large", snapshotOf(300_000), 0);
		expect(memory.recall("large", 0)).toBeNull();
		expect(memory.recall("small", 0)).not.toBeNull();
	});

	test("ends after its time, and what has ended goes when something is kept", () => {
		const memory = new PromptMemory({ ttlMs: 1000 });
		memory.keep("a", snapshotOf(10), 0);
		memory.keep("b", snapshotOf(10), 500);
		expect(memory.recall("a", 999)).not.toBeNull();
		expect(memory.recall("a", 1000)).toBeNull();
		memory.keep("c", snapshotOf(10), 1200);
		expect(memory.size).toBe(2);
		memory.keep("c", snapshotOf(10), 1499);
		expect(memory.recall("b", 1499)).not.toBeNull();
		memory.keep("c", snapshotOf(10), 1501);
		expect(memory.size).toBe(1);
	});
});
