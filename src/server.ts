// Sends each request to the data plane or to the control plane, and the HTTP server that does so. Leaves both planes to their rooms.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { isControlPlanePath } from "./admin/app.ts";
import { GatewayError } from "./errors.ts";
import { callId } from "./proxy/call-id.ts";
import { anthropicFormat } from "./proxy/formats/anthropic.ts";
import { guarded } from "./proxy/guard.ts";
import { handle, type Serving } from "./proxy/handler.ts";
import { acceptHttp2 } from "./proxy/receive/http2.ts";
import { GatewayRequest } from "./proxy/receive/incoming.ts";
import { answerMalformed, hostFault } from "./proxy/receive/malformed.ts";
import { sendError } from "./proxy/refusal.ts";
import { plainPath, routeOf } from "./proxy/routes.ts";

/** A connection that has not said a word is closed after this, ms. */
const SILENT_MS = 75_000;
const MAX_HEADER_BYTES = 64 * 1024;

/** What is served besides the data plane. */
export interface Planes {
	/** Health, the admin API, the UI. */
	readonly control: boolean;
	/** Clients' connectivity checks. */
	readonly probes: boolean;
	/** Why a request is refused whatever it asks; null = it is not. Default: none is. */
	readonly refuse?: (request: IncomingMessage) => GatewayError | null;
}

/** Serves a request, unless nothing is served under its path: false, and nothing was done. */
export type Offer = (request: IncomingMessage, response: ServerResponse, planes: Planes) => boolean;

/** `serving` is asked once a request, so that a reload holds for the next one and a request in flight keeps what it began with. */
export function createOffer(serving: () => Serving, admin: Hono): Offer {
	const control = getRequestListener(admin.fetch);
	return (request, response, planes) => {
		const path = pathOf(request);
		const route = routeOf(path);
		const isProbed = route === null && planes.probes && isProbe(request, path);
		if (route === null && !isProbed && !(planes.control && isControlPlanePath(path))) return false;
		const refusal = planes.refuse?.(request) ?? null;
		if (refusal !== null) refuse(request, response, refusal);
		else if (route !== null) void handle(request, response, { route, serving: serving() });
		else if (isProbed && isBrowser(request, path)) response.writeHead(302, { location: "/ui/" }).end();
		else if (isProbed) probe(response);
		else void control(request, response);
		return true;
	};
}

export interface ServerOptions {
	/** `Planes.refuse`. */
	readonly refuse: NonNullable<Planes["refuse"]>;
	/** Connections without requests are kept so long, ms. */
	readonly keepAliveMs: number;
	/** Called with what is thrown before a request has anybody who answers for it. */
	readonly onFault: (error: unknown) => void;
}

/** An HTTP server that is not listening yet. */
export function createGatewayServer(offer: Offer, { refuse: refusal, keepAliveMs, onFault }: ServerOptions): Server {
	const planes: Planes = { control: true, probes: true, refuse: refusal };
	const serve = (request: IncomingMessage, response: ServerResponse): void => {
		const fault = hostFault(request);
		if (fault !== null) refuse(request, response, fault);
		else if (!offer(request, response, planes)) notServed(request, response);
	};
	const listener = (request: IncomingMessage, response: ServerResponse): void => {
		const broken = (error: unknown): void => {
			onFault(error);
			response.destroy();
		};
		guarded(broken, serve)(request, response);
	};
	const server = createServer(
		{
			IncomingMessage: GatewayRequest,
			noDelay: true,
			keepAliveTimeout: keepAliveMs,
			maxHeaderSize: MAX_HEADER_BYTES,
			// Looked for by `hostFault`, whose answer has a body.
			requireHostHeader: false,
		},
		listener,
	);
	server.on("checkExpectation", unexpected);
	const began = answerMalformed(server);
	acceptHttp2(server, listener, {
		silentMs: SILENT_MS,
		idleMs: keepAliveMs,
		maxHeaderBytes: MAX_HEADER_BYTES,
		requestMs: server.requestTimeout,
		tooSlow: (request, response) => refuse(request, response, new GatewayError("request_timeout")),
		began,
	});
	return server;
}

function unexpected(request: IncomingMessage, response: ServerResponse): void {
	const { expect: expectation = "" } = request.headers;
	refuse(request, response, new GatewayError("unsupported_expectation", { expectation }));
}

function pathOf(request: IncomingMessage): string {
	const target = request.url ?? "/";
	const at = target.indexOf("?");
	return at === -1 ? target : target.slice(0, at);
}

/** Base URLs that clients are given: Claude Code and SDKs look whether somebody is there. */
const CLIENT_BASES: ReadonlySet<string> = new Set(
	"/ /v1 /anthropic /anthropic/v1 /openai /openai/v1 /bedrock /vertex /vertex/v1".split(" "),
);

/** Claude Code's connectivity checks, `HEAD /` and `HEAD /api/hello` (claude-code §2), also behind a path prefix, and others' of a base URL. */
function isProbe(request: IncomingMessage, path: string): boolean {
	if (path.endsWith("/api/hello")) return request.method === "HEAD" || request.method === "GET";
	const isBase = CLIENT_BASES.has(plainPath(path) || "/");
	if (request.method === "HEAD") return isBase || path.endsWith("/");
	return (request.method === "GET" || request.method === "OPTIONS") && isBase;
}

/** Somebody who typed the gateway's address wants its pages. */
function isBrowser(request: IncomingMessage, path: string): boolean {
	return request.method === "GET" && path === "/" && (request.headers.accept ?? "").includes("text/html");
}

function probe(response: ServerResponse): void {
	const body = '{"name":"warmpath"}';
	response.writeHead(200, { "content-type": "application/json", "content-length": String(body.length) });
	response.end(body);
}

function notServed(request: IncomingMessage, response: ServerResponse): void {
	refuse(request, response, new GatewayError("not_found", { method: request.method ?? "", path: pathOf(request) }));
}

function refuse(request: IncomingMessage, response: ServerResponse, error: GatewayError): void {
	request.on("error", () => {});
	response.on("error", () => {});
	sendError(response, error, { id: callId(Date.now()), format: routeOf(pathOf(request))?.format ?? anthropicFormat });
}

/** Rejects when the address cannot be listened on. */
export function listen(
	server: Server,
	{ host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, () => {
			server.off("error", reject);
			resolve();
		});
	});
}

/** The server's open connections. */
export function trackSockets(server: Server): ReadonlySet<Socket> {
	const sockets = new Set<Socket>();
	server.on("connection", (socket) => {
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
	});
	return sockets;
}

/** An address of this machine that reaches what listens on `host`. */
export function reachableHost(host: string): string {
	if (host === "0.0.0.0") return "127.0.0.1";
	if (host === "::") return "[::1]";
	return host.includes(":") ? `[${host}]` : host;
}
