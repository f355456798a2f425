import { expect, test } from "vitest";
import { callId } from "./call-id.ts";

test("an id is a version 7 UUID that begins with its time", () => {
	const now = Date.parse("2026-11-28T12:00:00.123Z");
	const id = callId(now);
	expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
	expect(Number.parseInt(id.slice(0, 13).replace("-", ""), 16)).toBe(now);
});

test("ids of one moment differ, and later ones sort behind earlier ones", () => {
	const now = Date.parse("2026-11-28T12:00:00Z");
	const ids = Array.from({ length: 1_000 }, () => callId(now));
	expect(new Set(ids).size).toBe(1_000);
	for (const id of ids) {
		expect(id < callId(now + 1)).toBe(true);
		expect(id > callId(now - 1)).toBe(true);
	}
});

test("a clock that is set before 1970, or tells parts of a millisecond, still gives an id", () => {
	for (const now of [-5, 0, 1.5]) expect(callId(now)).toMatch(/^00000000-000[01]-7/);
});
