import { describe, expect, it } from "vitest";
import { messageOf } from "./__fixtures__/bodies.ts";
import { ManualClock } from "./clock.ts";
import { type Fault, Faults, type FaultTarget } from "./faults.ts";
import { seededRandom } from "./random.ts";

const target = (more: Partial<FaultTarget> = {}): FaultTarget => ({
	deployment: "a",
	endpoint: "messages",
	stream: true,
	model: "claude-opus-5-5",
	session: "s1",
	...more,
});
const overloaded: Fault = { kind: "status", status: 529 };

function start(...faults: Fault[]): { faults: Faults; clock: ManualClock } {
	const clock = new ManualClock();
	const all = new Faults(clock, seededRandom(7));
	for (const fault of faults) all.add(fault);
	return { faults: all, clock };
}

/** How many of `count` requests are struck. */
const struck = (faults: Faults, count: number, of = target()) =>
	Array.from({ length: count }, () => faults.strike(of)).filter((fault) => fault !== null).length;

describe("a fault strikes", () => {
	it("once, unless it says how often", () => {
		expect(struck(start(overloaded).faults, 5)).toBe(1);
		expect(struck(start({ ...overloaded, times: 3 }).faults, 5)).toBe(3);
		expect(struck(start({ ...overloaded, times: "always" }).faults, 5)).toBe(5);
	});

	it("for as long as it says", () => {
		const { faults, clock } = start({ ...overloaded, forMs: 1_000 });
		expect(struck(faults, 5)).toBe(5);
		clock.advance(999);
		expect(struck(faults, 1)).toBe(1);
		clock.advance(1);
		expect(struck(faults, 1)).toBe(0);
		expect(faults.list()).toEqual([]);
	});

	it("with its probability, the same requests for the same seed", () => {
		const run = () => struck(start({ ...overloaded, times: "always", probability: 0.3 }).faults, 1_000);
		expect(run()).toBeGreaterThan(250);
		expect(run()).toBeLessThan(350);
		expect(run()).toBe(run());
	});

	it("only its deployment, endpoint, model, session and form", () => {
		const only = (fault: Partial<Fault>, of: Partial<FaultTarget>) =>
			struck(start({ ...overloaded, ...fault } as Fault).faults, 1, target(of)) === 1;
		expect(only({ deployment: "b" }, {})).toBe(false);
		expect(only({ deployment: "b" }, { deployment: "b" })).toBe(true);
		expect(only({}, { endpoint: "count_tokens" })).toBe(false);
		expect(only({ match: { endpoint: "any" } }, { endpoint: "count_tokens" })).toBe(true);
		expect(only({ match: { stream: true } }, { stream: false })).toBe(false);
		expect(only({ match: { model: "haiku" } }, {})).toBe(false);
		expect(only({ match: { model: "opus" } }, {})).toBe(true);
		expect(only({ match: { session: "s2" } }, {})).toBe(false);
	});

	it("only streams when it needs one", () => {
		const { faults } = start({ kind: "sse-error", at: "start" });
		expect(struck(faults, 1, target({ stream: false }))).toBe(0);
		expect(struck(faults, 1)).toBe(1);
	});

	it("in the order in which they were added, one per request", () => {
		const { faults } = start(overloaded, { kind: "reset" });
		expect([faults.strike(target())?.kind, faults.strike(target())?.kind, faults.strike(target())]).toEqual([
			"status",
			"reset",
			null,
		]);
	});

	it("no more once it is removed", () => {
		const { faults } = start({ ...overloaded, deployment: "a" }, { ...overloaded, deployment: "b" });
		faults.clear("a");
		expect(struck(faults, 1)).toBe(0);
		expect(faults.remove(faults.list()[0]?.id ?? "")).toBe(true);
		expect(struck(faults, 1, target({ deployment: "b" }))).toBe(0);
	});
});

it("a fault that makes no sense is refused with what is missing", () => {
	const add = (fault: unknown) => messageOf(() => start(fault as Fault));
	expect(add({ kind: "earthquake" })).toContain("one of: status, reset");
	expect(add({ kind: "status", status: 200 })).toContain("400 to 599");
	expect(add({ kind: "stall", at: "lunch", ms: 1 })).toContain("before-headers");
	expect(add({ kind: "stall", at: "mid-content" })).toContain("needs ms");
	expect(add({ kind: "cut" })).toContain("needs afterDeltas");
	expect(add({ ...overloaded, times: "often" })).toContain("times");
});
