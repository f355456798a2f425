// From an HTTP request to the endpoint that answers it: platform, sender, body, record, one error boundary. Leaves listening to server.ts.
import { hash as digest } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";
import { answerControl } from "./control.ts";
import type { Deployment } from "./deployment.ts";
import type { Ask, Gist } from "./dialect.ts";
import { answerCall } from "./endpoints.ts";
import { type Exchange, finish, sendError } from "./exchange.ts";
import { maskHeaders, type OpenRequest } from "./journal.ts";
import { destinationOf } from "./platforms.ts";
import type { Route } from "./route.ts";
import type { World } from "./world.ts";

/** Who may call: every deployment, or the one whose own port this is. */
export interface Door {
	readonly world: World;
	readonly only: Deployment | null;
}

/** Answers one HTTP request. Never rejects: a failure inside becomes a 500, or ends the socket if a head is already out. */
export async function serve(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const path = (request.url ?? "/").split("?")[0] ?? "/";
	if (path === "/_sim" || path.startsWith("/_sim/")) return answerControl(door.world, request, response);
	// Writing to a socket that just closed is reported here; it concerns this client alone.
	response.on("error", () => {});
	const abort = new AbortController();
	response.once("close", () => {
		if (!response.writableFinished) abort.abort();
	});
	const record = newRecord(door.world, request);
	const { dialect, route } = destinationOf(door.world, request, path);
	const exchange: Exchange = {
		world: door.world,
		request,
		response,
		record,
		dialect,
		caller: null,
		signal: abort.signal,
	};
	door.world.journal.open(record);
	try {
		await answer(exchange, door, { path, route });
	} catch (error) {
		fail(exchange, error);
	} finally {
		// Whatever way it went, no request stays open in the journal.
		finish(exchange, abort.signal.aborted ? "aborted" : "answered");
	}
}

async function answer(exchange: Exchange, door: Door, at: { path: string; route: Route | null }): Promise<void> {
	const { request, response, record, world, dialect } = exchange;
	if (request.method === "HEAD" || at.path.endsWith("/api/hello")) {
		record.status = 200;
		request.resume();
		response.writeHead(200, { "content-length": "0" }).end();
		return;
	}
	const body = await readBody(request, dialect.maxBodyBytes);
	const { route } = at;
	if (route === null) throw new ApiError(404, "Not found");
	if (request.method !== route.method) throw new ApiError(405, "Method Not Allowed");
	const visit = { world, only: door.only, request, route, body: body ?? Buffer.alloc(0) };
	const caller = dialect.authenticate(visit);
	exchange.caller = caller;
	record.deployment = caller?.deployment.name ?? null;
	record.domain = caller?.domain.name ?? null;
	if (body === null) throw new ApiError(413, "Request exceeds the maximum size");
	const json = parse(body);
	describe(record, { body, gist: dialect.gist(visit, json), keepBody: world.options.recordBodies === true });
	const ask: Ask = { ...visit, caller, json, requestId: record.id };
	await answerCall({ ...exchange, ask });
}

function fail(exchange: Exchange, error: unknown): void {
	const { request, response, world } = exchange;
	if (exchange.signal.aborted || !request.complete) {
		finish(exchange, "aborted");
		response.destroy();
		return;
	}
	const known = error instanceof ApiError ? error : new ApiError(500, "Internal server error");
	if (!(error instanceof ApiError)) {
		const { onError = (cause: unknown) => console.error("simulator:", cause) } = world.options;
		onError(error);
	}
	if (response.headersSent || response.destroyed) response.destroy();
	else sendError(exchange, known);
}

/** The whole body, or null when it is too large; the rest of a too large one is read and dropped, so that the answer arrives. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request) {
		size += (chunk as Buffer).length;
		if (size <= maxBytes) chunks.push(chunk as Buffer);
		else chunks.length = 0;
	}
	return size > maxBytes ? null : Buffer.concat(chunks);
}

function parse(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch {
		return undefined;
	}
}

function newRecord(world: World, request: IncomingMessage): OpenRequest {
	const { headers } = request;
	return {
		id: world.nextRequestId(),
		at: world.clock.now(),
		method: request.method ?? "GET",
		path: request.url ?? "/",
		headers: maskHeaders(headers),
		deployment: null,
		domain: null,
		bodyBytes: 0,
		bodySha256: "",
		body: null,
		session: one(headers["x-claude-code-session-id"]),
		agent: one(headers["x-claude-code-agent-id"]),
		model: null,
		stream: false,
		status: null,
		usage: null,
		fault: null,
		aborted: false,
		firstByteAt: null,
		endedAt: null,
	};
}

function describe(record: OpenRequest, seen: { body: Buffer; gist: Gist; keepBody: boolean }): void {
	record.bodyBytes = seen.body.length;
	record.bodySha256 = digest("sha256", seen.body, "hex");
	record.body = seen.keepBody ? seen.body.toString("utf8") : null;
	record.model = seen.gist.model;
	record.stream = seen.gist.stream;
}

function one(value: string | string[] | undefined): string | null {
	return (Array.isArray(value) ? value[0] : value) ?? null;
}
