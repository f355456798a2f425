// What the data plane needs of a client: its request, and the way back. Node's HTTP/1.1 and HTTP/2 objects are such; so are those of a call
// from the same process (library/).
import type { IncomingHttpHeaders } from "node:http";
import type { Writable } from "node:stream";

/** One request. Its body is a paused stream until somebody listens to `data`. */
export interface ClientRequest {
	/** By lower-case name. */
	readonly headers: IncomingHttpHeaders;
	/** Name, value, name, value: as the client wrote them. */
	readonly rawHeaders: readonly string[];
	readonly method?: string | undefined;
	/** Path and query. */
	readonly url?: string | undefined;
	/** The whole body has come. */
	readonly complete: boolean;
	readonly httpVersionMajor: number;
	on(event: "data", listener: (chunk: Buffer) => void): unknown;
	on(event: "end" | "close" | "error", listener: () => void): unknown;
	removeAllListeners(event: "data"): unknown;
	pause(): unknown;
}

/** Where the answer goes. Its `close` before all is written means that the client went away. */
export interface ClientResponse extends Writable {
	readonly statusCode: number;
	readonly headersSent: boolean;
	/** Headers by name, or as name, value, name, value. */
	writeHead(status: number, headers: Readonly<Record<string, string>> | string[]): unknown;
	/** Sends the head alone. */
	flushHeaders(): void;
}
