// Synthetic Messages API bodies with the structure that Claude Code sends (claude-code §2 to claude-code §5). Generated: no captured text.

/** Anything a body may hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Client generations that differ in what they mark and send. */
export type Generation = "2.1.330" | "2.1.177" | "2.0.62";

export interface SessionOptions {
	readonly generation?: Generation;
	readonly model?: string;
	/** Bytes of text of one tool result. */
	readonly resultBytes?: number;
	/** Tool calls that one assistant message makes at once. */
	readonly parallel?: number;
	/** From this turn on a found tool stands, deferred, in the middle of the tools. */
	readonly deferredFromTurn?: number;
	readonly ttl?: "5m" | "1h";
	readonly prompt?: string;
}

const WORDS =
	"const value return await import from type error null string path read write test buffer index start".split(" ");
const TOOL_NAMES = "Agent Bash Edit Glob Grep Read Skill TodoWrite ToolSearch Workflow Write AskUser".split(" ");

/** Text of about `bytes` bytes that looks like source code: short lines, quotes, tabs, now and then a character beyond ASCII. */
function codeText(bytes: number, seed: number): string {
	let state = seed * 2 + 1;
	const below = (limit: number): number => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 2 ** 32) * limit);
	};
	let text = "";
	while (text.length < bytes) {
		text += below(5) < 2 ? `${below(2000)}\t` : "  ".repeat(below(4));
		for (let words = 3 + below(8); words > 0; words--) text += `${WORDS[below(WORDS.length)]} `;
		if (below(3) === 0) text += `"${WORDS[below(WORDS.length)]}"`;
		if (below(40) === 0) text += "→ é";
		text += "\n";
	}
	return text.slice(0, bytes);
}

function tool(name: string, seed: number): JsonObject {
	return {
		name,
		description: codeText(2000, seed),
		input_schema: {
			$schema: "https://json-schema.org/draft/2020-12/schema",
			type: "object",
			properties: Object.fromEntries(
				["path", "pattern", "limit"].map((key, i) => [
					key,
					{ type: i === 2 ? "number" : "string", description: codeText(120, seed + i), minLength: 1 },
				]),
			),
			required: ["path"],
			additionalProperties: false,
		},
	};
}

function toolsOf(turn: number, options: SessionOptions): JsonObject[] {
	const tools = TOOL_NAMES.map((name, i) => tool(name, i + 1));
	if (options.generation !== "2.0.62") tools.push({ ...tool("Placeholder", 90), defer_loading: true });
	// ToolSearch puts what it found into the middle, flagged (claude-code §3.3).
	if (turn >= (options.deferredFromTurn ?? Number.POSITIVE_INFINITY)) {
		tools.splice(9, 0, { ...tool("WebFetch", 91), defer_loading: true });
	}
	return tools;
}

/** A message as a plain list of blocks, before markers and the string form are put on. */
interface Draft {
	readonly role: "user" | "assistant" | "system";
	readonly blocks: readonly JsonObject[];
	readonly extra?: JsonObject;
}

const text = (value: string): JsonObject => ({ type: "text", text: value });

function conversation(turns: number, options: SessionOptions): Draft[] {
	const parallel = options.parallel ?? 1;
	const drafts: Draft[] = [
		{
			role: "user",
			blocks: [
				...[1, 2, 3].map((i) => text(`<system-reminder>\n${codeText(900, 200 + i)}</system-reminder>`)),
				text(options.prompt ?? "fix the failing test"),
			],
		},
	];
	if (options.generation !== "2.0.62") {
		drafts.push({ role: "system", blocks: [text(codeText(9400, 300))], extra: { output_config: { effort: "high" } } });
	}
	for (let turn = 2; turn <= turns; turn++) {
		const ids = Array.from({ length: parallel }, (_, i) => `toolu_${turn}_${i}`);
		drafts.push({
			role: "assistant",
			blocks: [
				{ type: "thinking", thinking: codeText(200, turn), signature: "c2lnbmF0dXJl".repeat(20) },
				text(`Step ${turn}.`),
				...ids.map((id) => ({ type: "tool_use", id, name: "Read", input: { path: `/src/${id}.ts`, limit: 100 } })),
			],
		});
		drafts.push({
			role: "user",
			blocks: ids.map((id, i) => ({
				tool_use_id: id,
				type: "tool_result",
				content: codeText(options.resultBytes ?? 1200, turn * 100 + i),
			})),
		});
		if (turn % 5 === 0) drafts.push({ role: "system", blocks: [text(`<reminder>${turn}</reminder>`)] });
		if (turn % 7 === 0) drafts.push({ role: "system", blocks: [], extra: { output_config: { effort: "low" } } });
	}
	return drafts;
}

function render(drafts: readonly Draft[], options: SessionOptions): JsonObject[] {
	const marker: JsonObject = options.ttl === "1h" ? { type: "ephemeral", ttl: "1h" } : { type: "ephemeral" };
	const withContent = drafts.flatMap((draft, i) => (draft.blocks.length > 0 ? [i] : []));
	const marked = new Set(options.generation === "2.0.62" ? withContent.slice(-2) : withContent.slice(-1));
	return drafts.map(({ role, blocks, extra }, i) => {
		const only = blocks.length === 1 ? blocks[0] : undefined;
		// A lone text block is a list while it is marked and a plain string afterwards (claude-code §3.1).
		if (!marked.has(i) && typeof only?.["text"] === "string") return { role, content: only["text"], ...extra };
		const content = blocks.map((block, at) =>
			marked.has(i) && at === blocks.length - 1 ? { ...block, cache_control: marker } : block,
		);
		return { role, content, ...extra };
	});
}

function systemOf(turn: number, options: SessionOptions): JsonObject[] {
	const marker: JsonObject = options.ttl === "1h" ? { type: "ephemeral", ttl: "1h" } : { type: "ephemeral" };
	const nonce = options.generation === "2.1.177" ? ` cch=${(turn * 7919).toString(16)};` : "";
	const billing = text(`x-anthropic-billing-header: cc_version=2.1.330.fa0; cc_entrypoint=sdk-cli;${nonce}`);
	return [
		...(options.generation === "2.0.62" ? [] : [billing]),
		{ ...text("You are a coding agent, run in a terminal by its user."), cache_control: marker },
		{ ...text(codeText(5800, 400)), cache_control: marker },
	];
}

/** The body of a session's turn `turn` (from 1 on), members in the client's order. */
export function claudeCodeTurn(turn: number, options: SessionOptions = {}): JsonObject {
	return {
		model: options.model ?? "claude-opus-5-5",
		messages: render(conversation(turn, options), options),
		system: systemOf(turn, options),
		tools: toolsOf(turn, options),
		metadata: {
			user_id: JSON.stringify({ device_id: "0".repeat(64), account_uuid: "", session_id: `session-${turn % 2}` }),
		},
		max_tokens: 128000,
		thinking: { type: "adaptive" },
		context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
		output_config: { effort: "high" },
		stream: true,
	};
}

export function encode(body: Json): Buffer {
	return Buffer.from(JSON.stringify(body));
}

/** The turn whose body has about `bytes` bytes. */
export function turnOfSize(bytes: number, options: SessionOptions = {}): number {
	const turns = [2, 12].map((turn) => encode(claudeCodeTurn(turn, options)).length);
	const [small = 0, large = 0] = turns;
	return Math.max(1, Math.round(2 + ((bytes - small) * 10) / (large - small)));
}
