// System and messages of the Messages API → messages of Chat Completions, in the order of roles that the server takes. Leaves single blocks to
// upstream-content.
//
// Prompt caches live on identical prefixes: what a message becomes depends on itself and on what stands before it, never on what follows. Only
// servers that insist on alternating roles have a user message joined to the one before it, and a summary stands for what is before it.
import { jsonText } from "../json-text.ts";
import { type Carried, carriedBy, NO_THOUGHT, unsignedReasoning } from "./carried.ts";
import { asList, asObject, type Draft, type JsonObject, textOf } from "./json.ts";
import { toolCallId } from "./tool-names.ts";
import { blocksOf, isTextual, markerOf, type PartContext, partsOf } from "./upstream-content.ts";
import type { UpstreamDialect } from "./upstream-dialect.ts";

/** Claude Code's attribution block, which only api.anthropic.com takes off (claude-code §5). */
const BILLING = "x-anthropic-billing-header:";
/** Says nothing that could be taken for an answer; mistralai/mistral-common refuses an assistant message without text. */
const BRIDGE = "OK.";
/** Stands for thinking that is not there; DeepSeek V4 refuses an empty text (NousResearch/hermes-agent#17341). */
const NO_REASONING = " ";
const NOTHING_CARRIED: Carried = { extras: new Map(), reasoningDetails: [] };
const SUMMARY = "This conversation goes on from an earlier one. Its summary:";
const ELSEWHERE = "The result is in the next message.";

/** All messages, the system prompt first. `appendix` is added to it. */
export function chatMessages(body: JsonObject, context: PartContext, appendix: string): Draft[] {
	const out: Draft[] = [];
	const system = blocksOf(body["system"]);
	const first = systemMessage(appendix === "" ? system : [...system, { type: "text", text: appendix }], context);
	if (first !== null) out.push(first);
	for (const { role, blocks } of sinceSummary(turnsOf(body))) {
		switch (role) {
			case "assistant":
				add(out, assistantMessage(blocks, context), context.dialect);
				break;
			case "system":
				add(out, laterSystem(blocks, context, out.length === 0), context.dialect);
				break;
			default:
				for (const each of userMessages(blocks, context)) add(out, each, context.dialect);
		}
	}
	return out;
}

interface Turn {
	readonly role: unknown;
	readonly blocks: readonly JsonObject[];
}

function turnsOf(body: JsonObject): readonly Turn[] {
	return asList(body["messages"])
		.map(asObject)
		.map((message) => ({ role: message?.["role"], blocks: blocksOf(message?.["content"]) }));
}

/**
 * Of a conversation that the API has compacted it reads the last summary and what follows (docs: compaction), and so do other servers: what is
 * before it may not fit any more, and some clients take it out.
 */
function sinceSummary(turns: readonly Turn[]): readonly Turn[] {
	const at = turns.findLastIndex(({ blocks }) => blocks.some(isSummary));
	const turn = turns[at];
	if (turn === undefined) return turns;
	const cut = turn.blocks.findLastIndex(isSummary);
	const text = `${SUMMARY}\n\n${textOf(turn.blocks[cut], "content") ?? ""}`;
	const summary: Turn = { role: "user", blocks: [{ type: "text", text }] };
	return [summary, { role: turn.role, blocks: turn.blocks.slice(cut + 1) }, ...turns.slice(at + 1)];
}

/** One without text is a compaction that failed; the API passes it over. */
function isSummary(block: JsonObject): boolean {
	return block["type"] === "compaction" && (textOf(block, "content") ?? "") !== "";
}

/** Puts a message behind the others, as the server's order of roles demands. */
function add(out: Draft[], message: Draft | null, { userAfterTool, alternates }: UpstreamDialect): void {
	if (message === null) return;
	const last = out.at(-1);
	const role = message["role"];
	if (!userAfterTool && role === "user" && last?.["role"] === "tool") {
		out.push({ role: "assistant", content: BRIDGE }, message);
		return;
	}
	if (alternates && last !== undefined && last["role"] === role && (role === "user" || isPlainAssistant(last))) {
		last["content"] = joined(last["content"], message["content"]);
		if (message["tool_calls"] !== undefined) last["tool_calls"] = message["tool_calls"];
		return;
	}
	out.push(message);
}

function isPlainAssistant(message: Draft): boolean {
	return message["role"] === "assistant" && message["tool_calls"] === undefined;
}

function joined(a: unknown, b: unknown): unknown {
	if (typeof a === "string" && typeof b === "string") return `${a}\n\n${b}`;
	return [a, b].flatMap((content) =>
		typeof content === "string" ? [{ type: "text", text: content }] : asList(content),
	);
}

function systemMessage(blocks: readonly JsonObject[], context: PartContext): Draft | null {
	const texts = blocks.filter((block) => textOf(block, "text")?.startsWith(BILLING) === false);
	const parts = texts.flatMap((block) => partsOf(block, context)).filter((part) => part["type"] === "text");
	if (parts.length === 0) return null;
	const content = context.dialect.cacheControl ? parts : parts.map((part) => part["text"]).join("\n\n");
	return { role: "system", content };
}

/** A system message among the others: where the server takes none, the user says it, in the tags that Claude Code explains to its models. */
function laterSystem(blocks: readonly JsonObject[], context: PartContext, isFirst: boolean): Draft | null {
	const message = systemMessage(blocks, context);
	if (message === null || isFirst || context.dialect.laterSystem === "keep") return message;
	const tagged = (text: unknown): string => `<system-reminder>\n${String(text)}\n</system-reminder>`;
	const { content } = message;
	if (typeof content === "string") return { role: "user", content: tagged(content) };
	const parts = asList(content).map((part): Draft => ({ ...asObject(part), text: tagged(textOf(part, "text")) }));
	return { role: "user", content: parts };
}

/** Results of tools become messages of their own, before what else the user said; their images follow, for tools answer in text only. */
function userMessages(blocks: readonly JsonObject[], context: PartContext): Draft[] {
	const out: Draft[] = [];
	const parts: Draft[] = [];
	for (const block of blocks) {
		if (block["type"] !== "tool_result") continue;
		const inner = blocksOf(block["content"]);
		const others = inner.filter((each) => !isTextual(each)).flatMap((each) => partsOf(each, context));
		out.push(toolMessage(block, { texts: inner.filter(isTextual), hasOthers: others.length > 0 }, context));
		parts.push(...others);
	}
	parts.push(...blocks.filter((block) => block["type"] !== "tool_result").flatMap((block) => partsOf(block, context)));
	if (parts.length > 0) out.push({ role: "user", content: plainOrParts(parts, context.dialect) });
	return out;
}

function toolMessage(
	result: JsonObject,
	{ texts, hasOthers }: { readonly texts: readonly JsonObject[]; readonly hasOthers: boolean },
	context: PartContext,
): Draft {
	const parts = texts.flatMap((block) => partsOf(block, context));
	if (parts.length === 0 && hasOthers) parts.push({ type: "text", text: ELSEWHERE });
	const message: Draft = { role: "tool", tool_call_id: toolCallId(result["tool_use_id"], context.dialect.toolIds) };
	const marker = markerOf(result, context.dialect);
	if (!context.dialect.cacheControl) {
		message["content"] = parts.map((part) => part["text"]).join("\n");
		return message;
	}
	if (parts.length === 0) parts.push({ type: "text", text: "" });
	const last = parts.at(-1);
	if (marker !== null && last !== undefined) last["cache_control"] = marker;
	message["content"] = parts;
	return message;
}

/** One text is sent as a string, as clients of these servers do; several stay apart. Where markers go on all are parts: they move. */
function plainOrParts(parts: readonly Draft[], { cacheControl }: UpstreamDialect): unknown {
	const [first, ...others] = parts;
	return !cacheControl && first?.["type"] === "text" && others.length === 0 ? first["text"] : parts;
}

/** null for a message of which nothing is left: several servers refuse an empty one. */
function assistantMessage(blocks: readonly JsonObject[], context: PartContext): Draft | null {
	const { dialect } = context;
	const texts = blocks.filter((block) => block["type"] === "text").flatMap((block) => partsOf(block, context));
	const text = texts.map((part) => part["text"]).join("");
	const carried = dialect.extraContent === null ? NOTHING_CARRIED : carriedBy(blocks);
	const calls = toolCalls(blocks, carried, context);
	const reasoning = unsignedReasoning(blocks);
	if (text === "" && calls.length === 0 && (reasoning === "" || dialect.reasoning === null)) return null;
	const out: Draft = { role: "assistant", content: dialect.cacheControl && texts.length > 0 ? texts : text };
	if (carried.reasoningDetails.length > 0) out["reasoning_details"] = carried.reasoningDetails;
	else if (dialect.reasoning !== null) {
		if (reasoning !== "") out[dialect.reasoning] = reasoning;
		else if (dialect.reasoningRequired) out[dialect.reasoning] = NO_REASONING;
	}
	if (calls.length > 0) {
		out["tool_calls"] = calls;
		if (text === "") out["content"] = null;
	}
	return out;
}

function toolCalls(blocks: readonly JsonObject[], { extras }: Carried, { dialect, names }: PartContext): Draft[] {
	const calls = blocks
		.filter((block) => block["type"] === "tool_use")
		.map((block): Draft => {
			const args = jsonText(block["input"] ?? {});
			const name = names.toUpstream(textOf(block, "name") ?? "");
			const id = toolCallId(block["id"], dialect.toolIds);
			const call: Draft = { id, type: "function", function: { name, arguments: args } };
			const extra = extras.get(String(block["id"]));
			if (extra !== undefined) call["extra_content"] = extra;
			const marker = markerOf(block, dialect);
			if (marker !== null) call["cache_control"] = marker;
			return call;
		});
	// Of parallel calls the first one has the signature.
	const [first] = calls;
	if (first !== undefined && dialect.extraContent === "required" && extras.size === 0) {
		first["extra_content"] = NO_THOUGHT;
	}
	return calls;
}
