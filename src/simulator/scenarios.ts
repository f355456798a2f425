// Scripted answers: what the simulated model says to a request, decided by directives in the prompt. Leaves reading the prompt to conversation.ts.
import { hash as digest } from "node:crypto";
import { type Answer, type AnswerBlock, limitAnswer } from "./answer.ts";
import { type Fields, fieldsOf } from "./body.ts";
import {
	answerSchema,
	asksForSummary,
	asksForVerdict,
	type Conversation,
	type Directive,
	quotable,
	readConversation,
} from "./conversation.ts";
import type { MessagesRequest } from "./request.ts";
import { sampleOf } from "./schema-sample.ts";
import { signThinking } from "./thinking.ts";

/** Tokens of `@@long@@` without a number. */
const LONG_TOKENS = 2_000;
const SENTENCE = "The simulated model goes on writing so that this answer takes a while. ";

/** One turn of a script: so many tool calls at once. */
interface Step {
	readonly size: number;
	call(index: number): { readonly name: string; readonly input: Fields } | null;
}

/**
 * The answer to a request; the same request always gets the same one. `organization` signs its thinking.
 *
 * Directives in the latest user prompt: `@@text@@` (default), `@@think@@`, `@@long@@` or `@@long5000@@` (tokens), `@@tools3@@`
 * (three turns with one call each, `:Name` picks the tool, `:Read=/path` the file), `@@parallel4@@` (four calls in one turn),
 * `@@agent@@` or `@@agent3@@` (subagents in one turn, `:tools2` is what they do), `@@search2@@` (two web searches that the provider
 * runs itself). Without a fitting tool only text remains.
 */
export function scriptedAnswer(request: MessagesRequest, organization: string): Answer {
	if (request.maxTokens === 0) return { content: [], stopReason: "max_tokens" };
	return limitAnswer(unlimitedAnswer(request, organization), request.maxTokens);
}

function unlimitedAnswer(request: MessagesRequest, organization: string): Answer {
	const conversation = readConversation(request);
	const schema = answerSchema(request);
	if (request.tools.length === 0 && schema !== null)
		return text(JSON.stringify(sampleOf(schema, titleOf(conversation))));
	if (asksForVerdict(request)) return text("<block>no</block>");
	if (asksForSummary(conversation)) return text(summaryOf(request));
	const thinking = conversation.directives.some((directive) => directive.name === "think")
		? [thought(request, conversation, organization)]
		: [];
	const calls = nextCalls(request, conversation);
	if (calls.length > 0) return { content: [...thinking, ...calls], stopReason: "tool_use" };
	const searches = searchBlocks(request, conversation);
	const last = schema === null ? closingText(conversation) : JSON.stringify(sampleOf(schema, titleOf(conversation)));
	return { content: [...thinking, ...searches, { type: "text", text: last }], stopReason: "end_turn" };
}

function nextCalls(request: MessagesRequest, conversation: Conversation): AnswerBlock[] {
	let done = conversation.results;
	for (const step of conversation.directives.flatMap((directive) => stepsOf(directive, request))) {
		if (done > 0) {
			done -= step.size;
			continue;
		}
		const blocks: AnswerBlock[] = [];
		for (let index = 0; index < step.size; index += 1) {
			const call = step.call(index);
			if (call !== null) blocks.push({ type: "tool_use", id: callId(request, conversation, index), ...call });
		}
		return blocks;
	}
	return [];
}

function stepsOf(directive: Directive, request: MessagesRequest): Step[] {
	const { name, argument } = directive;
	const count = directive.count ?? 1;
	switch (name) {
		case "tools":
			return Array.from({ length: count }, (_, step) => ({
				size: 1,
				call: () => toolCall(request, argument, step + 1),
			}));
		case "parallel":
			return [{ size: count, call: (index) => toolCall(request, argument, index + 1) }];
		case "agent":
			return [{ size: count, call: (index) => agentCall(request, argument, index + 1) }];
		default:
			return [];
	}
}

function toolCall(
	request: MessagesRequest,
	argument: string | null,
	step: number,
): { name: string; input: Fields } | null {
	const [wanted, path] = argument?.split("=") ?? [];
	const tool = wanted === undefined ? findTool(request, ["Bash", "Read"]) : findTool(request, [wanted]);
	const chosen = tool ?? request.tools.find((candidate) => candidate["defer_loading"] !== true);
	if (chosen === undefined) return null;
	const name = String(chosen["name"]);
	if (name === "Bash") return { name, input: { command: `echo step-${step}`, description: `Print step ${step}` } };
	if (name === "Read") return { name, input: { file_path: path ?? "README.md" } };
	const sample = fieldsOf(sampleOf(chosen["input_schema"], `step-${step}`));
	return { name, input: sample ?? {} };
}

function agentCall(
	request: MessagesRequest,
	argument: string | null,
	number: number,
): { name: string; input: Fields } | null {
	const tool = findTool(request, ["Agent", "Task"]);
	if (tool === null) return null;
	const properties = fieldsOf(fieldsOf(tool["input_schema"])?.["properties"]) ?? {};
	const input: Record<string, unknown> = {
		description: `Simulated agent ${number}`,
		prompt: `@@${argument ?? "text"}@@ Answer in one line, agent ${number}.`,
		subagent_type: "general-purpose",
	};
	if (Object.hasOwn(properties, "run_in_background")) input["run_in_background"] = false;
	return { name: String(tool["name"]), input };
}

function findTool(request: MessagesRequest, names: readonly string[]): Fields | null {
	for (const name of names) {
		const tool = request.tools.find((candidate) => candidate["name"] === name && candidate["defer_loading"] !== true);
		if (tool !== undefined) return tool;
	}
	return null;
}

/** Calls of the web search tool with their results. */
function searchBlocks(request: MessagesRequest, conversation: Conversation): AnswerBlock[] {
	const search = conversation.directives.find((directive) => directive.name === "search");
	const hasTool = request.tools.some((tool) => String(tool["type"] ?? "").startsWith("web_search_"));
	if (search === undefined || !hasTool) return [];
	return Array.from({ length: search.count ?? 1 }, (_, index): AnswerBlock[] => {
		const id = callId(request, conversation, index).replace(/^toolu_/, "srvtoolu_");
		const page = {
			type: "web_search_result",
			url: `https://example.com/${index + 1}`,
			title: `Simulated page ${index + 1}`,
			encrypted_content: Buffer.from(SENTENCE.repeat(50)).toString("base64"),
			page_age: null,
		};
		const query = `${quotable(conversation.prompt, 40)} ${index + 1}`;
		return [
			{ type: "server_tool_use", id, name: "web_search", input: { query } },
			{ type: "web_search_tool_result", tool_use_id: id, content: [page] },
		];
	}).flat();
}

/** Unique within a conversation, and the same when the same request is sent again. */
function callId(request: MessagesRequest, conversation: Conversation, index: number): string {
	const seed = JSON.stringify([request.messages.length, conversation.promptPosition, conversation.prompt, index]);
	return `toolu_sim${digest("sha256", seed, "hex").slice(0, 21)}`;
}

function thought(request: MessagesRequest, conversation: Conversation, organization: string): AnswerBlock {
	const thinking = `The user wants: ${quotable(conversation.prompt, 60)}. ${conversation.results} tool results are in.`;
	return { type: "thinking", thinking, signature: signThinking(organization, request.rules.id, thinking) };
}

function closingText(conversation: Conversation): string {
	const results = conversation.results === 0 ? "" : ` after ${conversation.results} tool results`;
	const opening = `Simulated answer${results} to: ${quotable(conversation.prompt, 80)}`;
	const long = conversation.directives.find((directive) => directive.name === "long");
	if (long === undefined) return opening;
	const bytes = (long.count ?? LONG_TOKENS) * 4;
	return `${opening}\n\n${SENTENCE.repeat(Math.ceil(bytes / SENTENCE.length))}`.slice(0, Math.max(bytes, 1));
}

function titleOf(conversation: Conversation): string {
	const words = quotable(conversation.prompt, 40);
	return words === "" ? "Simulated title" : words;
}

function summaryOf(request: MessagesRequest): string {
	const first = request.messages.find((message) => message.role === "user");
	const opening = quotable(String(first?.content.find((block) => block.type === "text")?.["text"] ?? ""), 120);
	return [
		"<analysis>",
		`The conversation so far has ${request.messages.length} messages. Each was read in order before the summary was written.`,
		"</analysis>",
		"",
		"<summary>",
		`1. Primary Request and Intent: ${opening}`,
		"2. Key Technical Concepts: a simulated provider with a prompt cache.",
		"3. Files and Code Sections: none were changed.",
		"4. Errors and fixes: none.",
		"5. Problem Solving: the scripted steps were carried out.",
		`6. All user messages: ${request.messages.filter((message) => message.role === "user").length} in all.`,
		"7. Pending Tasks: none.",
		"8. Current Work: the last scripted step was finished.",
		"9. Optional Next Step: wait for the user.",
		"</summary>",
	].join("\n");
}

function text(content: string): Answer {
	return { content: [{ type: "text", text: content }], stopReason: "end_turn" };
}
