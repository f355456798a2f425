// The yardstick, a process of its own: a bare pass-through of node:http and undici that streams both ways and looks at nothing.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Dispatcher, Pool } from "undici";

/** Sent to the process by IPC to begin; it answers with `{ports}`. */
export interface PassThroughOptions {
	readonly upstreamPort: number;
}

/** undici writes these itself. */
const OWN_HEADERS = new Set(["connection", "host", "transfer-encoding", "keep-alive"]);

function forward(pool: Pool, request: IncomingMessage, response: ServerResponse): void {
	request.on("error", () => {});
	response.on("error", () => {});
	pool.request(
		{
			method: "POST",
			path: request.url ?? "/",
			headers: endToEnd(request.rawHeaders),
			body: request,
			responseHeaders: "raw",
		},
		(error: Error | null, answer: Dispatcher.ResponseData) => {
			if (error !== null) {
				response.destroy();
				return;
			}
			const raw = answer.headers as unknown as string[];
			response.writeHead(answer.statusCode, endToEnd(raw));
			answer.body.on("error", () => response.destroy());
			answer.body.pipe(response);
		},
	);
}

function endToEnd(raw: readonly string[]): string[] {
	const headers: string[] = [];
	for (let i = 0; i + 1 < raw.length; i += 2) {
		const name = raw[i] as string;
		if (!OWN_HEADERS.has(name.toLowerCase())) headers.push(name, raw[i + 1] as string);
	}
	return headers;
}

function listen(options: PassThroughOptions): void {
	const pool = new Pool(`http://127.0.0.1:${options.upstreamPort}`, { pipelining: 1, connect: { noDelay: true } });
	const server = createServer({ noDelay: true }, (request, response) => forward(pool, request, response));
	server.listen(0, "127.0.0.1", () => process.send?.({ ports: [(server.address() as AddressInfo).port] }));
}

// Only as a child process: it lives as long as its parent's IPC channel.
if (process.send !== undefined && process.argv[2] === "--child") {
	process.once("message", listen);
	process.once("disconnect", () => process.exit(0));
	process.on("SIGINT", () => {});
}
