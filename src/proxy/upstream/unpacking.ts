// Answers that come packed (`content-encoding`) though they must be read, or nobody asked for it: unpacked as they come, before anybody looks
// at them. What a client asked for packed passes as it is. Leaves sockets to proxy/upstream/upstream.
import type { IncomingHttpHeaders } from "node:http";
import { Transform } from "node:stream";
import * as zlib from "node:zlib";
import type { UpstreamRequest } from "../../providers/provider.ts";
import { codingsIn, isZlib } from "../codings.ts";
import { attempted, guarded } from "../guard.ts";
import { headerValue } from "../headers.ts";
import { isEventStream } from "./answer-form.ts";
import type { UpstreamCall, UpstreamListener } from "./upstream.ts";

/** Of node:zlib from Node 22.15 on. */
const { createZstdDecompress } = zlib as { readonly createZstdDecompress?: () => Transform };

/** By name (RFC 9110 §8.4.1, RFC 8878), given the first bytes. */
const UNPACKERS: ReadonlyMap<string, (first: Buffer) => Transform> = new Map<string, (first: Buffer) => Transform>([
	["gzip", () => zlib.createGunzip()],
	["x-gzip", () => zlib.createGunzip()],
	["deflate", (first) => (isZlib(first) ? zlib.createInflate() : zlib.createInflateRaw())],
	["br", () => zlib.createBrotliDecompress()],
	...(createZstdDecompress === undefined ? [] : [["zstd", () => createZstdDecompress()] as const]),
]);

/** An answer that is not packed as it says, or in a way that nobody asked for or knows. */
class UndecodableAnswer extends Error {
	readonly code = "undecodable";
}

/** Makes a call by `open`, whose listener gets a plain answer. */
export function openUnpacked(
	request: UpstreamRequest,
	listener: UpstreamListener,
	open: (listener: UpstreamListener) => UpstreamCall,
): UpstreamCall {
	const unpacked = new UnpackedAnswer(request, listener);
	return unpacked.called(open(unpacked));
}

class UnpackedAnswer implements UpstreamListener, UpstreamCall {
	readonly #request: UpstreamRequest;
	readonly #listener: UpstreamListener;
	#call: UpstreamCall | null = null;
	#status = 0;
	/** What unpacks the answer, given its first bytes; null = it passes as it is. */
	#begin: ((first: Buffer) => Transform) | null = null;
	#unpacker: Transform | null = null;
	#isPaused = false;
	/** Why the upstream broke; what had come of the answer is still given on. */
	#broken: Error | null = null;
	/** The listener is not called any more. */
	#isDone = false;

	constructor(request: UpstreamRequest, listener: UpstreamListener) {
		this.#request = request;
		this.#listener = listener;
	}

	called(call: UpstreamCall): this {
		this.#call = call;
		return this;
	}

	head(status: number, headers: IncomingHttpHeaders): void {
		this.#status = status;
		const codings = codingsIn(headerValue(headers, "content-encoding"));
		const isRead = () => status >= 400 || isEventStream(headers) || !asksForCodings(this.#request);
		if (codings.length === 0 || !isRead()) {
			this.#listener.head(status, headers);
			return;
		}
		const [coding = "", ...more] = codings;
		// Nobody packs twice.
		this.#begin = (more.length === 0 ? UNPACKERS.get(coding) : undefined) ?? undecodable;
		const { "content-encoding": _coding, "content-length": _length, ...plain } = headers;
		this.#listener.head(status, plain);
	}

	data(chunk: Buffer): void {
		if (this.#begin === null) this.#listener.data(chunk);
		else if (!this.#isDone && !(this.#unpacker ?? this.#unpackBy(this.#begin(chunk))).write(chunk)) this.#call?.pause();
	}

	end(last: Buffer | null): void {
		if (this.#begin === null) {
			this.#listener.end(last);
			return;
		}
		if (last !== null) this.data(last);
		this.#finish();
	}

	error(error: Error): void {
		this.#broken = error;
		this.#finish();
	}

	fault(error: unknown): void {
		this.#stop();
		this.#listener.fault(error);
	}

	pause(): void {
		this.#isPaused = true;
		if (this.#unpacker === null) this.#call?.pause();
		else this.#unpacker.pause();
	}

	resume(): void {
		this.#isPaused = false;
		if (this.#unpacker === null) this.#call?.resume();
		else this.#unpacker.resume();
	}

	abort(): void {
		this.#stop();
		this.#call?.abort();
	}

	release(): void {
		this.#stop();
		this.#call?.release();
	}

	#unpackBy(unpacker: Transform): Transform {
		this.#unpacker = unpacker;
		const on = <Given extends readonly unknown[]>(event: string, callback: (...given: Given) => void) => {
			const onFault = (error: unknown) => {
				attempted(() => this.abort());
				this.#listener.fault(error);
			};
			unpacker.on(event, guarded<Given>(onFault, callback));
		};
		on("data", (plain: Buffer) => {
			if (!this.#isDone) this.#listener.data(plain);
		});
		on("drain", () => this.#call?.resume());
		on("end", () => this.#over());
		on("error", (error: Error) => {
			if (this.#isDone) return;
			this.#broken ??= new UndecodableAnswer(`the answer is not packed as it says: ${error.message}`);
			this.#call?.abort();
			this.#over();
		});
		if (this.#isPaused) unpacker.pause();
		return unpacker;
	}

	/** Nothing more comes of the answer. */
	#finish(): void {
		if (this.#unpacker === null) this.#over();
		else this.#unpacker.end();
	}

	#over(): void {
		if (this.#isDone) return;
		this.#isDone = true;
		// An error is one by its status, whatever can be read of it.
		const isTold = this.#status >= 400 && this.#broken instanceof UndecodableAnswer;
		if (this.#broken === null || isTold) this.#listener.end(null);
		else this.#listener.error(this.#broken);
	}

	#stop(): void {
		this.#isDone = true;
		this.#unpacker?.destroy();
	}
}

/** Unpacks nothing. */
function undecodable(): Transform {
	return new Transform({ transform: (_chunk, _encoding, done) => done(new Error("the coding is not known")) });
}

/** Whether the client gets an answer packed as it asked for it (proxy/headers). */
function asksForCodings({ headers }: UpstreamRequest): boolean {
	for (let at = 0; at + 1 < headers.length; at += 2) {
		if (headers[at]?.toLowerCase() === "accept-encoding" && headers[at + 1] !== "identity") return true;
	}
	return false;
}
