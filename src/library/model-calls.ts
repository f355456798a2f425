// The calls to models that a program can make, typed as in the official SDKs. Leaves sending them to calls.ts.
import type Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import type { ExplainedDecision } from "../proxy/explain.ts";
import type { WithDecision } from "./decision.ts";
import type { EventStream } from "./event-stream.ts";

/** What a call may say besides its body. */
export interface CallOptions {
	/** Ends the request; the call, or the loop over its events, rejects with the signal's reason. */
	readonly signal?: AbortSignal;
	/**
	 * Request headers as over HTTP, such as `anthropic-beta` or `x-litellm-tags`; end-to-end ones go upstream. Credentials in them are
	 * not used.
	 */
	readonly headers?: Readonly<Record<string, string>>;
	/** The conversation this call is a turn of: evidence beside its prompt. A session in the body's `metadata.user_id` wins. */
	readonly session?: string;
}

/** What Chat Completions onto Claude take besides OpenAI's own members (docs/openai.md). */
export interface ChatExtras {
	readonly cache_control_injection_points?: readonly {
		readonly location: "message" | "tool_config";
		readonly role?: "system" | "user" | "assistant";
		readonly index?: number;
		readonly control?: { readonly type: "ephemeral"; readonly ttl?: "5m" | "1h" };
	}[];
	readonly thinking?: Anthropic.ThinkingConfigParam;
	readonly top_k?: number;
}

type Chat = OpenAI.Chat.Completions.ChatCompletion;
type ChatChunk = OpenAI.Chat.Completions.ChatCompletionChunk;
type ChatBody = OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming & ChatExtras;
type ChatStreamBody = OpenAI.Chat.Completions.ChatCompletionCreateParamsStreaming & ChatExtras;

/**
 * `model` of every body is a group of the configuration. A body is read when the call is made. Answers have the decision as `warmpath`,
 * which is not enumerated. Calls reject with CallError, or the reason of their signal.
 */
export interface ModelCalls {
	/** The Messages API. */
	messages(
		body: Anthropic.MessageCreateParamsNonStreaming,
		options?: CallOptions,
	): Promise<WithDecision<Anthropic.Message>>;
	messages(
		body: Anthropic.MessageCreateParamsStreaming,
		options?: CallOptions,
	): Promise<EventStream<Anthropic.RawMessageStreamEvent>>;
	messages(
		body: Anthropic.MessageCreateParams,
		options?: CallOptions,
	): Promise<WithDecision<Anthropic.Message> | EventStream<Anthropic.RawMessageStreamEvent>>;

	countTokens(
		body: Anthropic.MessageCountTokensParams,
		options?: CallOptions,
	): Promise<WithDecision<Anthropic.MessageTokensCount>>;

	/** Chat Completions, onto deployments of every kind. */
	chatCompletions(body: ChatBody, options?: CallOptions): Promise<WithDecision<Chat>>;
	chatCompletions(body: ChatStreamBody, options?: CallOptions): Promise<EventStream<ChatChunk>>;
	chatCompletions(
		body: ChatBody | ChatStreamBody,
		options?: CallOptions,
	): Promise<WithDecision<Chat> | EventStream<ChatChunk>>;

	/** The stateless subset of Responses that docs/openai.md names. */
	responses(
		body: OpenAI.Responses.ResponseCreateParamsNonStreaming,
		options?: CallOptions,
	): Promise<WithDecision<OpenAI.Responses.Response>>;
	responses(
		body: OpenAI.Responses.ResponseCreateParamsStreaming,
		options?: CallOptions,
	): Promise<EventStream<OpenAI.Responses.ResponseStreamEvent>>;

	/** `openai/` deployments only. */
	embeddings(
		body: OpenAI.EmbeddingCreateParams,
		options?: CallOptions,
	): Promise<WithDecision<OpenAI.CreateEmbeddingResponse>>;

	/** The decision that this body of `messages` would get now. Sends nothing, learns nothing. */
	explain(body: Anthropic.MessageCreateParams, options?: CallOptions): Promise<ExplainedDecision>;
}

/** Sends a body to a path of the data plane. */
export interface CallTransport {
	answer<Answer extends object>(path: string, body: object, options: CallOptions): Promise<WithDecision<Answer>>;
	stream<Event>(path: string, body: object, options: CallOptions): Promise<EventStream<Event>>;
	/** What a path answers that sends nothing upstream. */
	ask<Answer>(path: string, body: object, options: CallOptions): Promise<Answer>;
}

interface Streamable {
	readonly stream?: boolean | null;
}

/** The calls, by name. */
export function modelCalls(sender: CallTransport): ModelCalls {
	/** Whether a body asks for a stream decides what comes back: the types above say the same. */
	function either(path: string): (body: Streamable, options?: CallOptions) => Promise<unknown> {
		return (body, options = {}) =>
			body.stream === true ? sender.stream(path, body, options) : sender.answer(path, body, options);
	}
	return {
		messages: either("/v1/messages") as ModelCalls["messages"],
		chatCompletions: either("/v1/chat/completions") as ModelCalls["chatCompletions"],
		responses: either("/v1/responses") as ModelCalls["responses"],
		countTokens: (body, options = {}) => sender.answer("/v1/messages/count_tokens", body, options),
		embeddings: (body, options = {}) => sender.answer("/v1/embeddings", body, options),
		explain: (body, options = {}) => sender.ask("/route/explain", body, options),
	};
}
