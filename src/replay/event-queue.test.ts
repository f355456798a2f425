// Order of events.
import { expect, test } from "vitest";
import { EventQueue } from "./event-queue.ts";
import { createRandom } from "./random.ts";

test("events happen by time, those of one instant in the order they were added", () => {
	const queue = new EventQueue();
	const random = createRandom(1, "test");
	const seen: (readonly [number, number])[] = [];
	for (let added = 0; added < 500; added += 1) {
		queue.add(Math.floor(random() * 50), (now) => seen.push([now, added]));
	}
	while (queue.step());
	expect(seen).toHaveLength(500);
	expect(seen).toEqual([...seen].sort(([a, first], [b, second]) => a - b || first - second));
});

test("an event may add others", () => {
	const queue = new EventQueue();
	const seen: number[] = [];
	queue.add(1, (now) => {
		seen.push(now);
		queue.add(now + 1, (later) => seen.push(later));
	});
	queue.add(3, (now) => seen.push(now));
	while (queue.step());
	expect(seen).toEqual([1, 2, 3]);
	expect(queue.step()).toBe(false);
});
