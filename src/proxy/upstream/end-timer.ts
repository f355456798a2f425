// How long an answer that lacks only its last word, or its usage, is waited for. Leaves what then happens to proxy/upstream/attempt.
import type { Exchange } from "../exchange.ts";

const AWAIT_END_MS = 2000;

export class EndTimer {
	#timer: NodeJS.Timeout | null = null;

	/** Waits from now on, as it may have done before. */
	start(exchange: Exchange, onTime: () => void, ms = AWAIT_END_MS): void {
		this.#timer ??= setTimeout(exchange.guarded(onTime), ms);
		this.#timer.refresh();
	}

	stop(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
	}
}
