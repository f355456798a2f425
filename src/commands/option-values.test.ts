// Values on the command line: what each means, and what is refused.
import { expect, test } from "vitest";
import { timeOf } from "./option-values.ts";

test.each([
	["2026-11-01", "2026-11-01T00:00:00.000Z"],
	["2026-11-01T12:30", "2026-11-01T12:30:00.000Z"],
	["2026-11-01 12:30:15", "2026-11-01T12:30:15.000Z"],
	["2026-11-01T12:30:15.5Z", "2026-11-01T12:30:15.500Z"],
	["2026-11-01T12:30+02:00", "2026-11-01T10:30:00.000Z"],
	[" 2028-02-29 ", "2028-02-29T00:00:00.000Z"],
])("the time %j is %s, whatever zone the machine is in", (text, time) => {
	expect(new Date(timeOf(text)).toISOString()).toBe(time);
});

test.each([
	["90m", 90 * 60_000],
	["24h", 86_400_000],
	["7d", 7 * 86_400_000],
	["2w", 14 * 86_400_000],
])("%s is that long ago", (text, ms) => {
	const before = Date.now();
	const time = timeOf(text);
	expect(time).toBeGreaterThanOrEqual(before - ms);
	expect(time).toBeLessThanOrEqual(Date.now() - ms);
});

test.each([
	"",
	"yesterday",
	"7",
	"11/01/2026",
	"2026-11",
	"2026-02-31",
	"2026-13-01",
	"2026-11-01T25:00",
	"-1d",
	"7d ago",
])("%j is no time", (text) => {
	expect(() => timeOf(text)).toThrow(/expected a date such as 2026-11-01/);
});
