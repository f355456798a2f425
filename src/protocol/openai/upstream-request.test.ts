import { describe, expect, test } from "vitest";
import { asList, asObject, type JsonObject, textOf } from "./json.ts";
import { dialectOf } from "./upstream-dialect.ts";
import { chatRequest } from "./upstream-request.ts";

interface Server {
	readonly host?: string;
	readonly model: string;
	readonly baseModel?: string;
	readonly maxOutputTokens?: number;
}

function translated({ host = "gpu-1", model, baseModel, maxOutputTokens }: Server, body: JsonObject) {
	const dialect = dialectOf({ host, model: baseModel ?? model, maxOutputTokens: maxOutputTokens ?? null });
	const bytes = Buffer.from(JSON.stringify({ max_tokens: 100, messages: [{ role: "user", content: "hi" }], ...body }));
	return chatRequest(bytes, { model, baseModel, stream: false }, dialect);
}
const chatFor = (server: Server, body: JsonObject): JsonObject => translated(server, body).chat;

const OPENAI = "api.openai.com";
const TOOL = { name: "f", description: "d", input_schema: { type: "object", properties: {} } };

describe("sampling and limits", () => {
	const body = { temperature: 0, top_p: 0.9, top_k: 5, stop_sequences: ["a", "b", "c", "d", "e"], max_tokens: 100 };

	test.each([
		"gpt-5-mini",
		"gpt-5",
		"gpt-5.1",
		"gpt-5.6-terra",
		"o4-mini",
		"o3",
		"o1",
		"openai/gpt-5.2",
		"gpt-5-2025-08-07",
		"gpt-6",
		"ft:o4-mini-2025-04-16:acme::AbC123",
		"openai/ft:gpt-5-mini:acme:name:x",
	])("%s, which reasons, gets neither sampling nor stop sequences, and its own name for the limit", (model) => {
		for (const host of [OPENAI, "proxy", "x.openai.azure.com", "openrouter.ai"]) {
			const chat = chatFor({ host, model }, body);
			expect(chat).not.toHaveProperty("temperature");
			expect(chat).not.toHaveProperty("top_p");
			expect(chat).not.toHaveProperty("stop");
			expect(chat).not.toHaveProperty("max_tokens");
			expect(chat["max_completion_tokens"]).toBe(100);
		}
	});

	test.each([
		["gpt-4.1", OPENAI, { temperature: 0, top_p: 0.9, stop: ["a", "b", "c", "d"], max_completion_tokens: 100 }],
		["gpt-4o", "proxy", { temperature: 0, top_p: 0.9, stop: ["a", "b", "c", "d"], max_tokens: 100 }],
		["gpt-5-chat-latest", OPENAI, { temperature: 0, top_p: 0.9, max_completion_tokens: 100 }],
		["qwen3", "gpu", { temperature: 0, top_p: 0.9, top_k: 5, stop: body.stop_sequences, max_tokens: 100 }],
		["gpt-oss-120b", "gpu", { temperature: 0, top_k: 5, max_tokens: 100 }],
		["mistral-large-latest", "api.mistral.ai", { temperature: 0, stop: body.stop_sequences, max_tokens: 100 }],
	])("%s at %s gets what it takes", (model, host, taken) => {
		expect(chatFor({ host, model }, body)).toMatchObject(taken);
	});

	test.each([
		["gpt-4.1", OPENAI],
		["mistral-large-latest", "api.mistral.ai"],
		["llama-3.3-70b", "api.groq.com"],
		["gemini-2.5-pro", "generativelanguage.googleapis.com"],
		["grok-4", "api.x.ai"],
	])("%s at %s is not sent top_k", (model, host) => {
		expect(chatFor({ host, model }, body)).not.toHaveProperty("top_k");
	});

	test("a deployment's own name says what it is by base_model", () => {
		const server = { host: "x.openai.azure.com", model: "my-deployment", baseModel: "azure/gpt-5-mini" };
		const chat = chatFor(server, body);
		expect(chat["model"]).toBe("my-deployment");
		expect(chat).not.toHaveProperty("temperature");
		expect(chatFor({ ...server, baseModel: "gpt-4.1" }, body)).toHaveProperty("temperature");
	});
});

describe("reasoning effort", () => {
	const effort = (level: string) => ({ thinking: { type: "adaptive" }, output_config: { effort: level } });
	const budget = (budget_tokens: number) => ({ thinking: { type: "enabled", budget_tokens } });
	const off = { thinking: { type: "disabled" } };

	test.each([
		["gpt-5", off, "minimal"],
		["gpt-5.1", off, "none"],
		["gpt-5.2", effort("xhigh"), "xhigh"],
		["gpt-5.2", effort("max"), "xhigh"],
		["gpt-5.6", effort("max"), "max"],
		["gpt-5.6-sol", off, "none"],
		["gpt-5.1", effort("xhigh"), "high"],
		["gpt-5", effort("max"), "high"],
		["gpt-5-pro", effort("low"), "high"],
		["gpt-5.2-pro", effort("low"), "medium"],
		["gpt-5.1-codex-max", effort("xhigh"), "xhigh"],
		["gpt-5-codex", effort("xhigh"), "high"],
		["o4-mini", budget(1024), "low"],
		["o3", budget(8192), "medium"],
		["o3-mini", budget(31_999), "high"],
		["o3", off, undefined],
		["gpt-5", {}, undefined],
		["gpt-4.1", effort("high"), undefined],
		["gpt-5-chat-latest", effort("high"), undefined],
		["o1-mini", effort("high"), undefined],
	])("of %s for %j", (model, body, level) => {
		expect(chatFor({ host: OPENAI, model }, body)["reasoning_effort"]).toBe(level);
	});

	test.each([
		["vLLM", { host: "gpu", model: "qwen3" }, effort("max"), "high"],
		["vLLM, no thinking", { host: "gpu", model: "qwen3" }, off, undefined],
		["OpenRouter", { host: "openrouter.ai", model: "z-ai/glm-5" }, effort("xhigh"), "xhigh"],
		["OpenRouter, no thinking", { host: "openrouter.ai", model: "z-ai/glm-5" }, off, "none"],
		["Gemini", { model: "gemini-3-flash" }, effort("max"), "high"],
		["Mistral", { host: "api.mistral.ai", model: "mistral-large" }, effort("high"), undefined],
		["Groq", { host: "api.groq.com", model: "llama-3.3-70b" }, effort("high"), undefined],
		["gpt-oss on Groq", { host: "api.groq.com", model: "openai/gpt-oss-120b" }, effort("max"), "high"],
		["xAI", { host: "api.x.ai", model: "grok-4" }, effort("high"), undefined],
	])("on %s", (_name, server, body, level) => {
		expect(chatFor(server, body)["reasoning_effort"]).toBe(level);
	});

	test.each(["gpt-5.2", "gpt-5.4", "gpt-5.6-terra"])(
		"is none beside the tools of %s, which refuses any other",
		(model) => {
			for (const body of [{}, effort("high"), budget(8192)]) {
				expect(chatFor({ host: OPENAI, model }, { ...body, tools: [TOOL] })["reasoning_effort"]).toBe("none");
			}
			expect(chatFor({ host: OPENAI, model: "gpt-5" }, { ...effort("high"), tools: [TOOL] })["reasoning_effort"]).toBe(
				"high",
			);
		},
	);
});

describe("tools", () => {
	const toolsFor = (server: Server, tools: readonly JsonObject[]) =>
		asList(chatFor(server, { tools })["tools"]).map((tool) => asObject(asObject(tool)?.["function"]) ?? {});

	test("that a search finds later stand behind the others and are sent without Claude's own members", () => {
		const tools = [
			{ ...TOOL, name: "a" },
			{ ...TOOL, name: "found", defer_loading: true, eager_input_streaming: true },
			{ ...TOOL, name: "b" },
		];
		expect(toolsFor({ model: "qwen3" }, tools).map(({ name }) => name)).toEqual(["a", "b", "found"]);
		expect(JSON.stringify(chatFor({ model: "qwen3" }, { tools }))).not.toMatch(/defer_loading|eager_input/);
	});

	test.each([
		["gpt-4.1", OPENAI],
		["my-gpt", "x.openai.azure.com"],
		["gpt-4o", "proxy"],
	])("with long descriptions have the whole of them in the system prompt: %s at %s", (model, host) => {
		const description = `Runs a command. ${"Mind the gap. ".repeat(300)}END`;
		const chat = chatFor({ host, model }, { system: "S", tools: [{ ...TOOL, description }] });
		const [tool] = asList(chat["tools"]);
		const sent = textOf(asObject(tool)?.["function"], "description") ?? "";
		expect(sent.length).toBeLessThanOrEqual(1024);
		expect(sent.startsWith("Runs a command.")).toBe(true);
		const system = textOf(asList(chat["messages"])[0], "content") ?? "";
		expect(system.startsWith("S\n\n")).toBe(true);
		expect(system).toContain(description);
	});

	test("keep their whole description elsewhere", () => {
		const description = "x".repeat(5000);
		expect(toolsFor({ model: "qwen3" }, [{ ...TOOL, description }])[0]?.["description"]).toBe(description);
	});

	test.each([
		["all properties are required", { required: ["a", "b"], additionalProperties: false }, true],
		["one is not", { required: ["a"], additionalProperties: false }, undefined],
		["others are allowed", { required: ["a", "b"] }, undefined],
	])("are strict only where %s", (_name, more, strict) => {
		const input_schema = { type: "object", properties: { a: { type: "string" }, b: { type: "string" } }, ...more };
		expect(toolsFor({ host: OPENAI, model: "gpt-4.1" }, [{ ...TOOL, strict: true, input_schema }])[0]?.["strict"]).toBe(
			strict,
		);
	});

	const SEARCH = { type: "web_search_20250305", name: "web_search" };

	test("that only Anthropic runs are left out and named", () => {
		const { chat, removed } = translated(
			{ model: "qwen3" },
			{ tools: [TOOL, SEARCH, { type: "code_execution_20250825", name: "x" }] },
		);
		expect(asList(chat["tools"])).toHaveLength(1);
		expect(removed).toEqual(["web_search_20250305", "code_execution_20250825"]);
	});

	test.each([
		[{ type: "tool", name: "web_search" }, [SEARCH]],
		[{ type: "tool", name: "web_search" }, [SEARCH, TOOL]],
		[{ type: "any" }, [SEARCH]],
	])("that only Anthropic runs are refused where they must be called: %j", (tool_choice, tools) => {
		expect(() => translated({ model: "qwen3" }, { tool_choice, tools })).toThrow(/tool_choice.*web_search/s);
	});

	test.each([
		[{ type: "auto" }, "auto", undefined],
		[{ type: "any" }, "required", undefined],
		[{ type: "none" }, "none", undefined],
		[{ type: "tool", name: "f" }, { type: "function", function: { name: "f" } }, undefined],
		[{ type: "auto", disable_parallel_tool_use: true }, "auto", false],
		[{ type: "any", disable_parallel_tool_use: true }, "required", false],
	])("are chosen by %j", (tool_choice, choice, parallel) => {
		const chat = chatFor({ host: OPENAI, model: "gpt-4.1" }, { tools: [TOOL], tool_choice });
		expect(chat["tool_choice"]).toEqual(choice);
		expect(chat["parallel_tool_calls"]).toBe(parallel);
	});

	test.each([
		["o3", OPENAI],
		["gemini-2.5-flash", "generativelanguage.googleapis.com"],
	])("of %s are called as it likes", (model, host) => {
		const tool_choice = { type: "auto", disable_parallel_tool_use: true };
		expect(chatFor({ host, model }, { tools: [TOOL], tool_choice })).not.toHaveProperty("parallel_tool_calls");
	});

	test("that are not there are not chosen among", () => {
		const chat = chatFor({ model: "qwen3" }, { tool_choice: { type: "auto", disable_parallel_tool_use: true } });
		expect(chat).not.toHaveProperty("tool_choice");
		expect(chat).not.toHaveProperty("parallel_tool_calls");
	});

	test("with names that are too long are chosen by those they have there", () => {
		const name = `mcp__server__${"x".repeat(70)}`;
		const { chat, names } = translated(
			{ model: "qwen3" },
			{ tools: [{ ...TOOL, name }], tool_choice: { type: "tool", name } },
		);
		const chosen = asObject(asObject(chat["tool_choice"])?.["function"]);
		expect(chosen?.["name"]).toBe(asObject(asObject(asList(chat["tools"])[0])?.["function"])?.["name"]);
		expect(names.toClient(String(chosen?.["name"]))).toBe(name);
	});
});

describe("answers in JSON", () => {
	const full = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
	const open = { ...full, required: [] };

	test.each([
		["output_config.format", { output_config: { format: { type: "json_schema", schema: full } } }, full, true],
		["output_format, its older name", { output_format: { type: "json_schema", schema: full } }, full, true],
		["an optional property", { output_config: { format: { type: "json_schema", schema: open } } }, open, false],
		["an optional property, older name", { output_format: { type: "json_schema", schema: open } }, open, false],
	])("are asked for by %s", (_name, body, schema, strict) => {
		expect(chatFor({ host: OPENAI, model: "gpt-4.1" }, body)["response_format"]).toEqual({
			type: "json_schema",
			json_schema: { name: "answer", schema, strict },
		});
	});
});

describe("who asks", () => {
	const userFor = (server: Server, user_id: string) => {
		const chat = chatFor(server, { metadata: { user_id } });
		return chat["safety_identifier"] ?? chat["user"];
	};
	const CODE = `user_${"a1".repeat(32)}_account_0b5d_session_`;

	test.each([
		["OpenAI", { host: OPENAI, model: "gpt-5" }],
		["Azure", { host: "x.openai.azure.com", model: "gpt-5" }],
		["OpenRouter", { host: "openrouter.ai", model: "z-ai/glm-5" }],
	])("is told to %s in 64 characters, the same in every session", (_name, server) => {
		expect(userFor(server, "team-7")).toBe("team-7");
		const first = userFor(server, `${CODE}11111111-2222`);
		expect(first).toMatch(/^[0-9a-f]{64}$/);
		expect(userFor(server, `${CODE}33333333-4444`)).toBe(first);
		const json = (session_id: string) => JSON.stringify({ device_id: "d".repeat(64), account_uuid: "u", session_id });
		expect(userFor(server, json("1"))).toBe(userFor(server, json("2")));
		expect(userFor(server, json("1"))).toMatch(/^[0-9a-f]{64}$/);
	});

	test.each([
		["Mistral", { host: "api.mistral.ai", model: "mistral-large" }],
		["vLLM", { model: "qwen3" }],
	])("is not told to %s", (_name, server) => {
		expect(userFor(server, "team-7")).toBeUndefined();
	});
});
