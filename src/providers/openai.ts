// OpenAI and every server that speaks Chat Completions (vLLM, SGLang …). A client of that format gets its bytes through; others are
// translated by protocol/openai. Leaves other clouds to their own files.

import { hash } from "node:crypto";
import type { DeploymentConfig, ServerTakes } from "../config/schema.ts";
import { editMembers } from "../protocol/edit.ts";
import { jsonText } from "../protocol/json-text.ts";
import { readOpenaiRateLimits } from "../protocol/openai/ratelimits.ts";
import { messagesError, readOpenaiError } from "../protocol/openai/reasons.ts";
import { ChatAnswer } from "../protocol/openai/upstream-answer.ts";
import { type DialectOverrides, dialectOf } from "../protocol/openai/upstream-dialect.ts";
import { chatRequest, type TranslatedRequest } from "../protocol/openai/upstream-request.ts";
import { ChatReframer } from "../protocol/openai/upstream-stream.ts";
import { membersAt } from "../protocol/walk.ts";
import { judgeOpenai } from "./errors/openai.ts";
import { refusesUsage, usageEdits } from "./openai-usage.ts";
import type {
	Call,
	CanonicalError,
	Provider,
	ProviderDeps,
	Reframer,
	ResponseHead,
	UpstreamRequest,
} from "./provider.ts";

const PUBLIC_API = "https://api.openai.com/v1";

/** Of the client's headers: what means something to its own API only. */
const FOREIGN = /^(anthropic-|x-claude-|x-stainless-|x-app$)/;

/** Members that are the gateway's own; an upstream may refuse them. */
const OWN_MEMBERS = new Set(["cache_control_injection_points"]);

/** An `openai/` deployment. */
export function openaiProvider(config: DeploymentConfig, deps: Pick<ProviderDeps, "now">): Provider {
	const base = new URL(trimPath(config.credentials.apiBase ?? PUBLIC_API));
	const prefix = base.pathname === "/" ? "/v1" : base.pathname.replace(/\/+$/, "");
	const own = ["host", base.host, ...credentials(config)];
	for (const [name, value] of Object.entries(config.extraHeaders)) own.push(name, value);
	const translate = translator(config, base.hostname);
	const { stream_options: takesOption } = config.serverTakes ?? {};
	const isDropped = config.droppedParams?.includes("stream_options") === true;
	let asksForUsage = takesOption !== false && !isDropped;

	return {
		kind: "openai",
		prepare(call: Call): UpstreamRequest {
			const { format } = call.source;
			const untouched = format === "openai-chat" || call.operation === "passthrough";
			const headers = [...own, ...clientHeaders(call, config), "content-type", "application/json"];
			const path = `${prefix}${call.path || "/chat/completions"}`;
			const request = { origin: base.origin, path, headers, answer: "openai-chat", untouched } as const;
			if (untouched) return { ...request, ...ownBody(call, config, asksForUsage) };
			const { chat, names, removed } = translate(call);
			if (!asksForUsage) delete chat["stream_options"];
			return { ...request, body: Buffer.from(jsonText(chat)), toolNames: names, removed };
		},
		reframe: reframer,
		canonicalError,
		counts: () => false,
		requestIdHeader: "x-request-id",
		limits: (headers) => readOpenaiRateLimits(headers, deps.now()),
		judge(failure) {
			const verdict = judgeOpenai(failure, deps.now());
			return asksForUsage && refusesUsage(failure) ? { ...verdict, action: "next", again: true } : verdict;
		},
		failed(failure) {
			if (refusesUsage(failure)) asksForUsage = false;
		},
	};
}

/** LiteLLM users write api_base with its version, sometimes with the whole path. */
function trimPath(apiBase: string): string {
	return apiBase.replace(/\/+$/, "").replace(/\/(chat\/completions|responses|embeddings)$/, "");
}

function credentials({ credentials: { apiKey, extra } }: DeploymentConfig): string[] {
	const headers: string[] = [];
	if (apiKey !== null) headers.push("authorization", `Bearer ${apiKey.reveal()}`);
	const { organization } = extra;
	if (typeof organization === "string") headers.push("openai-organization", organization);
	return headers;
}

/** Translates calls for one deployment. */
function translator(config: DeploymentConfig, host: string): (call: Call) => TranslatedRequest {
	const { base_model: base, max_output_tokens: output, max_tokens: tokens } = config.modelInfo;
	const most = output ?? tokens;
	const baseModel = typeof base === "string" ? base : undefined;
	const maxOutputTokens = typeof most === "number" && most > 0 ? most : null;
	const overrides = overridesOf(config.serverTakes ?? {});
	return (call) => {
		const dialect = dialectOf({ host, model: baseModel ?? call.model, maxOutputTokens, overrides });
		const translated = chatRequest(call.body, { model: call.model, baseModel, stream: call.stream }, dialect);
		const key = cacheKey(call, config);
		if (key !== null) translated.chat["prompt_cache_key"] = key;
		for (const name of config.droppedParams ?? []) delete translated.chat[name];
		return translated;
	};
}

function overridesOf(takes: ServerTakes): DialectOverrides {
	const { system_anywhere, user_after_tool, same_role_twice, tool_ids, reasoning, no_reasoning, cache_control } = takes;
	return {
		...(system_anywhere === undefined ? {} : { laterSystem: system_anywhere ? "keep" : "user" }),
		...(user_after_tool === undefined ? {} : { userAfterTool: user_after_tool }),
		...(same_role_twice === undefined ? {} : { alternates: !same_role_twice }),
		...(tool_ids === undefined ? {} : { toolIds: tool_ids === "any" ? null : tool_ids }),
		...(reasoning === undefined ? {} : { reasoning: reasoning === "none" ? null : reasoning }),
		...(no_reasoning === undefined ? {} : { reasoningRequired: !no_reasoning }),
		...(cache_control === undefined ? {} : { cacheControl: cache_control }),
	};
}

/** What of the client's headers goes on; answers are asked for uncompressed, for they are read and often rewritten. */
function clientHeaders(call: Call, config: DeploymentConfig): string[] {
	const overridden = new Set(Object.keys(config.extraHeaders).map((name) => name.toLowerCase()));
	const headers = ["accept-encoding", "identity"];
	for (let at = 0; at + 1 < call.headers.length; at += 2) {
		const name = (call.headers[at] as string).toLowerCase();
		if (name === "accept-encoding" || name === "content-type" || name === "openai-organization") continue;
		if (FOREIGN.test(name) || overridden.has(name)) continue;
		headers.push(call.headers[at] as string, call.headers[at + 1] as string);
	}
	return headers;
}

/** The client's own bytes; of them only `model` changes, what is the gateway's is taken off, and a stream's usage is asked for. */
function ownBody(
	call: Call,
	config: DeploymentConfig,
	asksForUsage: boolean,
): Pick<UpstreamRequest, "body" | "hidesUsage"> {
	const { body } = call.source;
	const start = body.indexOf("{");
	const members = membersAt(body, start);
	const model = members.findLast(({ name }) => name === "model");
	const key = members.some(({ name }) => name === "prompt_cache_key") ? null : cacheKey(call, config);
	const insert = key === null ? [] : [{ name: "prompt_cache_key", value: JSON.stringify(key) }];
	// The client's address may have named it.
	if (model === undefined) insert.push({ name: "model", value: JSON.stringify(call.model) });
	const usage = asksForUsage ? usageEdits(body, members, call.path ?? "") : null;
	const edited = editMembers(body, {
		remove: members.filter(({ name }) => OWN_MEMBERS.has(name) || config.droppedParams?.includes(name) === true),
		replace: [
			...(model === undefined ? [] : [{ member: model, value: JSON.stringify(call.model) }]),
			...(usage?.replace ?? []),
		],
		insert: [...insert, ...(usage?.insert ?? [])],
	});
	return { body: edited, hidesUsage: usage !== null };
}

/**
 * The conversation's own `prompt_cache_key`, where `litellm_params.prompt_cache_key: session` asks for one: upstreams then keep its
 * requests on one machine (providers §6). A hash, because session ids hold the caller's name.
 */
function cacheKey(call: Call, config: DeploymentConfig): string | null {
	if (config.promptCacheKey !== "session" || call.operation !== "messages") return null;
	const { session } = call;
	return session === undefined || session === null ? null : hash("sha256", session, "hex").slice(0, 32);
}

function reframer({ toolNames, hidesUsage }: UpstreamRequest, { headers }: ResponseHead): Reframer {
	const type = headers["content-type"];
	const isStream = typeof type === "string" && type.startsWith("text/event-stream");
	return isStream ? new ChatReframer(toolNames ?? null, hidesUsage) : new ChatAnswer(toolNames ?? null);
}

const MEANS_400: ReadonlySet<number> = new Set([413, 422, 500]);

/** The server's error in the Messages API's form; null for a page that is none. */
function canonicalError(head: ResponseHead, body: Buffer): CanonicalError | null {
	const read = readOpenaiError(body.toString("utf8"), head.status);
	if (read === null) return null;
	// What FastAPI's validation, a prompt that does not fit and a full queue mean is said by 400 and 529 there.
	const isRequest = read.type === "invalid_request_error" && MEANS_400.has(head.status);
	const status = isRequest ? 400 : head.status === 503 ? 529 : head.status;
	return { status, body: Buffer.from(jsonText(messagesError(read))) };
}
