// Data-plane entry: the steps of routing-model §1 in order, and the one error boundary around them. Which operation a path asks for is
// proxy/routes' business.
import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "../errors.ts";
import type { ReusableBody } from "../prompt/memory.ts";
import {
	type ConversationMemory,
	type Given,
	head,
	type KeptBody,
	type OutlineOptions,
	outline,
	type PromptHasher,
} from "../prompt/outline.ts";
import { conversationOf } from "../prompt/session.ts";
import { checkBody } from "../prompt/top-level.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Admission } from "./admission/admission.ts";
import type { Authenticate, Caller } from "./admission/authenticate.ts";
import { askedBy, permitted } from "./admission/permitted.ts";
import { outlineAsSent } from "./as-sent.ts";
import { ClientGone, type ReadBody, readBody } from "./body.ts";
import type { ClientRequest, ClientResponse } from "./client.ts";
import { Exchange } from "./exchange.ts";
import { explainDecision } from "./explain.ts";
import { anthropicFormat } from "./formats/anthropic.ts";
import type { ClientFormat, RequestTarget } from "./formats/format.ts";
import { openaiPlainFormat } from "./formats/openai-chat.ts";
import { attempted } from "./guard.ts";
import { headerValue } from "./headers.ts";
import {
	type AutomaticMarking,
	bodyOfOwnPoints,
	hasOwnPoints,
	markBody,
	markingFor,
	marksAnything,
} from "./marking.ts";
import { modelEntryOf, modelList, profileList } from "./models.ts";
import { routedName } from "./platform-models.ts";
import { type Recorder, recordExchange } from "./record.ts";
import { BodyCapture } from "./redact.ts";
import { sendError } from "./refusal.ts";
import { refuseUnknown, refuseUnsendable, routeRequest } from "./request.ts";
import type { Route } from "./routes.ts";
import { dispatch } from "./upstream/dispatch.ts";
import { type ClientCredentialUpstreams, sendWithOwnCredential } from "./upstream/own-credential.ts";
import type { DispatchDeps } from "./upstream/run-candidate.ts";

/** What a request is served with: one configuration's worth of parts. A reload makes a new one; requests keep the one they began with. */
export interface Serving extends DispatchDeps {
	readonly authenticate: Authenticate;
	readonly admission: Admission;
	readonly clientCredentialUpstreams: ClientCredentialUpstreams;
	readonly hasher: PromptHasher;
	readonly recorder: Recorder;
	readonly automaticMarking: AutomaticMarking;
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
		// Asked without a key, and tells nothing that one is needed for.
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
	const { config, admission } = serving;
	const mayUse = (model: string) => admission.mayUse(caller, model, config);
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
	const { config, router } = serving;
	serving.admission.authoriseExplain(caller);
	exchange.body = (await readBody(exchange.request, config.limits.maxBodyBytes)).body;
	const agent = headerValue(exchange.request.headers, "user-agent") ?? "";
	const read = outlineAsSent(exchange.body, { caller, agent }, serving);
	const outlined = permitted(read, caller, serving);
	const about = askedBy(exchange, caller, { admission: serving.admission, outline: outlined });
	const request = routeRequest(about, outlined.model, serving);
	const decision = explainDecision(router.plan(request, serving.now()));
	sendJson(exchange.response, Buffer.from(JSON.stringify(decision, null, 2)));
}

/** Body → canonical form → outline → plan → dispatch. */
async function serve(
	exchange: Exchange,
	{ caller, target }: { readonly caller: Caller; readonly target: RequestTarget },
	serving: Serving,
): Promise<void> {
	const { config, hasher } = serving;
	const { format } = exchange;
	// Only a body that goes on as it came can be read over the conversation's last one.
	const conversation = exchange.operation === "messages" ? memoryOf(exchange, caller) : undefined;
	// What goes to the client's own account goes as the client marked it.
	const ownCredential = caller.credential !== null;
	const marks = exchange.operation === "messages" && !ownCredential && marksAnything(config);
	const isAsSent = format.read === null || format.keepsBody === true;
	const isKept = isAsSent && conversation !== undefined && !marks;
	const reusable = isKept ? hasher.memory.takeReusable(conversation.key, conversation.now) : null;
	const { minBodyBytes: minBytes } = hasher.memory.limits;
	const received = await readBody(exchange.request, config.limits.maxBodyBytes, isKept ? { minBytes, reusable } : null);
	exchange.body = received.body;
	const given =
		format.read === null
			? undefined
			: readForm(exchange, format.read, { target: { ...target, ownCredential }, serving });
	const options = { hasher, maxDepth: config.limits.maxJsonDepth, given };
	const learned = marks ? mark(exchange, { caller, options }, serving) : null;
	const memory =
		conversation === undefined
			? undefined
			: { key: conversation.key, now: conversation.now, kept: keptBody(received, reusable) };
	const sent =
		exchange.operation === "messages"
			? outline(exchange.body, { hasher, maxDepth: options.maxDepth, given, memory })
			: head(exchange.body, options);
	const asMarked = bodyOfOwnPoints(exchange.body, sent.members);
	if (asMarked !== null) exchange.body = asMarked;
	const read = asMarked === null ? sent : outline(asMarked, options);
	const model = routedName(config, read.model, format.platform);
	exchange.outline = model === read.model ? read : { ...read, model };
	const outlined = permitted(exchange.outline, caller, serving);
	exchange.outline = outlined;
	refuseUnsendable(exchange.body, outlined);
	if (!ownCredential) refuseUnknown(config, outlined.model, exchange.operation);
	const admitted = serving.admission.admit(exchange, { caller, outline: outlined, config });
	exchange.keyHeaders = admitted.headers;
	try {
		const about = askedBy(exchange, caller, { admission: serving.admission, outline: outlined });
		const { credential } = caller;
		if (credential === null) await dispatch(exchange, about, serving);
		else
			await sendWithOwnCredential(
				exchange,
				{ asked: about, credential, upstreams: serving.clientCredentialUpstreams },
				serving,
			);
	} finally {
		admitted.settle(exchange);
		learned?.();
	}
	// An upstream that answers in full has read the body to its end; after anything else it may still be on its way.
	if (received.memory !== null && exchange.attempts.every((one) => one.outcome === "served" && one.status === 200)) {
		received.memory.isFree = true;
	}
}

/** Marks the body as its group's configuration says; what it gives back tells afterwards what that brought, where there is something to learn. */
function mark(
	exchange: Exchange,
	{ caller, options }: { readonly caller: Caller; readonly options: OutlineOptions },
	{ config, automaticMarking }: Serving,
): (() => void) | null {
	const { format, request } = exchange;
	const seen = head(exchange.body, options);
	const model = routedName(config, seen.model, format.platform);
	const marking = markingFor(config, model);
	if (marking === null || hasOwnPoints(exchange.body, seen.members)) return null;
	const client = `${caller.id}\n${model}`;
	const agent = headerValue(request.headers, "user-agent") ?? "";
	const { pointsApplied } = exchange;
	const about = { members: seen.members, marking, pointsApplied, agent, client };
	const marked = markBody(exchange.body, about, automaticMarking);
	exchange.body = marked.body;
	return marked.automatic ? () => automaticMarking.learn(client, exchange.usage) : null;
}

/** Makes the body canonical, keeping what was sent. Answers what the URL said. Throws GatewayError as the format does. */
function readForm(
	exchange: Exchange,
	read: NonNullable<ClientFormat["read"]>,
	{ target, serving: { config, hasher } }: { readonly target: RequestTarget; readonly serving: Serving },
): Given | undefined {
	const { kernel } = hasher.reader;
	const check = (body: Buffer) => checkBody(body, { kernel, maxDepth: config.limits.maxJsonDepth });
	// A body that is kept is read by the outline, under the same rules.
	if (exchange.format.keepsBody !== true || target.operation !== "messages") check(exchange.body);
	const { body, given, answer, pointsApplied, session } = read(exchange.body, target, config, check);
	exchange.session = session ?? null;
	exchange.pointsApplied = pointsApplied === true;
	exchange.source = { format: exchange.format.name, body: exchange.body };
	exchange.body = body;
	exchange.encoder = answer;
	return given;
}

function keptBody({ memory, equal }: ReadBody, reusable: ReusableBody | null): KeptBody | null {
	if (memory === null) return null;
	return { memory, reused: reusable === null ? null : { snapshot: reusable.snapshot, equal } };
}

/** Under which name the prompt is remembered, so that only what a later turn adds is read; undefined for clients that name no session. */
function memoryOf(exchange: Exchange, caller: Caller): ConversationMemory | undefined {
	const { session, agent } = conversationOf(exchange.request.headers, null, caller.id);
	return session === null ? undefined : { key: `${session}\n${agent ?? ""}`, now: exchange.startedAt };
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
