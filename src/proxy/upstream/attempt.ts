// One attempt at one deployment: holds the answer's opening back until it shows content, then hands it to the relay. Leaves which
// deployment comes next to proxy/upstream/dispatch and the meaning of a failure to the provider.
import type { IncomingHttpHeaders } from "node:http";
import { beginsContent } from "../../protocol/anthropic.ts";
import type { UpstreamFailure, Verdict } from "../../providers/provider.ts";
import { MAX_WHOLE } from "../answer/encoding.ts";
import { answerTooLarge, endBroken, Relay } from "../answer/relay.ts";
import type { Running } from "../exchange.ts";
import { type Framing, formOf, framingOf, isEventStream } from "./answer-form.ts";
import { AnswerPipe } from "./answer-pipe.ts";
import { EndTimer } from "./end-timer.ts";
import { errorForClient, readErrorAnswer, readErrorEvent } from "./error-answer.ts";
import { beginsAnswer, MAX_ERROR_IN_SUCCESS, mayBeError, statusOfErrorIn } from "./error-in-success.ts";
import { noAnswer, withRequestId } from "./head.ts";
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
	/** First bytes of an answer of which is not known yet how it is framed; null = it is, or none was promised. */
	#opening: Buffer | null = null;
	#pipe: AnswerPipe | null = null;
	#relay: Relay | null = null;
	/** Bytes held back before the answer is committed to; for an error status, its body. */
	#held: Buffer[] = [];
	#heldBytes = 0;
	#holdTimer: HoldTimer | null = null;
	readonly #endTimer = new EndTimer();
	/** The answer's end has come, with the bytes that are being looked at; those to relay are kept to go with it. */
	#isLast = false;
	#tail: Buffer = NOTHING;
	/** The events of a chunk are being looked at; its bytes are relayed right after, in one packet with the head. */
	#reading = false;
	/** The upstream's response has ended too, or is no longer listened to. */
	#isClosed = false;
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
		endBroken(this.#options.exchange, this.#relay, this.#pipe?.plain === true);
		this.#end({ kind: "broke", status: this.#status, code: FAULT });
	}

	head(status: number, headers: IncomingHttpHeaders): void {
		this.#status = status;
		const { exchange, provider } = this.#options;
		this.#headers = withRequestId(headers, provider);
		const missing = noAnswer(status, headers);
		if (missing !== null) this.#failedStream({ ...UNANSWERED, message: missing.message }, missing.code);
		if (status >= 300 || missing !== null) return;
		this.#opening = NOTHING;
		if (exchange.operation !== "messages") this.#decide("own", NOTHING);
		else if (isEventStream(headers)) this.#holdTimer = new HoldTimer(this.#options, this);
	}

	/** It is known how the answer is framed: sets up what it passes through. */
	#decide(framing: Framing, opening: Buffer): void {
		this.#opening = null;
		const form = formOf(framing, { status: this.#status, headers: this.#headers }, this.#options);
		const pipe = new AnswerPipe(form, {
			operation: this.#options.exchange.operation,
			onEvent: (name, event) => this.#event(name, event),
			onFault: (error) => this.fault(error),
		});
		this.#pipe = pipe;
		this.#headers = form.sent;
		if (pipe.plain && !pipe.isWhole) this.#holdTimer ??= new HoldTimer(this.#options, this);
		// A compressed stream is read too late to be held back; none is asked for (proxy/headers).
		else if (!pipe.isWhole && (pipe.streaming || !mayBeError(form.canonical) || beginsAnswer(opening))) this.#commit();
		if (opening.length > 0) this.#take(opening);
	}

	data(chunk: Buffer): void {
		if (this.#ended) return;
		if (this.#opening === null) {
			this.#take(chunk);
			return;
		}
		this.#opening = this.#opening.length === 0 ? chunk : Buffer.concat([this.#opening, chunk]);
		const framing = framingOf(this.#headers, this.#opening);
		if (framing !== null) this.#decide(framing, this.#opening);
	}

	#take(chunk: Buffer): void {
		const pipe = this.#pipe;
		if (pipe === null) {
			this.#heldBytes += chunk.length;
			if (this.#heldBytes <= MAX_ERROR_BODY) this.#held.push(chunk);
		} else if (pipe.isWhole) this.#holdWhole(pipe, chunk);
		else {
			this.#reading = true;
			const relayable = pipe.push(chunk);
			this.#pass(pipe, relayable);
			this.#lookForEnd(pipe);
		}
	}

	/** Bytes that were read, on their way to the client, or held back. */
	#pass(pipe: AnswerPipe, relayable: Buffer | null): void {
		this.#reading = false;
		this.#isLast ||= pipe.isOver;
		this.#forward(relayable);
	}

	/** An answer is over with its last event, whether or not its response is. */
	#lookForEnd(pipe: AnswerPipe): void {
		if (this.#isClosed || this.#ended) return;
		if (pipe.isOver) this.#close();
		else if (pipe.awaitsEnd) this.#endTimer.start(this.#options.exchange, () => this.#close());
	}

	#close(): void {
		this.#call?.release();
		this.end(null);
	}

	#forward(relayable: Buffer | null): void {
		if (this.#ended || relayable === null) return;
		if (this.#relay === null) {
			this.#held.push(relayable);
			this.#heldBytes += relayable.length;
			const most = this.#pipe?.streaming === false ? MAX_ERROR_IN_SUCCESS : MAX_OPENING;
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
	#holdWhole(pipe: AnswerPipe, chunk: Buffer): void {
		this.#held.push(chunk);
		this.#heldBytes += chunk.length;
		if (this.#heldBytes <= MAX_WHOLE) return;
		if (!pipe.isUntouched) this.#tooLarge();
		else {
			pipe.giveUp();
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
		this.#isClosed = true;
		if (last !== null) {
			this.#isLast = true;
			this.data(last);
		}
		if (this.#opening !== null) this.#decide("own", this.#opening);
		if (this.#ended) return;
		const pipe = this.#pipe;
		if (pipe === null) {
			this.#failedStatus();
			return;
		}
		if (this.#relay === null && (pipe.isWhole || !pipe.streaming) && this.#endHeld(pipe)) return;
		if (pipe.isWhole) this.#endWhole(pipe);
		else this.#pass(pipe, pipe.end());
		const rest = this.#hasEnded() ? NOTHING : pipe.rest();
		// What was left may have been an error.
		if (this.#hasEnded()) return;
		if (this.#relay === null) {
			this.#failedStream({ ...UNANSWERED, message: "the stream ended before any content" }, "early_end");
			return;
		}
		const { isComplete } = pipe;
		if (!isComplete) this.#relay.finishShort(this.#behindTail(this.#relay, rest));
		else if (!pipe.isCutShort) this.#relay.finish(this.#behindTail(this.#relay, rest));
		else {
			if (this.#tail.length > 0) this.#relay.write(this.#tail);
			this.#relay.breakOff(true);
		}
		pipe.finish((usage) => {
			this.#options.exchange.usage = usage;
			const status = this.#status;
			this.#end(isComplete ? { kind: "served", status } : { kind: "broke", status, code: "early_end" });
		});
	}

	/** A whole answer that was held: true if it turned out to be an error. */
	#endHeld(pipe: AnswerPipe): boolean {
		const status = statusOfErrorIn(Buffer.concat(this.#held), this.#headers);
		if (status !== null) {
			this.#status = status;
			this.#failedStatus();
		} else if (!pipe.isWhole && this.#held.length > 0) {
			const held = this.#held;
			this.#held = [];
			this.#isLast = true;
			this.#commit();
			this.#forward(Buffer.concat(held));
		}
		return status !== null;
	}

	/** What is left to send: the tail, unless something follows it. */
	#behindTail(relay: Relay, rest: Buffer): Buffer {
		if (rest.length === 0) return this.#tail;
		if (this.#tail.length > 0) relay.write(this.#tail);
		return rest;
	}

	#endWhole(pipe: AnswerPipe): void {
		const whole = Buffer.concat(this.#held);
		this.#held = [];
		const canonical = pipe.translated(whole);
		if (pipe.streaming) {
			this.#reading = true;
			const relayable = pipe.read(canonical);
			this.#pass(pipe, relayable);
			return;
		}
		const sent = pipe.isUntouched ? whole : canonical;
		this.#headers = { ...this.#headers, "content-length": String(sent.length) };
		this.#commit();
		pipe.read(canonical);
		this.#forward(sent);
	}

	#hasEnded(): boolean {
		return this.#ended;
	}

	error(error: Error): void {
		if (this.#ended) return;
		if (this.#pipe?.awaitsEnd === true) {
			this.end(null);
			return;
		}
		const { timedOut, ...cause } = causeOf(error, this.#status === 0);
		if (this.#relay !== null) {
			this.#relay.breakOff(this.#pipe?.plain === true);
			this.#end({ kind: "broke", status: this.#status, code: cause.code });
		} else this.#fail({ ...UNANSWERED, message: error.message, timedOut }, cause);
	}

	/** Every whole event of a stream, before its bytes are relayed. */
	#event(name: string, event: Buffer): void {
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
		const pipe = this.#pipe;
		const relay = new Relay(exchange, {
			status: this.#status,
			headers: this.#headers,
			own: headers,
			untouched: pipe?.isUntouched === true,
			assembled: pipe?.isAssembled === true,
			needsPings: pipe?.needsPings === true,
		});
		this.#relay = relay;
		const held = this.#held;
		this.#held = [];
		if (held.length > 0) {
			if (!relay.writeAll(held)) this.#pauseUntilDrained();
		} else if (pipe?.streaming === true && !this.#reading) relay.flushHead();
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
		this.#endTimer.stop();
		this.#options.exchange.running = null;
		if (outcome.kind === "aborted" || outcome.kind === "broke")
			this.#options.exchange.usage = this.#pipe?.usage ?? null;
		this.#options.exchange.written = this.#pipe?.written ?? null;
		this.#held = [];
		this.#resolve(outcome);
	}
}
