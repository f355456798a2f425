// Reads a request body once, bounded, into one buffer. Leaves what is in it to prompt.
import { GatewayError } from "../errors.ts";
import { type BodyMemory, BodyWriter } from "../prompt/body-memory.ts";
import type { Loan } from "../prompt/memory.ts";
import type { ClientRequest } from "./client.ts";

/** The client went away while it was sending. */
export class ClientGone extends Error {}

export interface ReadBody {
	readonly body: Buffer;
	/** What it was read into, if the conversation's next body may be read over it. */
	readonly memory: BodyMemory | null;
	/** Bytes from the beginning that are those of the loan's last body. */
	readonly equal: number;
}

/**
 * The whole body. Rejects with body_too_large before or while reading, unsupported_encoding for a compressed body, ClientGone when the
 * connection closes early. With a `content-length` the bytes are copied once, into a buffer of that size; with the loan of a
 * conversation's last body, which is used up then, only those from the first one that differs.
 */
export function readBody(
	request: ClientRequest,
	maxBytes: number,
	conversation: { readonly minBytes: number; readonly loan: Loan | null } | null = null,
): Promise<ReadBody> {
	const encoding = request.headers["content-encoding"];
	if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
		return Promise.reject(new GatewayError("unsupported_encoding", { encoding }));
	}
	const declared = Number(request.headers["content-length"]);
	const tooLarge = () => new GatewayError("body_too_large", { limit: maxBytes }, { headers: closing(request) });
	if (declared > maxBytes) return Promise.reject(tooLarge());
	return new Promise((resolve, reject) => {
		const sink = sinkFor(declared, maxBytes, conversation);
		request.on("data", (chunk: Buffer) => {
			if (sink.add(chunk)) return;
			request.removeAllListeners("data");
			request.pause();
			reject(tooLarge());
		});
		request.on("end", () => resolve(sink.read()));
		request.on("error", () => reject(new ClientGone("the client's connection failed")));
		request.on("close", () => {
			if (!request.complete) reject(new ClientGone("the client closed its connection while sending"));
		});
	});
}

interface Sink {
	/** false = it does not fit. */
	add(chunk: Buffer): boolean;
	read(): ReadBody;
}

function sinkFor(
	declared: number,
	maxBytes: number,
	conversation: { readonly minBytes: number; readonly loan: Loan | null } | null,
): Sink {
	if (!(declared >= 0)) return new GrowingSink(maxBytes);
	if (conversation === null || declared < conversation.minBytes) return new SizedSink(declared);
	return new KeptSink(declared, conversation.loan);
}

/** Reads into memory that the conversation keeps. */
class KeptSink implements Sink {
	readonly #writer: BodyWriter;
	readonly #size: number;

	constructor(size: number, loan: Loan | null) {
		this.#size = size;
		this.#writer = new BodyWriter(size, loan);
	}

	add(chunk: Buffer): boolean {
		if (this.#writer.length + chunk.length > this.#size) return false;
		this.#writer.add(chunk);
		return true;
	}

	read(): ReadBody {
		const { memory, equal } = this.#writer;
		return { body: this.#writer.body(), memory, equal };
	}
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

	read(): ReadBody {
		return { body: this.#first ?? this.#buffer.subarray(0, this.#length), memory: null, equal: 0 };
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

	read(): ReadBody {
		const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#length);
		return { body, memory: null, equal: 0 };
	}
}

/** What is left of the body is not read: over HTTP/1.1 that ends the connection, over HTTP/2 only the stream. */
function closing(request: ClientRequest): Record<string, string> {
	return request.httpVersionMajor < 2 ? { connection: "close" } : {};
}
