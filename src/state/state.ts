// What replicas of one gateway share: each keeps a copy of its own and publishes what it did. Here the interface, and a bus inside one process.
// Leaves what is published to state/notes, and Redis to state/redis.
import type { Note } from "./notes.ts";
import { decodeBatch, encodeBatch } from "./wire.ts";

/** Receives one note of another replica: `from` is that replica's id, `now` ms since epoch. Must not throw. */
export type NoteListener = (note: Note, from: string, now: number) => void;

/**
 * Carries notes between replicas. Nothing in it is asked while a request waits: a copy is local, and may be a little old. Notes of one
 * replica come in the order in which it published them, unless some are lost.
 */
export interface SharedState {
	/** Sends it to the other replicas, soon. Returns at once and never throws; where nobody can be reached the note may be lost. */
	publish(note: Note): void;
	/** Calls `listener` with each note of the others, never with own ones. */
	subscribe(listener: NoteListener): void;
}

export interface BusOptions {
	/** From publishing to receiving, ms. */
	readonly delayMs: number;
	/** The caller's clock, ms since epoch. */
	readonly now: () => number;
	/** Calls `deliver` when the caller's clock says `at`. */
	readonly later: (at: number, deliver: () => void) => void;
}

/** Replicas inside one process, on a clock of the caller's. */
export interface Bus {
	/** A new replica. Ids must differ. */
	join(replica: string): SharedState;
}

/** What is published goes through the same text as on the wire, so that nothing is shared by reference. */
export function createBus({ delayMs, now, later }: BusOptions): Bus {
	const listeners: { readonly replica: string; readonly listener: NoteListener }[] = [];

	function deliver(from: string, notes: readonly Note[]): void {
		const batch = decodeBatch(encodeBatch({ from, notes }));
		for (const note of batch?.notes ?? []) {
			for (const { replica, listener } of listeners) if (replica !== from) listener(note, from, now());
		}
	}

	return {
		join(replica) {
			let outbox: { readonly at: number; readonly notes: Note[] } | null = null;
			return {
				publish(note) {
					const at = now();
					if (outbox !== null && outbox.at === at) {
						outbox.notes.push(note);
						return;
					}
					const opened = { at, notes: [note] };
					outbox = opened;
					later(at + delayMs, () => {
						if (outbox === opened) outbox = null;
						deliver(replica, opened.notes);
					});
				},
				subscribe(listener) {
					listeners.push({ replica, listener });
				},
			};
		},
	};
}
