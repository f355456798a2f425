// Reads a request body once, bounded, into one buffer. Leaves unpacking to proxy/receive/content-encoding, and what is in it to prompt.
import { GatewayError } from "../../errors.ts";
import { type BodyMemory, BodyWriter } from "../../prompt/body-memory.ts";
import type { ReusableBody } from "../../prompt/memory.ts";
import { guarded } from "../guard.ts";
import type { ClientRequest } from "./client.ts";
import { codingsOf, unpackedBody } from "./content-encoding.ts";

/** The client went away while it was sending. */
export class ClientGone extends Error {}

export interface ReadBody {
	readonly body: Buffer;
	/** What it was read into, if the conversation's next body may be read over it. */
	readonly memory: BodyMemory | null;
	/** Bytes from the beginning that are those of the reusable body. */
	readonly equal: number;
}

/** A conversation whose last body the next one may be read over. */
interface Kept {
	readonly minBytes: number;
	readonly reusable: ReusableBody | null;
}

/**
 * The whole body, unpacked where the client packed it: `maxBytes` bounds both forms. Rejects with body_too_large before or while reading,
 * unsupported_encoding or undecodable_body for what cannot be unpacked, ClientGone when the connection closes early. With a
 * `content-length` the bytes are copied once, into a buffer of that size; with a conversation's last body to reuse, which is forgotten
 * then, only those from the first one that differs.
 */
export async function readBody(
	request: ClientRequest,
	maxBytes: number,
	conversation: Kept | null = null,
): Promise<ReadBody> {
	const codings = codingsOf(request.headers["content-encoding"]);
	if (codings.length === 0) return readBytes(request, maxBytes, conversation);
	const packed = await readBytes(request, maxBytes, null);
	return { body: await unpackedBody(packed.body, codings, maxBytes), memory: null, equal: 0 };
}

function readBytes(request: ClientRequest, maxBytes: number, conversation: Kept | null): Promise<ReadBody> {
	const declared = Number(request.headers["content-length"]);
	const tooLarge = () => new GatewayError("body_too_large", { limit: maxBytes }, { headers: closing(request) });
	if (declared > maxBytes) return Promise.reject(tooLarge());
	return new Promise((resolve, reject) => {
		const sink = sinkFor(declared, maxBytes, conversation);
		const add = guarded(reject, (chunk: Buffer) => {
			if (sink.add(chunk)) return;
			request.removeAllListeners("data");
			request.pause();
			reject(tooLarge());
		});
		const end = guarded(reject, () => resolve(sink.read()));
		request.on("data", add);
		request.on("end", end);
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

function sinkFor(declared: number, maxBytes: number, conversation: Kept | null): Sink {
	if (!(declared >= 0)) return new GrowingSink(maxBytes);
	if (conversation === null || declared < conversation.minBytes) return new SizedSink(declared);
	return new KeptSink(declared, conversation.reusable);
}

/** Reads into memory that the conversation keeps. */
class KeptSink implements Sink {
	readonly #writer: BodyWriter;
	readonly #size: number;

	constructor(size: number, reusable: ReusableBody | null) {
		this.#size = size;
		this.#writer = new BodyWriter(size, reusable);
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
