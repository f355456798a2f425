// Replicas that share notes through Redis or Valkey: one capped stream, to which each appends and which each follows. A replica that comes late, or
// was cut off, reads on from where the stream still begins. Leaves what is published to state/notes.
import { createClient } from "@redis/client";
import { isPassing, type Note } from "./notes.ts";
import type { NoteListener, SharedState } from "./state.ts";
import { decodeBatch, encodeBatch } from "./wire.ts";

export interface RedisStateOptions {
	/** `redis://` or `rediss://`, with user, password and database number as needed. Never printed. */
	readonly url: string;
	/** Name of the stream. Only replicas that compute equal fingerprints may have the same. */
	readonly key: string;
	/** This replica's id; no two may have the same. */
	readonly replica: string;
	/** ms since epoch. */
	readonly now: () => number;
	/** Called once when Redis is reached, and once when it is not any more, with the reason. `address` is host and port. */
	readonly onChange: (change: {
		readonly connected: boolean;
		readonly address: string;
		readonly reason: string;
	}) => void;
}

/** Shared state over Redis. Every member may be called whether Redis is there or not. */
export interface RedisState extends SharedState {
	/** Both connections stand: what is published arrives. */
	readonly connected: boolean;
	/** Notes that were not sent because Redis was away, since the start. */
	readonly lost: number;
	/** Resolves when what is in the stream has been taken in, when Redis cannot be reached, or after `timeoutMs`. Never rejects. */
	ready(timeoutMs: number): Promise<void>;
	/** Sends what is left, waits for it for half a second at most, and closes both connections. */
	close(): Promise<void>;
}

/** Notes are gathered for so long, and for as long as the last batch is under way. */
const GATHER_MS = 4;
const MOST_IN_BATCH = 1_000;
/** Notes that wait while Redis is slow or away; beyond it the oldest are lost. */
const MOST_WAITING = 20_000;
/** What is kept for those who come late: some minutes under load, an hour of a small team. Batches, and their bytes in all. */
const MOST_BATCHES = 20_000;
const FEWEST_BATCHES = 500;
const MOST_BYTES = 64 * 1024 * 1024;
/** How far one batch moves the mean of their bytes. */
const BYTES_STEP = 0.02;
/** Nothing older is of use: the longest lifetime of a cache entry. */
const HISTORY_MS = 3_600_000;
/** What is passing is not taken in from batches that are older than this. */
const PASSING_MS = 60_000;
const READ_AT_ONCE = 100;
const BLOCK_MS = 2_000;
const CONNECT_MS = 2_000;
/** A connection on which nothing has come for so long is dead; pings and BLOCK make something come sooner. */
const SILENCE_MS = 6_000;
const PING_MS = 2_000;
const FIRST_RETRY_MS = 50;
const RETRY_READ_MS = 250;
const LONGEST_RETRY_MS = 2_000;
const FLUSH_MS = 500;
/** The stream goes when no replica has written to it for so long. */
const EXPIRE_MS = 2 * HISTORY_MS;
const EXPIRE_EVERY_MS = 60_000;

/** Begins to connect, in the background and for as long as it takes. Throws only where the URL is none. */
export function createRedisState(options: RedisStateOptions): RedisState {
	const { key, replica, now } = options;
	const address = addressOf(options.url);
	const listeners: NoteListener[] = [];
	const writer = clientFor(options.url, { pingInterval: PING_MS });
	const reader = clientFor(options.url, {});
	let waiting: Note[] = [];
	let gathering: NodeJS.Timeout | null = null;
	let sending: Promise<void> | null = null;
	let lost = 0;
	let expireAt = 0;
	let meanBytes = 1_000;
	let lastId = `${Math.max(0, now() - HISTORY_MS)}-0`;
	/** null until the first attempt to connect has ended. */
	let connected: boolean | null = null;
	/** The last command of each connection succeeded. */
	let writes = true;
	let reads = true;
	let closed = false;
	let caughtUp = false;
	const onWake = new Set<() => void>();

	function turn(to: boolean, reason: string): void {
		if (closed || connected === to) return;
		connected = to;
		options.onChange({ connected: to, address, reason });
		if (!to) wake();
	}

	function wake(): void {
		for (const done of [...onWake]) done();
	}

	function check(): void {
		if (!writer.isReady || !reader.isReady || !writes || !reads) return;
		turn(true, "");
		flushSoon();
	}

	for (const client of [writer, reader]) {
		client.on("ready", check);
		client.on("error", (error: unknown) => turn(false, reasonOf(error)));
		client.connect().catch((error: unknown) => turn(false, reasonOf(error)));
	}

	function flushSoon(): void {
		if (gathering !== null || sending !== null || waiting.length === 0) return;
		gathering = setTimeout(flush, GATHER_MS);
		gathering.unref();
	}

	function flush(): void {
		gathering = null;
		if (waiting.length === 0 || !writer.isReady) return;
		const notes = waiting.slice(0, MOST_IN_BATCH);
		waiting = waiting.slice(MOST_IN_BATCH);
		sending = append(notes).finally(() => {
			sending = null;
			flushSoon();
		});
	}

	async function append(notes: readonly Note[]): Promise<void> {
		const text = encodeBatch({ from: replica, notes });
		meanBytes += (text.length - meanBytes) * BYTES_STEP;
		const fitting = Math.floor(MOST_BYTES / meanBytes);
		const threshold = Math.max(FEWEST_BATCHES, Math.min(MOST_BATCHES, fitting));
		try {
			await writer.xAdd(key, "*", { b: text }, { TRIM: { strategy: "MAXLEN", strategyModifier: "~", threshold } });
			writes = true;
			check();
			if (now() < expireAt) return;
			expireAt = now() + EXPIRE_EVERY_MS;
			await writer.pExpire(key, EXPIRE_MS);
		} catch (error) {
			writes = !writer.isReady;
			lost += notes.length;
			turn(false, reasonOf(error));
		}
	}

	function receive(id: string, text: string): void {
		lastId = id;
		const batch = decodeBatch(text);
		if (batch === null || batch.from === replica) return;
		const at = now();
		const old = at - Number(id.split("-")[0]) > PASSING_MS;
		for (const note of batch.notes) {
			if (old && isPassing(note)) continue;
			for (const listener of listeners) listener(note, batch.from, at);
		}
	}

	/** One read: what is there, or, once there was nothing, what comes within BLOCK_MS. */
	async function read(): Promise<void> {
		const blocking = caughtUp ? { BLOCK: BLOCK_MS } : {};
		const streams = await reader.xRead({ key, id: lastId }, { COUNT: READ_AT_ONCE, ...blocking });
		reads = true;
		check();
		const messages = streams?.flatMap((stream) => stream.messages) ?? [];
		for (const { id, message } of messages) receive(id, message["b"] ?? "");
		if (messages.length > 0 || caughtUp) return;
		caughtUp = true;
		wake();
	}

	async function follow(): Promise<void> {
		while (!closed) {
			if (!reader.isReady) {
				await new Promise<void>((resolve) => reader.once("ready", resolve));
				continue;
			}
			try {
				await read();
			} catch (error) {
				reads = !reader.isReady;
				turn(false, reasonOf(error));
				await pause(RETRY_READ_MS);
			}
		}
	}

	void follow();

	return {
		get connected() {
			return connected === true;
		},
		get lost() {
			return lost;
		},
		publish(note) {
			if (closed) return;
			if (connected !== true && isPassing(note)) {
				lost += 1;
				return;
			}
			waiting.push(note);
			if (waiting.length > MOST_WAITING) {
				const kept = waiting.slice(-MOST_WAITING / 2);
				lost += waiting.length - kept.length;
				waiting = kept;
			}
			flushSoon();
		},
		subscribe(listener) {
			listeners.push(listener);
		},
		ready(timeoutMs) {
			if (caughtUp || connected === false) return Promise.resolve();
			return new Promise((resolve) => {
				const done = () => {
					clearTimeout(timer);
					onWake.delete(done);
					resolve();
				};
				const timer = setTimeout(done, timeoutMs);
				onWake.add(done);
			});
		},
		async close() {
			if (closed) return;
			if (gathering !== null) clearTimeout(gathering);
			if (writer.isReady) {
				await Promise.race([sending, pause(FLUSH_MS)]);
				if (waiting.length > 0) await Promise.race([append(waiting.slice(0, MOST_IN_BATCH)), pause(FLUSH_MS)]);
			}
			closed = true;
			for (const client of [writer, reader]) client.destroy();
		},
	};
}

/** Nothing is queued while it is not connected; commands then fail at once. */
function clientFor(url: string, more: { readonly pingInterval?: number }) {
	return createClient({
		url,
		RESP: 2,
		disableOfflineQueue: true,
		maintNotifications: "disabled",
		...more,
		socket: {
			connectTimeout: CONNECT_MS,
			socketTimeout: SILENCE_MS,
			reconnectStrategy: (retries) => Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(retries, 10)),
		},
	});
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => {
		setTimeout(resolve, ms).unref();
	});
}

function addressOf(url: string): string {
	const { hostname, port } = new URL(url);
	return `${hostname === "" ? "localhost" : hostname}:${port === "" ? "6379" : port}`;
}

/** Why, in a few words and without what the URL holds. */
function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return "unknown";
	const [inner] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
	const message = error.message !== "" ? error.message : inner instanceof Error ? inner.message : error.name;
	return message.slice(0, 200);
}
