// One attempt at one deployment: holds the answer's opening back until it shows content, then commits to it. What comes from the upstream
// is taken by one mode at a time. Leaves which deployment comes next to proxy/upstream/dispatch, the meaning of a failure to the provider
// and the client's side to proxy/upstream/delivery.
import type { IncomingHttpHeaders } from "node:http";
import { bytesOf, type Passing } from "../../protocol/answer-event.ts";
import { beginsContent } from "../../protocol/anthropic.ts";
import type { UpstreamFailure, Verdict } from "../../providers/provider.ts";
import { keptHeaders, MAX_WHOLE } from "../answer/encoding.ts";
import { answerTooLarge, Relay } from "../answer/relay.ts";
import type { Running } from "../exchange.ts";
import { type Framing, formOf, isEventStream } from "./answer-form.ts";
import { AnswerPipe } from "./answer-pipe.ts";
import { Delivery } from "./delivery.ts";
import { EndTimer } from "./end-timer.ts";
import { errorForClient, readErrorAnswer, readErrorEvent } from "./error-answer.ts";
import { beginsAnswer, faultIn, MAX_ERROR_IN_SUCCESS, mayBeError } from "./error-in-success.ts";
import { noAnswer, withRequestId } from "./head.ts";
import { HoldTimer } from "./hold-timer.ts";
import { ErrorBody, type Mode, OVER, UnknownFraming } from "./mode.ts";
import {
	type AttemptOptions,
	type AttemptOutcome,
	causeOf,
	FAULT,
	type FailureCause,
	withoutAnswer,
} from "./outcome.ts";
import { openUnpacked } from "./unpacking.ts";
import type { UpstreamCall, UpstreamListener } from "./upstream.ts";

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
	#mode: Mode = OVER;
	#pipe: AnswerPipe | null = null;
	readonly #delivery: Delivery;
	#holdTimer: HoldTimer | null = null;
	readonly #endTimer = new EndTimer();
	/** The answer's end has come, with the bytes that are being looked at. */
	#isLast = false;
	/** The events of a chunk are being looked at; its bytes are relayed right after, in one packet with the head. */
	#reading = false;
	/** The upstream's response has ended too, or is no longer listened to. */
	#isClosed = false;
	#ended = false;

	constructor(options: AttemptOptions, resolve: (outcome: AttemptOutcome) => void) {
		this.#options = options;
		this.#resolve = resolve;
		this.#delivery = new Delivery(options.exchange, {
			pause: () => this.#call?.pause(),
			resume: () => this.#call?.resume(),
		});
	}

	start(): void {
		const { exchange, pools, request, timeouts } = this.#options;
		exchange.running = this;
		const call = openUnpacked(request, this, (listener) => pools.open(request, timeouts, listener));
		this.#call = call;
		if (this.#ended) call.abort();
	}

	aborted(): void {
		this.#call?.abort();
		this.#end({ kind: "aborted", begun: this.#delivery.hasBegun });
	}

	fault(error: unknown): void {
		this.#options.exchange.fault(error);
	}

	/** Nobody else is asked for the request. */
	broken(): void {
		this.#call?.abort();
		this.#delivery.endBroken(this.#pipe?.streaming === true);
		this.#end({ kind: "broke", status: this.#status, code: FAULT });
	}

	head(status: number, headers: IncomingHttpHeaders): void {
		this.#status = status;
		const { exchange, provider } = this.#options;
		this.#headers = withRequestId(headers, provider);
		const missing = noAnswer(status, headers);
		if (missing !== null) this.#failedStream({ ...UNANSWERED, message: missing.message }, missing.code);
		else if (status >= 400) this.#mode = new ErrorBody(exchange, (body) => this.#failedStatus(body));
		if (missing !== null || status >= 400) return;
		const decide = (framing: Framing, opening: Buffer) => this.#decide(framing, opening);
		const awaitFirst = () => {
			this.#holdTimer ??= new HoldTimer(this.#options, this);
		};
		this.#mode = new UnknownFraming(this.#headers, decide, awaitFirst);
		if (exchange.operation !== "messages") this.#decide("own", NOTHING);
		else if (isEventStream(headers)) awaitFirst();
	}

	/** It is known how the answer is framed: sets up what it passes through. */
	#decide(framing: Framing, opening: Buffer): Mode {
		const form = formOf(framing, { status: this.#status, headers: this.#headers }, this.#options);
		const pipe = new AnswerPipe(form, {
			operation: this.#options.exchange.operation,
			onEvent: (name, error) => this.#event(name, error),
			onFault: (error) => this.fault(error),
		});
		this.#pipe = pipe;
		this.#mode = pipe.isWhole ? this.#wholeAnswer(pipe) : this.#passingAnswer(pipe);
		this.#headers = form.sent;
		if (pipe.comesInEvents) this.#holdTimer ??= new HoldTimer(this.#options, this);
		else {
			// The head may have said that it is a stream.
			this.#holdTimer?.stop();
			if (!pipe.isWhole && (!mayBeError(form.canonical) || beginsAnswer(opening))) this.#commit();
		}
		if (opening.length > 0) this.#mode.data(opening);
		return this.#mode;
	}

	data(chunk: Buffer): void {
		this.#mode.data(chunk);
	}

	end(last: Buffer | null): void {
		this.#isClosed = true;
		if (last !== null) {
			this.#isLast = true;
			this.#mode.data(last);
		}
		this.#mode.end();
	}

	/** An answer that is translated in one piece, or that goes on in one piece when it has been read. */
	#wholeAnswer(pipe: AnswerPipe): Mode {
		return {
			data: (chunk) => {
				this.#holdWhole(pipe, chunk);
				this.#lookForEnd(pipe, chunk);
			},
			end: () => {
				const whole = this.#delivery.takeHeld();
				if (!this.#delivery.hasBegun && this.#isErrorInSuccess(whole)) return;
				this.#passWhole(pipe, whole);
				this.#finish(pipe);
			},
		};
	}

	/** An answer that goes on as it comes, once it is committed to. */
	#passingAnswer(pipe: AnswerPipe): Mode {
		return {
			data: (chunk) => {
				this.#reading = true;
				this.#pass(pipe, pipe.push(chunk));
				this.#lookForEnd(pipe, chunk);
			},
			end: () => {
				if (!this.#delivery.hasBegun && !pipe.streaming && this.#endHeld()) return;
				this.#pass(pipe, pipe.end());
				this.#finish(pipe);
			},
		};
	}

	/** Bytes that were read, on their way to the client, or held back. */
	#pass(pipe: AnswerPipe, passing: Passing | null): void {
		this.#reading = false;
		this.#isLast ||= pipe.isOver;
		this.#forward(passing);
	}

	/** An answer is over with its last event, or the end of its JSON, whether or not its response is. */
	#lookForEnd(pipe: AnswerPipe, last: Buffer): void {
		if (this.#isClosed || this.#ended) return;
		const close = () => {
			if (pipe.hasAll(this.#delivery)) this.#close();
		};
		if (pipe.isOver) this.#close();
		else if (pipe.mayHaveAll(last)) this.#endTimer.start(this.#options.exchange, close);
	}

	#close(): void {
		this.#call?.release();
		this.end(null);
	}

	#forward(passing: Passing | null): void {
		if (this.#ended || passing === null) return;
		const delivery = this.#delivery;
		if (!delivery.hasBegun) {
			delivery.hold(passing);
			const most = this.#pipe?.streaming === false ? MAX_ERROR_IN_SUCCESS : MAX_OPENING;
			if (delivery.heldBytes > most) this.#commit();
		} else if (!delivery.write(passing, this.#isLast)) this.#tooLarge();
	}

	/** Holds a whole answer back. One that only is to be read meanwhile is let through unread when it is large. */
	#holdWhole(pipe: AnswerPipe, chunk: Buffer): void {
		this.#delivery.hold(chunk);
		if (this.#delivery.heldBytes <= MAX_WHOLE) return;
		if (!pipe.isUntouched) this.#tooLarge();
		else {
			pipe.giveUp();
			this.#mode = this.#passingAnswer(pipe);
			this.#commit();
		}
	}

	#tooLarge(): void {
		const { exchange, onStarted } = this.#options;
		this.#call?.abort();
		if (!this.#delivery.hasBegun) onStarted(this.#status, this.#headers);
		answerTooLarge(exchange);
		this.#end({ kind: "broke", status: this.#status, code: "answer_too_large" });
	}

	/** Whether a held answer turned out to be an error; if not, it goes on. */
	#endHeld(): boolean {
		const held = this.#delivery.takeHeld();
		if (this.#isErrorInSuccess(held)) return true;
		if (held.length > 0) {
			this.#isLast = true;
			this.#commit();
			this.#forward(held);
		}
		return false;
	}

	/** Ends the attempt with the error that a whole answer is, whatever its status said, or for want of any answer in it. */
	#isErrorInSuccess(whole: Buffer): boolean {
		const { exchange, request } = this.#options;
		const { operation } = exchange;
		const fault = faultIn(whole, { headers: this.#headers, operation, dialect: request.answer });
		if (fault === null) return false;
		if (fault.status === null)
			this.#failedStream({ ...UNANSWERED, message: "what came is no answer of the API" }, "no_answer");
		else {
			this.#status = fault.status;
			this.#headers = { ...keptHeaders(this.#headers), "content-type": "application/json" };
			this.#failedStatus(fault.body);
		}
		return true;
	}

	#passWhole(pipe: AnswerPipe, whole: Buffer): void {
		const canonical = pipe.translated(whole);
		if (pipe.streaming) {
			this.#reading = true;
			this.#pass(pipe, pipe.read(canonical));
			return;
		}
		const sent = pipe.isUntouched ? whole : bytesOf(canonical);
		this.#headers = { ...this.#headers, "content-length": String(sent.length) };
		this.#commit();
		pipe.read(canonical);
		this.#forward(sent);
	}

	/** All has come and been passed on. */
	#finish(pipe: AnswerPipe): void {
		const rest = this.#hasEnded() ? NOTHING : pipe.rest();
		// What was left may have been an error.
		if (this.#hasEnded()) return;
		if (!this.#delivery.hasBegun) {
			this.#failedStream({ ...UNANSWERED, message: "the stream ended before any content" }, "early_end");
			return;
		}
		const { isComplete } = pipe;
		this.#delivery.finish(rest, pipe);
		pipe.finish((usage) => {
			this.#options.exchange.usage = usage;
			const status = this.#status;
			this.#end(isComplete ? { kind: "served", status } : { kind: "broke", status, code: "early_end" });
		});
	}

	#hasEnded(): boolean {
		return this.#ended;
	}

	error(error: Error): void {
		if (this.#ended) return;
		// An error is one by its status, however little comes of its body.
		if (this.#mode instanceof ErrorBody || this.#pipe?.hasAll(this.#delivery) === true) {
			this.end(null);
			return;
		}
		const { timedOut, ...cause } = causeOf(error, this.#status === 0);
		if (this.#delivery.hasBegun) {
			this.#delivery.breakOff(this.#pipe?.streaming === true);
			this.#end({ kind: "broke", status: this.#status, code: cause.code });
		} else this.#fail({ ...UNANSWERED, message: error.message, timedOut }, cause);
	}

	/** Every whole event of a stream, before it goes on. `error` is what an error event says. */
	#event(name: string, error: string): void {
		if (this.#delivery.hasBegun || this.#ended) return;
		if (beginsContent(name)) {
			this.#commit();
		} else if (name === "error") {
			const failure = readErrorEvent(error);
			const verdict = this.#options.provider.judge({ ...failure, headers: this.#headers });
			if (this.#isClients(verdict)) this.#commit();
			else this.#failedStream(failure, failure.errorType);
		}
	}

	/** A slow opening is let through once there is something to show; a head without any event goes on waiting for its first byte. */
	heldLongEnough(isOverdue: boolean): void {
		if (this.#delivery.holdsAny) this.#commit();
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
		if (this.#delivery.hasBegun || this.#ended) return;
		this.#holdTimer?.stop();
		const { onStarted, headers } = this.#options;
		onStarted(this.#status, this.#headers);
		const pipe = this.#pipe;
		const head = {
			status: this.#status,
			headers: this.#headers,
			own: headers,
			untouched: pipe?.isUntouched === true,
			assembled: pipe?.isAssembled === true,
			needsPings: pipe?.needsPings === true,
		};
		this.#delivery.begin(head, pipe?.streaming === true && !this.#reading);
	}

	/** A whole answer with an error status: the client's, or a reason to try elsewhere. */
	#failedStatus(body: Buffer): void {
		this.#call?.release();
		const { exchange, provider, request, onStarted, headers } = this.#options;
		const came = { status: this.#status, headers: this.#headers, body };
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
		this.#mode.stop?.();
		this.#mode = OVER;
		this.#holdTimer?.stop();
		this.#endTimer.stop();
		this.#options.exchange.running = null;
		if (outcome.kind === "aborted" || outcome.kind === "broke")
			this.#options.exchange.usage = this.#pipe?.usage ?? null;
		this.#options.exchange.written = this.#pipe?.written ?? null;
		this.#resolve(outcome);
	}
}
