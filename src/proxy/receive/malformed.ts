// What is refused before there is a request to serve: bytes that are no HTTP, heads that are too large, requests that do not come whole. Node
// would answer without a body, which no client's error handling reads. Leaves requests to server.ts.
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GatewayError } from "../../errors.ts";
import { callId } from "../call-id.ts";
import { anthropicFormat } from "../formats/anthropic.ts";
import { guarded } from "../guard.ts";
import { errorHead } from "../refusal.ts";
import { plainPath, routeOf } from "../routes.ts";

/** The request that a connection is busy with, as far as its head has come. */
type Current = WeakMap<object, { readonly request: IncomingMessage; readonly response: ServerResponse }>;

/** A client has so long to read its refusal, ms. */
const LINGER_MS = 1000;

const REQUEST_LINE = /^[A-Z]+ ([^\s?]*)/;
const LONGEST_LINE = 1024;

/**
 * Has the server answer what Node's parser refuses as the client's API writes errors. An answer that has begun cannot be followed by another
 * one: its connection is cut. The function it gives is to be called with what a connection begins with.
 */
export function answerMalformed(server: Server): (socket: Socket, first: Buffer) => void {
	const current: Current = new WeakMap();
	const beginnings = new WeakMap<Socket, string>();
	server.prependListener("request", (request, response) => current.set(request.socket, { request, response }));
	const answer = (error: NodeJS.ErrnoException, socket: Socket) => {
		const busy = current.get(socket);
		const isMidAnswer = busy?.response.headersSent === true && !busy.response.writableFinished;
		const refusal = refusalOf(error);
		if (!socket.writable || isMidAnswer || refusal === null) {
			socket.destroy();
			return;
		}
		const { rawPacket } = error as { readonly rawPacket?: Buffer };
		// It may be a later piece of the request that is refused: then the connection's first line, or its last request, shows as much.
		const waiting = busy?.response.headersSent === false ? busy.request.url : undefined;
		const path = waiting ?? pathIn(rawPacket) ?? busy?.request.url ?? beginnings.get(socket) ?? "";
		end(socket, rawAnswer(refusal, path.split("?")[0] ?? ""));
	};
	server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
		guarded(() => socket.destroy(), answer)(error, socket);
	});
	// Nothing is tunnelled through the gateway.
	server.on("connect", (_request, socket) => {
		const error = new GatewayError("method_not_allowed", {
			method: "CONNECT",
			path: "This port",
			allow: "GET or POST",
		});
		socket.on("error", () => {});
		end(socket, rawAnswer(error, ""));
	});
	return (socket, first) => {
		const path = pathIn(first);
		if (path !== null) beginnings.set(socket, path);
	};
}

/** The path that a request begins with; null where there is none. */
function pathIn(packet: Buffer | undefined): string | null {
	return REQUEST_LINE.exec(packet?.toString("latin1", 0, LONGEST_LINE) ?? "")?.[1] ?? null;
}

/** Cut at once, the answer could be lost with what the client is still sending. */
function end(socket: Duplex, answer: Buffer): void {
	socket.on("end", () => socket.destroy());
	socket.end(answer, () => setTimeout(() => socket.destroy(), LINGER_MS).unref());
	socket.resume();
}

/** Null where there is nobody to answer. */
function refusalOf(error: NodeJS.ErrnoException): GatewayError | null {
	switch (error.code) {
		case "ECONNRESET":
		case "EPIPE":
			return null;
		case "HPE_HEADER_OVERFLOW":
			return new GatewayError("headers_too_large");
		case "ERR_HTTP_REQUEST_TIMEOUT":
			return new GatewayError("request_timeout");
		default: {
			const { reason } = error as { readonly reason?: unknown };
			return new GatewayError("malformed_request", { reason: typeof reason === "string" ? reason : error.message });
		}
	}
}

/** A whole answer of HTTP/1.1, after which the connection closes. */
function rawAnswer(error: GatewayError, path: string): Buffer {
	const format = routeOf(plainPath(path))?.format ?? anthropicFormat;
	const { status, headers, body } = errorHead(error, { id: callId(Date.now()), format });
	const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
	return Buffer.concat([
		Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`, "latin1"),
		body,
	]);
}

const HOST = "host";
const AUTHORITY = ":authority";

/**
 * Why the request's target is not certain: of two `Host` headers, or one beside another `:authority`, what stands in front of the gateway may
 * take one and the gateway the other (RFC 9112 §3.2, RFC 9113 §8.3.1). Null = it is.
 */
export function hostFault({ rawHeaders, httpVersion }: IncomingMessage): GatewayError | null {
	let host: string | null = null;
	let authority: string | null = null;
	for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
		const name = rawHeaders[at] as string;
		const value = rawHeaders[at + 1] as string;
		if (name === AUTHORITY) authority = value;
		else if (name.length === HOST.length && name.toLowerCase() === HOST) {
			if (host !== null) return new GatewayError("malformed_request", { reason: "the Host header comes twice" });
			host = value;
		}
	}
	if (httpVersion === "1.1" && host === null)
		return new GatewayError("malformed_request", { reason: "the Host header is missing" });
	if (host !== null && authority !== null && host !== authority)
		return new GatewayError("malformed_request", { reason: "the Host header differs from :authority" });
	return null;
}
