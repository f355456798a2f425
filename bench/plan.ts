// How long plan() takes and what an entry weighs, with many deployments and live entries (routing-model §7: ≤ 50 µs).
// Leaves whole requests to bench.ts.
// Run: node --expose-gc --import tsx bench/plan.ts
import { loadavg } from "node:os";
import { DEFAULTS, PLAIN_DEPLOYMENT } from "../src/config/__fixtures__/defaults.ts";
import type { DeploymentConfig } from "../src/config/schema.ts";
import { NO_HISTORY, NO_SETTINGS, type Outline } from "../src/prompt/outline.ts";
import { NO_MEMBERS } from "../src/protocol/members.ts";
import type { Plan, RouteRequest } from "../src/routing/decision.ts";
import { createRouter, type LiveRouter } from "../src/routing/router.ts";

const DEPLOYMENTS = 32;
const CONVERSATIONS = 1_600;
const TURNS = 64;
const HEAD_BLOCKS = 15;
const BLOCKS_PER_TURN = 8;
const PLANS = 20_000;
const BLOCK_BYTES = 900;
/** Limits that are checked and never hit. */
const NEVER_REACHED = 1e12;
const START = 1_700_000_000_000;

const deployments = Array.from({ length: DEPLOYMENTS }, (_, at): DeploymentConfig => {
	return {
		...PLAIN_DEPLOYMENT,
		id: `deployment-${at}`,
		group: "claude",
		upstreamModel: "claude-sonnet-4-5-20250929",
		credentials: { apiKey: null, apiBase: `http://upstream-${at}.test`, extra: {} },
		rpm: NEVER_REACHED,
		itpm: NEVER_REACHED,
	};
});
const group = { name: "claude", deployments };
const betas = Array.from({ length: 8 }, (_, at) => `some-capability-name-${at}-2026-07-01`).join(",");

/** Repeatable pseudo-random integers below 2^52, well spread as fingerprints are. */
function fingerprints(seed: number): () => number {
	let state = seed | 0;
	const next = () => {
		state = (state + 0x9e3779b9) | 0;
		let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
		bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
		return (bits ^ (bits >>> 15)) >>> 0;
	};
	return () => (next() & 0xfffff) * 2 ** 32 + next();
}

/** A conversation's requests by number of turns; every conversation has the same head. */
function conversation(who: number): (turns: number) => RouteRequest {
	const most = HEAD_BLOCKS + TURNS * BLOCKS_PER_TURN + BLOCKS_PER_TURN;
	const high = new Float64Array(most);
	const low = new Float64Array(most);
	const level = new Uint8Array(most).fill(2);
	const bytes = new Float64Array(most);
	const shared = fingerprints(1);
	const own = fingerprints(1_000 + who);
	for (let block = 0; block < most; block += 1) {
		const next = block < HEAD_BLOCKS ? shared : own;
		high[block] = next();
		low[block] = next();
		bytes[block] = (bytes[block - 1] ?? 0) + BLOCK_BYTES * (block < HEAD_BLOCKS ? 3 : 1);
	}
	level.fill(0, 0, HEAD_BLOCKS - 2);
	level.fill(1, HEAD_BLOCKS - 2, HEAD_BLOCKS);
	return (turns) => {
		const count = HEAD_BLOCKS + turns * BLOCKS_PER_TURN;
		const marks = [HEAD_BLOCKS - 2, HEAD_BLOCKS - 1, count - 1];
		const outline: Outline = {
			model: "claude",
			members: NO_MEMBERS,
			stream: true,
			bodyBetas: [],
			maxTokens: null,
			userId: null,
			chain: { count, high, low, level, kind: new Uint8Array(most), message: new Int32Array(most), bytes },
			breakpoints: marks.map((block) => ({ block, ttl: "5m" })),
			openingKey: 0,
			variant: "",
			history: NO_HISTORY,
			settings: NO_SETTINGS,
		};
		const session = `key-1/0f8fad5b-d9cb-469f-a165-${String(who).padStart(12, "0")}`;
		return { outline, group, wildcard: null, conversation: { session, agent: null }, betas };
	};
}

function serve(router: LiveRouter, request: RouteRequest, now: number): void {
	const plan = router.plan(request, now);
	const [first] = plan.candidates;
	if (first === undefined) return;
	const ticket = router.dispatched(plan, first, now);
	router.started(ticket, { organization: null, workspace: null }, now);
	router.settled(ticket, null, now);
}

function measure(name: string, router: LiveRouter, requests: readonly RouteRequest[]): void {
	const now = START + TURNS * 1_000;
	const times = new Float64Array(PLANS);
	let planned: Plan | null = null;
	let consumed = 0;
	for (let run = 0; run < PLANS * 2; run += 1) {
		const request = requests[(run * 7919) % requests.length];
		if (request === undefined) continue;
		consumed += scanned(request.outline.chain);
		const before = process.hrtime.bigint();
		planned = router.plan(request, now);
		if (run >= PLANS) times[run - PLANS] = Number(process.hrtime.bigint() - before) / 1_000;
	}
	times.sort();
	const at = (share: number) => (times[Math.floor(PLANS * share)] ?? 0).toFixed(1);
	const blocks = requests[0]?.outline.chain.count ?? 0;
	if (Number.isNaN(consumed)) throw new Error("no fingerprints");
	console.log(`${name} (${blocks} blocks, ${planned?.outcome}): p10 ${at(0.1)}, p50 ${at(0.5)}, p99 ${at(0.99)} µs`);
}

/** A plan follows a scan that has just written the chain: it is in the processor's cache. */
function scanned({ high, low, level, kind, bytes, count }: Outline["chain"]): number {
	let sum = 0;
	for (let block = 0; block < count; block += 1) {
		for (const column of [high, low, level, kind, bytes]) sum += column[block] ?? 0;
	}
	return sum;
}

function heap(): number {
	globalThis.gc?.();
	const { heapUsed, arrayBuffers } = process.memoryUsage();
	return heapUsed + arrayBuffers;
}

const started = Array.from({ length: CONVERSATIONS }, (_, who) => conversation(who));
const fresh = Array.from({ length: 200 }, (_, who) => conversation(100_000 + who));
const before = heap();
const router = createRouter({ deployments, routing: DEFAULTS.routing, failures: DEFAULTS.failures });
const filling = process.hrtime.bigint();
for (let turn = 1; turn <= TURNS; turn += 1) {
	for (const request of started) serve(router, request(turn), START + turn * 1_000);
}
const served = Number(process.hrtime.bigint() - filling) / 1_000 / (TURNS * CONVERSATIONS);
const after = heap();
const { entries, entryBytes } = router.memory();
console.log(
	`node ${process.version}, load average ${loadavg()[0]?.toFixed(2)}, ${DEPLOYMENTS} deployments, ${entries} live entries`,
);
console.log(
	`memory: ${(entryBytes / entries).toFixed(0)} bytes an entry in the index, ${((after - before) / entries).toFixed(0)} all in all`,
);
console.log(`plan + dispatched + started + settled while filling: mean ${served.toFixed(1)} µs`);
const late = started.slice(0, 400);
measure(
	"next turn of a long conversation",
	router,
	late.map((request) => request(TURNS + 1)),
);
measure(
	"next turn of a short conversation",
	router,
	late.map((request) => request(2)),
);
measure(
	"new long conversation, head known",
	router,
	fresh.map((request) => request(TURNS)),
);
measure(
	"new short conversation, head known",
	router,
	fresh.map((request) => request(1)),
);
