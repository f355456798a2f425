// The last body of each conversation that is going on, in bounded memory and for minutes. Leaves what a snapshot is good for to prompt/snapshot.
import type { BodyMemory } from "./body-memory.ts";
import type { Snapshot } from "./snapshot.ts";

export interface MemoryLimits {
	/** Bytes held in all, bodies and tables. */
	readonly maxBytes: number;
	/** How long a conversation is remembered after its last body. */
	readonly ttlMs: number;
	/** Smaller bodies are neither kept nor compared: reading them again is as fast. */
	readonly minBodyBytes: number;
}

const DEFAULT_LIMITS: MemoryLimits = { maxBytes: 64 * 1024 * 1024, ttlMs: 5 * 60_000, minBodyBytes: 32 * 1024 };

/** A conversation's last body, handed over for the reading of the next one: it is remembered no more. */
export interface ReusableBody {
	readonly snapshot: Snapshot;
	readonly memory: BodyMemory;
	/** The last body, in `memory`. */
	readonly body: Buffer;
}

interface Entry {
	readonly snapshot: Snapshot;
	/** As counted when it was kept: a snapshot grows while a later body is read into it. */
	readonly bytes: number;
	readonly keptAt: number;
}

/**
 * One snapshot a key. The key says whose conversation it is: nothing kept under one key is ever seen under another, so keys must tell
 * callers apart. What was kept longest ago goes first.
 */
export class PromptMemory {
	readonly limits: MemoryLimits;
	/** In the order in which they were kept. */
	private readonly entries = new Map<string, Entry>();
	private total = 0;

	constructor(limits: Partial<MemoryLimits> = {}) {
		this.limits = { ...DEFAULT_LIMITS, ...limits };
	}

	/** Conversations remembered. */
	get size(): number {
		return this.entries.size;
	}

	/** Bytes held. */
	get bytes(): number {
		return this.total;
	}

	/** What was kept last under the key; null = nothing, or too long ago. `now` in milliseconds, of any clock. */
	recall(key: string, now: number): Snapshot | null {
		const entry = this.entries.get(key);
		return entry === undefined || this.isExpired(entry, now) ? null : entry.snapshot;
	}

	/** As `recall`, and the body's memory with it to read the next body into; null also while that body is still in use. */
	takeReusable(key: string, now: number): ReusableBody | null {
		const snapshot = this.recall(key, now);
		if (snapshot === null || snapshot.memory?.isFree !== true) return null;
		this.forget(key);
		snapshot.memory.isFree = false;
		return { snapshot, memory: snapshot.memory, body: snapshot.body };
	}

	/** Remembers the snapshot in the place of the key's last one, and forgets what is too old or too much. */
	keep(key: string, snapshot: Snapshot, now: number): void {
		this.forget(key);
		const entry = { snapshot, bytes: snapshot.byteLength, keptAt: now };
		if (entry.bytes > this.limits.maxBytes) return;
		this.entries.set(key, entry);
		this.total += entry.bytes;
		for (const [oldest, kept] of this.entries) {
			if (this.total <= this.limits.maxBytes && !this.isExpired(kept, now)) break;
			this.forget(oldest);
		}
	}

	forget(key: string): void {
		this.total -= this.entries.get(key)?.bytes ?? 0;
		this.entries.delete(key);
	}

	private isExpired({ keptAt }: Entry, now: number): boolean {
		return now - keptAt >= this.limits.ttlMs;
	}
}
