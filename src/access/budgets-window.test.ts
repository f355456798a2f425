import { expect, test } from "vitest";
import { addSpan, parseSpan, windowAt } from "./budgets-window.ts";

const at = (text: string) => Date.parse(text);

test("LiteLLM's spans are read, and nothing else", () => {
	expect(parseSpan("30s")).toEqual({ ms: 30_000 });
	expect(parseSpan("24h")).toEqual({ ms: 86_400_000 });
	expect(parseSpan("1w")).toEqual({ ms: 604_800_000 });
	expect(parseSpan("2mo")).toEqual({ months: 2 });
	for (const text of ["", "0d", "-1d", "1y", "d", "1.5h", "1 day"]) expect(parseSpan(text)).toBeNull();
});

test("windows follow each other from the anchor without a gap", () => {
	const span = { ms: 30 * 86_400_000 };
	const anchor = at("2026-01-15T10:00:00Z");
	const first = windowAt(span, anchor, anchor);
	expect(first.start).toBe(anchor);
	expect(windowAt(span, anchor, first.end - 1)).toEqual(first);
	expect(windowAt(span, anchor, first.end).start).toBe(first.end);
});

test("months begin on the anchor's day, or on the last there is", () => {
	const anchor = at("2026-01-31T12:00:00Z");
	const span = { months: 1 };
	expect(new Date(windowAt(span, anchor, at("2026-03-01T00:00:00Z")).start).toISOString()).toBe(
		"2026-02-28T12:00:00.000Z",
	);
	expect(new Date(windowAt(span, anchor, at("2026-02-28T11:59:59Z")).start).toISOString()).toBe(
		"2026-01-31T12:00:00.000Z",
	);
	expect(new Date(addSpan(anchor, span, 2)).toISOString()).toBe("2026-03-31T12:00:00.000Z");
});

test("a lifetime is one window", () => {
	expect(windowAt(null, 5, 99)).toEqual({ start: 0, end: Number.POSITIVE_INFINITY });
});
