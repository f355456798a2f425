// Request bodies shaped like Claude Code's, of exact sizes, as ready-to-send HTTP requests. Leaves sending them to load.

/** How the mock upstream answers: whole JSON, all stream events at once, or each event in a packet of its own. */
export type AnswerKind = "json" | "sse" | "sse-paced";

export interface RequestsOptions {
	/** Exact length of each body, bytes. */
	readonly bytes: number;
	readonly answer: AnswerKind;
	/** How many conversations to make; they share tools and system and differ from the first message on. */
	readonly conversations: number;
	/** Milliseconds the upstream thinks before it answers. */
	readonly delayMs?: number;
}

export const BENCH_MODEL = "claude-opus-5-5";

const TURNS = 2;

/** Below this size a body carries no tools: there would be no room for a conversation. */
const TOOLS_FROM_BYTES = 48_000;
const TOOL_NAMES = [
	"Agent",
	"Bash",
	"Edit",
	"Glob",
	"Grep",
	"NotebookEdit",
	"Read",
	"Skill",
	"ToolSearch",
	"WebFetch",
	"Workflow",
	"Write",
];

/**
 * Complete HTTP/1.1 requests (head and body): a turn of each conversation, then the next turn of each. So no conversation sends the same
 * body twice in a row, and what a server remembers of the last one is worth as much as it is in real use.
 */
export function buildRequests(options: RequestsOptions): Buffer[] {
	return Array.from({ length: options.conversations * TURNS }, (_, index) => {
		const conversation = index % options.conversations;
		const body = Buffer.from(buildBody(options, conversation, Math.floor(index / options.conversations)));
		return Buffer.concat([Buffer.from(requestHead(options, conversation, body.length)), body]);
	});
}

/** A Messages API body of exactly `bytes` bytes. A later turn has one more tool call before its last one, which is shorter. */
function buildBody({ bytes, answer }: RequestsOptions, conversation: number, turn: number): string {
	const large = bytes >= TOOLS_FROM_BYTES;
	const messages: unknown[] = [{ role: "user", content: [textBlock(opening(conversation, large))] }];
	const body = {
		model: BENCH_MODEL,
		messages,
		system: large ? SYSTEM : SYSTEM.slice(0, 2),
		tools: large ? TOOLS : [],
		metadata: { user_id: JSON.stringify({ device_id: "d".repeat(64), session_id: sessionId(conversation) }) },
		max_tokens: 128_000,
		thinking: { type: "adaptive" },
		context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
		output_config: { effort: "high" },
		stream: answer !== "json",
	};
	if (large) messages.push({ role: "system", content: prose(4_000 + conversation, 5_000) });
	// What is left after the frame goes into tool turns of about 2.4 KB a block on average, and the last result takes the remainder.
	const last = { type: "tool_result", tool_use_id: "toolu_last", content: "", cache_control: { type: "ephemeral" } };
	const ending = [toolUse("toolu_last", conversation), { role: "user", content: [last] }];
	let size = Buffer.byteLength(JSON.stringify({ ...body, messages: [...messages, ...ending] }));
	const room = turn === 0 ? 20_000 : 12_000;
	for (let call = 0; bytes - size > room; call++) {
		const id = `toolu_${String(conversation).padStart(4, "0")}_${String(call).padStart(6, "0")}`;
		const pair = [
			toolUse(id, conversation),
			{
				role: "user",
				content: [{ type: "tool_result", tool_use_id: id, content: prose(call + conversation * 997, 6_400) }],
			},
		];
		messages.push(...pair);
		size += Buffer.byteLength(JSON.stringify(pair)) - 1;
	}
	messages.push(...ending);
	const missing = bytes - Buffer.byteLength(JSON.stringify(body));
	if (missing < 0) throw new Error(`a body of ${bytes} bytes is too small; the smallest is ${bytes - missing}`);
	// Escapes make text longer in JSON; what is left over is padded.
	const text = prose(conversation + turn, Math.floor(missing * 0.85));
	last.content = text.padEnd(text.length + missing - (Buffer.byteLength(JSON.stringify(text)) - 2), "x");
	return JSON.stringify(body);
}

function requestHead(options: RequestsOptions, conversation: number, length: number): string {
	const lines = [
		"POST /v1/messages?beta=true HTTP/1.1",
		"Host: 127.0.0.1",
		"Accept: application/json",
		"Authorization: Bearer sk-bench",
		"Content-Type: application/json",
		"User-Agent: claude-cli/2.1.330 (external, cli)",
		`X-Claude-Code-Session-Id: ${sessionId(conversation)}`,
		"X-Stainless-Arch: x64",
		"X-Stainless-Lang: js",
		"X-Stainless-OS: Linux",
		"X-Stainless-Package-Version: 0.128.0",
		"X-Stainless-Retry-Count: 0",
		"X-Stainless-Runtime: node",
		"X-Stainless-Runtime-Version: v24.3.0",
		"X-Stainless-Timeout: 600",
		"anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,effort-2025-11-24",
		"anthropic-dangerous-direct-browser-access: true",
		"anthropic-version: 2023-06-01",
		"x-app: cli",
		"Accept-Encoding: gzip, deflate, br, zstd",
		`x-bench-answer: ${options.answer}`,
		`x-bench-tokens: ${Math.round(options.bytes / 4)}`,
		...(options.delayMs === undefined ? [] : [`x-bench-delay-ms: ${options.delayMs}`]),
		`Content-Length: ${length}`,
		"Connection: keep-alive",
	];
	return `${lines.join("\r\n")}\r\n\r\n`;
}

function sessionId(conversation: number): string {
	return `5e55105e-0000-4000-8000-${digitsOf(conversation)}`;
}

/** How a request names its conversation: in the session's id and at the beginning of its first message. */
export function digitsOf(conversation: number): string {
	return String(conversation).padStart(12, "0");
}

function opening(conversation: number, large: boolean): string {
	const prompt = `Conversation ${digitsOf(conversation)}: make the tests pass.`;
	return large ? `<system-reminder>\n${prose(conversation, 1_500)}</system-reminder>\n${prompt}` : prompt;
}

function toolUse(id: string, conversation: number): unknown {
	const input = { file_path: `/home/dev/project-${conversation}/src/module.ts`, offset: 1, limit: 200 };
	const content = [
		{ type: "text", text: "I'll read the file next." },
		{ type: "tool_use", id, name: "Read", input },
	];
	return { role: "assistant", content };
}

function textBlock(text: string): unknown {
	return { type: "text", text };
}

/**
 * Text like the source files and documents that coding agents read: about 8 quotes, 24 line ends, 19 tabs and one non-ASCII character
 * per KB, so that its JSON has escapes as often as real prompts have.
 */
function prose(seed: number, length: number): string {
	let text = "";
	for (let line = 0; text.length < length; line++) {
		const template = LINES[(line * 7 + seed) % LINES.length] as string;
		text += template.replace("#", String((seed * 31 + line) % 9973));
	}
	return text.slice(0, length);
}

const LINES = [
	"export function read#(path: string): Entry[] {\n",
	"\tconst entries: Entry[] = [];\n",
	"\tfor (const line of lines(path)) {\n",
	'\t\tif (line.startsWith("#")) continue;\n',
	"\t\tconst [name, value] = split(line, options.separator);\n",
	"\t\tentries.push({ name, value, source: path });\n",
	"\t}\n",
	"\treturn entries;\n",
	"}\n",
	"\n",
	"// The order of the entries is the order of the file, which callers rely on when they merge.\n",
	'import { split# } from "./split.ts";\n',
	"- A value that is missing keeps the one before it — see section # of the guide.\n",
	"  Every test opens a server of its own and closes it at the end.\n",
	'\tthrow new Error("entry # has no value");\n',
	"\tit(`keeps entry # in place`, async () => {\n",
	"\t\tawait expect(read(file)).resolves.toEqual([first, second]);\n",
	"\t});\n",
	"id: #, kind: entry, tags: [a, b]\n",
];

const SYSTEM = [
	{ type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330.a1b; cc_entrypoint=cli;" },
	{
		type: "text",
		text: "You are Claude Code, Anthropic's official CLI for Claude.",
		cache_control: { type: "ephemeral" },
	},
	{ type: "text", text: prose(1, 5_800), cache_control: { type: "ephemeral" } },
];

const TOOLS = TOOL_NAMES.map((name, index) => ({
	name,
	description: prose(100 + index, 2_000),
	input_schema: {
		$schema: "https://json-schema.org/draft/2020-12/schema",
		type: "object",
		properties: {
			file_path: { type: "string", description: "The absolute path of the file" },
			limit: { type: "number", description: "How many lines to read" },
		},
		required: ["file_path"],
		additionalProperties: false,
	},
}));
