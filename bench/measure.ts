// One scenario measured: pass-through and gateway take turns in short slices of the same run. Leaves presentation to report.
import { type AnswerKind, buildRequests } from "./bodies.ts";
import type { Child } from "./children.ts";
import { Load, type Slice } from "./load.ts";
import { type ProcessFigures, processFigures } from "./process-figures.ts";

export interface Scenario {
	/** Such as `799k-sse-c16`. */
	readonly name: string;
	readonly bytes: number;
	readonly answer: AnswerKind;
	readonly concurrency: number;
}

export interface Pace {
	/** Pairs of slices. */
	readonly rounds: number;
	readonly sliceMs: number;
	/** Load before each slice that is not measured: the other side may have work left, such as a log that is still written. */
	readonly leadMs?: number;
	readonly warmUpMs: number;
	/** Awaited before each turn of a side: where both are one server that is switched. */
	readonly onTurn?: (side: "bare" | "gateway") => Promise<void>;
}

/** One server's figures over all its slices of a scenario. Times in ms. */
export interface Figures {
	/** Median of the slices. */
	readonly perSecond: number;
	readonly p50: number;
	readonly p99: number;
	/** Median time to the first byte of the answer's body. */
	readonly firstByte: number;
	/** CPU time of the server's process for one request; null where the system does not say. */
	readonly cpuPerRequest: number | null;
	/** Of it, that of the thread that serves requests. */
	readonly mainThreadPerRequest: number | null;
	/** Its memory after the last slice, MB. */
	readonly rssMb: number | null;
	readonly failures: number;
}

export interface Comparison {
	readonly scenario: Scenario;
	readonly bare: Figures;
	readonly gateway: Figures;
	/** Gateway's requests per second as a share of the pass-through's: median over the pairs of slices. */
	readonly share: number;
	/** What the gateway adds to the median latency: median over the pairs, ms. */
	readonly addedP50: number;
	/** Requests measured, both sides together. */
	readonly requests: number;
}

const CONVERSATIONS = 32;

/** Runs one scenario against both servers. Rejects when a server answers nothing. */
export async function compare(
	scenario: Scenario,
	servers: { readonly bare: Child; readonly gateway: Child },
	pace: Pace,
): Promise<Comparison> {
	const requests = buildRequests({ ...scenario, conversations: CONVERSATIONS });
	const bare = new Side(servers.bare, scenario.concurrency);
	const gateway = new Side(servers.gateway, scenario.concurrency);
	try {
		for (const side of [bare, gateway]) {
			await pace.onTurn?.(side === bare ? "bare" : "gateway");
			await side.warmUp(requests, pace.warmUpMs);
		}
		for (let round = 0; round < pace.rounds; round++) {
			// Who goes first alternates, so that a machine that slows down or speeds up favours neither.
			const order = round % 2 === 0 ? [bare, gateway] : [gateway, bare];
			for (const side of order) {
				await pace.onTurn?.(side === bare ? "bare" : "gateway");
				if (pace.leadMs !== undefined) await side.warmUp(requests, pace.leadMs);
				await side.slice(requests, pace.sliceMs);
			}
		}
	} finally {
		bare.close();
		gateway.close();
	}
	const pairs = bare.rounds.map((round, index) => ({ bare: round, gateway: gateway.rounds[index] ?? round }));
	return {
		scenario,
		bare: bare.figures(),
		gateway: gateway.figures(),
		share: median(pairs.map((pair) => pair.gateway.perSecond / pair.bare.perSecond)),
		addedP50: median(pairs.map((pair) => pair.gateway.p50 - pair.bare.p50)),
		requests: bare.count + gateway.count,
	};
}

interface Round {
	readonly perSecond: number;
	readonly p50: number;
}

/** One server under load. */
class Side {
	readonly rounds: Round[] = [];
	readonly #server: Child;
	readonly #load: Load;
	readonly #latencies: number[] = [];
	readonly #firstBytes: number[] = [];
	#failures = 0;
	#cpuMs = 0;
	/** NaN = not known. */
	#mainThreadMs = 0;
	#cpuKnown = true;
	#cpuRequests = 0;

	constructor(server: Child, concurrency: number) {
		this.#server = server;
		this.#load = new Load(server.ports[0] ?? 0, concurrency);
	}

	get count(): number {
		return this.#latencies.length;
	}

	async warmUp(requests: readonly Buffer[], ms: number): Promise<void> {
		const slice = await this.#load.run(requests, ms);
		if (slice.failures > 0 && slice.replies.length === 0) {
			throw new Error(`no request was answered well; the first: ${slice.failure}`);
		}
	}

	async slice(requests: readonly Buffer[], ms: number): Promise<void> {
		const before = processFigures(this.#server.pid);
		const slice = await this.#load.run(requests, ms);
		this.#account(before, processFigures(this.#server.pid), slice);
		const latencies = slice.replies.map((reply) => reply.totalMs);
		this.rounds.push({ perSecond: (latencies.length * 1000) / slice.elapsedMs, p50: quantile(latencies, 0.5) });
		for (const reply of slice.replies) {
			this.#latencies.push(reply.totalMs);
			this.#firstBytes.push(reply.firstByteMs);
		}
		this.#failures += slice.failures;
	}

	figures(): Figures {
		return {
			perSecond: median(this.rounds.map((round) => round.perSecond)),
			p50: quantile(this.#latencies, 0.5),
			p99: quantile(this.#latencies, 0.99),
			firstByte: quantile(this.#firstBytes, 0.5),
			cpuPerRequest: this.#perRequest(this.#cpuMs),
			mainThreadPerRequest: this.#perRequest(this.#mainThreadMs),
			rssMb: processFigures(this.#server.pid)?.rssMb ?? null,
			failures: this.#failures,
		};
	}

	close(): void {
		this.#load.close();
	}

	#account(before: ProcessFigures | null, after: ProcessFigures | null, slice: Slice): void {
		if (before === null || after === null) this.#cpuKnown = false;
		else {
			this.#cpuMs += after.cpuMs - before.cpuMs;
			const spent = (figures: ProcessFigures) => figures.mainThreadMs ?? Number.NaN;
			this.#mainThreadMs += spent(after) - spent(before);
		}
		this.#cpuRequests += slice.answered;
	}

	#perRequest(ms: number): number | null {
		return !Number.isNaN(ms) && this.#cpuKnown && this.#cpuRequests > 0 ? ms / this.#cpuRequests : null;
	}
}

export function median(values: readonly number[]): number {
	return quantile(values, 0.5);
}

/** Nearest rank for tails, the mean of the two middle values for an even median; NaN of nothing. */
function quantile(values: readonly number[], q: number): number {
	const sorted = Float64Array.from(values).sort();
	const rank = q * (sorted.length - 1);
	const low = sorted[Math.floor(rank)] ?? Number.NaN;
	const high = sorted[Math.ceil(rank)] ?? Number.NaN;
	return low + (high - low) * (rank - Math.floor(rank));
}

/** Memory of one server while it holds many large requests. */
export interface MemoryFigures {
	readonly concurrency: number;
	readonly bytes: number;
	/** Before the load, MB. */
	readonly idleMb: number | null;
	readonly peakMb: number | null;
	/** Two seconds after the load. */
	readonly afterMb: number | null;
	readonly perSecond: number;
	readonly failures: number;
}

/** Holds `concurrency` requests in the server at once for `ms`; the upstream thinks long enough that all of them are whole in memory. */
export async function measureMemory(
	server: Child,
	load: { readonly bytes: number; readonly concurrency: number; readonly ms: number },
): Promise<MemoryFigures> {
	const { bytes, concurrency, ms } = load;
	const requests = buildRequests({ bytes, answer: "sse", conversations: concurrency, delayMs: 300 });
	const before = processFigures(server.pid);
	const clients = new Load(server.ports[0] ?? 0, concurrency);
	const slice = await clients.run(requests, ms);
	const peakMb = processFigures(server.pid)?.peakRssMb ?? null;
	clients.close();
	await new Promise((resolve) => setTimeout(resolve, 2_000));
	return {
		concurrency,
		bytes,
		idleMb: before?.rssMb ?? null,
		peakMb,
		afterMb: processFigures(server.pid)?.rssMb ?? null,
		perSecond: (slice.replies.length * 1000) / slice.elapsedMs,
		failures: slice.failures,
	};
}
