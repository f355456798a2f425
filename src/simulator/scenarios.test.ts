import { describe, expect, it } from "vitest";
import { bodyOf, requestOf } from "./__fixtures__/bodies.ts";
import type { Answer } from "./answer.ts";
import { scriptedAnswer } from "./scenarios.ts";

const TOOLS = ["Agent", "Bash", "Read"].map((name) => ({
	name,
	input_schema: { type: "object", properties: name === "Agent" ? { run_in_background: { type: "boolean" } } : {} },
}));

type Message = { role: string; content: unknown };

const answerTo = (messages: Message[], more: Record<string, unknown> = {}): Answer =>
	scriptedAnswer(requestOf(bodyOf("x", { messages, tools: TOOLS, ...more })), "org");
const ask = (text: string): Message => ({ role: "user", content: text });
const toolNames = (answer: Answer) =>
	answer.content.flatMap((block) => (block.type === "tool_use" ? [block.name] : []));
const textOf = (answer: Answer) => answer.content.map((block) => (block.type === "text" ? block.text : "")).join("");

/** Answers as a client would: runs every tool call and goes on until the model stops. Each turn as its tool names, the last as its text. */
function play(prompt: string, more: Record<string, unknown> = {}): string[] {
	const messages = [ask(prompt)];
	const turns: string[] = [];
	for (let turn = 0; turn < 10; turn += 1) {
		const answer = answerTo(messages, more);
		const calls = answer.content.flatMap((block) => (block.type === "tool_use" ? [block] : []));
		turns.push(calls.length > 0 ? calls.map((call) => call.name).join("+") : textOf(answer));
		if (answer.stopReason !== "tool_use") break;
		const results = calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: "ok" }));
		const reminder = { type: "text", text: "<system-reminder>be careful</system-reminder>" };
		messages.push({ role: "assistant", content: answer.content }, { role: "user", content: [...results, reminder] });
	}
	return turns;
}

describe("a prompt decides the answer", () => {
	it("without a directive: text that quotes the prompt", () => {
		expect(play("hello there")).toEqual(["Simulated answer to: hello there"]);
	});

	it("@@tools3@@: three calls one after the other, then text", () => {
		const turns = play("@@tools3@@ go");
		expect(turns.slice(0, 3)).toEqual(["Bash", "Bash", "Bash"]);
		expect(turns[3]).toContain("after 3 tool results");
		expect(turns).toHaveLength(4);
		expect(turns[3]).not.toContain("@@");
	});

	it("@@tools1:Read=/a/b@@: the tool and the file that it names", () => {
		const [block] = answerTo([ask("@@tools1:Read=/a/b@@")]).content;
		expect(block).toMatchObject({ type: "tool_use", name: "Read", input: { file_path: "/a/b" } });
	});

	it("@@parallel4@@: four calls in one turn, each with its own id", () => {
		expect(play("@@parallel4@@ go").slice(0, 1)).toEqual(["Bash+Bash+Bash+Bash"]);
		const ids = answerTo([ask("@@parallel4@@")]).content.map((block) => (block.type === "tool_use" ? block.id : ""));
		expect(new Set(ids).size).toBe(4);
	});

	it("several directives: one after the other", () => {
		expect(play("@@tools1@@ @@parallel2@@ @@tools1:Read@@").slice(0, 3)).toEqual(["Bash", "Bash+Bash", "Read"]);
	});

	it("@@agent2:tools1@@: two foreground agents whose prompts have directives of their own", () => {
		const answer = answerTo([ask("@@agent2:tools1@@")]);
		expect(toolNames(answer)).toEqual(["Agent", "Agent"]);
		expect(answer.content[0]).toMatchObject({
			input: {
				subagent_type: "general-purpose",
				run_in_background: false,
				prompt: expect.stringContaining("@@tools1@@"),
			},
		});
	});

	it("@@agent@@ with an old client: its Task tool", () => {
		const tools = [{ name: "Task", input_schema: { type: "object" } }];
		expect(toolNames(answerTo([ask("@@agent@@")], { tools }))).toEqual(["Task"]);
	});

	it("@@tools3@@ without tools: text", () => {
		expect(play("@@tools3@@ go", { tools: [] })).toHaveLength(1);
	});

	it("@@think@@: signed thinking before the text", () => {
		const answer = answerTo([ask("@@think@@ why")]);
		expect(answer.content.map((block) => block.type)).toEqual(["thinking", "text"]);
		expect(answer.content[0]).toMatchObject({ signature: expect.stringMatching(/.{20}/) });
	});

	it("@@long300@@: that many tokens, cut at max_tokens", () => {
		expect(textOf(answerTo([ask("@@long300@@")])).length).toBe(1_200);
		const cut = answerTo([ask("@@long300@@")], { max_tokens: 10 });
		expect([textOf(cut).length, cut.stopReason]).toEqual([40, "max_tokens"]);
	});
});

describe("the conversation alone tells how far it is", () => {
	it("a repeated request gets the same answer, ids included", () => {
		expect(answerTo([ask("@@tools2@@")])).toEqual(answerTo([ask("@@tools2@@")]));
	});

	it("a new prompt starts anew, with other ids", () => {
		const first = answerTo([ask("@@tools1@@")]);
		const call = first.content[0];
		const id = call?.type === "tool_use" ? call.id : "";
		const second = answerTo([
			ask("@@tools1@@"),
			{ role: "assistant", content: first.content },
			{ role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "ok" }] },
			{ role: "assistant", content: "done" },
			ask("@@tools1@@"),
		]);
		expect(second.stopReason).toBe("tool_use");
		expect(second.content).not.toEqual(first.content);
	});

	it("a system message after the prompt does not hide it", () => {
		const answer = answerTo([ask("@@tools1@@"), { role: "system", content: "environment" }]);
		expect(toolNames(answer)).toEqual(["Bash"]);
	});

	it("reminders beside the prompt are not the prompt", () => {
		const content = [
			{ type: "text", text: "<system-reminder>a</system-reminder>" },
			{ type: "text", text: "real" },
			{ type: "text", text: "<system-reminder>b</system-reminder>" },
		];
		expect(textOf(answerTo([{ role: "user", content }]))).toBe("Simulated answer to: real");
	});
});

describe("requests of a special kind", () => {
	it("a title request gets JSON that fits its schema", () => {
		const schema = {
			type: "object",
			required: ["title", "isNew", "kind"],
			properties: { title: { type: "string" }, isNew: { type: "boolean" }, kind: { enum: ["chat", "task"] } },
		};
		const output_config = { format: { type: "json_schema", schema } };
		const answer = answerTo([ask("@@tools3@@ fix the login")], { tools: [], output_config });
		expect(JSON.parse(textOf(answer))).toEqual({ title: "tools3 fix the login", isNew: false, kind: "chat" });
	});

	it("a compaction gets a summary that starts no directive again", () => {
		const messages = [
			ask("@@tools1@@ please"),
			{ role: "assistant", content: "ok" },
			ask("Write a detailed summary of the conversation so far, in <summary> tags."),
		];
		const text = textOf(answerTo(messages));
		expect(text).toMatch(/<analysis>.*<\/analysis>.*<summary>.*<\/summary>/s);
		expect(text).not.toContain("@@");
	});

	it("a request with max_tokens 0 gets nothing", () => {
		expect(answerTo([ask("warm")], { max_tokens: 0 })).toEqual({ content: [], stopReason: "max_tokens" });
	});

	it("a verdict request gets a verdict", () => {
		const system = "Answer with <block>yes</block> or <block>no</block>.";
		expect(textOf(answerTo([ask("rm")], { tools: [], system }))).toBe("<block>no</block>");
	});
});
