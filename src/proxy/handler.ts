// Data-plane entry: which operation a request asks for, the steps of design §3 in order, and the one error boundary around them.
import type { IncomingMessage, ServerResponse } from "node:http";
import { GatewayError } from "../errors.ts";
import { type ConversationMemory, head, outline, type PromptHasher } from "../prompt/outline.ts";
import { conversationOf } from "../prompt/session.ts";
import { errorBody } from "../protocol/anthropic.ts";
import type { Operation } from "../providers/provider.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Authenticate, Caller } from "./authenticate.ts";
import { ClientGone, readBody } from "./body.ts";
import { dispatch } from "./dispatch.ts";
import { Exchange } from "./exchange.ts";
import { explainDecision } from "./explain.ts";
import { modelList } from "./models.ts";
import { recordExchange } from "./record.ts";
import { asked, routeRequest } from "./request.ts";
import type { DispatchDeps } from "./try.ts";

/** What a request is served with: one configuration's worth of parts. A reload makes a new one; requests keep the one they began with. */
export interface Serving extends DispatchDeps {
	readonly authenticate: Authenticate;
	readonly hasher: PromptHasher;
}

const MESSAGES = "/v1/messages";
const COUNT_TOKENS = "/v1/messages/count_tokens";
const MODELS = "/v1/models";
const EXPLAIN = "/route/explain";

/** Whether the data plane answers this path; a prefix in front of it is tolerated. */
export function isDataPlanePath(path: string): boolean {
	return path.endsWith(MESSAGES) || path.endsWith(COUNT_TOKENS) || path.endsWith(MODELS) || path.endsWith(EXPLAIN);
}

/** Serves one data-plane request to its end. Never rejects. */
export async function handle(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
	const { path, query } = splitTarget(request.url ?? "/");
	const exchange = new Exchange(request, response, {
		operation: operationOf(path),
		query,
		startedAt: serving.now(),
	});
	try {
		const caller = serving.authenticate(request.headers);
		exchange.caller = caller;
		if (path.endsWith(MODELS)) {
			requireMethod(request, path, ["GET", "HEAD"]);
			sendJson(response, modelList(serving.config, new URLSearchParams(query)));
			return;
		}
		requireMethod(request, path, ["POST"]);
		if (path.endsWith(EXPLAIN)) await explain(exchange, caller, serving);
		else await serve(exchange, caller, serving);
	} catch (error) {
		fail(exchange, error, serving.log);
	}
	recordExchange(serving.log, exchange, serving.now());
}

/** The decision that this body would get now, without sending anything: nothing is learned from it. */
async function explain(exchange: Exchange, caller: Caller, serving: Serving): Promise<void> {
	const { config, router } = serving;
	exchange.body = await readBody(exchange.request, config.limits.maxBodyBytes);
	const outlined = outline(exchange.body, { hasher: serving.hasher, maxDepth: config.limits.maxJsonDepth });
	const request = routeRequest(asked(exchange, caller, outlined), outlined.model, serving);
	const decision = explainDecision(router.plan(request, serving.now()));
	sendJson(exchange.response, Buffer.from(JSON.stringify(decision, null, 2)));
}

/** Body → outline → plan → dispatch. */
async function serve(exchange: Exchange, caller: Caller, serving: Serving): Promise<void> {
	const { config } = serving;
	exchange.body = await readBody(exchange.request, config.limits.maxBodyBytes);
	const options = { hasher: serving.hasher, maxDepth: config.limits.maxJsonDepth };
	const outlined =
		exchange.operation === "messages"
			? outline(exchange.body, { ...options, memory: memoryOf(exchange, caller) })
			: head(exchange.body, options);
	exchange.outline = outlined;
	await dispatch(exchange, asked(exchange, caller, outlined), serving);
}

/** Under which name the prompt is remembered, so that only what a later turn adds is read; undefined for clients that name no session. */
function memoryOf(exchange: Exchange, caller: Caller): ConversationMemory | undefined {
	const { session, agent } = conversationOf(exchange.request.headers, null, caller.id);
	return session === null ? undefined : { key: `${session}\n${agent ?? ""}`, now: exchange.startedAt };
}

function operationOf(path: string): Operation {
	return path.endsWith(COUNT_TOKENS) ? "count_tokens" : "messages";
}

function splitTarget(target: string): { path: string; query: string } {
	const at = target.indexOf("?");
	return at === -1 ? { path: target, query: "" } : { path: target.slice(0, at), query: target.slice(at) };
}

function requireMethod(request: IncomingMessage, path: string, allowed: readonly string[]): void {
	if (allowed.includes(request.method ?? "")) return;
	const allow = allowed.join(", ");
	throw new GatewayError("method_not_allowed", { method: request.method ?? "", path, allow }, { headers: { allow } });
}

/** The error boundary: whatever went wrong becomes one answer in the caller's dialect, or the end of a connection. */
function fail(exchange: Exchange, error: unknown, log: Logger): void {
	if (error instanceof ClientGone || exchange.aborted) return;
	const known = error instanceof GatewayError ? error : new GatewayError("internal", {}, { cause: error });
	if (known.code === "internal") log.error({ err: error, call_id: exchange.id }, "a request failed inside the gateway");
	sendError(exchange.response, known, exchange.id);
}

/** Answers with a gateway error in the Messages API's shape; a response that has begun is cut instead. */
export function sendError(response: ServerResponse, error: GatewayError, requestId: string): void {
	if (response.headersSent) {
		response.destroy();
		return;
	}
	const body = errorBody(error.anthropicType, error.message, requestId);
	response.writeHead(error.status, {
		"content-type": "application/json",
		"content-length": String(body.length),
		"request-id": requestId,
		"x-litellm-call-id": requestId,
		...error.headers,
	});
	response.end(body);
}

function sendJson(response: ServerResponse, body: Buffer): void {
	response.writeHead(200, { "content-type": "application/json", "content-length": String(body.length) });
	response.end(body);
}
