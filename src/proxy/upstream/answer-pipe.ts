// One answer's bytes on their way: made canonical where its upstream has a form of its own, watched, and put right. Leaves when they go
// to the client to proxy/upstream/attempt.
import { endsObject, isJson } from "../../protocol/json-text.ts";
import { SseSplitter } from "../../protocol/sse.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { Reframer } from "../../providers/provider.ts";
import { AnswerReader } from "../answer/reader.ts";
import { UsageHider } from "../answer/usage-hider.ts";
import type { Written } from "../answer/written.ts";
import type { Exchange } from "../exchange.ts";
import type { OnFault } from "../guard.ts";
import { headerValue } from "../headers.ts";
import { type AnswerForm, isEventStream } from "./answer-form.ts";

const ERROR_EVENT = Buffer.from("event: error");

export class AnswerPipe {
	readonly #reader: AnswerReader;
	/** Makes the answer canonical; null where it already is. */
	#reframer: Reframer | null;
	/** Cuts a stream that needs no change at its events; null where canonical bytes are what goes on. */
	readonly #untouched: SseSplitter | UsageHider | null;
	readonly isUntouched: boolean;
	/** A stream for a client that asked for a whole answer. */
	readonly isAssembled: boolean;
	/** A stream of the Messages API, which says when it is complete. */
	readonly #tells: boolean;
	readonly #isSized: boolean;
	#isCutShort = false;

	constructor(
		form: AnswerForm,
		about: {
			readonly operation: Exchange["operation"];
			readonly onEvent: (name: string, event: Buffer) => void;
			readonly onFault: OnFault;
		},
	) {
		this.isUntouched = form.untouched;
		this.isAssembled = form.assembled;
		this.#isSized = form.sent["content-length"] !== undefined;
		this.#untouched = form.untouched ? (form.hidesUsage ? new UsageHider() : new SseSplitter(() => {})) : null;
		this.#reframer = form.reframer;
		const repairs = !form.untouched && about.operation === "messages";
		this.#reader = new AnswerReader({
			streaming: isEventStream(form.canonical),
			encoding: headerValue(form.canonical, "content-encoding") ?? "identity",
			repairs,
			onEvent: about.onEvent,
			onFault: about.onFault,
		});
		this.#tells = this.#reader.streaming && repairs;
	}

	/** What goes on is an event stream: events can be added to it. */
	get streaming(): boolean {
		return this.#reader.streaming;
	}

	/** The upstream sends events, and not one whole answer. */
	get comesInEvents(): boolean {
		return this.streaming && !this.isWhole;
	}

	/** Nothing goes on before all has come: `translated` then makes one piece of it. */
	get isWhole(): boolean {
		return this.#reframer?.streaming === false;
	}

	/** Its upstream sends no pings. */
	get needsPings(): boolean {
		return this.#reframer?.streaming === true;
	}

	/** The answer has ended, whether or not its response has. */
	get isOver(): boolean {
		return this.#reader.streaming && this.#reader.isOver;
	}

	/** Whether, after these bytes, `hasAll` may be true. */
	mayHaveAll(last: Buffer): boolean {
		return this.#awaitsEnd || (!this.comesInEvents && endsObject(last));
	}

	/** Nothing is missing but the last word, the usage, or the response's end. Of a whole answer that is translated all is held. */
	hasAll({ held }: { readonly held: Buffer }): boolean {
		if (this.#awaitsEnd || this.comesInEvents) return this.#awaitsEnd;
		if (this.isWhole) return isJson(held);
		// Its client waits for as many bytes as the head says.
		return !this.#isSized && this.#reader.isWholeJson;
	}

	get #awaitsEnd(): boolean {
		return this.#reader.awaitsEnd || (this.#reframer?.streaming === true && this.#reframer.awaitsEnd === true);
	}

	/** To be asked when all has come. */
	get isComplete(): boolean {
		return !this.#tells || this.#reader.isOver;
	}

	/** An untouched stream ended in the middle of its answer. */
	get isCutShort(): boolean {
		return this.#isCutShort;
	}

	/** As the upstream told it so far; null where it told none. */
	get usage(): Usage | null {
		return this.#told(this.#reader.usage);
	}

	/** What of a stream passed that its usage does not count yet; null = not a stream. */
	get written(): Written | null {
		return this.#reader.written;
	}

	/** The upstream's next bytes; what may be relayed now, null = nothing. */
	push(chunk: Buffer): Buffer | null {
		const reframer = this.#reframer;
		const canonical = reframer?.streaming === true ? reframer.push(chunk) : chunk;
		const relayable = this.#reader.push(canonical);
		return this.#untouched === null ? relayable : this.#untouched.push(chunk);
	}

	/** The upstream has ended: what that adds. `rest` is asked for after it. */
	end(): Buffer | null {
		const last = this.#reframer?.streaming === true ? this.#reframer.end() : null;
		if (last === null || last.length === 0) return null;
		const relayable = this.#reader.push(last);
		if (this.#untouched === null) return relayable;
		this.#isCutShort = last.subarray(0, ERROR_EVENT.length).equals(ERROR_EVENT);
		return null;
	}

	/** What is left behind the last whole event. */
	rest(): Buffer {
		const rest = this.#reader.end();
		return this.#untouched?.rest() ?? rest;
	}

	/** The canonical form of a whole answer; to be given to `read` when it goes on. */
	translated(whole: Buffer): Buffer {
		return this.#reframer?.streaming === false ? this.#reframer.body(withoutMark(whole)) : whole;
	}

	/** Canonical bytes pass; what of them may be relayed now. */
	read(canonical: Buffer): Buffer | null {
		return this.#reader.push(canonical);
	}

	/** A whole answer is too large to be read: its own bytes go on. */
	giveUp(): void {
		this.#reframer = null;
	}

	/** Call it after the answer has gone out: gives the usage, at once or after decoding. */
	finish(done: (usage: Usage | null) => void): void {
		this.#reader.finish((usage) => done(this.#told(usage)));
	}

	#told(usage: Usage | null): Usage | null {
		return this.#reframer?.usageUnknown === true ? null : usage;
	}
}

const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

function withoutMark(whole: Buffer): Buffer {
	const { length } = BYTE_ORDER_MARK;
	return whole.subarray(0, length).equals(BYTE_ORDER_MARK) ? whole.subarray(length) : whole;
}
