// The simulator's own endpoints under /_sim: report, page, faults, reset. Leaves what they show to world.ts and page.ts.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Fault } from "./faults.ts";
import { PAGE } from "./page.ts";
import type { World } from "./world.ts";

const MAX_BODY_BYTES = 1024 * 1024;

/** Answers one request to /_sim. Never rejects. They need no key: listen on loopback only. */
export async function answerControl(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
	try {
		const url = new URL(request.url ?? "/", "http://simulator");
		const method = request.method ?? "GET";
		const body = await readText(request);
		const isPage = method === "GET" && /^\/_sim\/?$/.test(url.pathname);
		if (isPage) response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(PAGE);
		else if (method !== "GET" && isForeignPage(request)) send(response, 403, { error: "Cross-origin request" });
		else send(response, ...route(world, { method, url, body }));
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error);
		if (response.headersSent) response.destroy();
		else send(response, 400, { error: message });
	}
}

interface ControlRequest {
	readonly method: string;
	readonly url: URL;
	readonly body: string;
}

function route(world: World, { method, url, body }: ControlRequest): [status: number, body: unknown] {
	switch (`${method} ${url.pathname}`) {
		case "GET /_sim/report":
			return [200, world.report(Number(url.searchParams.get("requests") ?? Number.POSITIVE_INFINITY))];
		case "GET /_sim/faults":
			return [200, { faults: world.faults.list() }];
		case "POST /_sim/faults": {
			const json: unknown = JSON.parse(body);
			const faults = Array.isArray(json) ? json : [json];
			return [200, { ids: faults.map((fault) => world.faults.add(fault as Fault)) }];
		}
		case "DELETE /_sim/faults": {
			const id = url.searchParams.get("id");
			if (id === null) world.faults.clear(url.searchParams.get("deployment") ?? undefined);
			else world.faults.remove(id);
			return [200, { faults: world.faults.list() }];
		}
		case "POST /_sim/reset":
			world.reset();
			return [200, { reset: true }];
		default:
			return [404, { error: `Nothing at ${method} ${url.pathname}` }];
	}
}

/** A browser page of another site must not program the simulator. */
function isForeignPage(request: IncomingMessage): boolean {
	const { origin, host } = request.headers;
	return origin !== undefined && origin !== `http://${host}`;
}

async function readText(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request) {
		size += (chunk as Buffer).length;
		if (size > MAX_BODY_BYTES) throw new RangeError("The body is larger than 1 MB");
		chunks.push(chunk as Buffer);
	}
	return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, body: unknown): void {
	const text = JSON.stringify(body);
	response.writeHead(status, { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) });
	response.end(text);
}
