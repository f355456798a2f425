// Data-plane entry: serves one request from authentication to its record, with the one error boundary around it. Which operation a path
// asks for is proxy/routes' business, and what is done with the body proxy/prepare's.
import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "../errors.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Admission } from "./admission/admission.ts";
import type { Authenticate, Caller } from "./admission/authenticate.ts";
import { Exchange } from "./exchange.ts";
import { decisionNow } from "./explain-now.ts";
import { anthropicFormat } from "./formats/anthropic.ts";
import type { ClientFormat, RequestTarget } from "./formats/format.ts";
import { openaiPlainFormat } from "./formats/openai-chat.ts";
import { attempted } from "./guard.ts";
import { headerValue } from "./headers.ts";
import { modelEntryOf, modelList, profileList } from "./models.ts";
import { type PrepareDeps, prepare } from "./prepare.ts";
import { ClientGone } from "./receive/body.ts";
import type { ClientRequest, ClientResponse } from "./receive/client.ts";
import { type Recorder, recordExchange } from "./record/recorder.ts";
import { BodyCapture } from "./record/redact.ts";
import { sendError } from "./refusal.ts";
import type { Route } from "./routes.ts";
import { dispatch } from "./upstream/dispatch.ts";
import { type ClientCredentialUpstreams, sendWithOwnCredential } from "./upstream/own-credential.ts";
import type { DispatchDeps } from "./upstream/run-candidate.ts";

/** What a request is served with: one configuration's worth of parts. A reload makes a new one; requests keep the one they began with. */
export interface Serving extends DispatchDeps, PrepareDeps {
	readonly authenticate: Authenticate;
	readonly admission: Admission;
	readonly clientCredentialUpstreams: ClientCredentialUpstreams;
	readonly recorder: Recorder;
	/** What the machine's clock says, ms since epoch; `now` never goes back. */
	readonly wall: () => number;
}

/** What a request asks for, and what it is served with. */
export interface Handled {
	readonly route: Route;
	readonly serving: Serving;
}

/** Serves one data-plane request to its end. Never rejects. */
export function handle(request: ClientRequest, response: ClientResponse, about: Handled): Promise<void> {
	return run(begin(request, response, about), about);
}

/** The record of a request that is about to be run. */
export function begin(request: ClientRequest, response: ClientResponse, { route, serving }: Handled): Exchange {
	const { query } = splitTarget(request.url ?? "/");
	const format = route.kind === "models" || route.kind === "model" ? listFormat(request) : route.format;
	return new Exchange(request, response, {
		format,
		operation: route.kind === "call" ? route.target.operation : "messages",
		path: (route.kind === "call" ? route.target.path : undefined) ?? "",
		// Another format's query means nothing to the upstream.
		query: format.read === null ? query : "",
		now: serving.now,
		log: serving.log,
	});
}

/** Serves a request to its end. Never rejects. */
export async function run(exchange: Exchange, { route, serving }: Handled): Promise<void> {
	const { request, response } = exchange;
	const { path } = splitTarget(request.url ?? "/");
	if (request.method === "OPTIONS") {
		// Asked without a key, and says nothing that one is needed for.
		response.writeHead(204, { allow: route.kind === "call" || route.kind === "explain" ? "POST" : "GET, HEAD" });
		response.end();
		return;
	}
	try {
		const caller = authenticate(request.headers, serving);
		exchange.caller = caller;
		if (route.kind !== "call" && route.kind !== "explain") {
			requireMethod(request, path, ["GET", "HEAD"]);
			sendJson(response, listed(exchange, route, { caller, serving }));
			return;
		}
		requireMethod(request, path, ["POST"]);
		if (serving.config.requestLog.storeBodies && serving.recorder.requests !== null)
			exchange.capture = new BodyCapture();
		if (route.kind === "call") await serve(exchange, { caller, target: route.target }, serving);
		else await explain(exchange, caller, serving);
	} catch (error) {
		fail(exchange, error, serving.log);
	}
	if (route.kind !== "call") return;
	const record = () => recordExchange(serving, exchange, { now: serving.now(), wall: serving.wall() });
	exchange.guarded(record)();
}

/** What may be asked for, as the client's API lists it. Throws unknown_model for one name that may not. */
function listed(
	{ request }: Exchange,
	route: Exclude<Route, { kind: "call" | "explain" }>,
	{ caller, serving }: { readonly caller: Caller; readonly serving: Serving },
): Buffer {
	const { config, permissions } = serving;
	const mayUse = (model: string) => permissions.mayUse(caller, model, config);
	const query = new URLSearchParams(splitTarget(request.url ?? "/").query);
	switch (route.kind) {
		case "models":
			return modelList(config, query, mayUse);
		case "profiles":
			return profileList(config, query, mayUse);
		case "model": {
			const entry = modelEntryOf(config, route.model, mayUse);
			if (entry !== null) return entry;
			const suggestion = "GET /v1/models lists what this key may ask for.";
			throw new GatewayError("unknown_model", { model: route.model, suggestion });
		}
	}
}

/** Whose client asks for models: those of the Messages API send its version, or its header for the key. */
function listFormat({ headers, url }: ClientRequest): ClientFormat {
	if (headers["anthropic-version"] !== undefined || headers["x-api-key"] !== undefined) return anthropicFormat;
	const isOpenai = headers.authorization !== undefined || headers["api-key"] !== undefined;
	return isOpenai || url?.startsWith("/openai/") === true ? openaiPlainFormat : anthropicFormat;
}

/** AWS's signature proves a secret that only its owner and AWS have: to such a client the gateway says what it takes instead. */
function authenticate(headers: IncomingHttpHeaders, serving: Serving): Caller {
	try {
		return serving.authenticate(headers);
	} catch (error) {
		const isSigned = headerValue(headers, "authorization")?.startsWith("AWS4-HMAC-SHA256") === true;
		if (isSigned && error instanceof GatewayError && error.code === "missing_credentials") {
			throw new GatewayError("signed_credentials");
		}
		throw error;
	}
}

/** The decision that this body would get now, without sending anything: nothing is learned from it. */
async function explain(exchange: Exchange, caller: Caller, serving: Serving): Promise<void> {
	serving.permissions.authoriseExplain(caller);
	const target = { operation: exchange.operation, given: undefined };
	const { asked } = await prepare(exchange, { caller, target, isQuestion: true }, serving);
	sendJson(exchange.response, Buffer.from(JSON.stringify(decisionNow(asked, serving), null, 2)));
}

/** Prepare → admit → dispatch. */
async function serve(
	exchange: Exchange,
	{ caller, target }: { readonly caller: Caller; readonly target: RequestTarget },
	serving: Serving,
): Promise<void> {
	const { asked, markedFor, bodyMemory } = await prepare(exchange, { caller, target, isQuestion: false }, serving);
	const { outline } = asked;
	const admitted = serving.admission.admit(exchange, { caller, outline, config: serving.config });
	exchange.keyHeaders = admitted.headers;
	try {
		const { credential } = caller;
		if (credential === null) await dispatch(exchange, asked, serving);
		else
			await sendWithOwnCredential(
				exchange,
				{ asked, credential, upstreams: serving.clientCredentialUpstreams },
				serving,
			);
	} finally {
		admitted.settle(exchange);
		if (markedFor !== null) serving.automaticMarking.learn(markedFor, exchange.usage);
	}
	// An upstream that answers in full has read the body to its end; after anything else it may still be on its way.
	if (bodyMemory !== null && exchange.attempts.every((one) => one.outcome === "served" && one.status === 200)) {
		bodyMemory.isFree = true;
	}
}

function splitTarget(target: string): { path: string; query: string } {
	const at = target.indexOf("?");
	return at === -1 ? { path: target, query: "" } : { path: target.slice(0, at), query: target.slice(at) };
}

function requireMethod(request: ClientRequest, path: string, allowed: readonly string[]): void {
	if (allowed.includes(request.method ?? "")) return;
	const allow = allowed.join(", ");
	throw new GatewayError("method_not_allowed", { method: request.method ?? "", path, allow }, { headers: { allow } });
}

/** The error boundary: whatever went wrong becomes one answer in the caller's dialect, or the end of a connection. */
function fail(exchange: Exchange, error: unknown, log: Logger): void {
	if (error instanceof ClientGone || exchange.aborted) return;
	const known = error instanceof GatewayError ? error : new GatewayError("internal", {}, { cause: error });
	exchange.failure = { code: known.code, message: known.message };
	if (known.code === "internal")
		attempted(() => log.error({ err: error, call_id: exchange.id }, "a request failed inside the gateway"));
	if (!attempted(() => sendError(exchange.response, known, exchange))) exchange.response.destroy();
}

function sendJson(response: ClientResponse, body: Buffer): void {
	response.writeHead(200, { "content-type": "application/json", "content-length": String(body.length) });
	response.end(body);
}
