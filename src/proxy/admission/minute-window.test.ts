import fc from "fast-check";
import { expect, test } from "vitest";
import { MinuteWindow } from "./minute-window.ts";

test("no sixty seconds ever hold more than the limit, whenever requests come", () => {
	fc.assert(
		fc.property(
			fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 }),
			fc.integer({ min: 1, max: 20 }),
			(gaps, limit) => {
				const window = new MinuteWindow();
				const admitted: number[] = [];
				let now = 1_000_000;
				for (const gap of gaps) {
					now += gap;
					if (window.total(now) + 1 > limit) continue;
					window.add(1, now);
					admitted.push(now);
				}
				for (const at of admitted) {
					expect(admitted.filter((each) => each >= at && each < at + 60_000).length).toBeLessThanOrEqual(limit);
				}
			},
		),
	);
});

test("the wait it names is long enough, and no more than a second too long", () => {
	const window = new MinuteWindow();
	window.add(6, 10_500);
	window.add(4, 40_200);
	const wait = window.waitMs(1, 10, 50_000);
	expect(window.total(50_000 + wait - 1) + 1).toBeGreaterThan(10);
	expect(window.total(50_000 + wait) + 1).toBeLessThanOrEqual(10);
	expect(wait).toBeLessThanOrEqual(10_500 + 61_000 - 50_000 + 1_000);
});

test("what was expected is corrected in its own second, and an excess that comes after a minute counts then", () => {
	const window = new MinuteWindow();
	const second = window.add(1000, 5_000);
	window.correct(second, -900, 20_000);
	expect(window.total(20_000)).toBe(100);
	window.correct(second, 50, 90_000);
	expect(window.total(90_000)).toBe(50);
	window.correct(second, -50, 90_000);
	expect(window.total(90_000)).toBe(50);
});
