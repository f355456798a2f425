// The provider seam: everything about one family of upstream APIs that an attempt needs. Leaves sockets to proxy/upstream/upstream and choosing to routing.
import type { DeploymentConfig, ErrorClass, FailureScope, RequestClass } from "../config/schema.ts";
import type { AnswerEvent } from "../protocol/answer-event.ts";
import type { BodyMembers, History } from "../protocol/members.ts";
import type { ToolNames } from "../protocol/openai/tool-names.ts";
import type { RateLimitReport } from "../protocol/ratelimits.ts";
import type { AwsAccount } from "./aws-account.ts";

export type { Member } from "../protocol/members.ts";
export { CredentialError } from "./credential-error.ts";

/** Which operation of the Messages API is called; passthrough = one of OpenAI's others, which only its own upstreams serve. */
export type Operation = "messages" | "count_tokens" | "passthrough";

/** What a client speaks. Translation to and from the canonical form happens at the client's edge (proxy/formats). */
export type ClientFormatName = "anthropic" | "bedrock" | "vertex" | "openai-chat" | "openai-responses";

/** One client request as a provider sees it: the canonical bytes (Messages API) and what may have to change in them. */
export interface Call {
	readonly operation: Operation;
	/** The client's query string with its `?`, or "". */
	readonly query: string;
	/** Canonical: as on POST /v1/messages, save that what a URL says (model, stream) may be missing. Never changed in place. */
	readonly body: Buffer;
	/** Offsets into `body`. */
	readonly members: BodyMembers;
	/** What of the conversation may be for the model to refuse; absent = nothing is known of it. */
	readonly history?: History;
	readonly stream: boolean;
	/** Model id for the upstream. */
	readonly model: string;
	/** Values of the `anthropic-beta` header and of the body's `anthropic_beta`, in order of appearance, each once. */
	readonly betas: readonly string[];
	/** End-to-end headers of the client as name, value, name, value; hop-by-hop and gateway credentials are already gone. */
	readonly headers: readonly string[];
	/** The conversation's id, namespaced by its caller; null or absent = the client named none. */
	readonly session?: string | null;
	/** Which of OpenAI's operations is called, such as `/embeddings`; "" or absent for those of the Messages API. */
	readonly path?: string;
	/** What the client really sent, for an upstream that speaks the client's own dialect. */
	readonly source: { readonly format: ClientFormatName; readonly body: Buffer };
}

/**
 * How the upstream answers. messages: canonical, relayed as it is · eventstream: AWS frames around canonical events ·
 * openai-chat: Chat Completions chunks or JSON.
 */
type AnswerForm = "messages" | "eventstream" | "openai-chat";

/** What goes on the wire for one attempt. */
export interface UpstreamRequest {
	readonly origin: string;
	readonly path: string;
	/** name, value, name, value. */
	readonly headers: string[];
	readonly body: Buffer;
	readonly answer: AnswerForm;
	/** The answer already is in the client's format: it is relayed as it comes, and made canonical only to be read. */
	readonly untouched?: boolean;
	/** Of such an answer the chunk with the usage is not the client's, who did not ask for it. */
	readonly hidesUsage?: boolean;
	/** Of tools that the upstream knows by other names than the client; absent = by the same. */
	readonly toolNames?: ToolNames;
	/** Beta values, fields and blocks that were taken off because the platform rejects them, for the answer's `x-warmpath-removed`. */
	readonly removed?: readonly string[];
}

/** Head of an upstream's answer; header names in lower case. */
export interface ResponseHead {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A streamed answer becoming canonical: takes the upstream's bytes as they come, gives canonical events, maybe none. */
export interface StreamReframer {
	readonly streaming: true;
	/** Its events are put together here, and need no repair. */
	readonly isCanonical?: true;
	push(chunk: Buffer): readonly AnswerEvent[];
	/** What is left when the upstream has ended; an `error` event where its framing broke off. */
	end(): readonly AnswerEvent[];
	/** Of an untouched answer: what may go on of the last `push`, or of what `end` found left; null = nothing. */
	readonly own?: Buffer | null;
	/** An event was too large to be read, and what it said is missing. */
	readonly hasLeftOut?: boolean;
	/** The answer lacks no more than its last word, or its usage. */
	readonly awaitsEnd?: boolean;
	/** The upstream reported no usage: what the events say of it is made up, for clients that insist on it. */
	readonly usageUnknown?: boolean;
}

/** A whole answer becoming canonical JSON. */
export interface BodyReframer {
	readonly streaming: false;
	body(whole: Buffer): Buffer;
	/** As of a stream; known after `body`. */
	readonly usageUnknown?: boolean;
}

/** Never throws: what cannot be read becomes the canonical error. */
export type Reframer = StreamReframer | BodyReframer;

/** An upstream's error in canonical form. */
export interface CanonicalError {
	/** The Messages API's status for it: a platform's 503 for want of capacity is 529 there. */
	readonly status: number;
	/** Error body as of providers §2; `error.details.error_code` holds the platform's own name for it. */
	readonly body: Buffer;
}

/** Who answered, as far as it decides who shares a cache and a limit. */
export interface UpstreamIdentity {
	/** Organisation, account or project. */
	readonly organization: string;
	/** Workspace, or the place inside the account that keeps a cache of its own. */
	readonly workspace: string | null;
	/** One name for several caches (a cross-region profile): a read that fails disproves nothing. Default false. */
	readonly probabilistic?: boolean;
}

/** A failure before the first content event. */
export interface UpstreamFailure {
	/** HTTP status; for an `error` event inside a 200 the status that its type stands for; null when there was no answer. */
	readonly status: number | null;
	/** `error.type` if the body or event had one. */
	readonly errorType: string | null;
	readonly message: string;
	/** `error.details.error_code`, or null. */
	readonly errorCode: string | null;
	/** How long the error's body asks to wait, beside its words, ms; null or absent = it does not say. */
	readonly retryHintMs?: number | null;
	/** Nothing came in time, as opposed to a connection that failed; only where `status` is null. */
	readonly timedOut: boolean;
	/** Response headers, lower-case; empty when there was no answer. */
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** relay: the answer belongs to the client as it is · next: another deployment may do better. */
export interface Verdict {
	readonly action: "relay" | "next";
	/** What retry, cool-down and fallback policies distinguish failures by. */
	readonly errorClass: ErrorClass;
	/** The prompt does not fit this model: a context-window fallback may serve where one is configured. */
	readonly contextWindow: boolean;
	/** Waiting a little will not help: a spend cap, a daily quota, a disabled account. */
	readonly lasting: boolean;
	/** From `retry-after` or a date in its words, ms; null where the upstream named none. */
	readonly retryAfterMs: number | null;
	/** What the refusal's head says of limits. */
	readonly limits: RateLimitReport | null;
	readonly scope: FailureScope;
	/** With scope `class`. */
	readonly requestClass: RequestClass | null;
	/** In plain words, for the operator. */
	readonly reason: string;
	/** What was refused is the gateway's own doing, and will be left out: the same deployment is asked once more. */
	readonly again?: boolean;
}

/** One family of upstream APIs. Built once per deployment; keeps credentials, never request state. */
export interface Provider {
	readonly kind: string;
	/** URL, headers and final bytes for one attempt. Called anew for every attempt. */
	prepare(call: Call): UpstreamRequest | Promise<UpstreamRequest>;
	/** What an answer's head says of the upstream's limits; null where it says nothing. */
	limits(headers: UpstreamFailure["headers"]): RateLimitReport | null;
	/** What a failed head or first event means. Pure. */
	judge(failure: UpstreamFailure): Verdict;
	/** How a successful answer to `request` becomes canonical; null, or no such method, where it already is. */
	reframe?(request: UpstreamRequest, head: ResponseHead): Reframer | null;
	/** An error answer in canonical form, where the platform has a form of its own; null = it is canonical, or nobody's known form. */
	canonicalError?(head: ResponseHead, body: Buffer): CanonicalError | null;
	/** Who answers, where the platform does not say so in the Messages API's own headers; null = not known. */
	identity?(head: ResponseHead): UpstreamIdentity | null;
	/** Called with every failure of an attempt, for what a provider keeps: credentials to drop, calls it now knows not to exist. */
	failed?(failure: UpstreamFailure, call: Call): void;
	/** Whether this model's tokens can be counted here, as far as is known. Absent = they can. */
	counts?(model: string): boolean;
	/** The platform's own header for a request's id, lower case; its answers then bear it as `request-id` too. */
	readonly requestIdHeader?: string;
}

/** What providers share, built once a process, so that it outlives a reload. */
export interface ProviderDeps {
	/** ms since epoch. */
	readonly now: () => number;
	/** What the operator should know; holds no secret. */
	readonly warn: (message: string) => void;
	/** AWS credentials that several deployments have in common, by what distinguishes them. */
	readonly awsAccounts: Map<string, AwsAccount>;
}

export type ProviderFactory = (config: DeploymentConfig, deps: ProviderDeps) => Provider;
