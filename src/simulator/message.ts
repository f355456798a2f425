// The Messages API's form of an answer: message, usage, and the extras a client asked for. Leaves the order of events to stream.ts.
import { type Answer, answerTokens, outputTokensOf } from "./answer.ts";
import { type Fields, fieldsOf } from "./body.ts";
import type { InputUsage } from "./cache.ts";
import type { MessagesRequest } from "./request.ts";

/** An answer together with everything that its message states. */
export interface Reply {
	/** `msg_…` */
	readonly id: string;
	readonly request: MessagesRequest;
	readonly answer: Answer;
	/** Input of the first pass, which message_start states. */
	readonly input: InputUsage;
	/** Input of all passes; more than `input` when server tools ran in between. */
	readonly totalInput: InputUsage;
	/** Searches that the provider carried out. */
	readonly searches: number;
	/** The `diagnostics` member; undefined: not asked for. */
	readonly diagnostics: Readonly<Record<string, unknown>> | null | undefined;
	readonly droppedThinking: number;
	/** What the answer calls its model. */
	readonly model: string;
	/** Whether usage states service tier and geography. */
	readonly fullUsage: boolean;
}

/** `usage` as the API reports it (prompt-caching R10). */
function usageOf(reply: Reply, outputTokens: number, input: InputUsage = reply.input): Record<string, unknown> {
	const { request } = reply;
	return {
		input_tokens: input.uncached,
		cache_creation_input_tokens: input.write5m + input.write1h,
		cache_read_input_tokens: input.read,
		cache_creation: { ephemeral_5m_input_tokens: input.write5m, ephemeral_1h_input_tokens: input.write1h },
		output_tokens: outputTokens,
		...(reply.fullUsage ? { service_tier: "standard", inference_geo: request.body["inference_geo"] ?? "global" } : {}),
	};
}

/** `usage` at the end: with output, and with thinking where there was some. */
export function finalUsage(reply: Reply): Record<string, unknown> {
	const searches =
		reply.searches === 0 ? {} : { server_tool_use: { web_search_requests: reply.searches, web_fetch_requests: 0 } };
	const usage = { ...usageOf(reply, answerTokens(reply.answer), reply.totalInput), ...searches };
	const thinking = reply.answer.content.filter((block) => block.type === "thinking");
	if (thinking.length === 0) return usage;
	const tokens = thinking.reduce((sum, block) => sum + outputTokensOf(block), 0);
	return { ...usage, output_tokens_details: { thinking_tokens: tokens } };
}

/** The message before any content: what message_start carries. */
export function openingMessage(reply: Reply): Record<string, unknown> {
	return {
		id: reply.id,
		type: "message",
		role: "assistant",
		model: reply.model,
		content: [],
		stop_reason: null,
		stop_sequence: null,
		usage: usageOf(reply, 1),
		...(reply.diagnostics === undefined ? {} : { diagnostics: reply.diagnostics }),
		...transformations(reply),
	};
}

/** The whole message of an answer that is not streamed. */
export function wholeMessage(reply: Reply): Record<string, unknown> {
	return {
		...openingMessage(reply),
		content: reply.answer.content,
		stop_reason: reply.answer.stopReason,
		usage: finalUsage(reply),
		...contextManagement(reply.request),
		...safeguardResults(reply),
	};
}

/** `safeguard_results` when the request asked for them; clients look for it in message_delta, or at the top of a whole message. */
export function safeguardResults(reply: Reply): Record<string, unknown> {
	const asked = reply.request.body["safeguards"];
	if (!Array.isArray(asked) || asked.length === 0) return {};
	const uses = reply.answer.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
	const verdicts = Object.fromEntries(uses.map((id) => [id, { type: "evaluated", outcome: "not_flagged" }]));
	const results = asked.map((safeguard: unknown) => ({
		type: fieldsOf(safeguard)?.["type"] ?? "dangerous_tool_use",
		status: { type: "available", tool_uses: verdicts },
	}));
	return { safeguard_results: results };
}

/** `context_management` when the request has it: nothing was edited. */
export function contextManagement(request: MessagesRequest): Fields {
	return fieldsOf(request.body["context_management"]) === null ? {} : { context_management: { applied_edits: [] } };
}

function transformations(reply: Reply): Fields {
	if (reply.droppedThinking === 0) return {};
	const dropped = { type: "thinking_dropped", reason: "organization_binding_mismatch", count: reply.droppedThinking };
	return { input_transformations: [dropped] };
}
