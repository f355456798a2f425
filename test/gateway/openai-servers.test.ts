// What single OpenAI-compatible servers take and send, on the whole path: each fake refuses what the real one refuses.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type RecordedRequest, startRecordingUpstream } from "../recording-upstream.ts";

interface Sent {
	readonly stream?: boolean;
	readonly reasoning_effort?: string;
	readonly messages: readonly {
		readonly role: string;
		readonly content: unknown;
		readonly tool_calls?: readonly {
			readonly id: string;
			readonly function: { readonly name: string };
			readonly extra_content?: unknown;
		}[];
	}[];
	readonly tools?: readonly { readonly function: { readonly name: string } }[];
	readonly tool_choice?: { readonly function: { readonly name: string } };
}

interface Said {
	/** null = answer. */
	readonly refusal?: string | null;
	readonly message?: Readonly<Record<string, unknown>>;
}

const sentIn = ({ body }: RecordedRequest): Sent => JSON.parse(body.toString());

/** A gateway before a server that refuses or says what `server` gives; streamed where it is asked to. */
async function start(model: string, server: (sent: Sent) => Said, params = "") {
	const upstream = await startRecordingUpstream((request, response) => {
		const sent = sentIn(request);
		const { refusal, message } = server(sent);
		if (refusal !== undefined && refusal !== null) {
			response.writeHead(400, { "content-type": "application/json" });
			response.end(JSON.stringify({ error: { message: refusal, type: "invalid_request_error", code: null } }));
			return;
		}
		const said = message ?? { role: "assistant", content: "Fine." };
		const finish_reason = said["tool_calls"] === undefined ? "stop" : "tool_calls";
		const about = { id: "chatcmpl-1", model, usage: { prompt_tokens: 5, completion_tokens: 2 } };
		if (sent.stream !== true) {
			response.writeHead(200, { "content-type": "application/json" });
			response.end(JSON.stringify({ ...about, choices: [{ index: 0, message: said, finish_reason }] }));
			return;
		}
		response.writeHead(200, { "content-type": "text/event-stream" });
		for (const choice of [
			{ delta: said, finish_reason: null },
			{ delta: {}, finish_reason },
		])
			response.write(`data: ${JSON.stringify({ ...about, choices: [{ index: 0, ...choice }] })}\n\n`);
		response.end("data: [DONE]\n\n");
	});
	const gateway = await startTestGateway(
		configFrom(`model_list:
  - model_name: local
    litellm_params: { model: "openai/${model}", api_base: "${upstream.url}/v1", api_key: none${params} }
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`),
	);
	const claude = new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY, maxRetries: 0 });
	return {
		upstream,
		gateway,
		claude,
		openai: new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: MASTER_KEY, maxRetries: 0 }),
		last: (): Sent => sentIn(upstream.requests.at(-1) as RecordedRequest),
		ask(stream: boolean, more: Partial<Anthropic.MessageCreateParamsNonStreaming>): Promise<Anthropic.Message> {
			const body = { model: "local", max_tokens: 50, messages: [{ role: "user" as const, content: "hi" }], ...more };
			return stream ? claude.messages.stream(body).finalMessage() : claude.messages.create(body);
		},
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

const BOTH = [
	["streamed", true],
	["whole", false],
] as const;
const schema = { type: "object" as const, properties: {} };

describe("names that the server refuses", () => {
	const NAMES = [
		"mcp__ymir-privileged__get_failed_pipeline_jobs_from_merge_request_by_project_id",
		"mcp__ymir-privileged__get_failed_pipeline_jobs_from_merge_request_by_project_nr",
		"plugin.tool/with:odd characters",
		"Read",
	];
	const server = ({ messages, tools = [], tool_choice }: Sent): Said => {
		const history = messages.flatMap(({ tool_calls = [] }) => tool_calls.map((call) => call.function.name));
		const names = [...tools.map((tool) => tool.function.name), ...history];
		if (tool_choice?.function !== undefined) names.push(tool_choice.function.name);
		const bad = names.find((name) => !/^[a-zA-Z0-9_-]{1,64}$/.test(name));
		if (bad !== undefined) return { refusal: `Invalid name '${bad}'` };
		if (history.length > 0) return {};
		const tool_calls = tools.map((tool, index) => ({
			index,
			id: `call_${index}`,
			type: "function",
			function: { name: tool.function.name, arguments: "{}" },
		}));
		return { message: { role: "assistant", content: null, tool_calls } };
	};

	test.each(BOTH)(
		"are the client's own again in answers, and the server's in the next turn: %s",
		async (_name, stream) => {
			await using setup = await start("gpt-4.1", server);
			const tools = NAMES.map((name) => ({ name, description: "d", input_schema: schema }));
			const first = await setup.ask(stream, { tools });
			const uses = first.content.filter((block) => block.type === "tool_use");
			expect(uses.map(({ name }) => name)).toEqual(NAMES);
			const results = uses.map(({ id }) => ({ type: "tool_result" as const, tool_use_id: id, content: "ok" }));
			await setup.ask(stream, {
				tools,
				tool_choice: { type: "tool", name: NAMES[0] as string },
				messages: [
					{ role: "user", content: "hi" },
					{ role: "assistant", content: first.content },
					{ role: "user", content: results },
				],
			});
			const { tools: sent = [], messages, tool_choice } = setup.last();
			const called = messages.flatMap(({ tool_calls = [] }) => tool_calls.map((call) => call.function.name));
			expect(called).toEqual(sent.map((tool) => tool.function.name));
			expect(new Set(called).size).toBe(NAMES.length);
			expect(tool_choice?.function.name).toBe(called[0]);
		},
	);

	test("are a Responses client's own too", async () => {
		await using setup = await start("gpt-4.1", server);
		const [name] = NAMES as [string];
		const tools = [{ type: "function" as const, name, parameters: schema, strict: false }];
		const answer = await setup.openai.responses.create({ model: "local", input: "hi", tools });
		expect(answer.output.map((item) => (item.type === "function_call" ? item.name : ""))).toEqual([name]);
	});
});

describe("Gemini's thought signatures", () => {
	const SIGNATURE = "CsQBAXLI2nxSignatureOfTheThought==";
	const server = ({ messages }: Sent): Said => {
		const steps = messages.filter(({ tool_calls }) => tool_calls !== undefined);
		const missing = steps.find(
			({ tool_calls = [] }) =>
				JSON.stringify(tool_calls[0]?.extra_content) !== `{"google":{"thought_signature":"${SIGNATURE}"}}`,
		);
		if (missing !== undefined)
			return { refusal: "Function call is missing a thought_signature in functionCall parts." };
		if (steps.length > 1) return {};
		const call = (index: number, more: object) => ({
			index,
			id: `function-call-${steps.length}${index}`,
			type: "function",
			function: { name: "Read", arguments: `{"p":${index}}` },
			...more,
		});
		const tool_calls = [call(0, { extra_content: { google: { thought_signature: SIGNATURE } } }), call(1, {})];
		return { message: { role: "assistant", content: "I read.", tool_calls } };
	};
	const tools = [{ name: "Read", input_schema: schema }];

	test.each(BOTH)("come back with every later turn, also through another gateway: %s", async (_name, stream) => {
		await using setup = await start("gemini-3-flash", server);
		await using other = await start("gemini-3-flash", server);
		const messages: Anthropic.MessageParam[] = [{ role: "user", content: "hi" }];
		for (const { ask } of [setup, other, setup]) {
			const { content } = await ask(stream, { tools, messages });
			const results = content.flatMap((block) =>
				block.type === "tool_use" ? [{ type: "tool_result" as const, tool_use_id: block.id, content: "ok" }] : [],
			);
			if (results.length === 0) break;
			expect(results).toHaveLength(2);
			messages.push({ role: "assistant", content }, { role: "user", content: results });
		}
		expect(messages).toHaveLength(5);
	});

	test.each(BOTH)("come back from a Responses client that keeps its reasoning items: %s", async (_name, stream) => {
		await using setup = await start("gemini-3-pro", server);
		const tools = [{ type: "function" as const, name: "Read", parameters: schema, strict: false }];
		const input: OpenAI.Responses.ResponseInputItem[] = [{ role: "user", content: "hi" }];
		const body = { model: "local", input, tools };
		const { responses } = setup.openai;
		const ask = () => (stream ? responses.stream(body).finalResponse() : responses.create(body));
		const { output } = await ask();
		input.push(...(output as OpenAI.Responses.ResponseInputItem[]));
		for (const item of output)
			if (item.type === "function_call")
				input.push({ type: "function_call_output", call_id: item.call_id, output: "ok" });
		const next = await ask();
		expect(next.output.some(({ type }) => type === "function_call")).toBe(true);
	});
});

describe("OpenRouter's reasoning_details", () => {
	const DETAILS = [
		{ type: "reasoning.encrypted", data: "ZGF0YQ==", id: "call_1", format: "google-gemini-v1", index: 0 },
	];
	const server = ({ messages }: Sent): Said => {
		const [step] = messages.filter(({ tool_calls }) => tool_calls !== undefined);
		if (step !== undefined)
			return JSON.stringify(step).includes(JSON.stringify(DETAILS)) ? {} : { refusal: "missing thought_signature" };
		const tool_calls = [{ index: 0, id: "call_1", type: "function", function: { name: "Read", arguments: "{}" } }];
		return { message: { role: "assistant", content: "", reasoning_details: DETAILS, tool_calls } };
	};

	test.each(BOTH)("come back with the next turn: %s", async (_name, stream) => {
		await using setup = await start("google/some-model", server);
		const tools = [{ name: "Read", input_schema: schema }];
		const { content } = await setup.ask(stream, { tools });
		const next = await setup.ask(stream, {
			tools,
			messages: [
				{ role: "user", content: "hi" },
				{ role: "assistant", content },
				{ role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "ok" }] },
			],
		});
		expect(next.content).toMatchObject([{ type: "text", text: "Fine." }]);
	});
});

describe("what a Responses client asks of reasoning", () => {
	test.each([
		["gpt-5", "minimal", "minimal"],
		["gpt-5.1", "none", "none"],
		["gpt-5.2", "xhigh", "xhigh"],
		["o3", "minimal", "low"],
	] as const)("reaches %s as it takes it: %s", async (model, effort, level) => {
		await using setup = await start(model, () => ({}));
		await setup.openai.responses.create({ model: "local", input: "hi", temperature: 0, reasoning: { effort } });
		expect(setup.last()).not.toHaveProperty("temperature");
		expect(setup.last().reasoning_effort).toBe(level);
	});
});

describe("additional_drop_params", () => {
	const server = (sent: Sent): Said =>
		"reasoning_effort" in sent || "top_k" in sent ? { refusal: "property 'reasoning_effort' is unsupported" } : {};

	test("are left out, of what is translated and of what is not", async () => {
		await using setup = await start("house-model", server, ", additional_drop_params: [reasoning_effort, top_k]");
		const asked = { thinking: { type: "enabled" as const, budget_tokens: 1024 }, max_tokens: 2048, top_k: 3 };
		expect((await setup.ask(false, asked)).content).toMatchObject([{ text: "Fine." }]);
		const body = {
			model: "local",
			messages: [{ role: "user" as const, content: "hi" }],
			reasoning_effort: "low" as const,
		};
		const answer = await setup.openai.chat.completions.create(body);
		expect(answer.choices[0]?.message.content).toBe("Fine.");
		await using plain = await start("house-model", server);
		await expect(plain.ask(false, asked)).rejects.toThrow(/unsupported/);
	});
});

describe("a strict order of roles", () => {
	const server = ({ messages }: Sent): Said => {
		const roles = messages.map(({ role }) => role);
		const at = roles.findIndex((role, index) => role === "user" && ["tool", "user"].includes(roles[index - 1] ?? ""));
		if (at > 0) return { refusal: `Unexpected role 'user' after role '${roles[at - 1]}'` };
		if (roles.lastIndexOf("system") > 0) return { refusal: "Unexpected role 'system'" };
		const ids = messages.flatMap(({ tool_calls = [] }) => tool_calls.map(({ id }) => id));
		const bad = ids.find((id) => !/^[a-zA-Z0-9]{9}$/.test(id));
		return bad === undefined
			? {}
			: { refusal: `Tool call id was ${bad} but must be a-z, A-Z, 0-9, with a length of 9.` };
	};
	const conversation = {
		system: "S",
		messages: [
			{ role: "user", content: "hi" },
			{ role: "system", content: "Agents: none." },
			{ role: "assistant", content: [{ type: "tool_use", id: "toolu_01Abc", name: "Read", input: {} }] },
			{
				role: "user",
				content: [
					{ type: "tool_result", tool_use_id: "toolu_01Abc", content: "file" },
					{ type: "text", text: "<system-reminder>note</system-reminder>" },
				],
			},
			{ role: "system", content: "A queued prompt." },
		],
		tools: [{ name: "Read", input_schema: schema }],
	};

	test.each([
		["Mistral's, known by the model", "mistral-large-latest", ""],
		["Mistral's, on vLLM", "mistralai/Devstral-Small-2-24B", ""],
		[
			"a server's of which only its operator knows",
			"house-model",
			", server_takes: {user_after_tool: false, same_role_twice: false, tool_ids: nine}",
		],
	])("gets Claude Code's turns as it takes them: %s", async (_name, model, params) => {
		await using setup = await start(model, server, params);
		const body = JSON.stringify({ model: "local", max_tokens: 50, ...conversation });
		const answer = await setup.gateway.post("/v1/messages", body);
		expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("Fine.")]);
		expect(JSON.stringify(setup.last())).toContain("A queued prompt.");
	});
});

describe("tools that only Anthropic runs", () => {
	const SEARCH = { type: "web_search_20250305" as const, name: "web_search" as const };

	test("are left out, and the answer says so", async () => {
		await using setup = await start("qwen3", () => ({}));
		const tools = [SEARCH, { name: "Read", input_schema: schema }];
		const body = JSON.stringify({ model: "local", max_tokens: 5, tools, messages: [{ role: "user", content: "hi" }] });
		const answer = await setup.gateway.post("/v1/messages", body);
		expect(answer.status).toBe(200);
		expect(answer.headers.get("x-warmpath-removed")).toBe("web_search_20250305");
		expect(setup.last().tools?.map((tool) => tool.function.name)).toEqual(["Read"]);
	});

	test.each([
		["must be called", { type: "tool", name: "web_search" }, [SEARCH]],
		["are all that could be called", { type: "any" }, [SEARCH]],
		[
			"must be called beside others",
			{ type: "tool", name: "web_search" },
			[SEARCH, { name: "Read", input_schema: schema }],
		],
	])("that %s are refused by name, once, and nobody rests for it", async (_what, tool_choice, tools) => {
		await using setup = await start("qwen3", () => ({}));
		const ask = (more: object) =>
			setup.gateway.post(
				"/v1/messages",
				JSON.stringify({ model: "local", max_tokens: 5, messages: [{ role: "user", content: "hi" }], ...more }),
			);
		for (const _ of [1, 2]) {
			const answer = await ask({ tools, tool_choice });
			expect([answer.status, await answer.json()]).toEqual([
				400,
				expect.objectContaining({
					error: { type: "invalid_request_error", message: expect.stringMatching(/tool_choice.*web_search/) },
				}),
			]);
		}
		expect(setup.upstream.requests).toHaveLength(0);
		expect((await ask({})).status).toBe(200);
	});

	test("go to a deployment that can call them, where the group has one", async () => {
		await using upstream = await startRecordingUpstream((request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			if (request.url.includes("chat"))
				response.end('{"choices":[{"message":{"content":"no"},"finish_reason":"stop"}]}');
			else
				response.end(
					'{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"found"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}',
				);
		});
		await using gateway = await startTestGateway(
			configFrom(`model_list:
  - model_name: local
    litellm_params: { model: openai/qwen3, api_base: "${upstream.url}/v1", api_key: none, order: 1 }
  - model_name: local
    litellm_params: { model: anthropic/claude-sonnet-4-5, api_base: "${upstream.url}", api_key: none, order: 2 }
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`),
		);
		const body = { model: "local", max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
		const forced = { ...body, tools: [SEARCH], tool_choice: { type: "tool", name: "web_search" } };
		const answer = await gateway.post("/v1/messages", JSON.stringify(forced));
		expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("found")]);
		expect(upstream.requests.map(({ url }) => url)).toEqual(["/v1/messages"]);
	});
});
