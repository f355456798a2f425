import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { carrierOf, ReasoningDetails, UNSIGNED } from "./carried.ts";
import { asList, asObject, type JsonObject, textOf } from "./json.ts";
import { type DialectOverrides, dialectOf } from "./upstream-dialect.ts";
import { chatRequest } from "./upstream-request.ts";

interface Server {
	readonly host?: string;
	readonly model: string;
	readonly overrides?: DialectOverrides;
}

/** What a Messages API body becomes for a server. */
function chatFor({ host = "gpu-1", model, overrides }: Server, body: JsonObject): JsonObject {
	const dialect = dialectOf({ host, model, maxOutputTokens: null, overrides });
	const bytes = Buffer.from(JSON.stringify({ max_tokens: 100, messages: [{ role: "user", content: "hi" }], ...body }));
	return chatRequest(bytes, { model, stream: false }, dialect).chat;
}

const messagesFor = (server: Server, messages: readonly JsonObject[], system?: unknown): readonly JsonObject[] =>
	asList(chatFor(server, { messages, ...(system === undefined ? {} : { system }) })["messages"])
		.map(asObject)
		.filter((each) => each !== null);
const rolesFor = (server: Server, messages: readonly JsonObject[], system?: unknown) =>
	messagesFor(server, messages, system).map((message) => message["role"]);

const text = (text: string, more: JsonObject = {}) => ({ type: "text", text, ...more });
const use = (id: string, name = "Read", input: JsonObject = {}) => ({ type: "tool_use", id, name, input });
const result = (id: string, content: unknown, more: JsonObject = {}) => ({
	type: "tool_result",
	tool_use_id: id,
	content,
	...more,
});
const PNG = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } };

const QWEN: Server = { model: "Qwen/Qwen3.6-27B" };
const GPT: Server = { host: "api.openai.com", model: "gpt-4.1" };
const MISTRAL: Server = { host: "api.mistral.ai", model: "mistral-large-latest" };
const CLAUDE: Server = { host: "openrouter.ai", model: "anthropic/claude-sonnet-4.5" };

describe("system messages in the middle of a conversation", () => {
	const conversation = [
		{ role: "user", content: "hello" },
		{ role: "system", content: [text("Agents: general-purpose")] },
		{ role: "assistant", content: "Hi." },
		{ role: "user", content: "go on" },
		{ role: "system", content: "A reminder." },
	];

	test.each([
		["Qwen on vLLM", QWEN, ["system", "user", "user", "assistant", "user", "user"]],
		["gpt-oss on Ollama", { model: "gpt-oss:20b" }, ["system", "user", "user", "assistant", "user", "user"]],
		["OpenAI", GPT, ["system", "user", "system", "assistant", "user", "system"]],
		["Gemma, which insists on turns", { model: "google/gemma-3-27b-it" }, ["system", "user", "assistant", "user"]],
		[
			"a server whose operator knows better",
			{ model: "qwen3", overrides: { laterSystem: "keep" as const } },
			["system", "user", "system", "assistant", "user", "system"],
		],
	])("go where %s takes them", (_name, server, roles) => {
		expect(rolesFor(server, conversation, "You are an agent.")).toEqual(roles);
		expect(JSON.stringify(messagesFor(server, conversation))).toContain("Agents: general-purpose");
	});

	test("are set apart from what the user said by tags", () => {
		expect(messagesFor(QWEN, conversation)[1]).toEqual({
			role: "user",
			content: "<system-reminder>\nAgents: general-purpose\n</system-reminder>",
		});
	});

	test("without text vanish, and the first of a conversation without a system prompt stays one", () => {
		const first = [
			{ role: "system", content: "S" },
			{ role: "user", content: "u" },
			{ role: "system", content: [] },
		];
		expect(messagesFor(QWEN, first)).toEqual([
			{ role: "system", content: "S" },
			{ role: "user", content: "u" },
		]);
	});
});

describe("roles in the order that a server takes", () => {
	const turn = (last: unknown) => [
		{ role: "user", content: "hi" },
		{ role: "assistant", content: [use("toolu_01", "Read")] },
		{ role: "user", content: last },
	];

	test.each([
		["text", [result("toolu_01", "file"), text("<system-reminder>note</system-reminder>")]],
		["an image inside a result", [result("toolu_01", [PNG])]],
		["two results and text", [result("toolu_01", "a"), result("toolu_02", "b"), text("and")]],
	])("nothing but an assistant follows a tool's result on Mistral: %s", (_name, last) => {
		const roles = rolesFor(MISTRAL, turn(last));
		expect(roles.join(" ")).not.toContain("tool user");
		expect(roles.slice(-2)).toEqual(["assistant", "user"]);
		expect(rolesFor(QWEN, turn(last)).join(" ")).toContain("tool user");
	});

	test("also where the user's message is another one, or the system's", () => {
		const messages = [
			...turn([result("toolu_01", "x")]),
			{ role: "system", content: "S" },
			{ role: "user", content: "u" },
		];
		expect(rolesFor(MISTRAL, messages)).toEqual(["user", "assistant", "tool", "assistant", "user"]);
		const bare = rolesFor({ model: "Devstral-Small-2-24B-Instruct-2512" }, messages);
		expect(bare).toEqual(["user", "assistant", "tool", "assistant", "user"]);
	});

	test("a result alone needs no one between, and any server can be configured to have it so", () => {
		expect(rolesFor(MISTRAL, turn([result("toolu_01", "x")]))).toEqual(["user", "assistant", "tool"]);
		const configured = { model: "qwen3", overrides: { userAfterTool: false } };
		expect(rolesFor(configured, turn([result("t", "x"), text("y")]))).toEqual([
			"user",
			"assistant",
			"tool",
			"assistant",
			"user",
		]);
	});

	test("servers that insist on turns get neighbours joined, texts and parts alike", () => {
		const messages = [
			{ role: "user", content: "a" },
			{ role: "user", content: "b" },
			{ role: "assistant", content: "c" },
			{ role: "assistant", content: [text("d")] },
			{ role: "user", content: [PNG] },
			{ role: "user", content: "e" },
		];
		expect(messagesFor({ model: "gemma3:27b" }, messages)).toEqual([
			{ role: "user", content: "a\n\nb" },
			{ role: "assistant", content: "c\n\nd" },
			{
				role: "user",
				content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }, text("e")],
			},
		]);
	});

	test("messages of which nothing is left are not sent empty", () => {
		const messages = [
			{ role: "user", content: "a" },
			{ role: "assistant", content: [{ type: "thinking", thinking: "signed", signature: "c2ln" }] },
			{ role: "assistant", content: [] },
			{ role: "user", content: "b" },
		];
		expect(rolesFor(QWEN, messages)).toEqual(["user", "user"]);
	});
});

describe("ids of tool calls", () => {
	const LONG = `toolu_${"x".repeat(60)}`;
	const idsFor = (server: Server, id: string) => {
		const [, call, answer] = messagesFor(server, [
			{ role: "user", content: "hi" },
			{ role: "assistant", content: [use(id)] },
			{ role: "user", content: [result(id, "x")] },
		]);
		return [asObject(asList(call?.["tool_calls"])[0])?.["id"], answer?.["tool_call_id"]];
	};

	test.each([
		["Mistral", MISTRAL, "toolu_01A09q90qw90lq917835lq9", /^[a-zA-Z0-9]{9}$/],
		["Mistral, its own", MISTRAL, "D681PevKs", /^D681PevKs$/],
		["OpenAI", GPT, LONG, /^.{1,40}$/],
		["OpenAI, a short one", GPT, "toolu_01", /^toolu_01$/],
		["a server that takes any", QWEN, LONG, new RegExp(`^${LONG}$`)],
	])("have the form of %s, in call and result alike", (_name, server, id, form) => {
		const [inCall, inResult] = idsFor(server, id);
		expect(inCall).toBe(inResult);
		expect(inCall).toMatch(form);
		expect(idsFor(server, `${id}2`)[0]).not.toBe(inCall);
	});
});

describe("blocks that Chat Completions has not", () => {
	const toolText = (content: unknown) => {
		const messages = [
			{ role: "assistant", content: [use("t")] },
			{ role: "user", content: [result("t", content)] },
		];
		return messagesFor(QWEN, messages).find(({ role }) => role === "tool")?.["content"];
	};

	test.each([
		["a found tool", [{ type: "tool_reference", tool_name: "WebFetch" }], /WebFetch/],
		[
			"two found tools",
			[
				{ type: "tool_reference", tool_name: "A" },
				{ type: "tool_reference", tool_name: "B" },
			],
			/A.*\n.*B/,
		],
		[
			"a search result",
			[{ type: "search_result", title: "T", source: "https://x.test", content: [text("body")] }],
			/T\nhttps:\/\/x\.test\n\nbody/,
		],
		[
			"a text document",
			[{ type: "document", title: "D", source: { type: "text", media_type: "text/plain", data: "words" } }],
			/D\n\nwords/,
		],
		["a document of blocks", [{ type: "document", source: { type: "content", content: [text("b1")] } }], /b1/],
		["an image", [PNG], /next message/],
	])("say in the tool's message what %s says", (_name, content, said) => {
		expect(toolText(content)).toMatch(said);
	});

	test("a found tool is named as the server knows it", () => {
		const long = `mcp__server__${"x".repeat(80)}`;
		const chat = chatFor(QWEN, {
			tools: [{ name: long, input_schema: { type: "object" } }],
			messages: [{ role: "user", content: [result("t", [{ type: "tool_reference", tool_name: long }])] }],
		});
		const [tool] = asList(chat["tools"]).map((each) => textOf(asObject(each)?.["function"], "name"));
		expect(JSON.stringify(chat["messages"])).toContain(tool);
		expect(JSON.stringify(chat)).not.toContain(long);
	});

	test("what is stored at Anthropic is named, not dropped", () => {
		const content = [{ type: "image", source: { type: "file", file_id: "file_1" } }];
		expect(JSON.stringify(messagesFor(QWEN, [{ role: "user", content }]))).toContain("file_1");
	});
});

describe("cache markers", () => {
	const HOUR = { cache_control: { type: "ephemeral", ttl: "1h" } };
	const NOW = { cache_control: { type: "ephemeral" } };
	const body = {
		system: [text("S", HOUR)],
		tools: [
			{ name: "a", input_schema: { type: "object" } },
			{ name: "b", input_schema: { type: "object" }, ...HOUR },
		],
		messages: [
			{ role: "user", content: "x" },
			{ role: "assistant", content: [text("y", NOW), use("t", "a")] },
			{ role: "user", content: [result("t", [text("ok")], NOW)] },
		],
	};

	test.each([
		["Claude on OpenRouter", CLAUDE],
		["Claude behind some proxy", { model: "anthropic.claude-opus-4-5" }],
		["Qwen on Alibaba Cloud", { host: "dashscope-intl.aliyuncs.com", model: "qwen3-max" }],
		["a server of which the operator says so", { model: "proxy-model", overrides: { cacheControl: true } }],
	])("go on to %s, where they stood", (_name, server: Server) => {
		const chat = chatFor(server, body);
		expect(asList(chat["tools"])[1]).toMatchObject(HOUR);
		expect(asList(chat["messages"])).toMatchObject([
			{ role: "system", content: [text("S", HOUR)] },
			{ role: "user", content: [text("x")] },
			{ role: "assistant", content: [text("y", NOW)], tool_calls: [{ id: "t" }] },
			{ role: "tool", content: [text("ok", NOW)] },
		]);
	});

	test.each([
		["OpenAI", GPT],
		["Qwen on vLLM", QWEN],
		["Mistral", MISTRAL],
	])("do not reach %s", (_name, server) => {
		expect(JSON.stringify(chatFor(server, body))).not.toContain("cache_control");
	});

	test("their moving on changes nothing else", () => {
		const unmarked = (value: JsonObject) =>
			JSON.parse(JSON.stringify(value, (key, each) => (key === "cache_control" ? undefined : each)));
		expect(unmarked(chatFor(CLAUDE, body))).toEqual(chatFor(CLAUDE, unmarked(body)));
	});
});

describe("thinking of the history", () => {
	const history = [
		{ role: "user", content: "u" },
		{
			role: "assistant",
			content: [{ type: "thinking", thinking: "hm", signature: UNSIGNED }, text("a"), use("t")],
		},
		{ role: "user", content: [result("t", "r")] },
	];
	const withoutThinking = [history[0], { role: "assistant", content: [use("t")] }, history[2]].filter(
		(each) => each !== undefined,
	);

	test.each([
		["vLLM", QWEN, { reasoning_content: "hm" }],
		["OpenRouter", { host: "openrouter.ai", model: "z-ai/glm-5" }, { reasoning: "hm" }],
		["DeepSeek", { host: "api.deepseek.com", model: "deepseek-v4-pro" }, { reasoning_content: "hm" }],
	])("goes back to %s under its name", (_name, server, member) => {
		expect(messagesFor(server, history)[1]).toMatchObject(member);
	});

	test.each([
		["OpenAI", GPT],
		["Mistral", MISTRAL],
		["Groq", { host: "api.groq.com", model: "openai/gpt-oss-120b" }],
		["Gemini", { host: "generativelanguage.googleapis.com", model: "gemini-2.5-pro" }],
		["Gemini behind a proxy", { model: "google/gemini-3-flash" }],
		["Mistral's models on vLLM", { model: "mistralai/Devstral-Small-2" }],
	])("is left out for %s, which refuses it", (_name, server) => {
		expect(JSON.stringify(messagesFor(server, history))).not.toMatch(/reasoning|"hm"/);
	});

	test.each([
		["DeepSeek", { host: "api.deepseek.com", model: "deepseek-reasoner" }],
		["Kimi", { host: "api.moonshot.ai", model: "kimi-k2.5" }],
	])("is stood for where %s insists on it and there is none", (_name, server) => {
		const reasoning = textOf(messagesFor(server, withoutThinking)[1], "reasoning_content");
		expect(reasoning).not.toBeNull();
		expect(reasoning).not.toBe("");
		expect(messagesFor(QWEN, withoutThinking)[1]).not.toHaveProperty("reasoning_content");
	});
});

describe("thought signatures", () => {
	const GEMINI: Server = { host: "generativelanguage.googleapis.com", model: "gemini-3-flash" };
	const extra = { google: { thought_signature: "c2lnbmF0dXJl" } };
	const carried = carrierOf("c1", extra);
	const turns = (content: readonly unknown[]) => [
		{ role: "user", content: "u" },
		{ role: "assistant", content },
	];
	const callsFor = (server: Server, content: readonly unknown[]) =>
		asList(messagesFor(server, turns(content))[1]?.["tool_calls"]).map((call) => asObject(call)?.["extra_content"]);

	test("return to the call they came with, among parallel ones", () => {
		expect(callsFor(GEMINI, [carried, use("c1"), use("c2")])).toEqual([extra, undefined]);
		expect(callsFor(GEMINI, [use("c0"), carried, use("c1")])).toEqual([undefined, extra]);
	});

	test("return to a server that is not known too, which may be a proxy before Gemini", () => {
		expect(callsFor({ model: "my-model" }, [carried, use("c1")])).toEqual([extra]);
	});

	test.each([
		["OpenAI", GPT],
		["Mistral", MISTRAL],
	])("never go to %s", (_name, server) => {
		expect(callsFor(server, [carried, use("c1")])).toEqual([undefined]);
	});

	test("of calls that Gemini did not make are stood for by what it lets pass, once a message", () => {
		const pass = { google: { thought_signature: "skip_thought_signature_validator" } };
		expect(callsFor(GEMINI, [use("toolu_1"), use("toolu_2")])).toEqual([pass, undefined]);
		expect(callsFor({ ...GEMINI, model: "gemini-2.5-pro" }, [use("toolu_1")])).toEqual([undefined]);
	});

	test("what a client made up is nobody's", () => {
		const forged = { type: "thinking", thinking: "", signature: `${UNSIGNED}.bm90IGpzb24` };
		expect(callsFor({ model: "my-model" }, [forged, use("c1")])).toEqual([undefined]);
	});
});

describe("reasoning_details", () => {
	const SEALED = [
		{ type: "reasoning.text", text: "hm", signature: "c2ln", index: 0 },
		{ type: "reasoning.encrypted", data: "ZGF0YQ==", id: "c1", index: 1 },
	];
	const PIECES = [
		[{ type: "reasoning.text", text: "h", index: 0 }],
		[{ type: "reasoning.text", text: "m", signature: "c2ln", index: 0 }],
		[{ type: "reasoning.encrypted", data: "ZGF0YQ==", id: "c1", index: 1 }],
	];
	const carrierFor = (...pieces: readonly (readonly JsonObject[])[]) => {
		const details = new ReasoningDetails();
		for (const reasoning_details of pieces) details.add({ reasoning_details });
		return details.carrier;
	};
	const backFor = (server: Server, carrier: unknown) =>
		messagesFor(server, [{ role: "assistant", content: [carrier, use("c1")] }])[0];

	test.each([
		["OpenRouter", { host: "openrouter.ai", model: "google/gemini-3-pro" }],
		["OpenRouter, a model of OpenAI's", { host: "openrouter.ai", model: "openai/gpt-5" }],
		["a server that is not known", { model: "my-model" }],
	])("that are sealed come back whole, from pieces too: %s", (_name, server) => {
		for (const carrier of [carrierFor(SEALED), carrierFor(...PIECES)])
			expect(backFor(server, carrier)?.["reasoning_details"]).toEqual(SEALED);
	});

	test.each([
		["OpenAI", GPT],
		["Mistral", MISTRAL],
	])("never go to %s", (_name, server) => {
		expect(JSON.stringify(backFor(server, carrierFor(SEALED)))).not.toMatch(/reasoning|hm/);
	});

	test("of plain text are not carried twice", () => {
		expect(carrierFor([{ type: "reasoning.text", text: "hm", index: 0 }])).toBeNull();
	});
});

describe("a growing conversation", () => {
	const id = fc.stringMatching(/^toolu_[a-z]{1,50}$/);
	const block = fc.oneof(
		fc.string({ minLength: 1 }).map((each) => text(each)),
		fc.constant(PNG),
	);
	const round = fc
		.record({ id, name: fc.stringMatching(/^[a-z.]{1,90}$/), said: fc.array(block, { maxLength: 3 }) })
		.map(({ id, name, said }) => [
			{ role: "assistant", content: [text("I call."), use(id, name, { path: "a" })] },
			{ role: "user", content: [result(id, [text("r"), PNG]), ...said] },
		]);
	const interjected = fc.option(fc.constant({ role: "system", content: "S" }), { nil: null });

	test.each([
		["vLLM", QWEN],
		["OpenAI", GPT],
		["Mistral", MISTRAL],
		["OpenRouter", CLAUDE],
		["Gemma", { model: "gemma-3" }],
		["Gemini", { host: "generativelanguage.googleapis.com", model: "gemini-3-pro" }],
		["DeepSeek", { host: "api.deepseek.com", model: "deepseek-v4" }],
	])("begins with the bytes of the turn before on %s", (_name, server: Server) => {
		fc.assert(
			fc.property(fc.array(fc.tuple(round, interjected), { minLength: 1, maxLength: 6 }), (rounds) => {
				let before = "";
				const messages: JsonObject[] = [{ role: "user", content: "start" }];
				for (const [turn, reminder] of rounds) {
					messages.push(...turn, ...(reminder === null ? [] : [reminder]));
					// Without the closing bracket: what follows is added behind.
					const now = JSON.stringify(messagesFor(server, messages, "S")).slice(0, -1);
					expect(now.startsWith(before)).toBe(true);
					before = now;
				}
			}),
			{ numRuns: 40 },
		);
	});
});
