// One attempt at one deployment: holds the answer's opening back until it shows content, then hands it to the relay. Leaves which
// deployment comes next to proxy/upstream/dispatch and the meaning of a failure to the provider.
import type { IncomingHttpHeaders } from "node:http";
import { beginsContent } from "../../protocol/anthropic.ts";
import { SseSplitter } from "../../protocol/sse.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { Reframer, UpstreamFailure, Verdict } from "../../providers/provider.ts";
import { MAX_WHOLE } from "../answer/encoding.ts";
import { AnswerReader } from "../answer/reader.ts";
import { answerTooLarge, endBroken, Relay } from "../answer/relay.ts";
import type { Running } from "../exchange.ts";
import { headerValue } from "../headers.ts";
import { errorForClient, readErrorAnswer, readErrorEvent } from "./error-answer.ts";
import { MAX_ERROR_IN_SUCCESS, mayBeError, statusOfErrorIn } from "./error-in-success.ts";
import { noAnswer, reframedHead, withRequestId } from "./head.ts";
import { HoldTimer } from "./hold-timer.ts";
import {
	type AttemptOptions,
	type AttemptOutcome,
	causeOf,
	FAULT,
	type FailureCause,
	withoutAnswer,
} from "./outcome.ts";
import type { UpstreamCall, UpstreamListener } from "./upstream.ts";

/** Error bodies up to this size are read whole, bytes. */
const MAX_ERROR_BODY = 1024 * 1024;
/** An opening that shows no content in so many bytes is let through, bytes. */
const MAX_OPENING = 8 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);
const ERROR_EVENT = Buffer.from("event: error");
/** Events that an answer ends with. */
const LAST_EVENTS: ReadonlySet<string> = new Set(["message_stop", "error"]);

const UNANSWERED = { status: null, errorType: null, errorCode: null, timedOut: false } as const;

/** Runs one attempt to its end. Resolves when nothing more will happen; never rejects. */
export function runAttempt(options: AttemptOptions): Promise<AttemptOutcome> {
	return new Promise((resolve) => new Attempt(options, resolve).start());
}

class Attempt implements UpstreamListener, Running {
	readonly #options: AttemptOptions;
	readonly #resolve: (outcome: AttemptOutcome) => void;
	#call: UpstreamCall | null = null;
	#status = 0;
	#headers: IncomingHttpHeaders = {};
	#reader: AnswerReader | null = null;
	/** Makes the answer canonical; null where it already is. */
	#reframer: Reframer | null = null;
	/** Cuts a stream that needs no change at its events; null where canonical bytes are what goes on. */
	#untouched: SseSplitter | null = null;
	/** An untouched stream ended in the middle of its answer. */
	#cutShort = false;
	#relay: Relay | null = null;
	/** Bytes held back before the answer is committed to; for an error status, its body. */
	#held: Buffer[] = [];
	#heldBytes = 0;
	#holdTimer: HoldTimer | null = null;
	#lastEvent = "";
	/** The answer's end has come, in the same read as the bytes that are being looked at; those to relay are kept to go with it. */
	#isLast = false;
	#tail: Buffer = NOTHING;
	/** The events of a chunk are being looked at; its bytes are relayed right after, in one packet with the head. */
	#reading = false;
	#ended = false;

	constructor(options: AttemptOptions, resolve: (outcome: AttemptOutcome) => void) {
		this.#options = options;
		this.#resolve = resolve;
	}

	start(): void {
		const { exchange, pools, request, timeouts } = this.#options;
		exchange.running = this;
		const call = pools.open(request, timeouts, this);
		this.#call = call;
		if (this.#ended) call.abort();
	}

	aborted(): void {
		this.#call?.abort();
		this.#end({ kind: "aborted", begun: this.#relay !== null });
	}

	fault(error: unknown): void {
		this.#options.exchange.fault(error);
	}

	/** Nobody else is asked for the request. */
	broken(): void {
		this.#call?.abort();
		endBroken(this.#options.exchange, this.#relay, this.#reader?.plain === true);
		this.#end({ kind: "broke", status: this.#status, code: FAULT });
	}

	head(status: number, headers: IncomingHttpHeaders): void {
		this.#status = status;
		const { provider, request } = this.#options;
		this.#headers = withRequestId(headers, provider);
		const missing = noAnswer(status, headers);
		if (missing !== null) this.#failedStream({ ...UNANSWERED, message: missing.message }, missing.code);
		if (status >= 300 || missing !== null) return;
		this.#reframer = provider.reframe?.(request, { status, headers }) ?? null;
		const canonical = this.#reframer === null ? this.#headers : reframedHead(this.#headers, this.#reframer);
		if (request.untouched === true) this.#untouched = new SseSplitter(() => {});
		else this.#headers = canonical;
		this.#read(canonical);
	}

	/** Sets up what watches the answer pass. */
	#read(headers: IncomingHttpHeaders): void {
		const streaming = (headerValue(headers, "content-type") ?? "").startsWith("text/event-stream");
		this.#reader = new AnswerReader({
			streaming,
			encoding: headerValue(headers, "content-encoding") ?? "identity",
			repairs: this.#untouched === null && this.#options.exchange.operation === "messages",
			onEvent: (name, event) => this.#event(name, event),
			onFault: (error) => this.fault(error),
		});
		// A compressed stream is read too late to be held back; none is asked for (proxy/headers).
		if (this.#reframer?.streaming === false) return;
		if (!streaming && mayBeError(headers)) return;
		if (!this.#reader.plain) this.#commit();
		else this.#holdTimer = new HoldTimer(this.#options, this);
	}

	data(chunk: Buffer): void {
		if (this.#ended) return;
		if (this.#reader === null) {
			this.#heldBytes += chunk.length;
			if (this.#heldBytes <= MAX_ERROR_BODY) this.#held.push(chunk);
			return;
		}
		if (this.#reframer === null) this.#pass(this.#reader, chunk);
		else if (!this.#reframer.streaming) this.#holdWhole(chunk);
		else if (this.#untouched === null) this.#pass(this.#reader, this.#reframer.push(chunk));
		else {
			this.#reader.push(this.#reframer.push(chunk));
			this.#forward(this.#untouched.push(chunk));
		}
	}

	/** Canonical bytes on their way to the client, or held back. */
	#pass(reader: AnswerReader, bytes: Buffer): void {
		this.#reading = true;
		const relayable = reader.push(bytes);
		this.#reading = false;
		this.#forward(relayable);
	}

	#forward(relayable: Buffer | null): void {
		if (this.#ended || relayable === null) return;
		if (this.#relay === null) {
			this.#held.push(relayable);
			this.#heldBytes += relayable.length;
			const most = this.#reader?.streaming === false ? MAX_ERROR_IN_SUCCESS : MAX_OPENING;
			if (this.#heldBytes > most) this.#commit();
			return;
		}
		if (this.#isLast && this.#relay.isDirect) {
			if (this.#tail.length > 0) this.#relay.write(this.#tail);
			this.#tail = relayable;
			return;
		}
		const hasRoom = this.#relay.write(relayable);
		if (this.#relay.isOverfull) this.#tooLarge();
		else if (!hasRoom) this.#pauseUntilDrained();
	}

	/** An answer that is translated in one piece. One that only is to be read meanwhile is let through unread when it is large. */
	#holdWhole(chunk: Buffer): void {
		this.#held.push(chunk);
		this.#heldBytes += chunk.length;
		if (this.#heldBytes <= MAX_WHOLE) return;
		if (this.#untouched === null) this.#tooLarge();
		else {
			this.#reframer = null;
			this.#commit();
		}
	}

	#tooLarge(): void {
		const { exchange, onStarted } = this.#options;
		this.#call?.abort();
		if (this.#relay === null) onStarted(this.#status, this.#headers);
		answerTooLarge(exchange);
		this.#end({ kind: "broke", status: this.#status, code: "answer_too_large" });
	}

	end(last: Buffer | null): void {
		if (last !== null) {
			this.#isLast = true;
			this.data(last);
		}
		if (this.#ended) return;
		if (this.#reader === null) {
			this.#failedStatus();
			return;
		}
		if (this.#relay === null && !this.#reader.streaming && this.#endHeld()) return;
		this.#endReframed(this.#reader);
		const rest = this.#hasEnded() ? NOTHING : this.#reader.end();
		// What was left may have been an error.
		if (this.#hasEnded()) return;
		if (this.#relay === null) {
			this.#failedStream({ ...UNANSWERED, message: "the stream ended before any content" }, "early_end");
			return;
		}
		const isComplete = this.#isComplete(this.#reader);
		if (isComplete) this.#finish(this.#relay, rest);
		else this.#relay.finishShort(this.#behindTail(this.#relay, rest));
		this.#reader.finish((usage) => {
			this.#options.exchange.usage = this.#told(usage);
			const status = this.#status;
			this.#end(isComplete ? { kind: "served", status } : { kind: "broke", status, code: "early_end" });
		});
	}

	/** A whole answer that was held: true if it turned out to be an error. */
	#endHeld(): boolean {
		const status = statusOfErrorIn(Buffer.concat(this.#held), this.#headers);
		if (status !== null) {
			this.#status = status;
			this.#failedStatus();
		} else if (this.#reframer === null && this.#held.length > 0) {
			const held = this.#held;
			this.#held = [];
			this.#isLast = true;
			this.#commit();
			this.#forward(Buffer.concat(held));
		}
		return status !== null;
	}

	/** A stream of the Messages API says so when it is complete. */
	#isComplete({ plain }: AnswerReader): boolean {
		const tells = plain && this.#untouched === null && this.#options.exchange.operation === "messages";
		return !tells || LAST_EVENTS.has(this.#lastEvent);
	}

	/** Usage as the upstream told it; null where it told none. */
	#told(usage: Usage | null): Usage | null {
		return this.#reframer?.usageUnknown === true ? null : usage;
	}

	/** The last bytes. An untouched stream that ended before its answer was complete is broken off. */
	#finish(relay: Relay, rest: Buffer): void {
		if (!this.#cutShort) relay.finish(this.#behindTail(relay, this.#untouched?.rest() ?? rest));
		else {
			if (this.#tail.length > 0) relay.write(this.#tail);
			relay.breakOff(true);
		}
	}

	/** What is left to send: the tail, unless something follows it. */
	#behindTail(relay: Relay, rest: Buffer): Buffer {
		if (rest.length === 0) return this.#tail;
		if (this.#tail.length > 0) relay.write(this.#tail);
		return rest;
	}

	#endReframed(reader: AnswerReader): void {
		const reframer = this.#reframer;
		if (reframer === null) return;
		if (reframer.streaming) {
			const last = reframer.end();
			if (last.length === 0) return;
			if (this.#untouched === null) this.#pass(reader, last);
			else {
				this.#cutShort = last.subarray(0, ERROR_EVENT.length).equals(ERROR_EVENT);
				reader.push(last);
			}
			return;
		}
		const whole = Buffer.concat(this.#held);
		const body = reframer.body(whole);
		const sent = this.#untouched === null ? body : whole;
		this.#held = [];
		this.#headers = { ...this.#headers, "content-length": String(sent.length) };
		this.#commit();
		reader.push(body);
		this.#forward(sent);
	}

	#hasEnded(): boolean {
		return this.#ended;
	}

	error(error: Error): void {
		if (this.#ended) return;
		const { timedOut, ...cause } = causeOf(error, this.#status === 0);
		if (this.#relay !== null) {
			this.#relay.breakOff(this.#reader?.plain === true);
			this.#end({ kind: "broke", status: this.#status, code: cause.code });
		} else this.#fail({ ...UNANSWERED, message: error.message, timedOut }, cause);
	}

	/** Every whole event of a stream, before its bytes are relayed. */
	#event(name: string, event: Buffer): void {
		this.#lastEvent = name;
		if (this.#relay !== null || this.#ended) return;
		if (beginsContent(name)) {
			this.#commit();
		} else if (name === "error") {
			const failure = readErrorEvent(event);
			const verdict = this.#options.provider.judge({ ...failure, headers: this.#headers });
			if (this.#isClients(verdict)) this.#commit();
			else this.#failedStream(failure, failure.errorType);
		}
	}

	/** A slow opening is let through once there is something to show; a head without any event goes on waiting for its first byte. */
	heldLongEnough(isOverdue: boolean): void {
		if (this.#held.length > 0) this.#commit();
		else if (isOverdue) this.#noFirstByte();
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
		this.#holdTimer?.stop();
		const { exchange, onStarted, headers } = this.#options;
		onStarted(this.#status, this.#headers);
		const untouched = this.#untouched !== null;
		const relay = new Relay(exchange, {
			status: this.#status,
			headers: this.#headers,
			own: headers,
			untouched,
			needsPings: this.#reframer?.streaming === true,
		});
		this.#relay = relay;
		const held = this.#held;
		this.#held = [];
		if (held.length > 0) {
			if (!relay.writeAll(held)) this.#pauseUntilDrained();
		} else if (this.#reader?.streaming === true && !this.#reading) relay.flushHead();
	}

	#pauseUntilDrained(): void {
		this.#call?.pause();
		this.#relay?.onDrain(this.#options.exchange.guarded(() => this.#call?.resume()));
	}

	/** A whole answer with an error status: the client's, or a reason to try elsewhere. */
	#failedStatus(): void {
		const { exchange, provider, request, onStarted, headers } = this.#options;
		const came = { status: this.#status, headers: this.#headers, body: Buffer.concat(this.#held) };
		const answer = readErrorAnswer(came, { provider, request });
		if (!this.#isClients(answer.verdict)) {
			this.#end({ kind: "failed", answer });
			return;
		}
		onStarted(answer.failure.status, answer.failure.headers);
		const sent = errorForClient(answer, exchange.id);
		const untouched = answer.original !== null;
		const relay = new Relay(exchange, { status: sent.status, headers: sent.headers, own: headers, untouched });
		relay.finish(sent.body);
		this.#end({ kind: "served", status: sent.status });
	}

	/** Whether an answer belongs to the client: nobody else could do better, or nobody else is asked. */
	#isClients(verdict: Verdict): boolean {
		return verdict.action === "relay" && !this.#options.hasFallback(verdict);
	}

	#failedStream(failure: Omit<UpstreamFailure, "headers">, code: string): void {
		this.#call?.abort();
		this.#fail(failure, { kind: "stream", code, stale: false });
	}

	#fail(about: Omit<UpstreamFailure, "headers">, cause: FailureCause): void {
		const failure: UpstreamFailure = { ...about, headers: this.#headers };
		this.#end({ kind: "failed", answer: withoutAnswer(failure, this.#options.provider.judge(failure), cause) });
	}

	#end(outcome: AttemptOutcome): void {
		if (this.#ended) return;
		this.#ended = true;
		this.#holdTimer?.stop();
		this.#options.exchange.running = null;
		if (outcome.kind === "aborted" || outcome.kind === "broke")
			this.#options.exchange.usage = this.#told(this.#reader?.usage ?? null);
		this.#held = [];
		this.#resolve(outcome);
	}
}
