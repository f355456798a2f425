// One attempt at one deployment: holds the answer's opening back until it shows content, then hands it to the relay. Leaves which
// deployment comes next to proxy/dispatch and the meaning of a failure to the provider.
import type { IncomingHttpHeaders } from "node:http";
import { beginsContent, readError, statusOfErrorType } from "../protocol/anthropic.ts";
import { sseData } from "../protocol/sse.ts";
import type { Provider, UpstreamFailure, UpstreamRequest, Verdict } from "../providers/provider.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { Exchange } from "./exchange.ts";
import { headerValue } from "./headers.ts";
import { Relay } from "./relay.ts";
import type { UpstreamCall, UpstreamListener, UpstreamPools, UpstreamTimeouts } from "./upstream.ts";

/** Error bodies up to this size are read whole, bytes. */
const MAX_ERROR_BODY = 1024 * 1024;

/** An answer that is not the client's, kept in case nothing better comes. */
export interface FailedAnswer {
	readonly failure: UpstreamFailure;
	readonly verdict: Verdict;
	/** Whole error body; empty where there was none. */
	readonly body: Buffer;
	readonly kind: "connect" | "timeout" | "status" | "stream";
	/** Socket error code or `error.type`. */
	readonly code: string;
	/** The connection closed before any answer: a kept-alive socket may just have been stale. */
	readonly staleSocket: boolean;
}

/**
 * How an attempt ended. failed: nothing reached the client, another candidate may serve · served: complete answer · broke: cut after
 * content had begun, the client was told · aborted: the client went away (`begun` tells whether content had begun).
 */
export type AttemptOutcome =
	| { readonly kind: "failed"; readonly answer: FailedAnswer }
	| { readonly kind: "served"; readonly status: number }
	| { readonly kind: "broke"; readonly status: number; readonly code: string }
	| { readonly kind: "aborted"; readonly begun: boolean };

export interface AttemptOptions {
	readonly exchange: Exchange;
	readonly provider: Provider;
	readonly request: UpstreamRequest;
	readonly pools: UpstreamPools;
	readonly timeouts: UpstreamTimeouts;
	/** Longest time a stream's opening is held back, ms. */
	readonly holdMs: number;
	/** Gateway headers for the client. */
	readonly headers: Readonly<Record<string, string>>;
	/** Whether another group stands in for failures of this kind: then even an answer meant for the client is not relayed. */
	readonly hasFallback: (verdict: Verdict) => boolean;
	/** Called once, when the answer turns out to be this one: before its first byte goes to the client. */
	readonly onStarted: (status: number, headers: IncomingHttpHeaders) => void;
}

const UNANSWERED = { status: null, errorType: null, errorCode: null, timedOut: false } as const;

/** Runs one attempt to its end. Resolves when nothing more will happen; never rejects. */
export function runAttempt(options: AttemptOptions): Promise<AttemptOutcome> {
	return new Promise((resolve) => new Attempt(options, resolve).start());
}

class Attempt implements UpstreamListener {
	readonly #options: AttemptOptions;
	readonly #resolve: (outcome: AttemptOutcome) => void;
	#call: UpstreamCall | null = null;
	#status = 0;
	#headers: IncomingHttpHeaders = {};
	#reader: AnswerReader | null = null;
	#relay: Relay | null = null;
	/** Bytes held back before the answer is committed to; for an error status, its body. */
	#held: Buffer[] = [];
	#heldBytes = 0;
	#holdTimer: NodeJS.Timeout | null = null;
	#ended = false;

	constructor(options: AttemptOptions, resolve: (outcome: AttemptOutcome) => void) {
		this.#options = options;
		this.#resolve = resolve;
	}

	start(): void {
		const { exchange, pools, request, timeouts } = this.#options;
		const call = pools.open(request, timeouts, this);
		this.#call = call;
		exchange.onAbort = () => {
			call.abort();
			this.#end({ kind: "aborted", begun: this.#relay !== null });
		};
	}

	head(status: number, headers: IncomingHttpHeaders): void {
		this.#status = status;
		this.#headers = headers;
		if (status >= 300) return;
		const streaming = (headerValue(headers, "content-type") ?? "").startsWith("text/event-stream");
		this.#reader = new AnswerReader({
			streaming,
			encoding: headerValue(headers, "content-encoding") ?? "identity",
			onEvent: (name, event) => this.#event(name, event),
		});
		// A compressed stream is read too late to be held back; none is asked for (proxy/headers).
		const { timeouts, holdMs } = this.#options;
		if (!this.#reader.plain) this.#commit();
		else this.#holdTimer = setTimeout(() => this.#heldLongEnough(), Math.min(holdMs, timeouts.firstByteMs));
	}

	data(chunk: Buffer): void {
		if (this.#ended) return;
		if (this.#reader === null) {
			this.#heldBytes += chunk.length;
			if (this.#heldBytes <= MAX_ERROR_BODY) this.#held.push(chunk);
			return;
		}
		const relayable = this.#reader.push(chunk);
		if (this.#ended || relayable === null) return;
		if (this.#relay === null) this.#held.push(relayable);
		else if (!this.#relay.write(relayable)) this.#pauseUntilDrained();
	}

	end(): void {
		if (this.#ended) return;
		if (this.#reader === null) {
			this.#failedStatus();
			return;
		}
		if (this.#relay === null) {
			this.#failedStream({ ...UNANSWERED, message: "the stream ended before any content" }, "early_end");
			return;
		}
		this.#relay.finish(this.#reader.rest());
		this.#reader.finish((usage) => {
			this.#options.exchange.usage = usage;
			this.#end({ kind: "served", status: this.#status });
		});
	}

	error(error: Error): void {
		if (this.#ended) return;
		const code = errorCode(error);
		if (this.#relay !== null) {
			this.#relay.breakOff(this.#reader?.plain === true);
			this.#options.exchange.usage = this.#reader?.usage ?? null;
			this.#end({ kind: "broke", status: this.#status, code });
			return;
		}
		const timeout =
			code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT" || code === "WARMPATH_TOTAL_TIMEOUT";
		const kind = timeout ? "timeout" : this.#status === 0 ? "connect" : "stream";
		this.#fail(
			{ ...UNANSWERED, message: error.message, timedOut: timeout },
			{
				kind,
				code,
				stale: this.#status === 0 && (code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE"),
			},
		);
	}

	/** Every whole event of a stream, before its bytes are relayed. */
	#event(name: string, event: Buffer): void {
		if (this.#relay !== null || this.#ended) return;
		if (beginsContent(name)) {
			this.#commit();
		} else if (name === "error") {
			const error = readError(sseData(event));
			const type = error?.type ?? "api_error";
			const failure = {
				status: statusOfErrorType(type),
				errorType: type,
				message: error?.message ?? "",
				errorCode: error?.code ?? null,
				timedOut: false,
			};
			const verdict = this.#options.provider.judge({ ...failure, headers: this.#headers });
			if (this.#isClients(verdict)) this.#commit();
			else this.#failedStream(failure, type);
		}
	}

	/** A slow opening is let through once there is something to show; a head without any event goes on waiting for its first byte. */
	#heldLongEnough(): void {
		if (this.#held.length > 0) {
			this.#commit();
			return;
		}
		const { timeouts, holdMs } = this.#options;
		this.#holdTimer = setTimeout(
			() => {
				if (this.#held.length > 0) this.#commit();
				else this.#noFirstByte();
			},
			Math.max(0, timeouts.firstByteMs - holdMs),
		);
	}

	#noFirstByte(): void {
		this.#call?.abort();
		this.#fail(
			{ ...UNANSWERED, message: "no event came after the head", timedOut: true },
			{ kind: "timeout", code: "first_byte_timeout", stale: false },
		);
	}

	/** From here on this answer is the client's. */
	#commit(): void {
		if (this.#relay !== null || this.#ended) return;
		if (this.#holdTimer !== null) clearTimeout(this.#holdTimer);
		const { exchange, onStarted, headers } = this.#options;
		onStarted(this.#status, this.#headers);
		const relay = new Relay(exchange, { status: this.#status, headers: this.#headers, own: headers });
		this.#relay = relay;
		const held = this.#held;
		this.#held = [];
		if (held.length === 0 && this.#reader?.streaming === true) relay.flushHead();
		else if (!relay.writeAll(held)) this.#pauseUntilDrained();
	}

	#pauseUntilDrained(): void {
		this.#call?.pause();
		this.#relay?.onDrain(() => this.#call?.resume());
	}

	/** A whole answer with an error status: the client's, or a reason to try elsewhere. */
	#failedStatus(): void {
		const body = Buffer.concat(this.#held);
		const error = readError(body.toString("utf8"));
		const failure: UpstreamFailure = {
			status: this.#status,
			errorType: error?.type ?? null,
			message: error?.message ?? "",
			errorCode: error?.code ?? null,
			timedOut: false,
			headers: this.#headers,
		};
		const verdict = this.#options.provider.judge(failure);
		if (this.#isClients(verdict)) {
			const { exchange, onStarted, headers } = this.#options;
			onStarted(this.#status, this.#headers);
			const relay = new Relay(exchange, { status: this.#status, headers: this.#headers, own: headers });
			relay.finish(body);
			this.#end({ kind: "served", status: this.#status });
			return;
		}
		const code = error?.type ?? `http_${this.#status}`;
		this.#end({ kind: "failed", answer: { failure, verdict, body, kind: "status", code, staleSocket: false } });
	}

	/** Whether an answer belongs to the client: nobody else could do better, or nobody else is asked. */
	#isClients(verdict: Verdict): boolean {
		return verdict.action === "relay" && !this.#options.hasFallback(verdict);
	}

	#failedStream(failure: Omit<UpstreamFailure, "headers">, code: string): void {
		this.#call?.abort();
		this.#fail(failure, { kind: "stream", code, stale: false });
	}

	#fail(
		about: Omit<UpstreamFailure, "headers">,
		cause: { readonly kind: FailedAnswer["kind"]; readonly code: string; readonly stale: boolean },
	): void {
		const failure: UpstreamFailure = { ...about, headers: this.#headers };
		const verdict = this.#options.provider.judge(failure);
		const { kind, code, stale } = cause;
		this.#end({
			kind: "failed",
			answer: { failure, verdict, body: Buffer.alloc(0), kind, code, staleSocket: stale },
		});
	}

	#end(outcome: AttemptOutcome): void {
		if (this.#ended) return;
		this.#ended = true;
		if (this.#holdTimer !== null) clearTimeout(this.#holdTimer);
		this.#options.exchange.onAbort = null;
		if (outcome.kind === "aborted") this.#options.exchange.usage = this.#reader?.usage ?? null;
		this.#held = [];
		this.#resolve(outcome);
	}
}

function errorCode(error: Error): string {
	const code = (error as Error & { readonly code?: unknown }).code;
	return typeof code === "string" ? code : error.name;
}
