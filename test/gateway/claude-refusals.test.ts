// What the chosen Claude refuses and another model takes, on the whole path: from clients of the Messages API, whose bytes stay save what
// must change, and of OpenAI's formats; on every platform.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

let upstream: Awaited<ReturnType<typeof startRecordingUpstream>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
	upstream = await startRecordingUpstream((request, response) => {
		const usage = { input_tokens: 5, output_tokens: 1 };
		const content = [{ type: "text", text: "ok" }];
		const message = {
			id: "msg_1",
			type: "message",
			role: "assistant",
			model: "m",
			content,
			stop_reason: "end_turn",
			usage,
		};
		const isDown = request.url.includes("/chat/completions");
		response.writeHead(isDown ? 503 : 200, { "content-type": "application/json" });
		response.end(isDown ? '{"error":{"message":"down"}}' : JSON.stringify(message));
	});
	const claude = (name: string, model: string, more = "", info = "") =>
		`  - {model_name: "${name}", litellm_params: {model: "${model}", api_base: "${upstream.url}", api_key: k${more}}${info}}\n`;
	const aws = ", aws_region_name: us-east-1";
	const models = [
		...["claude-sonnet-4", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-5-5"].map(
			(model) => claude(model, `anthropic/${model}`),
		),
		claude("bedrock", "bedrock/us.anthropic.claude-opus-4-8", aws),
		claude("bedrock-messages", "bedrock/us.anthropic.claude-opus-4-8", `${aws}, bedrock_api: messages`),
		claude("foundry", "azure_ai/claude-mine", "", ", model_info: {base_model: claude-opus-4-8}"),
		claude("openai", "openai/some-model"),
	].join("");
	gateway = await startTestGateway(
		configFrom(
			`model_list:\n${models}general_settings: {master_key: ${MASTER_KEY}}\nrouter_settings: {fallbacks: [{openai: [claude-opus-4-8]}], num_retries: 0}\n`,
		),
	);
});
afterAll(async () => {
	await gateway[Symbol.asyncDispose]();
	await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
	upstream.requests.length = 0;
});

async function post(path: string, body: string) {
	const answer = await fetch(`${gateway.url}${path}`, {
		method: "POST",
		headers: { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" },
		body,
	});
	expect(answer.status, await answer.text()).toBe(200);
	return { sent: upstream.requests.at(-1)?.body.toString() ?? "", removed: answer.headers.get("x-warmpath-removed") };
}

const HI = '[{"role":"user","content":"hi"}]';
const native = (model: string, members: string, messages = HI) =>
	post("/v1/messages", `{"model":"${model}", "max_tokens":5,${members} "messages":${messages}}`);
const chat = (model: string, members: object, messages: readonly object[] = [{ role: "user", content: "hi" }]) =>
	post("/v1/chat/completions", JSON.stringify({ model, messages, ...members }));

describe("sampling parameters", () => {
	test.each([
		["claude-opus-4-8", '"temperature":0.7,', "", "field:temperature"],
		["claude-opus-4-8", '"top_k" : 5 ,"top_p":0.9,', "", "field:top_k, field:top_p"],
		["claude-sonnet-5-5", '"temperature":0,', "", "field:temperature"],
		["claude-opus-4-8", '"temperature":1,"top_p":1.0,', '"temperature":1,"top_p":1.0,', null],
		["claude-opus-4-6", '"temperature":0.7,"top_p":0.9,', '"temperature":0.7,', "field:top_p"],
		["claude-sonnet-4-5", '"top_p":0.9,"temperature":null,', '"top_p":0.9,"temperature":null,', null],
		["claude-sonnet-4-5", '"temperature":0.7,"top_k":5,', '"temperature":0.7,"top_k":5,', null],
		["claude-sonnet-4", '"temperature":0.7,"top_p":0.9,', '"temperature":0.7,"top_p":0.9,', null],
	])("%s, %s: only what it refuses goes from a request of the Messages API", async (model, members, left, removed) => {
		const body = (inner: string) => `{"model":"${model}", "max_tokens":5,${inner}"messages":${HI}}`;
		const { sent, removed: got } = await post("/v1/messages", body(members));
		expect(sent).toBe(body(left));
		expect(got).toBe(removed);
	});

	test.each([
		["claude-opus-4-8", { temperature: 1 }, {}],
		["claude-opus-4-8", { top_p: 0.5, top_k: 3 }, {}],
		["claude-sonnet-5-5", { temperature: 2 }, {}],
		["claude-opus-4-6", { temperature: 1.7, top_p: 0.5 }, { temperature: 1 }],
		["claude-sonnet-4-5", { top_p: 0.5 }, { top_p: 0.5 }],
		["openai", { temperature: 0.3 }, {}],
	])("%s, %j of an OpenAI client: %j is sent", async (model, given, wanted) => {
		const { temperature, top_p, top_k } = JSON.parse((await chat(model, given)).sent);
		expect({ temperature, top_p, top_k }).toEqual({
			temperature: undefined,
			top_p: undefined,
			top_k: undefined,
			...wanted,
		});
	});

	test.each(["bedrock", "bedrock-messages", "foundry"])("go on %s too, by the model that is there", async (model) => {
		const { sent, removed } = await native(model, '"temperature":0.2,"top_p":0.5,');
		expect(JSON.parse(sent)).not.toHaveProperty("temperature");
		expect(JSON.parse(sent)).not.toHaveProperty("top_p");
		expect(removed).toContain("field:temperature, field:top_p");
	});
});

describe("a conversation that ends with the assistant", () => {
	const open = (content: string) => `[{"role":"user","content":"Write."}, {"role":"assistant","content":${content}} ]`;
	const GO_ON = '{"role":"user","content":[{"type":"text","text":"Continue."}]}';

	test.each([
		["claude-sonnet-4-5", '"Roses are"', '"Roses are"'],
		["claude-sonnet-4-5", '"Roses\\n are \\n"', '"Roses\\n are"'],
		[
			"claude-sonnet-4-5",
			'[{"type":"text","text":"Roses "},{"type":"text","text":"are \\t"}]',
			'[{"type":"text","text":"Roses "},{"type":"text","text":"are"}]',
		],
		["claude-sonnet-4-5", '"a backslash \\\\n"', '"a backslash \\\\n"'],
		["claude-opus-4-8", '[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}]', null],
		[
			"claude-opus-4-8",
			'[{"type":"text","text":"a"},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}]',
			null,
		],
		["claude-opus-4-8", '[{"type":"tool_use","id":"toolu_1","name":"f","input":{}}]', null],
	])("%s, %s: words it goes on from end without white space, the rest stays", async (model, content, wanted) => {
		const body = (inner: string) => `{"model":"${model}", "max_tokens":5, "messages":${open(inner)}}`;
		expect((await post("/v1/messages", body(content))).sent).toBe(body(wanted ?? content));
	});

	test.each(["claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-5-5"])("%s is asked to go on", async (model) => {
		const body = (messages: string) => `{"model":"${model}", "max_tokens":5, "messages":${messages}}`;
		const messages = open('[{"type":"text","text":"Roses are "}]');
		const { sent } = await post("/v1/messages", body(messages));
		expect(sent).toBe(body(`${messages.slice(0, -2)},${GO_ON} ]`));
	});

	test("so is every platform, and for OpenAI's clients", async () => {
		const said = [
			{ role: "user", content: "Write." },
			{ role: "assistant", content: "Roses are " },
		];
		for (const model of ["bedrock", "bedrock-messages", "foundry", "claude-opus-4-8", "openai"]) {
			const { messages } = JSON.parse((await chat(model, {}, said)).sent);
			expect(messages.at(-1), model).toEqual(JSON.parse(GO_ON));
		}
		const { messages } = JSON.parse((await chat("claude-sonnet-4-5", {}, said)).sent);
		expect(messages.at(-1)).toEqual({ role: "assistant", content: [{ type: "text", text: "Roses are" }] });
	});

	test("so is an older model that thinks within a budget", async () => {
		const thinking = '"thinking":{"type":"enabled","budget_tokens":1024},';
		const { sent } = await native("claude-sonnet-4-5", thinking, open('"Roses"'));
		expect(JSON.parse(sent).messages.at(-1)).toEqual(JSON.parse(GO_ON));
	});
});

describe("what another server said", () => {
	const said = JSON.stringify([
		{ role: "user", content: "list" },
		{
			role: "assistant",
			content: [
				{ type: "thinking", thinking: "I should.", signature: "warmpath-unsigned" },
				{ type: "text", text: "\n\n" },
				{ type: "tool_use", id: "functions.Bash:0", name: "Bash", input: { command: "ls" } },
			],
		},
		{ role: "user", content: [{ type: "tool_result", tool_use_id: "functions.Bash:0", content: "a" }] },
	]);
	const left = [
		{ role: "user", content: "list" },
		{
			role: "assistant",
			content: [{ type: "tool_use", id: "functions_Bash_0", name: "Bash", input: { command: "ls" } }],
		},
		{ role: "user", content: [{ type: "tool_result", tool_use_id: "functions_Bash_0", content: "a" }] },
	];

	test.each(["claude-sonnet-4", "claude-opus-4-8", "bedrock", "bedrock-messages", "foundry", "openai"])(
		"is said to %s, or its fallback, in Claude's form",
		async (model) => {
			const { sent, removed } = await native(model, "", said);
			expect(JSON.parse(sent).messages).toEqual(left);
			expect(removed).toContain("block:thinking, block:text");
		},
	);

	test("does not change what Claude itself said, by a byte", async () => {
		const body = `{"model":"claude-opus-4-8", "max_tokens":5, "messages":[ {"role":"user","content":"a"},{"role":"assistant","content":[ {"type":"thinking","thinking":"","signature":"EqQB\\u002b"}, {"type":"tool_use","id":"toolu_1","name":"f","input":{"id":""}} ]}, {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":" "}]}]}`;
		expect((await post("/v1/messages", body)).sent).toBe(body);
	});

	test("leaves no thinking budget where calls are open without their thinking", async () => {
		const members =
			'"thinking":{"type":"enabled","budget_tokens":1024},"context_management":{"edits":[{"type":"clear_thinking_20251015"}]},';
		const { sent, removed } = await native("claude-sonnet-4-5", members, said);
		expect(JSON.parse(sent).thinking).toEqual({ type: "disabled" });
		expect(JSON.parse(sent)).not.toHaveProperty("context_management");
		expect(removed).toBe("block:thinking, block:text, field:thinking, field:context_management");
	});

	test("is repaired when tokens are counted", async () => {
		const { sent } = await post("/v1/messages/count_tokens", `{"model":"claude-opus-4-8","messages":${said}}`);
		expect(JSON.parse(sent).messages).toEqual(left);
	});

	test("is found again in a longer conversation, of which only the end is read", async () => {
		const filler = "word ".repeat(20_000);
		const first = JSON.parse(said);
		first[0].content = filler;
		const more = [...first, { role: "assistant", content: "done" }, { role: "user", content: "go on" }];
		for (const messages of [
			first,
			more,
			[...more, { role: "assistant", content: "ok" }, { role: "user", content: "bye" }],
		]) {
			const answer = await fetch(`${gateway.url}/v1/messages`, {
				method: "POST",
				headers: { "x-api-key": MASTER_KEY, "x-claude-code-session-id": "s1" },
				body: JSON.stringify({ model: "claude-opus-4-8", max_tokens: 5, messages }),
			});
			await answer.arrayBuffer();
			const sent = JSON.parse(upstream.requests.at(-1)?.body.toString() ?? "").messages;
			expect(sent.slice(1, 3)).toEqual(left.slice(1));
			expect(sent.slice(3)).toEqual(messages.slice(3));
		}
	});
});
