// Closed-loop load generator: keep-alive connections that send prebuilt requests and time the answers. Leaves statistics to the callers.
// Raw sockets instead of an HTTP client, since on two cores every millisecond spent here is taken from the server under test.
import { connect, type Socket } from "node:net";

/** How one request ended. Times in ms from the moment it was sent. */
export interface Reply {
	/** 0 = no answer at all. */
	readonly status: number;
	/** The whole answer arrived; false when the connection closed early. */
	readonly complete: boolean;
	/** First byte of the answer's body. */
	readonly firstByteMs: number;
	readonly totalMs: number;
	/** The last bytes of the answer as text. */
	readonly ending: string;
}

/** Lets the sender hang up: called with how many pieces of the answer have come (0 = none yet); true = destroy the connection now. */
export type HangUp = (pieces: number) => boolean;

const LAST_CHUNK = Buffer.from("\r\n0\r\n\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");
const ENDING_BYTES = 256;
const NOTHING = Buffer.alloc(0);
/** A slice with this many failures is given up: the server is gone or refuses everything. */
const TOO_MANY_FAILURES = 200;

/** Reads one HTTP/1.1 answer just far enough to know its status and end. */
class AnswerParser {
	status = 0;
	bodyBytes = 0;
	#head: Buffer = NOTHING;
	/** Of a body with content-length; null = chunked. */
	#expected: number | null = null;
	#ending: Buffer = NOTHING;

	/** true = the answer is complete. */
	push(chunk: Buffer): boolean {
		if (this.status !== 0) return this.#body(chunk);
		this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
		const end = this.#head.indexOf(HEAD_END);
		if (end === -1) return false;
		const head = this.#head.toString("latin1", 0, end).toLowerCase();
		this.status = Number(head.slice(9, 12));
		const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
		this.#expected = length === undefined ? null : Number(length);
		// The blank line stays in front of a chunked body, so that an empty one ends like any other.
		return this.#body(this.#head.subarray(end + HEAD_END.length));
	}

	get ending(): string {
		return this.#ending.toString("latin1");
	}

	#body(chunk: Buffer): boolean {
		this.bodyBytes += chunk.length;
		this.#ending =
			chunk.length >= ENDING_BYTES
				? chunk.subarray(-ENDING_BYTES)
				: Buffer.concat([this.#ending, chunk]).subarray(-ENDING_BYTES);
		if (this.#expected !== null) return this.bodyBytes >= this.#expected;
		const at = this.#ending.length - LAST_CHUNK.length;
		return at >= 0 && this.#ending.compare(LAST_CHUNK, 0, LAST_CHUNK.length, at) === 0;
	}
}

/** One keep-alive connection, one request at a time. Opens itself anew after it was closed. */
export class Connection {
	readonly #port: number;
	#socket: Socket | null = null;
	/** Not connected yet. */
	#opening: Socket | null = null;

	constructor(port: number) {
		this.#port = port;
	}

	/** Sends head and body as they are. Never rejects. */
	async send(request: Buffer, hangUp?: HangUp): Promise<Reply> {
		const socket = this.#socket ?? (await this.#open());
		if (socket === null) return { status: 0, complete: false, firstByteMs: 0, totalMs: 0, ending: "" };
		return new Promise((resolve) => {
			const parser = new AnswerParser();
			const startedAt = performance.now();
			let firstByteAt = 0;
			let pieces = 0;
			const finish = (complete: boolean) => {
				socket.off("data", onData);
				socket.off("close", onClose);
				const totalMs = performance.now() - startedAt;
				const firstByteMs = firstByteAt === 0 ? totalMs : firstByteAt - startedAt;
				resolve({ status: parser.status, complete, firstByteMs, totalMs, ending: parser.ending });
			};
			const onClose = () => finish(false);
			const onData = (chunk: Buffer) => {
				const complete = parser.push(chunk);
				if (firstByteAt === 0 && parser.bodyBytes > 0) firstByteAt = performance.now();
				if (complete) finish(true);
				else if (hangUp?.(++pieces) === true) socket.destroy();
			};
			socket.on("data", onData);
			socket.on("close", onClose);
			socket.write(request);
			if (hangUp?.(0) === true) socket.destroy();
		});
	}

	/** The next request opens a new connection; one that is still waiting for its connection fails. */
	close(): void {
		this.#opening?.destroy();
		this.#socket?.destroy();
		this.#socket = null;
	}

	#open(): Promise<Socket | null> {
		return new Promise((resolve) => {
			const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
			this.#opening = socket;
			socket.once("connect", () => {
				this.#opening = null;
				this.#socket = socket;
				resolve(socket);
			});
			socket.on("error", () => {});
			socket.on("close", () => {
				if (this.#socket === socket) this.#socket = null;
				if (this.#opening === socket) this.#opening = null;
				resolve(null);
			});
		});
	}
}

/** What one slice of load showed. */
export interface Slice {
	readonly elapsedMs: number;
	/** All answers, those after the slice's end and failed ones included. */
	readonly answered: number;
	/** Answers that were complete within the slice. */
	readonly replies: readonly Reply[];
	/** Answers that were not a complete 200. */
	readonly failures: number;
	/** The first of them, for the error message. */
	readonly failure: string | null;
}

/** A fixed number of connections to one server, each sending its next request when the last one was answered. */
export class Load {
	readonly #connections: readonly Connection[];
	#sent = 0;

	constructor(port: number, connections: number) {
		this.#connections = Array.from({ length: connections }, () => new Connection(port));
	}

	/** Keeps every connection busy for `ms`, taking the requests in turn, then waits for the last answers (which do not count). */
	async run(requests: readonly Buffer[], ms: number): Promise<Slice> {
		const replies: Reply[] = [];
		let answered = 0;
		let failures = 0;
		let failure: string | null = null;
		const startedAt = performance.now();
		const endsAt = startedAt + ms;
		const drive = async (connection: Connection) => {
			while (performance.now() < endsAt && failures < TOO_MANY_FAILURES) {
				const request = requests[this.#sent++ % requests.length] ?? NOTHING;
				const reply = await connection.send(request);
				answered++;
				if (reply.status !== 200 || !reply.complete) {
					failures++;
					failure ??= `status ${reply.status}, ${reply.complete ? "complete" : "cut"}: ${reply.ending}`;
				} else if (performance.now() <= endsAt) replies.push(reply);
			}
		};
		await Promise.all(this.#connections.map(drive));
		return { elapsedMs: ms, answered, replies, failures, failure };
	}

	close(): void {
		for (const connection of this.#connections) connection.close();
	}
}
