// The record of one request on its way through the gateway: the only per-request state. Leaves every step to its own file.
import { GatewayError } from "../errors.ts";
import type { Outline } from "../prompt/outline.ts";
import type { Usage } from "../protocol/usage.ts";
import type { Call, Operation } from "../providers/provider.ts";
import type { Plan } from "../routing/decision.ts";
import type { Deployment } from "../routing/deployment.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Caller } from "./admission/authenticate.ts";
import type { Written } from "./answer/written.ts";
import { callId } from "./call-id.ts";
import type { CanonicalRequest, ClientFormat } from "./formats/format.ts";
import { attempted, guarded } from "./guard.ts";
import type { ClientRequest, ClientResponse } from "./receive/client.ts";
import type { BodyCapture } from "./record/redact.ts";

const NO_BODY = Buffer.alloc(0);

/** How one attempt ended. */
export interface AttemptRecord {
	readonly deployment: Deployment;
	/** HTTP status, or what a stream's error event stands for; null when there was no answer. */
	readonly status: number | null;
	/** served · failed before content, so that the next candidate was tried · broke after content · aborted by the client. */
	readonly outcome: "served" | "failed" | "broke" | "aborted";
	/** `error.type`, a socket error's code, or "". */
	readonly error: string;
	readonly startedAt: number;
	readonly endedAt: number;
}

/** What a request is doing. */
export interface Running {
	/** The client went away. */
	aborted(): void;
	/** Something of ours threw: the client must get an error, or its connection is cut. */
	broken(): void;
}

/** One request. Steps fill it in the order of routing-model §1. */
export class Exchange {
	readonly id: string;
	readonly request: ClientRequest;
	readonly response: ClientResponse;
	/** How the client speaks. */
	readonly format: ClientFormat;
	readonly operation: Operation;
	/** Of `passthrough`: OpenAI's path; else "". */
	readonly path: string;
	/** With its `?`, or ""; only what means something to the Messages API. */
	readonly query: string;
	/** The gateway's clock, ms since epoch. */
	readonly now: () => number;
	readonly startedAt: number;
	caller: Caller | null = null;
	/** What the answer says about the caller's key. */
	keyHeaders: Readonly<Record<string, string>> = {};
	/** Canonical. */
	body: Buffer = NO_BODY;
	/** What the client really sent, where its format is not the canonical one. */
	source: Call["source"] | null = null;
	/** Makes what puts the answer into the client's format; null where that is the canonical one. */
	encoder: CanonicalRequest["answer"] = null;
	/** What the body calls the conversation, not yet namespaced; null = nothing. */
	session: string | null = null;
	/** `cache_control_injection_points` were applied while it became canonical. */
	pointsApplied = false;
	outline: Outline | null = null;
	plan: Plan | null = null;
	readonly attempts: AttemptRecord[] = [];
	/** How long the router let it wait before it was sent, ms. */
	waitedMs = 0;
	/** When the first byte went to the client, ms since epoch. */
	firstByteAt: number | null = null;
	/** As the provider reported it. */
	usage: Usage | null = null;
	/** What of a streamed answer passed that this usage does not count. */
	written: Written | null = null;
	/** The gateway's own error that the client got; null = none. */
	failure: { readonly code: string; readonly message: string } | null = null;
	/** Collects the answer for the request log; null = bodies are not stored. */
	capture: BodyCapture | null = null;
	readonly #log: Logger;
	#wake: (() => void) | null = null;
	#running: Running | null = null;
	#aborted = false;

	constructor(
		request: ClientRequest,
		response: ClientResponse,
		about: Pick<Exchange, "format" | "operation" | "query" | "now"> & { readonly path?: string; readonly log: Logger },
	) {
		this.#log = about.log;
		this.request = request;
		this.response = response;
		this.format = about.format;
		this.operation = about.operation;
		this.query = about.query;
		this.path = about.path ?? "";
		this.now = about.now;
		this.startedAt = about.now();
		this.id = callId(this.startedAt);
		// A peer that vanishes is not a fault of ours: "close" below says what matters; without listeners Node would end the process.
		request.on("error", () => {});
		response.on("error", () => {});
		const onClose = this.guarded(() => {
			// Over HTTP/2 a stream that the client closed counts as finished too.
			if (response.writableEnded && response.writableFinished) return;
			this.#aborted = true;
			this.#running?.aborted();
			this.#wake?.();
		});
		response.on("close", onClose);
	}

	/** The client closed its connection before the answer was complete. */
	get aborted(): boolean {
		return this.#aborted;
	}

	/** Waits so long, or until the client goes away, or until what `listen` is given is called. */
	wait(ms: number, listen: (release: () => void) => () => void = () => () => {}): Promise<void> {
		return new Promise((resolve) => {
			let unlisten = () => {};
			const done = this.guarded(() => {
				clearTimeout(timer);
				this.#wake = null;
				resolve();
				unlisten();
			});
			const timer = setTimeout(done, ms);
			this.#wake = done;
			if (this.#aborted) done();
			else unlisten = listen(done);
		});
	}

	/** A callback of this request's sockets, streams or timers: what it throws is this request's fault, and ends nothing else. */
	guarded<Given extends readonly unknown[]>(callback: (...given: Given) => void): (...given: Given) => void {
		return guarded((error) => this.fault(error), callback);
	}

	/** Something of ours threw outside of the request's own steps: it is logged, and the request ends. Never throws. */
	fault(error: unknown): void {
		const { code, message } = new GatewayError("internal");
		this.failure ??= { code, message };
		attempted(() => this.#log.error({ err: error, call_id: this.id }, "a request failed inside the gateway"));
		const running = this.#running;
		if (running !== null && attempted(() => running.broken())) return;
		// What was said to its end is on its way.
		if (!this.response.writableEnded) this.response.destroy();
	}

	/** Sets what ends with the request, at once where the client is gone already; null where nothing does. */
	set running(running: Running | null) {
		this.#running = running;
		if (this.#aborted) running?.aborted();
	}
}
