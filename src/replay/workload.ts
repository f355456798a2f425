// A trace as the requests of a replay: cut into blocks, repeated to a density, laid on one clock. Leaves reading to replay/trace and
// what becomes of the requests to replay/simulation.
import { createRandom, type Random } from "./random.ts";
import type { Trace, TraceRequest } from "./trace-format.ts";

/** `Level` of prompt/outline: tools 0, system 1, messages 2. */
const TOOLS = 0;
const SYSTEM = 1;
const MESSAGES = 2;

/** The prefixes of a prompt that some request could have cached, shortest first, as parallel arrays. */
interface Cuts {
	/** Id of the prefix within one copy of the trace: the id of its last block. */
	readonly ids: Float64Array;
	/** Tokens up to there. */
	readonly tokens: Float64Array;
	/** Of the block that ends there: 0 tools, 1 system, 2 messages. */
	readonly level: Uint8Array;
	/** Where the client sets `cache_control`: the end of the system part and the end of the prompt. Indices of cuts, rising. */
	readonly marks: readonly number[];
}

/** One request of a replay. */
export interface ReplayRequest {
	/** When the client sends it first, ms since the replay's start. */
	readonly at: number;
	readonly session: string | null;
	/** Null = the main loop. */
	readonly agent: string | null;
	/** As a client would name it. */
	readonly model: string;
	readonly cuts: Cuts;
	/** Which repetition of the trace it belongs to; copies share tools and system only. */
	readonly copy: number;
	readonly promptTokens: number;
	readonly outputTokens: number;
	/** From the request's start to its first event. */
	readonly firstEventMs: number;
	/** From the request's start to its end. */
	readonly durationMs: number;
}

export interface Workload {
	readonly trace: string;
	readonly source: string;
	/** By time. */
	readonly requests: readonly ReplayRequest[];
}

export interface WorkloadOptions {
	/** How many times each session runs, from the second on with a prompt of its own behind tools and system. */
	readonly density: number;
	/** own: tools and system as recorded · shared: every session has the same ones. */
	readonly head: "own" | "shared";
	/** How many sessions of a relative trace begin an hour. */
	readonly sessionsPerHour: number;
	/** Every request asks for this model; null = as recorded, or `DEFAULT_MODEL`. */
	readonly model: string | null;
	readonly seed: number;
}

/** For traces that name no model. */
const DEFAULT_MODEL = "claude-sonnet-5";

/** The shared head: 180 blocks of tools, 54 of system, 15,000 tokens at 64 a block, as large as recorded ones. */
const SHARED_TOOLS_TOKENS = 11_520;
const SHARED_HEAD_TOKENS = 14_976;
/** Ids no trace has. */
const SHARED_TOOLS_ID = -2;
const SHARED_SYSTEM_ID = -1;
/** A recording says when an answer ended, not when it began: after three seconds at the latest. */
const LATEST_FIRST_EVENT_MS = 3_000;
/** Where a trace does not say how long an answer took: a second, then 50 tokens a second. */
const ASSUMED_FIRST_EVENT_MS = 1_000;
const ASSUMED_MS_PER_TOKEN = 20;
/** Copies of a session start up to this much later, so that they do not send in step. */
const COPY_JITTER_MS = 600_000;
const HOUR_MS = 3_600_000;

/** The workload of a trace. The same options give the same workload. */
export function createWorkload(trace: Trace, options: WorkloadOptions): Workload {
	const random = createRandom(options.seed, "workload");
	const prepared = cutAll(trace, options);
	const requests: ReplayRequest[] = [];
	for (let copy = 0; copy < options.density; copy += 1) {
		const startOf = sessionStarts(trace, { copy, sessionsPerHour: options.sessionsPerHour, random });
		for (const { recorded, cuts, promptTokens } of prepared) {
			const durationMs = recorded.durationMs ?? ASSUMED_FIRST_EVENT_MS + ASSUMED_MS_PER_TOKEN * recorded.outputTokens;
			requests.push({
				at: recorded.at + startOf(recorded.session),
				session: recorded.session === null ? null : `${recorded.session}.${copy}`,
				agent: recorded.agent === 0 ? null : String(recorded.agent),
				model: options.model ?? recorded.model ?? DEFAULT_MODEL,
				cuts,
				copy,
				promptTokens,
				outputTokens: recorded.outputTokens,
				firstEventMs: Math.min(durationMs, LATEST_FIRST_EVENT_MS),
				durationMs,
			});
		}
	}
	requests.sort((a, b) => a.at - b.at);
	return { trace: trace.name, source: trace.source, requests };
}

/** Id of a request's prefix among all prefixes of the workload: equal ids mean equal prefixes. */
export function prefixId(request: ReplayRequest, cut: number): number {
	const id = request.cuts.ids[cut] ?? 0;
	return request.cuts.level[cut] === MESSAGES ? id + request.copy * 2 ** 32 : id;
}

/** When each session of one copy starts, ms. Requests without a session share the start of session null. */
function sessionStarts(
	trace: Trace,
	options: { readonly copy: number; readonly sessionsPerHour: number; readonly random: Random },
): (session: number | null) => number {
	const starts = new Map<number | null, number>();
	let last = 0;
	for (const { session } of trace.requests) {
		if (starts.has(session)) continue;
		if (trace.clock === "relative") {
			last += (-Math.log(1 - options.random()) * HOUR_MS) / options.sessionsPerHour;
			starts.set(session, Math.round(last));
		} else starts.set(session, options.copy === 0 ? 0 : Math.round(options.random() * COPY_JITTER_MS));
	}
	return (session) => starts.get(session) ?? 0;
}

interface Prepared {
	readonly recorded: TraceRequest;
	readonly cuts: Cuts;
	readonly promptTokens: number;
}

/**
 * Cuts every request at its tools, its system part, its end, and wherever an earlier request of its session ended: no other prefix can
 * be in a cache. Without sessions any earlier request counts.
 */
function cutAll(trace: Trace, { head }: WorkloadOptions): Prepared[] {
	const endsBySession = new Map<number | null, Set<number>>();
	return trace.requests.map((recorded) => {
		const ends = endsBySession.get(recorded.session) ?? new Set<number>();
		endsBySession.set(recorded.session, ends);
		const found = recordedCuts(recorded, ends);
		const last = found.at(-1);
		if (last !== undefined) ends.add(last.id);
		if (head === "own") {
			return { recorded, cuts: cutsOf(found, recorded, trace.blockTokens), promptTokens: recorded.promptTokens };
		}
		const replaced = SHARED_HEAD_TOKENS - recorded.systemBlocks * trace.blockTokens;
		const cuts = withSharedHead(cutsOf(found, recorded, trace.blockTokens), replaced);
		return { recorded, cuts, promptTokens: recorded.promptTokens + replaced };
	});
}

/** A prefix: how many blocks, and the id of the last of them. */
interface Cut {
	readonly blocks: number;
	readonly id: number;
}

function recordedCuts({ runs, toolsBlocks, systemBlocks }: TraceRequest, ends: ReadonlySet<number>): Cut[] {
	const cuts = new Map<number, number>();
	let before = 0;
	for (let at = 0; at < runs.length; at += 2) {
		const first = runs[at] ?? 0;
		const length = runs[at + 1] ?? 0;
		const cutAt = (blocks: number) => {
			if (blocks > before && blocks <= before + length) cuts.set(blocks, first + blocks - before - 1);
		};
		cutAt(toolsBlocks);
		cutAt(systemBlocks);
		if (at === runs.length - 2) cutAt(before + length);
		if (ends.size < length)
			for (const id of ends) cutAt(id < first || id >= first + length ? 0 : before + id - first + 1);
		else for (let nth = 0; nth < length; nth += 1) if (ends.has(first + nth)) cutAt(before + nth + 1);
		before += length;
	}
	return [...cuts].map(([blocks, id]) => ({ blocks, id })).sort((a, b) => a.blocks - b.blocks);
}

function cutsOf(cuts: readonly Cut[], request: TraceRequest, blockTokens: number): Cuts {
	const { toolsBlocks, systemBlocks } = request;
	const levelOf = (blocks: number) => (blocks <= toolsBlocks ? TOOLS : blocks <= systemBlocks ? SYSTEM : MESSAGES);
	const system = systemBlocks === 0 ? -1 : cuts.findIndex(({ blocks }) => blocks === systemBlocks);
	return {
		ids: Float64Array.from(cuts, ({ id }) => id),
		tokens: Float64Array.from(cuts, ({ blocks }) => blocks * blockTokens),
		level: Uint8Array.from(cuts, ({ blocks }) => levelOf(blocks)),
		marks: [...new Set([system, cuts.length - 1])].filter((cut) => cut >= 0),
	};
}

/** The same messages behind the head that all share; they begin `shift` tokens later than recorded. */
function withSharedHead(cuts: Cuts, shift: number): Cuts {
	const from = cuts.level.indexOf(MESSAGES);
	const messages = from < 0 ? cuts.level.length : from;
	const ids = [SHARED_TOOLS_ID, SHARED_SYSTEM_ID, ...cuts.ids.subarray(messages)];
	return {
		ids: Float64Array.from(ids),
		tokens: Float64Array.from([
			SHARED_TOOLS_TOKENS,
			SHARED_HEAD_TOKENS,
			...cuts.tokens.subarray(messages).map((tokens) => tokens + shift),
		]),
		level: Uint8Array.from([TOOLS, SYSTEM, ...cuts.level.subarray(messages)]),
		marks: [...new Set([1, ids.length - 1])],
	};
}
