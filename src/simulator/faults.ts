// Programmed failures: which request fails, how, and how often. Leaves carrying them out to exchange.ts and stream.ts.
import { fieldsOf } from "./body.ts";
import type { Clock } from "./clock.ts";

/** How a request fails. Times are in milliseconds of the clock, whatever the simulator's speed. */
export type FaultKind =
	| {
			readonly kind: "status";
			readonly status: number;
			/** Whole seconds; left out or null: no retry-after header. */
			readonly retryAfter?: number | null;
			readonly message?: string;
			/** `error.type`, in place of the one that goes with the status; on AWS the name of an exception. */
			readonly errorType?: string;
			/** `error.details.error_code`, such as enforced_spend_limit_reached. */
			readonly errorCode?: string;
			/** Answer as a proxy in front would: an HTML page. */
			readonly html?: boolean;
			readonly headers?: Readonly<Record<string, string>>;
	  }
	/** The connection is reset before any header. */
	| { readonly kind: "reset" }
	/** An `error` event, or the platform's exception frame, in a 200: in place of message_start, right after it, or after some content. Streams only. */
	| {
			readonly kind: "sse-error";
			readonly at: "start" | "after-message-start" | "after-content";
			readonly errorType?: string;
			readonly message?: string;
			/** Content deltas before the error with `after-content`. Default 1. */
			readonly afterDeltas?: number;
	  }
	/** The socket is destroyed after so many content deltas; without a stream, in the middle of the body. */
	| { readonly kind: "cut"; readonly afterDeltas: number }
	/** The stream ends in good order after so many content deltas, but without message_stop. Streams only. */
	| { readonly kind: "end-early"; readonly afterDeltas: number }
	/** Silence; "forever" lasts until the client leaves. */
	| {
			readonly kind: "stall";
			readonly at: "before-headers" | "after-headers" | "mid-content";
			readonly ms: number | "forever";
			/** Content deltas before the silence with `mid-content`. Default 1. */
			readonly afterDeltas?: number;
	  }
	/** The first byte comes this much later than the model's own latency. */
	| { readonly kind: "slow-first-byte"; readonly ms: number };

/** When a fault applies. Without `times` and `forMs` it strikes once. */
interface FaultScope {
	/** Name of a deployment; left out: all. */
	readonly deployment?: string;
	/** How many requests it strikes; "always" until it is removed. */
	readonly times?: number | "always";
	/** How long it lasts from the moment it was added, in milliseconds. */
	readonly forMs?: number;
	/** Chance for each matching request, from the simulator's seed. Default 1. A spared request does not count. */
	readonly probability?: number;
	readonly match?: FaultMatch;
}

/** Which requests a fault is for. Default: every generation, in every format. */
interface FaultMatch {
	readonly endpoint?: Endpoint | "any";
	readonly stream?: boolean;
	/** Part of the model's name. */
	readonly model?: string;
	readonly session?: string;
}

/** The endpoints that faults tell apart, in every format; `messages` is whatever generates, `identity` gives out or checks credentials. */
export type Endpoint = "messages" | "count_tokens" | "models" | "profiles" | "embeddings" | "identity";

/** A failure and when it applies. */
export type Fault = FaultKind & FaultScope;

/** What a fault may look at. */
export interface FaultTarget {
	/** Null for an endpoint that needs no credential. */
	readonly deployment: string | null;
	readonly endpoint: Endpoint;
	readonly stream: boolean;
	readonly model: string | null;
	readonly session: string | null;
}

/** A fault that waits to strike. */
export interface ArmedFault {
	readonly id: string;
	readonly fault: Fault;
	/** Requests struck so far. */
	readonly struck: number;
}

/** How long a fault keeps silent at this point of the answer; 0 when it does not, Infinity for "forever". */
export function stallMs(fault: Fault | null, at: "before-headers" | "after-headers" | "mid-content"): number {
	if (fault?.kind !== "stall" || fault.at !== at) return 0;
	return fault.ms === "forever" ? Number.POSITIVE_INFINITY : fault.ms;
}

interface Armed {
	readonly id: string;
	readonly fault: Fault;
	readonly until: number;
	left: number;
	struck: number;
}

const KINDS: ReadonlySet<string> = new Set<FaultKind["kind"]>([
	"status",
	"reset",
	"sse-error",
	"cut",
	"end-early",
	"stall",
	"slow-first-byte",
]);
const STREAM_ONLY: ReadonlySet<string> = new Set<FaultKind["kind"]>(["sse-error", "end-early"]);

/** The faults of one simulator. Of several that match, the one added first strikes; one fault per request. */
export class Faults {
	readonly #clock: Clock;
	readonly #random: () => number;
	#armed: Armed[] = [];
	#added = 0;

	constructor(clock: Clock, random: () => number) {
		this.#clock = clock;
		this.#random = random;
	}

	/** Arms a fault and returns its id. Throws a TypeError for one that makes no sense. */
	add(fault: Fault): string {
		checkFault(fault);
		this.#added += 1;
		const id = `fault-${this.#added}`;
		const { times = fault.forMs === undefined ? 1 : "always", forMs } = fault;
		this.#armed.push({
			id,
			fault,
			until: forMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() + forMs,
			left: times === "always" ? Number.POSITIVE_INFINITY : times,
			struck: 0,
		});
		return id;
	}

	/** Removes one fault; false when it is not armed any more. */
	remove(id: string): boolean {
		const before = this.#armed.length;
		this.#armed = this.#armed.filter((armed) => armed.id !== id);
		return this.#armed.length < before;
	}

	/** Removes all faults, or those that name this deployment. */
	clear(deployment?: string): void {
		this.#armed = deployment === undefined ? [] : this.#armed.filter((armed) => armed.fault.deployment !== deployment);
	}

	/** Faults that can still strike. */
	list(): ArmedFault[] {
		this.#expire();
		return this.#armed.map(({ id, fault, struck }) => ({ id, fault, struck }));
	}

	/** The fault that strikes this request, counted as struck; null for none. */
	strike(target: FaultTarget): Fault | null {
		if (this.#armed.length === 0) return null;
		this.#expire();
		for (const armed of this.#armed) {
			if (!applies(armed.fault, target)) continue;
			const { probability = 1 } = armed.fault;
			if (probability < 1 && this.#random() >= probability) continue;
			armed.left -= 1;
			armed.struck += 1;
			return armed.fault;
		}
		return null;
	}

	#expire(): void {
		const now = this.#clock.now();
		this.#armed = this.#armed.filter((armed) => armed.left > 0 && now < armed.until);
	}
}

function applies(fault: Fault, target: FaultTarget): boolean {
	if (fault.deployment !== undefined && fault.deployment !== target.deployment) return false;
	if (STREAM_ONLY.has(fault.kind) && !target.stream) return false;
	const { endpoint = "messages", stream, model, session } = fault.match ?? {};
	if (endpoint !== "any" && endpoint !== target.endpoint) return false;
	if (stream !== undefined && stream !== target.stream) return false;
	if (model !== undefined && target.model?.includes(model) !== true) return false;
	return session === undefined || session === target.session;
}

function checkFault(value: unknown): void {
	const fault = fieldsOf(value);
	if (fault === null || !KINDS.has(String(fault["kind"]))) {
		throw new TypeError(`A fault needs a kind, one of: ${[...KINDS].join(", ")}`);
	}
	if (fault["kind"] === "status") {
		const status = fault["status"];
		if (typeof status !== "number" || !Number.isInteger(status) || status < 400 || status > 599) {
			throw new TypeError("A status fault needs a status from 400 to 599");
		}
	}
	checkOneOf(fault, { kind: "sse-error", values: ["start", "after-message-start", "after-content"] });
	checkOneOf(fault, { kind: "stall", values: ["before-headers", "after-headers", "mid-content"] });
	for (const name of ["times", "forMs", "probability", "afterDeltas", "ms"]) checkAmount(name, fault[name]);
	if (fault["kind"] === "cut" || fault["kind"] === "end-early") requireAmount(fault, "afterDeltas");
	if (fault["kind"] === "stall" || fault["kind"] === "slow-first-byte") requireAmount(fault, "ms");
}

function checkOneOf(fault: Readonly<Record<string, unknown>>, rule: { kind: string; values: string[] }): void {
	if (fault["kind"] !== rule.kind || rule.values.includes(String(fault["at"]))) return;
	throw new TypeError(`A ${rule.kind} fault needs at: ${rule.values.join(", ")}`);
}

function requireAmount(fault: Readonly<Record<string, unknown>>, name: string): void {
	if (fault[name] === undefined) throw new TypeError(`A ${String(fault["kind"])} fault needs ${name}`);
}

function checkAmount(name: string, value: unknown): void {
	const isWord = (name === "times" && value === "always") || (name === "ms" && value === "forever");
	if (value === undefined || isWord || (typeof value === "number" && value >= 0)) return;
	throw new TypeError(`${name} must be a number of 0 or more`);
}
