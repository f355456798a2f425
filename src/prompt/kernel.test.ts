import fc from "fast-check";
import { expect, test } from "vitest";
import xxhash from "xxhash-wasm";
import { Kernel } from "./kernel.ts";

const kernel = new Kernel();
const { h64Raw } = await xxhash();

test("hashes as the reference implementation of XXH64 does", () => {
	const seed = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 300 }), seed, fc.nat(40), (bytes, seed, from) => {
			const start = Math.min(from, bytes.length);
			kernel.load(bytes);
			expect(kernel.xxh64(start, bytes.length, seed)).toBe(h64Raw(bytes.subarray(start), seed));
		}),
		{ numRuns: 3000 },
	);
});

test("a chain's pieces hash as one, in both lanes", () => {
	const bytes = Buffer.from("abcdefghij".repeat(500));
	kernel.load(bytes);
	kernel.beginDigest(Uint32Array.of(1, 0, 2, 0));
	kernel.append(0, 30);
	kernel.append(40, 4000);
	kernel.appendByte(7);
	kernel.absorbPieces();
	const piece = Buffer.concat([bytes.subarray(0, 30), bytes.subarray(40, 4000), Buffer.of(7)]);
	const [first, second] = [h64Raw(piece, 1n), h64Raw(piece, 2n)];
	kernel.absorb(5, 10);
	const digests = [first, second].map((digest) => h64Raw(bytes.subarray(5, 10), digest));
	const words = digests.flatMap((digest) => [Number(digest & 0xffff_ffffn), Number(digest >> 32n)]);
	expect([0, 1, 2, 3].map((word) => kernel.digestWord(word))).toEqual(words);
});

test("finds the quotes that no backslash escapes", () => {
	const quotesOf = (text: string): number[] => {
		const found: number[] = [];
		kernel.load(Buffer.from(text));
		while (kernel.moreQuotes()) found.push(...kernel.quotes.subarray(0, kernel.quoteCount));
		return found;
	};
	const string = fc.array(fc.constantFrom("a", '\\"', "\\\\", "\\u0022", "é", "\\n", " "), { maxLength: 60 });
	fc.assert(
		fc.property(fc.array(string, { maxLength: 8 }), (strings) => {
			const literals = strings.map((parts) => `"${parts.join("")}"`);
			let at = 1;
			const expected = literals.flatMap((literal) => {
				const ends = [at, at + Buffer.byteLength(literal) - 1];
				at += Buffer.byteLength(literal) + 1;
				return ends;
			});
			expect(quotesOf(`[${literals.join(",")}]`)).toEqual(expected);
		}),
		{ numRuns: 2000 },
	);
});

test("a body larger than all before takes no memory away: V8 makes typed arrays slow for good once one was", () => {
	const own = new Kernel();
	const taken = [];
	for (const length of [10, 1_000_000, 7_000_000, 9_000_000, 30_000_000, 10]) {
		const body = Buffer.alloc(length, "x");
		own.load(body);
		taken.push(own.text.buffer);
		expect(own.xxh64(0, length, 3n)).toBe(h64Raw(body, 3n));
	}
	expect(taken.map(({ byteLength }) => byteLength > 0)).toEqual(taken.map(() => true));
});

test("pieces that outgrow the memory hash as one", () => {
	const own = new Kernel();
	const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => 97 + (at % 26)));
	own.load(body);
	own.beginDigest(Uint32Array.of(1, 0, 2, 0));
	own.append(0, body.length);
	own.append(0, body.length);
	own.append(7, body.length);
	own.absorbPieces();
	const digest = h64Raw(Buffer.concat([body, body, body.subarray(7)]), 1n);
	expect([0, 1].map((word) => own.digestWord(word))).toEqual([Number(digest & 0xffff_ffffn), Number(digest >> 32n)]);
	while (own.moreQuotes());
	expect(own.badByte()).toBe(-1);
	expect(own.xxh64(0, body.length, 0n)).toBe(h64Raw(body, 0n));
});
