// The record of one request on its way through the gateway: the only per-request state. Leaves every step to its own file.
import type { Outline } from "../prompt/outline.ts";
import type { Usage } from "../protocol/usage.ts";
import type { Call, Operation } from "../providers/provider.ts";
import type { Plan } from "../routing/decision.ts";
import type { Deployment } from "../routing/deployment.ts";
import type { Caller } from "./admission/authenticate.ts";
import { callId } from "./call-id.ts";
import type { ClientRequest, ClientResponse } from "./client.ts";
import type { CanonicalRequest, ClientFormat } from "./formats/format.ts";
import type { BodyCapture } from "./redact.ts";

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

/** One request. Steps fill it in the order of design §3. */
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
	usage: Usage | null = null;
	/** The gateway's own error that the client got; null = none. */
	failure: { readonly code: string; readonly message: string } | null = null;
	/** Collects the answer for the request log; null = bodies are not stored. */
	capture: BodyCapture | null = null;
	#onAbort: (() => void) | null = null;
	#aborted = false;

	constructor(
		request: ClientRequest,
		response: ClientResponse,
		about: Pick<Exchange, "format" | "operation" | "query" | "now"> & { readonly path?: string },
	) {
		this.request = request;
		this.response = response;
		this.format = about.format;
		this.operation = about.operation;
		this.query = about.query;
		this.path = about.path ?? "";
		this.now = about.now;
		this.startedAt = about.now();
		this.id = callId(this.startedAt);
		// A peer that vanishes is not a fault of ours: "close" below tells what matters; without listeners Node would end the process.
		request.on("error", () => {});
		response.on("error", () => {});
		response.on("close", () => {
			// Over HTTP/2 a stream that the client closed counts as finished too.
			if (response.writableEnded && response.writableFinished) return;
			this.#aborted = true;
			this.#onAbort?.();
		});
	}

	/** The client closed its connection before the answer was complete. */
	get aborted(): boolean {
		return this.#aborted;
	}

	/** Waits so long, or until the client goes away, or until what `listen` is given is called. */
	wait(ms: number, listen: (release: () => void) => () => void = () => () => {}): Promise<void> {
		return new Promise((resolve) => {
			let unlisten = () => {};
			const done = () => {
				clearTimeout(timer);
				unlisten();
				this.onAbort = null;
				resolve();
			};
			const timer = setTimeout(done, ms);
			this.onAbort = done;
			unlisten = listen(done);
		});
	}

	/** Sets who is told, at once, when the client goes away; null takes it off again. */
	set onAbort(listener: (() => void) | null) {
		this.#onAbort = listener;
		if (this.#aborted) listener?.();
	}
}
