// Buckets that mirror a provider's.
import { expect, test } from "vitest";
import { Bucket } from "./meter.ts";

const SECOND = 1_000;
const MINUTE = 60_000;

test("a bucket fills continuously up to a minute's worth, and says when there is enough", () => {
	const bucket = new Bucket(60_000, 0, 0);
	bucket.take(50_000, 0);
	expect(bucket.waitMs(10_000, 0)).toBe(0);
	expect(bucket.waitMs(30_000, 0)).toBeCloseTo(20 * SECOND, -1);
	expect(bucket.waitMs(30_000, 20 * SECOND + 1)).toBe(0);
	expect(bucket.level(10 * MINUTE)).toBe(60_000);
});

test("what exceeds the whole bucket waits for a full one, and leaves a debt", () => {
	const bucket = new Bucket(60_000, 0, 0);
	expect(bucket.waitMs(200_000, 0)).toBe(0);
	bucket.take(200_000, 0);
	expect(bucket.waitMs(1, 0)).toBeGreaterThan(139 * SECOND);
});

test("a refusal empties what was believed to be there, as far as the named wait says", () => {
	const bucket = new Bucket(60_000, 0, 0);
	bucket.refuse(20_000, 10 * SECOND, 0);
	expect(bucket.level(0)).toBe(10_000);
	expect(bucket.waitMs(20_000, 0)).toBeGreaterThan(10 * SECOND);
	expect(bucket.waitMs(20_000, 0)).toBeLessThan(13 * SECOND);
});

test("after refusals less of the refill is counted on, for a while", () => {
	const bucket = new Bucket(60_000, 0, 0);
	for (let nth = 0; nth < 20; nth += 1) bucket.refuse(1_000, 1 * SECOND, 0);
	const before = bucket.level(0);
	const soon = bucket.level(10 * SECOND) - before;
	expect(soon).toBeGreaterThan(3_000);
	expect(soon).toBeLessThan(7_000);
	bucket.take(bucket.level(10 * MINUTE), 10 * MINUTE);
	expect(bucket.level(10 * MINUTE + 10 * SECOND)).toBeCloseTo(10_000, -2);
});

test("a report is believed, less what it cannot have counted, and its reset gives the rate", () => {
	const bucket = new Bucket(60_000, 0, 0);
	bucket.report({ limit: 120_000, remaining: 60_000, resetAt: MINUTE }, 10_000, 0);
	expect(bucket.level(0)).toBe(50_000);
	expect(bucket.level(10 * SECOND)).toBeCloseTo(60_000, 0);
	bucket.report({ limit: 120_000, remaining: 119_000, resetAt: SECOND }, 0, 0);
	expect(bucket.level(SECOND)).toBe(120_000);
});
