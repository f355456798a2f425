// Makes a client's request ready for routing: read, made canonical, marked, outlined, named, authorised, in this order. A request that is
// served and one that is only explained take the same steps. Leaves limits to proxy/admission and the choice of a deployment to routing.
import type { Config } from "../config/schema.ts";
import type { BodyMemory } from "../prompt/body-memory.ts";
import {
	type ConversationMemory,
	type Given,
	head,
	type Outline,
	type OutlineOptions,
	outline,
	type PromptHasher,
} from "../prompt/outline.ts";
import { conversationOf } from "../prompt/session.ts";
import { checkBody } from "../prompt/top-level.ts";
import type { Caller } from "./admission/authenticate.ts";
import type { Permissions } from "./admission/permissions.ts";
import type { Exchange } from "./exchange.ts";
import { anthropicFormat } from "./formats/anthropic.ts";
import type { RequestTarget } from "./formats/format.ts";
import { headerValue } from "./headers.ts";
import {
	type AutomaticMarking,
	bodyOfOwnPoints,
	hasOwnPoints,
	markBody,
	markingFor,
	marksAnything,
} from "./marking.ts";
import { routedName } from "./platform-models.ts";
import { readBody } from "./receive/body.ts";
import { type Asked, asked, refuseUnknown, refuseUnsendable, type Sender } from "./request.ts";

/** What a request is prepared with. */
export interface PrepareDeps {
	readonly config: Config;
	readonly hasher: PromptHasher;
	readonly permissions: Permissions;
	readonly automaticMarking: AutomaticMarking;
}

/** A request that becomes ready: the fields of an exchange that are written here, and nowhere else. */
type Preparing = Sender &
	Pick<Exchange, "format" | "body" | "source" | "encoder" | "session" | "pointsApplied" | "outline">;

/** Who sends a request, and what for. */
interface PrepareAbout {
	readonly caller: Caller;
	readonly target: RequestTarget;
	/** Nothing will be sent: it must change nothing for the requests that are. */
	readonly isQuestion: boolean;
}

/** A request that may be routed. */
interface Prepared {
	/** The outline is in it. */
	readonly asked: Asked;
	/** The client for whom automatic markers were put in, so that it can be learned what they bring; null = none were. */
	readonly markedFor: string | null;
	/** What the body lies in, if the conversation's next one may be read over it once this one is no longer needed. */
	readonly bodyMemory: BodyMemory | null;
}

/** A body as it came. */
interface Received {
	readonly body: Buffer;
	readonly bodyMemory: BodyMemory | null;
	/** What the outline remembers it under; undefined = nothing of it is remembered. */
	readonly memory: ConversationMemory | undefined;
}

const MESSAGES: RequestTarget = { operation: "messages", given: undefined };

/** Throws what the request is refused with, before any limit counts it. */
export async function prepare(exchange: Exchange, about: PrepareAbout, deps: PrepareDeps): Promise<Prepared> {
	const received = await receive(exchange, about, deps);
	const { asked, markedFor } = prepareBody(exchange, { about, received }, deps);
	return { asked, markedFor, bodyMemory: received.bodyMemory };
}

/** The same for a body of the Messages API that is only asked about, and never came over a connection. */
export function prepareQuestion(
	body: Buffer,
	{ caller, headers }: { readonly caller: Caller; readonly headers: Sender["request"]["headers"] },
	deps: PrepareDeps,
): Asked {
	const preparing: Preparing = {
		request: { headers },
		format: anthropicFormat,
		operation: "messages",
		body,
		source: null,
		encoder: null,
		session: null,
		pointsApplied: false,
		outline: null,
	};
	const received = { body, bodyMemory: null, memory: undefined };
	const about = { caller, target: MESSAGES, isQuestion: true };
	return prepareBody(preparing, { about, received }, deps).asked;
}

/** Reads the body, over the conversation's last one where that is possible. */
async function receive(exchange: Exchange, about: PrepareAbout, { config, hasher }: PrepareDeps): Promise<Received> {
	const { maxBodyBytes } = config.limits;
	const conversation = about.isQuestion ? null : conversationKey(exchange, about.caller);
	if (conversation === null) {
		return { body: (await readBody(exchange.request, maxBodyBytes)).body, bodyMemory: null, memory: undefined };
	}
	// Only a body that goes on as it came can be read over the conversation's last one.
	const isAsSent = exchange.format.read === null || exchange.format.keepsBody === true;
	const isKept = isAsSent && !isMarkable(exchange, about.caller, config);
	const now = exchange.startedAt;
	const { limits } = hasher.memory;
	const reusable = isKept ? hasher.memory.takeReusable(conversation, now) : null;
	const read = await readBody(
		exchange.request,
		maxBodyBytes,
		isKept ? { minBytes: limits.minBodyBytes, reusable } : null,
	);
	const { body, memory: bodyMemory, equal } = read;
	const reused = reusable === null ? null : { snapshot: reusable.snapshot, equal };
	const kept = bodyMemory === null ? null : { memory: bodyMemory, reused };
	return { body, bodyMemory, memory: { key: conversation, now, kept } };
}

/** The steps after reading, all in one go. */
function prepareBody(
	preparing: Preparing,
	{ about, received }: { readonly about: PrepareAbout; readonly received: Received },
	deps: PrepareDeps,
): Omit<Prepared, "bodyMemory"> {
	const { config, hasher, permissions } = deps;
	const { caller } = about;
	preparing.body = received.body;
	const given = makeCanonical(preparing, about, deps);
	const options = { hasher, maxDepth: config.limits.maxJsonDepth, given, memory: received.memory };
	const markedFor = mark(preparing, { about, options }, deps);
	const read = readOutline(preparing, options);
	const named = withModel(read, routedName(config, read.model, preparing.format.platform));
	// A request that the caller may not make is recorded under this name.
	preparing.outline = named;
	const outlined = authorise(named, caller, deps);
	preparing.outline = outlined;
	refuseUnsendable(preparing.body, outlined);
	// What goes to the client's own account may ask for models that nobody configured.
	if (caller.credential === null) refuseUnknown(config, outlined.model, preparing.operation);
	return {
		asked: asked(preparing, caller, { outline: outlined, allowedDomains: permissions.allowedDomains(caller) }),
		markedFor,
	};
}

/** Makes the body canonical, keeping what was sent. Answers what the URL said. Throws GatewayError as the format does. */
function makeCanonical(
	preparing: Preparing,
	{ caller, target }: PrepareAbout,
	{ config, hasher }: PrepareDeps,
): Given | undefined {
	const { format } = preparing;
	if (format.read === null) return undefined;
	const { kernel } = hasher.reader;
	const check = (body: Buffer) => checkBody(body, { kernel, maxDepth: config.limits.maxJsonDepth });
	// A body that is kept is read by the outline, under the same rules.
	if (format.keepsBody !== true || target.operation !== "messages") check(preparing.body);
	const ownCredential = caller.credential !== null;
	const canonical = format.read(preparing.body, { ...target, ownCredential }, config, check);
	preparing.session = canonical.session ?? null;
	preparing.pointsApplied = canonical.pointsApplied === true;
	preparing.source = { format: format.name, body: preparing.body };
	preparing.body = canonical.body;
	preparing.encoder = canonical.answer;
	return canonical.given;
}

/** Marks the body as its group's configuration says. Answers for which client, where it is to be learned what that brings. */
function mark(
	preparing: Preparing,
	{ about: { caller, isQuestion }, options }: { readonly about: PrepareAbout; readonly options: OutlineOptions },
	{ config, automaticMarking }: PrepareDeps,
): string | null {
	if (!isMarkable(preparing, caller, config)) return null;
	const seen = head(preparing.body, options);
	const model = routedName(config, seen.model, preparing.format.platform);
	const marking = markingFor(config, model);
	if (marking === null || hasOwnPoints(preparing.body, seen.members)) return null;
	const client = `${caller.id}\n${model}`;
	const agent = headerValue(preparing.request.headers, "user-agent") ?? "";
	const { pointsApplied } = preparing;
	const found = { members: seen.members, marking, pointsApplied, agent, client };
	const pays = (each: string) => (isQuestion ? automaticMarking.wouldPay(each) : automaticMarking.pays(each));
	const marked = markBody(preparing.body, found, { pays });
	preparing.body = marked.body;
	return marked.automatic ? client : null;
}

/** Outlines the body. One that says itself what is to be marked is marked so first: it is read again then. */
function readOutline(preparing: Preparing, options: OutlineOptions): Outline {
	const read = preparing.operation === "messages" ? outline(preparing.body, options) : head(preparing.body, options);
	const marked = bodyOfOwnPoints(preparing.body, read.members);
	if (marked === null) return read;
	preparing.body = marked;
	return outline(marked, { ...options, memory: undefined });
}

/** Puts in the model that the caller's aliases stand for. Throws model_not_allowed or key_type_refused. */
function authorise(read: Outline, caller: Caller, { config, permissions }: PrepareDeps): Outline {
	const model = permissions.rename(caller, read.model);
	permissions.authorise(caller, model, config);
	return withModel(read, model);
}

/** Whether the configuration may mark a body. What goes to the client's own account goes as the client marked it. */
function isMarkable({ operation }: Sender, caller: Caller, config: Config): boolean {
	return operation === "messages" && caller.credential === null && marksAnything(config);
}

/** Under which name the prompt is remembered, so that only what a later turn adds is read; null for clients that name no session. */
function conversationKey({ operation, request }: Sender, caller: Caller): string | null {
	if (operation !== "messages") return null;
	const { session, agent } = conversationOf(request.headers, null, caller.id);
	return session === null ? null : `${session}\n${agent ?? ""}`;
}

/** Written out: a spread makes a new hidden class for each request, and everything that reads the outline slow. */
function withModel(outlined: Outline, model: string): Outline {
	if (model === outlined.model) return outlined;
	return {
		model,
		members: outlined.members,
		history: outlined.history,
		stream: outlined.stream,
		bodyBetas: outlined.bodyBetas,
		maxTokens: outlined.maxTokens,
		userId: outlined.userId,
		chain: outlined.chain,
		breakpoints: outlined.breakpoints,
		openingKey: outlined.openingKey,
		variant: outlined.variant,
		settings: outlined.settings,
	};
}
