// The requests that a program has running, so that closing can wait for them and then end them. Leaves closing everything else to gateway.ts.
import type { Writable } from "node:stream";

/** Counts what runs. */
export class InFlight {
	readonly #running = new Set<Writable>();
	#whenIdle: (() => void) | null = null;
	#closed = false;

	/** Nothing new may begin. */
	get closed(): boolean {
		return this.#closed;
	}

	/** Counts a request, by where its answer goes, until what it gives is called; `signal` ends it. */
	add(response: Writable, signal: AbortSignal | null): () => void {
		const abort = () => response.destroy();
		this.#running.add(response);
		signal?.addEventListener("abort", abort, { once: true });
		return () => {
			signal?.removeEventListener("abort", abort);
			this.#running.delete(response);
			if (this.#running.size === 0) this.#whenIdle?.();
		};
	}

	/** Lets nothing new begin; resolves when all have ended, which they must after `graceMs`. */
	async drain(graceMs: number): Promise<void> {
		this.#closed = true;
		if (this.#running.size === 0) return;
		const idle = new Promise<void>((resolve) => {
			this.#whenIdle = resolve;
		});
		const cutOff = setTimeout(() => {
			for (const response of this.#running) response.destroy();
		}, graceMs);
		await idle;
		clearTimeout(cutOff);
	}
}
