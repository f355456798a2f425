// What a conversation says about the next answer: the latest real user prompt, its directives, and how far they have come. Leaves answering to scenarios.ts.
import { type Block, fieldsOf } from "./body.ts";
import type { MessagesRequest } from "./request.ts";

/** One `@@name<count>:<argument>@@` of a prompt. */
export interface Directive {
	readonly name: string;
	readonly count: number | null;
	readonly argument: string | null;
}

/** The state of a conversation, derived from its messages alone, so that any deployment and any retry sees the same. */
export interface Conversation {
	/** Text of the latest user prompt, reminders left out. */
	readonly prompt: string;
	/** Number of messages up to that prompt, itself included. */
	readonly promptPosition: number;
	readonly directives: readonly Directive[];
	/** tool_result blocks since the prompt. */
	readonly results: number;
}

const DIRECTIVE = /@@([a-z]+)(\d*)(?::([^@\s]+))?@@/g;

/** Reads the conversation of a request. A message with tool results is a prompt only if its own text holds a directive. */
export function readConversation(request: MessagesRequest): Conversation {
	const { messages } = request;
	let results = 0;
	for (let index = messages.length - 1; index >= 0; index -= 1) {
		const message = messages[index];
		if (message?.role !== "user") continue;
		const prompt = promptOf(message.content);
		const resultsHere = message.content.filter((block) => block.type === "tool_result").length;
		const directives = directivesOf(prompt);
		if (prompt !== "" && (resultsHere === 0 || directives.length > 0)) {
			return { prompt, promptPosition: index + 1, directives, results };
		}
		results += resultsHere;
	}
	return { prompt: "", promptPosition: 0, directives: [], results };
}

/** A prompt that can be quoted in an answer without starting its directives again. */
export function quotable(prompt: string, maxLength: number): string {
	const plain = prompt.replaceAll("@@", "").replace(/\s+/g, " ").trim();
	return plain.length <= maxLength ? plain : `${plain.slice(0, maxLength)}…`;
}

/** Whether the conversation asks for its own summary, as compaction does. */
export function asksForSummary(conversation: Conversation): boolean {
	const { prompt } = conversation;
	return prompt.includes("<summary>") || /\b(detailed|concise) summary of (the|this|our) conversation\b/i.test(prompt);
}

/** Whether the system prompt asks for a `<block>yes|no</block>` verdict, as Claude Code's own safety classifier does. */
export function asksForVerdict(request: MessagesRequest): boolean {
	return request.tools.length === 0 && request.system.some((block) => String(block["text"] ?? "").includes("<block>"));
}

/** The JSON schema that the answer must follow, or null. */
export function answerSchema(request: MessagesRequest): unknown {
	const format = fieldsOf(fieldsOf(request.body["output_config"])?.["format"] ?? request.body["output_format"]);
	return format?.["type"] === "json_schema" ? (format["schema"] ?? {}) : null;
}

function promptOf(content: readonly Block[]): string {
	const texts: string[] = [];
	for (const block of content) {
		const text = block.type === "text" ? String(block["text"]) : "";
		if (text !== "" && !text.trimStart().startsWith("<system-reminder>")) texts.push(text);
	}
	return texts.findLast((text) => directivesOf(text).length > 0) ?? texts.at(-1) ?? "";
}

function directivesOf(text: string): Directive[] {
	return [...text.matchAll(DIRECTIVE)].map(([, name = "", count = "", argument]) => ({
		name,
		count: count === "" ? null : Number(count),
		argument: argument ?? null,
	}));
}
