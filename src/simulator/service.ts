// From an HTTP request to the endpoint that answers it: path, key, body, record, one error boundary. Leaves listening to server.ts.
import { hash as digest } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";
import { fieldsOf } from "./body.ts";
import { answerControl } from "./control.ts";
import { answerCall } from "./endpoints.ts";
import { type Exchange, finish, sendError } from "./exchange.ts";
import type { Endpoint } from "./faults.ts";
import { maskHeaders, type OpenRequest } from "./journal.ts";
import type { Deployment, World } from "./world.ts";

/** Largest body the provider takes (caching-semantics §8). */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

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
	const exchange: Exchange = { world: door.world, request, response, record, signal: abort.signal };
	door.world.journal.open(record);
	try {
		await answer(exchange, door, path);
	} catch (error) {
		fail(exchange, error);
	} finally {
		// Whatever way it went, no request stays open in the journal.
		finish(exchange, abort.signal.aborted ? "aborted" : "answered");
	}
}

async function answer(exchange: Exchange, door: Door, path: string): Promise<void> {
	const { request, response, record, world } = exchange;
	if (request.method === "HEAD" || path.endsWith("/api/hello")) {
		record.status = 200;
		request.resume();
		response.writeHead(200, { "content-length": "0" }).end();
		return;
	}
	const body = await readBody(request);
	const endpoint = endpointOf(request.method ?? "GET", path);
	const deployment = authenticate(door, request);
	record.deployment = deployment.name;
	record.domain = deployment.domain.name;
	if (request.headers["anthropic-version"] === undefined) {
		throw new ApiError(400, "anthropic-version: header is required");
	}
	if (body === null) throw new ApiError(413, "Request exceeds the maximum size");
	const json = endpoint === "models" ? {} : parse(body);
	describe(record, { body, json, keepBody: world.options.recordBodies === true });
	await answerCall({ ...exchange, deployment, json, betas: betasOf(request) }, endpoint);
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

function endpointOf(method: string, path: string): Endpoint {
	const [endpoint, allowed] = path.endsWith("/v1/messages")
		? (["messages", "POST"] as const)
		: path.endsWith("/v1/messages/count_tokens")
			? (["count_tokens", "POST"] as const)
			: /\/v1\/models(\/[^/]+)?$/.test(path)
				? (["models", "GET"] as const)
				: [null, null];
	if (endpoint === null) throw new ApiError(404, "Not found");
	if (method !== allowed) throw new ApiError(405, "Method Not Allowed");
	return endpoint;
}

function authenticate(door: Door, request: IncomingMessage): Deployment {
	const key = request.headers["x-api-key"];
	const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? "")?.[1];
	if (key === undefined && bearer === undefined) throw new ApiError(401, "x-api-key header is required");
	for (const candidate of [key, bearer]) {
		if (typeof candidate !== "string") continue;
		const deployment = door.world.deploymentOf(candidate.trim());
		if (deployment !== null && (door.only === null || door.only === deployment)) return deployment;
	}
	throw new ApiError(401, key === undefined ? "Invalid bearer token" : "invalid x-api-key");
}

/** The whole body, or null when it is too large; the rest of a too large one is read and dropped, so that the answer arrives. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request) {
		size += (chunk as Buffer).length;
		if (size <= MAX_BODY_BYTES) chunks.push(chunk as Buffer);
		else chunks.length = 0;
	}
	return size > MAX_BODY_BYTES ? null : Buffer.concat(chunks);
}

function parse(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch {
		return undefined;
	}
}

function betasOf(request: IncomingMessage): ReadonlySet<string> {
	const header = request.headers["anthropic-beta"] ?? "";
	const values = (Array.isArray(header) ? header.join(",") : header).split(",").map((value) => value.trim());
	return new Set(values.filter((value) => value !== ""));
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

function describe(record: OpenRequest, seen: { body: Buffer; json: unknown; keepBody: boolean }): void {
	const fields = fieldsOf(seen.json);
	record.bodyBytes = seen.body.length;
	record.bodySha256 = digest("sha256", seen.body, "hex");
	record.body = seen.keepBody ? seen.body.toString("utf8") : null;
	record.model = typeof fields?.["model"] === "string" ? fields["model"] : null;
	record.stream = fields?.["stream"] === true;
}

function one(value: string | string[] | undefined): string | null {
	return (Array.isArray(value) ? value[0] : value) ?? null;
}
