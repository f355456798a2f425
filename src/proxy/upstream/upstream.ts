// Sockets to the upstreams: one pool an origin, one call an attempt. Leaves the meaning of what comes back to proxy/upstream/attempt.
import type { IncomingHttpHeaders } from "node:http";
import { type Dispatcher, Pool } from "undici";
import type { UpstreamRequest } from "../../providers/provider.ts";
import { attempted, guarded } from "../guard.ts";
import { receivedHeaders } from "../headers.ts";

/** A longer timer would fire at once (Node's limit, 2^31 - 1 ms). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How long a response may stay open behind its answer before its socket is closed, ms. */
const RELEASE_MS = 1000;

/** The waits of one call, ms. */
export interface UpstreamTimeouts {
	readonly firstByteMs: number;
	readonly idleMs: number;
	readonly totalMs: number;
}

/** Receives one call's answer. After `end` or `error` nothing more comes; after `abort` nothing at all. */
export interface UpstreamListener {
	head(status: number, headers: IncomingHttpHeaders): void;
	/** What came in one read of the socket, as one piece: each event of a stream is a chunk of its own on the wire, and costs as much. */
	data(chunk: Buffer): void;
	/** The answer is complete. `last` came in the same read as its end; null = nothing did. */
	end(last: Buffer | null): void;
	error(error: Error): void;
	/** One of the others threw: the call has ended, nothing more comes. Must not throw. */
	fault(error: unknown): void;
}

/** Handle of a running call. */
export interface UpstreamCall {
	/** Stops reading the answer until `resume`. */
	pause(): void;
	resume(): void;
	/** Ends the call now and closes its socket; the listener is not called any more. */
	abort(): void;
	/**
	 * The answer is complete for us, though its response may not have ended: the listener is not called any more. Where the end follows soon the
	 * socket is kept for other calls, otherwise closed.
	 */
	release(): void;
}

/** Why a call ended without an answer of its own: the total time ran out. */
class UpstreamTimeout extends Error {
	readonly code = "WARMPATH_TOTAL_TIMEOUT";
}

/** Keep-alive pools, one an origin, made on first use. */
export class UpstreamPools {
	readonly #pools = new Map<string, Pool>();
	readonly #connectMs: number;

	constructor(connectMs: number) {
		this.#connectMs = connectMs;
	}

	/** Sends one request. Never throws: what goes wrong is the listener's `error`. */
	open(request: UpstreamRequest, timeouts: UpstreamTimeouts, listener: UpstreamListener): UpstreamCall {
		const call = new Call(listener, timeouts);
		this.#pool(request.origin).dispatch(
			{
				method: "POST",
				path: request.path,
				headers: request.headers,
				body: request.body,
				headersTimeout: timeouts.firstByteMs,
				bodyTimeout: timeouts.idleMs,
			},
			call,
		);
		return call;
	}

	/** Closes all sockets, running calls included. */
	async close(): Promise<void> {
		const pools = [...this.#pools.values()];
		this.#pools.clear();
		await Promise.all(pools.map((pool) => pool.destroy()));
	}

	#pool(origin: string): Pool {
		let pool = this.#pools.get(origin);
		if (pool === undefined) {
			// Interactive traffic: no Nagle delay on small events (routing-model §7: 44 ms were measured with it).
			pool = new Pool(origin, { pipelining: 1, connect: { timeout: this.#connectMs, noDelay: true } });
			this.#pools.set(origin, pool);
		}
		return pool;
	}
}

/** What stands between undici's callbacks and ours: what a listener throws ends its own call. */
class GuardedListener {
	readonly head: UpstreamListener["head"];
	readonly data: UpstreamListener["data"];
	readonly end: UpstreamListener["end"];
	readonly error: UpstreamListener["error"];

	constructor(listener: UpstreamListener, abort: () => void) {
		const onFault = (error: unknown) => {
			attempted(abort);
			listener.fault(error);
		};
		this.head = guarded(onFault, (status, headers) => listener.head(status, headers));
		this.data = guarded(onFault, (chunk) => listener.data(chunk));
		this.end = guarded(onFault, (last) => listener.end(last));
		this.error = guarded(onFault, (error) => listener.error(error));
	}
}

class Call implements UpstreamCall, Dispatcher.DispatchHandler {
	readonly #listener: GuardedListener;
	readonly #timer: NodeJS.Timeout;
	readonly #firstByteMs: number;
	/** Runs from the first interim answer on: undici waits anew after each of them. */
	#interim: NodeJS.Timeout | null = null;
	#controller: Dispatcher.DispatchController | null = null;
	#done = false;
	#timedOut = false;
	#releasing: NodeJS.Timeout | null = null;
	/** Chunks of the read that is being parsed. */
	#read: Buffer[] = [];

	constructor(listener: UpstreamListener, { firstByteMs, totalMs }: UpstreamTimeouts) {
		this.#firstByteMs = firstByteMs;
		this.#listener = new GuardedListener(listener, () => this.abort());
		this.#timer = this.#abortAfter(totalMs);
	}

	#abortAfter(ms: number): NodeJS.Timeout {
		const onTime = () => {
			this.#timedOut = true;
			this.#controller?.abort(new UpstreamTimeout("the call took too long"));
		};
		return setTimeout(onTime, Math.min(ms, LONGEST_TIMER_MS)).unref();
	}

	onRequestStart(controller: Dispatcher.DispatchController): void {
		this.#controller = controller;
		if (this.#done || this.#timedOut) controller.abort(new UpstreamTimeout("ended before it was sent"));
	}

	onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
		if (this.#done) return;
		if (status < 200) {
			this.#interim ??= this.#abortAfter(this.#firstByteMs);
			return;
		}
		if (this.#interim !== null) clearTimeout(this.#interim);
		this.#listener.head(status, receivedHeaders(headers));
	}

	onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
		// The parser gives all chunks of a read in one go, so this microtask comes right behind the last of them.
		if (this.#read.push(chunk) === 1) queueMicrotask(() => this.#deliver());
	}

	onResponseEnd(): void {
		const last = this.#taken();
		if (this.#finish()) this.#listener.end(last);
	}

	onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
		this.#deliver();
		if (this.#finish()) this.#listener.error(error);
	}

	pause(): void {
		this.#controller?.pause();
	}

	resume(): void {
		this.#controller?.resume();
	}

	abort(): void {
		const isReleased = this.#releasing !== null;
		if (this.#finish() || isReleased) this.#controller?.abort(new Error("aborted by the gateway"));
	}

	release(): void {
		if (!this.#finish()) return;
		this.#controller?.resume();
		this.#releasing = setTimeout(() => this.#controller?.abort(new Error("left open behind its answer")), RELEASE_MS);
		this.#releasing.unref();
	}

	#deliver(): void {
		const read = this.#taken();
		if (read !== null && !this.#done) this.#listener.data(read);
	}

	/** Chunks that have come and were not delivered, as one piece. */
	#taken(): Buffer | null {
		const read = this.#read;
		if (read.length === 0) return null;
		this.#read = [];
		return read.length === 1 ? (read[0] as Buffer) : Buffer.concat(read);
	}

	#finish(): boolean {
		if (this.#releasing !== null) clearTimeout(this.#releasing);
		this.#releasing = null;
		if (this.#done) return false;
		this.#done = true;
		clearTimeout(this.#timer);
		if (this.#interim !== null) clearTimeout(this.#interim);
		return true;
	}
}
