import { expect, test } from "vitest";
import { createClock } from "./clock.ts";

function world() {
	const time = { wall: 1_000_000, steady: 50 };
	const clock = createClock({ wall: () => time.wall, steady: () => time.steady });
	return {
		clock,
		pass(ms: number): void {
			time.wall += ms;
			time.steady += ms;
		},
		set(wall: number): void {
			time.wall = wall;
		},
	};
}

test("it gives the wall clock's time, and follows it forward", () => {
	const { clock, pass, set } = world();
	expect(clock()).toBe(1_000_000);
	pass(10);
	expect(clock()).toBe(1_000_010);
	set(5_000_000);
	expect(clock()).toBe(5_000_000);
});

test("a wall clock that is set back does not turn time back: it goes on at half speed until both agree", () => {
	const { clock, pass, set } = world();
	clock();
	set(999_000);
	expect(clock()).toBe(1_000_000);
	pass(500);
	expect(clock()).toBe(1_000_250);
	pass(400);
	expect(clock()).toBe(1_000_450);
	pass(1_000);
	// The wall clock is ahead again.
	expect(clock()).toBe(1_000_900);
});
