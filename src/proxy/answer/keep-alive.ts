// Pings of our own on a stream whose upstream sends none, so that clients and proxies on the way do not take it for dead.
import type { Writable } from "node:stream";
import { guarded, type OnFault } from "../guard.ts";

/** As often as the Messages API itself about does; Claude Code gives up after 300 s of silence (claude-code §7). */
export const PING_AFTER_MS = 15_000;

/** Writes `ping` whenever nothing was written for a while, until the stream ends. Only to be used between whole events. */
export class KeepAlive {
	readonly #timer: NodeJS.Timeout;

	constructor(stream: Writable, ping: Buffer, onFault: OnFault) {
		const onTime = guarded(onFault, () => {
			if (stream.writableEnded || stream.destroyed) this.stop();
			// A client that does not read what it has needs no more.
			else if (!stream.writableNeedDrain) stream.write(ping);
		});
		this.#timer = setInterval(onTime, PING_AFTER_MS);
		this.#timer.unref();
	}

	/** Something else was written. */
	postpone(): void {
		this.#timer.refresh();
	}

	stop(): void {
		clearInterval(this.#timer);
	}
}
