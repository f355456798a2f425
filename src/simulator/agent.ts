// A simulated coding agent: requests built like Claude Code's, turn by turn, from invented text. For the demo, benchmarks and tests;
// leaves sending them to the caller.
import { randomUUID } from "node:crypto";
import { seededRandom } from "./random.ts";

/** One content block of an answer, as far as the agent looks at it. */
export interface AnswerBlock {
	readonly type: string;
	readonly id?: string;
	readonly [field: string]: unknown;
}

export interface AgentOptions {
	readonly model: string;
	/** Everything the agent says follows from it: same seed, same bytes. */
	readonly seed: number;
	/** Agents of one project share the second system block. Default: the seed, so a project of its own. */
	readonly project?: number;
	/** Bytes of tool definitions, which all agents share. Default 31 KB, as measured from Claude Code. */
	readonly toolBytes?: number;
	/** Smallest and largest tool result, bytes. Default 400 to 8,000. */
	readonly resultBytes?: readonly [number, number];
	/** Tool calls that each user prompt asks the simulated model for. Default 3. */
	readonly toolCalls?: number;
	readonly session?: string;
}

/** One request to send. */
export interface AgentRequest {
	readonly body: Buffer;
	readonly headers: Readonly<Record<string, string>>;
}

type Content = string | readonly Readonly<Record<string, unknown>>[];

interface Message {
	readonly role: "user" | "assistant" | "system";
	readonly content: Content;
}

const WORDS =
	"buffer parse index route cache prefix token stream branch commit merge handler schema record query worker thread socket event model layer config update select return await import export class method string number array object value error result cursor".split(
		" ",
	);

/**
 * A conversation that grows by one model call a turn, with what makes Claude Code's prompts hard to recognise: three breakpoints of
 * which the last moves, messages that are a block list while they are last and a plain string afterwards, an attribution block that
 * differs per session (claude-code §3, §5).
 */
export class SimulatedAgent {
	readonly session: string;
	readonly #options: AgentOptions;
	readonly #random: () => number;
	readonly #tools: readonly unknown[];
	readonly #system: readonly unknown[];
	readonly #messages: Message[] = [];
	#prompts = 0;

	constructor(options: AgentOptions) {
		this.#options = options;
		this.#random = seededRandom(options.seed * 7919 + 17);
		this.session = options.session ?? randomUUID();
		const shared = seededRandom(42);
		const each = Math.round((options.toolBytes ?? 31_000) / 12);
		this.#tools = Array.from({ length: 12 }, (_, i) => tool(i, each, shared));
		const project = seededRandom((options.project ?? options.seed) * 104_729 + 1);
		const version = Math.floor(this.#random() * 4096)
			.toString(16)
			.padStart(3, "0");
		this.#system = [
			{ type: "text", text: `x-anthropic-billing-header: cc_version=2.1.330.${version}; cc_entrypoint=cli;` },
			{ type: "text", text: "You are a simulated coding agent, made for demos and tests.", ...marker() },
			{ type: "text", text: text(5_800, project), ...marker() },
		];
		this.#ask();
		this.#messages.push({
			role: "system",
			content: `Environment of project ${options.project ?? options.seed}. ${text(9_000, project)}`,
		});
	}

	/** Model calls made so far, counting the one that `request` describes. */
	get turn(): number {
		return this.#messages.filter((message) => message.role === "assistant").length + 1;
	}

	/** The request of this turn. Calling it again gives the same bytes, as a retry does. */
	request(): AgentRequest {
		const last = this.#messages.length - 1;
		const body = {
			model: this.#options.model,
			messages: this.#messages.map((message, i) => (i === last ? marked(message) : message)),
			system: this.#system,
			tools: this.#tools,
			metadata: { user_id: JSON.stringify({ device_id: "0".repeat(64), account_uuid: "", session_id: this.session }) },
			max_tokens: 32_000,
			thinking: { type: "adaptive" },
			output_config: { effort: "high" },
			stream: true,
		};
		return {
			body: Buffer.from(JSON.stringify(body)),
			headers: {
				"content-type": "application/json",
				"anthropic-version": "2023-06-01",
				"anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,effort-2025-11-24",
				"x-claude-code-session-id": this.session,
				"user-agent": "warmpath-simulated-agent",
			},
		};
	}

	/** Takes the model's answer: its tool calls are answered with invented results, a final text with the next prompt. */
	answered(content: readonly AnswerBlock[]): void {
		this.#messages.push({ role: "assistant", content });
		const calls = content.filter((block) => block.type === "tool_use");
		if (calls.length === 0) {
			this.#ask();
			return;
		}
		const [least, most] = this.#options.resultBytes ?? [400, 8_000];
		this.#messages.push({
			role: "user",
			content: calls.map((call) => ({
				type: "tool_result",
				tool_use_id: call.id,
				content: text(least + this.#random() * (most - least), this.#random),
			})),
		});
	}

	#ask(): void {
		this.#prompts += 1;
		const prompt = `@@tools${this.#options.toolCalls ?? 3}@@ task ${this.#prompts}: ${text(120, this.#random)}`;
		const reminders = [0, 1].map(() => ({
			type: "text",
			text: `<system-reminder>${text(600, this.#random)}</system-reminder>`,
		}));
		const content = this.#prompts === 1 ? [...reminders, { type: "text", text: prompt }] : prompt;
		this.#messages.push({ role: "user", content });
	}
}

function marker(): { readonly cache_control: { readonly type: "ephemeral" } } {
	return { cache_control: { type: "ephemeral" } };
}

/** The last message of a request is always a block list, its last block marked. */
function marked(message: Message): Message {
	const blocks = typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
	return {
		role: message.role,
		content: blocks.map((block, i) => (i === blocks.length - 1 ? { ...block, ...marker() } : block)),
	};
}

function tool(index: number, bytes: number, random: () => number): unknown {
	const names = [
		"Bash",
		"Read",
		"Edit",
		"Write",
		"Glob",
		"Grep",
		"Agent",
		"WebFetch",
		"TodoWrite",
		"Skill",
		"Task",
		"Monitor",
	];
	return {
		name: names[index] ?? `Tool${index}`,
		description: text(bytes - 200, random),
		input_schema: {
			type: "object",
			properties: { command: { type: "string" }, description: { type: "string" } },
			required: ["command"],
			additionalProperties: false,
		},
	};
}

function text(bytes: number, random: () => number): string {
	let out = "";
	while (out.length < bytes) out += `${WORDS[Math.floor(random() * WORDS.length)] ?? ""} `;
	return out.trimEnd();
}
