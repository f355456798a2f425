// HTTP/2 without TLS on the same port, for clients that speak nothing else: AWS's SDK for JavaScript calls Bedrock that way, whatever the
// endpoint. Everyone else gets HTTP/1.1 as before. Leaves requests to the listener, which sees both through Node's compatible API.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import {
	constants,
	createServer,
	type Http2ServerRequest,
	type Http2ServerResponse,
	type Http2Session,
	type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import { guarded } from "../guard.ts";

/** What a client that knows it speaks HTTP/2 sends first (RFC 9113 §3.4). No HTTP/1.1 method begins like this. */
const PREFACE = Buffer.from("PRI * HTTP/2.0");
const FIRST_BYTE = PREFACE[0];
/** Bodies of a megabyte are normal: without this a client would stop every 64 KB for permission to go on, bytes. */
const WINDOW_BYTES = 1024 * 1024;
/** More of one connection wait their turn. */
const MOST_STREAMS = 512;
/** Memory of one connection, MB; Node's default is below one large body. */
const SESSION_MB = 64;

export interface Http2Options {
	/** A connection that sends nothing at all is closed after this, ms. */
	readonly silentMs: number;
	/** One without requests is closed after this, ms. */
	readonly idleMs: number;
	readonly maxHeaderBytes: number;
	/** A request that has not come whole after this is dropped, as `Server.requestTimeout` does it with the others, ms. */
	readonly requestMs: number;
	/** Answers such a request, where no answer has begun. */
	readonly tooSlow: Listener;
	/** Called with what a connection of HTTP/1.1 begins with. */
	readonly began: (socket: Socket, first: Buffer) => void;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Lets `server`, which must not have connections yet, distinguish the two protocols by a connection's first bytes. Closing the server
 * closes HTTP/2 connections as it does the others: idle ones at once, busy ones after their last answer.
 */
export function acceptHttp2(
	server: Server,
	listener: Listener,
	{ tooSlow, began, silentMs, idleMs, maxHeaderBytes, requestMs }: Http2Options,
): void {
	const sessions = new Set<Http2Session>();
	const undecided = new Set<Socket>();
	const http1 = server.listeners("connection") as ((socket: Socket) => void)[];
	const http2 = createServer(
		{
			maxSessionMemory: SESSION_MB,
			settings: {
				initialWindowSize: WINDOW_BYTES,
				maxHeaderListSize: maxHeaderBytes,
				maxConcurrentStreams: MOST_STREAMS,
			},
		},
		whole(listener, { requestMs, tooSlow }),
	);
	http2.on("session", (session: ServerHttp2Session) => {
		sessions.add(session);
		session.setLocalWindowSize(WINDOW_BYTES * 4);
		session.once("close", () => sessions.delete(session));
		session.on("error", () => {});
		// Ends after the last answer; a silent one that is still awaited stays.
		session.setTimeout(idleMs, () => session.close());
	});
	http2.on("sessionError", () => {});
	http2.on("checkExpectation", (request, response) => server.emit("checkExpectation", request, response));

	server.removeAllListeners("connection");
	server.on("connection", (socket: Socket) => {
		undecided.add(socket);
		const drop = () => socket.destroy();
		const gone = () => undecided.delete(socket);
		const decide = () => {
			const first: Buffer | null = socket.read();
			if (first === null) return;
			socket.removeListener("readable", decide);
			socket.removeListener("error", drop);
			socket.removeListener("timeout", drop);
			socket.removeListener("end", drop);
			socket.removeListener("close", gone);
			socket.setTimeout(0);
			undecided.delete(socket);
			socket.unshift(first);
			if (isPreface(first)) http2.emit("connection", socket);
			else {
				began(socket, first);
				for (const take of http1) take.call(server, socket);
			}
		};
		socket.on("readable", decide);
		socket.on("error", drop);
		socket.on("timeout", drop);
		// The server's sockets may be half open: one whose client has gone without a word would stay until it is idle for too long.
		socket.on("end", drop);
		socket.once("close", gone);
		socket.setTimeout(silentMs);
	});

	closeWith(server, { sessions, undecided });
}

/** Closes these too where `close()` and the gateway's shutdown close the server's own connections. */
function closeWith(
	server: Server,
	{ sessions, undecided }: { readonly sessions: ReadonlySet<Http2Session>; readonly undecided: ReadonlySet<Socket> },
): void {
	const closeIdle = server.closeIdleConnections.bind(server);
	const closeAll = server.closeAllConnections.bind(server);
	Object.assign(server, {
		closeIdleConnections: () => {
			closeIdle();
			for (const socket of undecided) socket.destroy();
			for (const session of sessions) session.close();
		},
		closeAllConnections: () => {
			closeAll();
			for (const socket of undecided) socket.destroy();
			for (const session of sessions) session.destroy();
		},
	});
}

/**
 * Drops a request that has not come whole in time. Node's compatible API has what the data plane uses of the other: it differs in pseudo
 * headers (proxy/headers).
 */
function whole(listener: Listener, { requestMs, tooSlow }: Pick<Http2Options, "requestMs" | "tooSlow">) {
	return (request: Http2ServerRequest, response: Http2ServerResponse): void => {
		const both = [request as unknown as IncomingMessage, response as unknown as ServerResponse] as const;
		// Node's own gives no code, and half an answer would look whole.
		Object.assign(response, { destroy: () => request.stream.close(constants.NGHTTP2_INTERNAL_ERROR) });
		const close = () => request.stream.close(constants.NGHTTP2_CANCEL);
		const drop = guarded(close, () => {
			if (request.complete) return;
			if (response.headersSent) close();
			else {
				// Once the answer has gone out.
				request.stream.once("finish", () => setImmediate(close));
				tooSlow(...both);
			}
		});
		const timer = setTimeout(drop, requestMs).unref();
		request.once("end", () => clearTimeout(timer));
		request.stream.once("close", () => clearTimeout(timer));
		listener(...both);
	};
}

/** A first packet may hold only part of the preface. */
function isPreface(first: Buffer): boolean {
	if (first[0] !== FIRST_BYTE) return false;
	const length = Math.min(first.length, PREFACE.length);
	// `PR` alone may be the beginning of PROPFIND; HTTP/1.1 then answers it.
	return length > 2 && first.compare(PREFACE, 0, length, 0, length) === 0;
}
