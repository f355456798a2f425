// The client's side of an attempt: what is held back until the answer is committed to, and from then on the relay, whose last bytes wait for
// the end and go with it. Leaves when to commit to proxy/upstream/attempt and the form of what is sent to proxy/answer/relay.
import { bytesOf, type Passing } from "../../protocol/answer-event.ts";
import { endBroken, Relay, type RelayHead } from "../answer/relay.ts";
import type { Exchange } from "../exchange.ts";
import type { UpstreamCall } from "./upstream.ts";

const NOTHING = Buffer.alloc(0);

export class Delivery {
	readonly #exchange: Exchange;
	/** The upstream, which waits while the client is slower. */
	readonly #flow: Pick<UpstreamCall, "pause" | "resume">;
	#relay: Relay | null = null;
	#held: Passing[] = [];
	#heldBytes = 0;
	#tail: Passing = NOTHING;

	constructor(exchange: Exchange, flow: Pick<UpstreamCall, "pause" | "resume">) {
		this.#exchange = exchange;
		this.#flow = flow;
	}

	/** The answer is the client's. */
	get hasBegun(): boolean {
		return this.#relay !== null;
	}

	/** All that was held so far. */
	get heldBytes(): number {
		return this.#heldBytes;
	}

	get holdsAny(): boolean {
		return this.#held.length > 0;
	}

	/** Keeps it back. */
	hold(passing: Passing): void {
		this.#heldBytes += sizeOf(passing);
		this.#held.push(passing);
	}

	get held(): Buffer {
		return Buffer.concat(this.#held.map(bytesOf));
	}

	/** What is held; then nothing is. */
	takeHeld(): Buffer {
		const held = Buffer.concat(this.#held.map(bytesOf));
		this.#held = [];
		return held;
	}

	/** Begins the answer with what is held. */
	begin(head: RelayHead, flushesHead: boolean): void {
		const relay = new Relay(this.#exchange, head);
		this.#relay = relay;
		const held = this.#held;
		this.#held = [];
		if (held.length > 0) {
			if (!relay.writeAll(held)) this.#pauseUntilDrained(relay);
		} else if (flushesHead) relay.flushHead();
	}

	/** Sends it on, the last bytes with the end. false = the answer outgrew what may be held of it. */
	write(passing: Passing, isLast: boolean): boolean {
		const relay = this.#relay;
		if (relay === null) return true;
		if (isLast && relay.isDirect) {
			this.#writeTail(relay);
			this.#tail = passing;
			return true;
		}
		const canTakeMore = relay.write(passing);
		if (relay.isOverfull) return false;
		if (!canTakeMore) this.#pauseUntilDrained(relay);
		return true;
	}

	/** The answer has ended. Over before it was complete, it ends in its format's way; cut in the middle of an event, it is broken off. */
	finish(
		rest: Passing,
		{ isComplete, isCutShort }: { readonly isComplete: boolean; readonly isCutShort: boolean },
	): void {
		const relay = this.#relay;
		if (relay === null) return;
		if (isComplete && isCutShort) {
			this.#writeTail(relay);
			relay.breakOff(true);
			return;
		}
		if (rest.length > 0) this.#writeTail(relay);
		const last = rest.length > 0 ? rest : this.#tail;
		if (isComplete) relay.finish(last);
		else relay.finishShort(last);
	}

	/** The upstream broke. */
	breakOff(canAddEvents: boolean): void {
		this.#relay?.breakOff(canAddEvents);
	}

	/** Something of ours threw. */
	endBroken(canAddEvents: boolean): void {
		endBroken(this.#exchange, this.#relay, canAddEvents);
	}

	#writeTail(relay: Relay): void {
		if (this.#tail.length > 0) relay.write(this.#tail);
	}

	#pauseUntilDrained(relay: Relay): void {
		this.#flow.pause();
		relay.onDrain(this.#exchange.guarded(() => this.#flow.resume()));
	}
}

function sizeOf(passing: Passing): number {
	return Buffer.isBuffer(passing) ? passing.length : passing.reduce((sum, { text }) => sum + text.length, 0);
}
