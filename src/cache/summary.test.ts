// What a summary keeps of a prompt's blocks: sizes to a few percent, fingerprints cut short.

import { expect, test } from "vitest";
import { printOf, sizeOfBlock, summarise } from "./summary.ts";

function summaryOf(sizes: readonly number[], prints: readonly number[] = sizes.map(() => 0)) {
	let sum = 0;
	const chain = {
		count: sizes.length,
		high: Float64Array.from(prints),
		level: new Uint8Array(sizes.length).fill(2),
		kind: new Uint8Array(sizes.length),
		message: new Int32Array(sizes.length),
		bytes: Float64Array.from(sizes, (size) => {
			sum += size;
			return sum;
		}),
	};
	return summarise(chain, []);
}

test("a block's size is kept to a few percent, and that it is empty exactly", () => {
	const sizes = [
		0,
		...Array.from({ length: 2_000 }, (_, at) => at + 1),
		...Array.from({ length: 20 }, (_, power) => 2 ** (power + 11)),
	];
	for (const size of sizes) {
		const read = sizeOfBlock(summaryOf([size]), 0);
		if (size === 0) expect(read).toBe(0);
		else expect(Math.abs(read - size) / size).toBeLessThan(0.05);
	}
	const classes = sizes.map((size) => sizeOfBlock(summaryOf([size]), 0));
	expect(classes).toEqual([...classes].sort((left, right) => left - right));
	expect(sizeOfBlock(summaryOf([2 ** 40]), 0)).toBeGreaterThan(2 ** 30);
});

test("of a fingerprint of 52 bits the lowest 22 are kept", () => {
	const prints = [0, 1, 2 ** 22 - 1, 2 ** 22, 2 ** 22 + 5, 2 ** 51 + 7, 2 ** 52 - 1, 2_654_435_761 * 1_000_003];
	const summary = summaryOf(
		prints.map(() => 10),
		prints,
	);
	expect(prints.map((_, block) => printOf(summary, block))).toEqual(
		prints.map((print) => Number(BigInt(print) % 4_194_304n)),
	);
});
