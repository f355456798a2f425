// Watches an answer that is translated on its way: its stream is split once, put right and read as events, and goes on as events. Leaves
// answers whose bytes go on to proxy/answer/reader and writing to proxy/answer/relay.
import type { AnswerEvent } from "../../protocol/answer-event.ts";
import { MessagesRepair } from "../../protocol/messages-repair.ts";
import { type Usage, UsageReader } from "../../protocol/usage.ts";
import type { StreamReframer } from "../../providers/provider.ts";
import { LAST_EVENTS, type OnEvent } from "./reader.ts";
import { Written } from "./written.ts";

const NONE: readonly AnswerEvent[] = [];

export class EventReader {
	readonly streaming = true;
	readonly isWholeJson = false;
	readonly written = new Written();
	readonly #source: StreamReframer | null;
	readonly #onEvent: OnEvent;
	readonly #repair: MessagesRepair | null;
	readonly #usage = new UsageReader();
	#over = false;

	/** `source` null = `take` is given the events of an answer that came whole. */
	constructor(source: StreamReframer | null, options: { readonly repairs: boolean; readonly onEvent: OnEvent }) {
		this.#source = source;
		this.#onEvent = options.onEvent;
		this.#repair = options.repairs ? new MessagesRepair() : null;
	}

	get usage(): Usage | null {
		return this.#usage.usage;
	}

	/** The answer has ended; what comes after that is of no use to anybody. */
	get isOver(): boolean {
		return this.#over || this.#repair?.isOver === true;
	}

	/** All has been said but the last word. */
	get awaitsEnd(): boolean {
		return this.#repair?.awaitsEnd === true || this.#source?.awaitsEnd === true;
	}

	/** null = nothing goes on. */
	push(chunk: Buffer): readonly AnswerEvent[] | null {
		return this.#source === null ? null : this.take(this.#source.push(chunk));
	}

	/** The stream has ended. */
	end(): readonly AnswerEvent[] {
		const last = this.take(this.#source?.end() ?? NONE) ?? NONE;
		const missing = this.#repair?.finish() ?? NONE;
		for (const event of missing) this.#pass(event);
		return [...last, ...missing];
	}

	take(events: readonly AnswerEvent[]): readonly AnswerEvent[] | null {
		const passing: AnswerEvent[] = [];
		for (const event of events) {
			if (this.#repair?.passesUnread(event) === true) {
				this.#pass(event);
				passing.push(event);
			} else passing.push(...this.#repaired(event));
		}
		return passing.length === 0 ? null : passing;
	}

	finish(done: (usage: Usage | null) => void): void {
		done(this.usage);
	}

	#repaired(event: AnswerEvent): readonly AnswerEvent[] {
		const events = this.#repair === null ? [event] : (this.#repair.read(event) ?? unknown(event));
		// As it came: what the repair puts in was not reported by the upstream.
		this.#usage.read(event, this.#repair?.type);
		for (const each of events) this.#pass(each);
		return events;
	}

	#pass(event: AnswerEvent): void {
		this.written.read(event);
		if (LAST_EVENTS.has(event.name)) this.#over = true;
		this.#onEvent(event.name, event.name === "error" ? event.text : "");
	}
}

/** A kind that is none of the API's known ones goes on, a comment does not. */
function unknown(event: AnswerEvent): readonly AnswerEvent[] {
	return event.data === null ? NONE : [event];
}
