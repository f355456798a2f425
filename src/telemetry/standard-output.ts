// Standard output for the log: lines are written together, by nobody waited for, and lost where they cannot be written. Leaves what a line is
// to telemetry/log. (pino's own destination ends the process when the disk is full, and does not let it end either.)
import { write, writeSync } from "node:fs";

const STDOUT = 1;
/** A system call a line would cost more than making it. */
const BATCH_BYTES = 32 * 1024;
const FLUSH_MS = 100;
/** Lines that nobody takes off are dropped above this. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

let shared: BatchedOutput | null = null;

/** Standard output as one stream of lines for the whole process. */
export function batchedOutput(): { write(line: string): void } {
	if (shared === null) {
		const output = new BatchedOutput();
		process.once("exit", () => output.end());
		shared = output;
	}
	return shared;
}

class BatchedOutput {
	#lines: string[] = [];
	#waiting = 0;
	/** What is being written. */
	#batch = NOTHING;
	#timer: NodeJS.Timeout | null = null;

	write(line: string): void {
		if (this.#waiting > MOST_WAITING_BYTES) return;
		this.#lines.push(line);
		this.#waiting += line.length;
		if (this.#waiting >= BATCH_BYTES) this.#flush();
		else this.#flushLater();
	}

	/** At the process's end: what is left, in one go. */
	end(): void {
		const last = this.#lines.join("");
		this.#lines = [];
		try {
			writeSync(STDOUT, last);
		} catch {}
	}

	#flushLater(): void {
		this.#timer ??= setTimeout(() => {
			this.#timer = null;
			this.#flush();
		}, FLUSH_MS).unref();
	}

	#flush(): void {
		if (this.#batch.length > 0 || this.#lines.length === 0) return;
		this.#batch = Buffer.from(this.#lines.join(""));
		this.#lines = [];
		this.#waiting = 0;
		this.#writeBatch();
	}

	#writeBatch(): void {
		write(STDOUT, this.#batch, (error, written) => {
			// A pipe that is full and does not block takes more later.
			if (error?.code === "EAGAIN") {
				setTimeout(() => this.#writeBatch(), FLUSH_MS).unref();
				return;
			}
			this.#batch = error === null ? this.#batch.subarray(written) : NOTHING;
			if (this.#batch.length > 0) this.#writeBatch();
			else if (this.#waiting >= BATCH_BYTES) this.#flush();
			else if (this.#lines.length > 0) this.#flushLater();
		});
	}
}
