// What each policy remembers and for how long, asked one request at a time.
import { expect, test } from "vitest";
import type { Pause, Policy, ReplayTarget } from "../policy.ts";
import { createRandom } from "../random.ts";
import type { ReplayRequest } from "../workload.ts";
import { POLICIES, POLICY_NAMES, type PolicyName } from "./index.ts";

const USAGE = {
	inputTokens: 0,
	outputTokens: 1,
	cacheReadTokens: 0,
	cacheWriteTokens: 5_000,
	cacheWrite5mTokens: 5_000,
	cacheWrite1hTokens: 0,
};

function policy(name: PolicyName): Policy {
	const limits = { inputTokens: null, requests: null };
	return POLICIES[name]({ deployments: 16, limits, random: createRandom(5, name), shared: null });
}

/** A prompt whose prefixes end with these ids, 5,000 tokens each, all of them messages. */
function request(ids: readonly number[], change: Partial<ReplayRequest> = {}): ReplayRequest {
	return {
		at: 0,
		session: "1",
		agent: null,
		model: "claude-sonnet-5",
		cuts: {
			ids: Float64Array.from(ids),
			tokens: Float64Array.from(ids, (_, at) => 5_000 * (at + 1)),
			level: new Uint8Array(ids.length).fill(2),
			marks: [ids.length - 1],
		},
		copy: 0,
		promptTokens: 5_000 * ids.length,
		outputTokens: 1,
		firstEventMs: 1_000,
		durationMs: 2_000,
		...change,
	};
}

/** Where a gateway sends at once. */
function targetOf(gateway: Policy, sent: ReplayRequest, now: number): ReplayTarget {
	return sendable(gateway.route(sent, now).next(now));
}

function sendable(target: ReplayTarget | Pause | null): ReplayTarget {
	if (target === null || "until" in target) throw new Error("nowhere to send now");
	return target;
}

/** Sends a request that ends two seconds later; where it went. */
function serve(gateway: Policy, sent: ReplayRequest, now: number): number {
	const target = targetOf(gateway, sent, now);
	const dispatched = target.dispatched(now);
	dispatched.started(now + 1_000);
	dispatched.settled(USAGE, now + 2_000);
	return target.deployment;
}

/** Where eight requests went, one every ten seconds: one number if always to the same. */
function places(gateway: Policy, sent: (nth: number) => ReplayRequest): readonly number[] {
	return [...new Set(Array.from({ length: 8 }, (_, nth) => serve(gateway, sent(nth), nth * 10_000)))];
}

const growing = (nth: number) => request(Array.from({ length: nth + 1 }, (_, at) => at + 1));
const sessionless = (nth: number) => ({ ...growing(nth), session: null });

test.each(["warmpath", "session-hash", "session-affinity", "litellm-walkback", "single"] as const)(
	"%s: a growing conversation stays where it began",
	(name) => {
		expect(places(policy(name), growing)).toHaveLength(1);
	},
);

test.each(["litellm-exact", "least-busy", "round-robin", "random"] as const)(
	"%s: a growing conversation is scattered",
	(name) => {
		expect(places(policy(name), growing).length).toBeGreaterThan(4);
	},
);

test("only prefixes hold a conversation together that has no session", () => {
	expect(places(policy("warmpath"), sessionless)).toHaveLength(1);
	expect(places(policy("litellm-walkback"), sessionless)).toHaveLength(1);
	expect(places(policy("session-hash"), sessionless).length).toBeGreaterThan(1);
	expect(places(policy("session-affinity"), sessionless).length).toBeGreaterThan(1);
});

test("the exact key finds a repeated prompt", () => {
	expect(places(policy("litellm-exact"), () => request([1]))).toHaveLength(1);
});

test("a pin lasts five minutes from its first writing, whatever is read meanwhile", () => {
	const gateway = policy("litellm-exact");
	const first = serve(gateway, request([1]), 0);
	for (let now = 100_000; now < 300_000; now += 50_000) expect(serve(gateway, request([1]), now)).toBe(first);
	const later = Array.from({ length: 6 }, (_, nth) => targetOf(gateway, request([1]), 302_001 + nth).deployment);
	expect(new Set(later).size).toBeGreaterThan(1);
});

test("a pin is written when the answer has ended", () => {
	const gateway = policy("litellm-exact");
	targetOf(gateway, request([1]), 0)
		.dispatched(0)
		.started(1_000);
	const meanwhile = Array.from({ length: 6 }, () => targetOf(gateway, request([1]), 1_500).deployment);
	expect(new Set(meanwhile).size).toBeGreaterThan(1);
});

test.each(POLICY_NAMES.filter((name) => name !== "single"))("%s: a 429 sends the request elsewhere at once", (name) => {
	const routing = policy(name).route(request([1]), 0);
	const first = sendable(routing.next(0));
	first.dispatched(0).limited(10_000, 0);
	expect(sendable(routing.next(0)).deployment).not.toBe(first.deployment);
});

test("a plain gateway gives up after three deployments and names the soonest to come back", () => {
	const limits = { inputTokens: null, requests: null };
	const gateway = POLICIES["round-robin"]({ deployments: 3, limits, random: createRandom(1, "test"), shared: null });
	const routing = gateway.route(request([1]), 0);
	for (const retryAfterMs of [9_000, 4_000, 7_000]) sendable(routing.next(0)).dispatched(0).limited(retryAfterMs, 0);
	expect(routing.next(0)).toBeNull();
	expect(routing.retryAt(0)).toBe(4_000);
	expect(gateway.route(request([2]), 3_999).next(3_999)).toBeNull();
	expect(gateway.route(request([2]), 4_000).next(4_000)).not.toBeNull();
});

test("session affinity follows the session to where it was sent last", () => {
	const gateway = policy("session-affinity");
	const routing = gateway.route(request([1]), 0);
	sendable(routing.next(0)).dispatched(0).limited(10_000, 0);
	const target = sendable(routing.next(0));
	target.dispatched(0).settled(USAGE, 0);
	expect(targetOf(gateway, request([1, 2]), 20_000).deployment).toBe(target.deployment);
});
