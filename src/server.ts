// The listener: sends each request to the data plane or to the control plane. Leaves both to their rooms.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { isControlPlanePath } from "./admin/app.ts";
import { GatewayError } from "./errors.ts";
import { handle, isDataPlanePath, type Serving, sendError } from "./proxy/handler.ts";

/** Claude Code keeps connections open between turns; longer than common load balancers' 60 s idle time. */
const KEEP_ALIVE_MS = 75_000;

/**
 * An HTTP server that is not listening yet. `serving` is asked once a request, so that a reload holds for the next one and a request
 * in flight keeps what it began with.
 */
export function createGatewayServer(serving: () => Serving, admin: Hono): Server {
	const control = getRequestListener(admin.fetch);
	const server = createServer(
		{ noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: 64 * 1024 },
		(request, response) => {
			const path = pathOf(request);
			if (isDataPlanePath(path)) void handle(request, response, serving());
			else if (isProbe(request, path)) probe(response);
			else if (isControlPlanePath(path)) void control(request, response);
			else notServed(request, response);
		},
	);
	return server;
}

function pathOf(request: IncomingMessage): string {
	const target = request.url ?? "/";
	const at = target.indexOf("?");
	return at === -1 ? target : target.slice(0, at);
}

/** Claude Code's connectivity checks, `HEAD /` and `HEAD /api/hello` (claude-code-client §2), also behind a path prefix. */
function isProbe(request: IncomingMessage, path: string): boolean {
	if (request.method === "HEAD") return path.endsWith("/") || path.endsWith("/api/hello");
	return request.method === "GET" && (path === "/" || path.endsWith("/api/hello"));
}

function probe(response: ServerResponse): void {
	const body = '{"name":"warmpath"}';
	response.writeHead(200, { "content-type": "application/json", "content-length": String(body.length) });
	response.end(body);
}

function notServed(request: IncomingMessage, response: ServerResponse): void {
	request.on("error", () => {});
	response.on("error", () => {});
	const error = new GatewayError("not_found", { method: request.method ?? "", path: pathOf(request) });
	sendError(response, error, randomUUID());
}
