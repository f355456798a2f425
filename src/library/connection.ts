// A client of the data plane in the same process: one request with its body in memory, and a stream that takes the answer. Leaves what is
// in them to calls.ts.
import type { IncomingHttpHeaders } from "node:http";
import { PassThrough, Readable } from "node:stream";
import type { ClientRequest, ClientResponse } from "../proxy/receive/client.ts";

/** Bytes of an answer that wait for a slow reader before the upstream is held back. */
const HIGH_WATER_BYTES = 64 * 1024;

export interface MemoryRequestParts {
	readonly method: string;
	/** Path and query. */
	readonly url: string;
	/** By lower-case name. */
	readonly headers: Readonly<Record<string, string>>;
}

/** A request whose body is there. */
export class MemoryRequest extends Readable implements ClientRequest {
	readonly method: string;
	readonly url: string;
	readonly headers: IncomingHttpHeaders;
	readonly rawHeaders: readonly string[];
	readonly httpVersionMajor = 1;
	readonly complete = true;

	constructor({ method, url, headers }: MemoryRequestParts, body: Uint8Array) {
		super();
		this.method = method;
		this.url = url;
		this.headers = headers;
		this.rawHeaders = Object.entries(headers).flat();
		this.push(body);
		this.push(null);
	}

	/** Everything is pushed already. */
	override _read(): void {}
}

/** Head of an answer. */
export interface CallResponseHead {
	readonly status: number;
	/** By lower-case name. */
	readonly headers: Readonly<Record<string, string | string[]>>;
}

/** Takes an answer and gives it to one reader, no faster than that reads. Destroying it aborts the request. */
export class MemoryResponse extends PassThrough implements ClientResponse {
	/** Rejects with an Error when it closes before there is one. */
	readonly head: Promise<CallResponseHead>;
	#status = 0;
	#resolve: (head: CallResponseHead) => void = () => {};

	constructor() {
		super({ highWaterMark: HIGH_WATER_BYTES });
		this.head = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.once("close", () => reject(new Error("closed before there was an answer")));
		});
		// Whoever waits for it is notified; when nobody does, nobody needs to be.
		this.head.catch(() => {});
		this.on("error", () => {});
	}

	get statusCode(): number {
		return this.#status;
	}

	get headersSent(): boolean {
		return this.#status !== 0;
	}

	writeHead(status: number, headers: Readonly<Record<string, string>> | string[]): void {
		this.#status = status;
		this.#resolve({ status, headers: Array.isArray(headers) ? byName(headers) : (headers as Record<string, string>) });
	}

	/** Nothing is held back. */
	flushHeaders(): void {}

	/** What is left of the answer, to its end. Rejects where it is cut. */
	async whole(): Promise<Buffer> {
		const chunks: Buffer[] = [];
		for await (const chunk of this) chunks.push(chunk as Buffer);
		return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
	}
}

function byName(pairs: readonly string[]): Record<string, string | string[]> {
	const headers: Record<string, string | string[]> = {};
	for (let i = 0; i + 1 < pairs.length; i += 2) {
		const name = pairs[i] as string;
		const value = pairs[i + 1] as string;
		const known = Object.hasOwn(headers, name) ? headers[name] : undefined;
		headers[name] = known === undefined ? value : [known, value].flat();
	}
	return headers;
}
