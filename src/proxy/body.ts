// Reads a request body once, bounded, into one buffer. Leaves what is in it to prompt.
import type { IncomingMessage } from "node:http";
import { GatewayError } from "../errors.ts";

/** The client went away while it was sending. */
export class ClientGone extends Error {}

/**
 * The whole body. Rejects with body_too_large before or while reading, unsupported_encoding for a compressed body, ClientGone when the
 * connection closes early. With a `content-length` the bytes are copied once, into a buffer of that size.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
	const encoding = request.headers["content-encoding"];
	if (encoding !== undefined && encoding !== "identity") {
		return Promise.reject(new GatewayError("unsupported_encoding", { encoding }));
	}
	const declared = Number(request.headers["content-length"]);
	const tooLarge = () => new GatewayError("body_too_large", { limit: maxBytes }, { headers: { connection: "close" } });
	if (declared > maxBytes) return Promise.reject(tooLarge());
	return new Promise((resolve, reject) => {
		const sink = declared >= 0 ? new SizedSink(declared) : new GrowingSink(maxBytes);
		request.on("data", (chunk: Buffer) => {
			if (sink.add(chunk)) return;
			request.removeAllListeners("data");
			request.pause();
			reject(tooLarge());
		});
		request.on("end", () => resolve(sink.bytes()));
		request.on("error", () => reject(new ClientGone("the client's connection failed")));
		request.on("close", () => {
			if (!request.complete) reject(new ClientGone("the client closed its connection while sending"));
		});
	});
}

interface Sink {
	/** false = it does not fit. */
	add(chunk: Buffer): boolean;
	bytes(): Buffer;
}

class SizedSink implements Sink {
	readonly #buffer: Buffer;
	#first: Buffer | null = null;
	#length = 0;

	constructor(size: number) {
		this.#buffer = Buffer.allocUnsafe(size);
	}

	add(chunk: Buffer): boolean {
		if (this.#length + chunk.length > this.#buffer.length) return false;
		// A body that came in one piece needs no copy.
		if (this.#length === 0 && chunk.length === this.#buffer.length) this.#first = chunk;
		else chunk.copy(this.#buffer, this.#length);
		this.#length += chunk.length;
		return true;
	}

	bytes(): Buffer {
		return this.#first ?? this.#buffer.subarray(0, this.#length);
	}
}

class GrowingSink implements Sink {
	readonly #chunks: Buffer[] = [];
	readonly #maxBytes: number;
	#length = 0;

	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	add(chunk: Buffer): boolean {
		this.#length += chunk.length;
		if (this.#length > this.#maxBytes) return false;
		this.#chunks.push(chunk);
		return true;
	}

	bytes(): Buffer {
		return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#length);
	}
}
