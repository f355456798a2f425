// The library: calls without HTTP over simulated deployments.
import type Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import { expect, expectTypeOf, test } from "vitest";
import {
	BadRequestError,
	CallError,
	ConfigError,
	type ConfigObject,
	type Decision,
	type EventStream,
	NotFoundError,
	RateLimitError,
	Router,
	ServerError,
	StreamError,
} from "../../src/index.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { type Simulator, startSimulator } from "../../src/simulator/server.ts";

const LONG = "All that is known about the code base. ".repeat(300);
const NAMES = ["a", "b", "c", "d"];

function configOf(simulator: Simulator, names: readonly string[]): ConfigObject {
	return {
		model_list: names.map((name) => ({
			model_name: "claude-code",
			litellm_params: {
				model: "anthropic/claude-sonnet-5-5",
				api_base: simulator.url,
				api_key: `sk-sim-${name}`,
			},
			model_info: { id: name },
		})),
	};
}

async function start(options: Omit<SimulatorOptions, "deployments"> & { readonly names?: readonly string[] } = {}) {
	const { names = NAMES, ...simulatorOptions } = options;
	const simulator = await startSimulator({ ...simulatorOptions, deployments: names.map((name) => ({ name })) });
	const router = await Router.open(configOf(simulator, names), { log: "silent" });
	return {
		simulator,
		router,
		async [Symbol.asyncDispose]() {
			await router.close(0);
			await simulator.close();
		},
	};
}

function ask(question: string): Anthropic.MessageCreateParamsNonStreaming {
	return {
		model: "claude-code",
		max_tokens: 200,
		messages: [
			{
				role: "user",
				content: [
					{ type: "text", text: LONG, cache_control: { type: "ephemeral" } },
					{ type: "text", text: question },
				],
			},
		],
	};
}

async function rejection(promise: Promise<unknown>): Promise<CallError> {
	const error = await promise.then(
		() => null,
		(cause: unknown) => cause,
	);
	if (!(error instanceof CallError)) throw new Error(`not a CallError: ${String(error)}`);
	return error;
}

test("the second call reads what the first wrote, on the deployment that the decision names", async () => {
	await using world = await start();
	const first = await world.router.messages(ask("What is it?"));
	const second = await world.router.messages(ask("And why?"));
	expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(1024);
	expect(second.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens);
	expect(first.warmpath).toMatchObject({ affinity: "new", model_group: "claude-code", predicted_cached_tokens: 0 });
	expect(second.warmpath).toMatchObject({
		affinity: "hit",
		reason: "prefix",
		model_id: first.warmpath.model_id,
		predicted_cached_tokens: second.usage.cache_read_input_tokens,
		attempts: [{ model_id: first.warmpath.model_id, outcome: "served", status: 200 }],
	});
	expect(second.warmpath.expected_dollars).toBeLessThan(first.warmpath.expected_dollars ?? 0);
	expect(second.warmpath.request_id).toMatch(/^req_/);
});

test("an answer is the upstream's JSON; the decision is neither enumerated nor written", async () => {
	await using world = await start();
	const answer = await world.router.messages(ask("What is it?"));
	expect(Object.keys(answer)).toEqual([
		"id",
		"type",
		"role",
		"model",
		"content",
		"stop_reason",
		"stop_sequence",
		"usage",
	]);
	expect(JSON.stringify(answer)).not.toContain("warmpath");
	expect(answer.content).toEqual([{ type: "text", text: "Simulated answer to: What is it?" }]);
});

test("a stream gives the API's events without pings, and the same text", async () => {
	await using world = await start();
	const stream = await world.router.messages({ ...ask("What is it?"), stream: true });
	const types: string[] = [];
	let text = "";
	for await (const event of stream) {
		types.push(event.type);
		if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
	}
	expect(text).toBe("Simulated answer to: What is it?");
	expect([types[0], types.at(-1)]).toEqual(["message_start", "message_stop"]);
	expect(types).not.toContain("ping");
	expect(stream.warmpath.attempts).toMatchObject([{ model_id: stream.warmpath.model_id, outcome: "served" }]);
	expect(() => stream[Symbol.asyncIterator]()).toThrow("once");
});

test("chat completions go onto Claude, whole and streamed, and share the cache with themselves", async () => {
	await using world = await start();
	const body = {
		model: "claude-code",
		messages: [
			{ role: "system", content: LONG },
			{ role: "user", content: "Hello" },
		],
		cache_control_injection_points: [{ location: "message", role: "system" }],
	} as const satisfies Parameters<Router["chatCompletions"]>[0];
	const whole = await world.router.chatCompletions(body);
	expect(whole.choices[0]?.message.content).toBe("Simulated answer to: Hello");
	expect(whole.warmpath.affinity).toBe("new");
	const stream = await world.router.chatCompletions({ ...body, stream: true, stream_options: { include_usage: true } });
	const chunks: OpenAI.ChatCompletionChunk[] = [];
	for await (const chunk of stream) chunks.push(chunk);
	expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Simulated answer to: Hello");
	expect(chunks.at(-1)?.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(1024);
	expect(stream.warmpath.model_id).toBe(whole.warmpath.model_id);
});

test("counting, responses and explaining take the same way; explaining sends nothing", async () => {
	await using world = await start();
	const { input_tokens } = await world.router.countTokens({ model: "claude-code", messages: ask("x").messages });
	expect(input_tokens).toBeGreaterThan(1024);
	const response = await world.router.responses({ model: "claude-code", input: "Hello" });
	expect(response.status).toBe("completed");
	const types: string[] = [];
	for await (const event of await world.router.responses({ model: "claude-code", input: "Hello", stream: true })) {
		types.push(event.type);
	}
	expect([types[0], types.at(-1)]).toEqual(["response.created", "response.completed"]);

	await world.router.messages(ask("What is it?"));
	const sent = world.simulator.recorded().length;
	const decision = await world.router.explain(ask("And why?"));
	expect(decision).toMatchObject({ affinity: "hit", reason: "prefix" });
	expect(decision.candidates.length).toBe(NAMES.length);
	expect(world.simulator.recorded().length).toBe(sent);
});

test("leaving a loop early, and aborting, end the request upstream; what was written stays known", async () => {
	await using world = await start({ speed: 0.05 });
	for await (const event of await world.router.messages({ ...ask("@@long@@ tell me"), stream: true })) {
		if (event.type === "content_block_delta") break;
	}
	const stream = await world.router.messages({ ...ask("@@long@@ tell me"), stream: true });
	let seen = 0;
	for await (const _ of stream) if (++seen === 2) stream.abort();
	expect(seen).toBeLessThan(10);
	await expect.poll(() => stream.warmpath.attempts.map(({ outcome }) => outcome)).toEqual(["aborted"]);
	const next = await world.router.messages(ask("And now?"));
	expect(next.warmpath.affinity).toBe("hit");
	expect(next.usage.cache_read_input_tokens).toBeGreaterThan(1024);
});

test("a signal ends a call before, while and after it begins to be answered, each time with its reason", async () => {
	await using world = await start({ speed: 0.05 });
	const reason = new Error("enough");
	await expect(world.router.messages(ask("x"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
	expect(world.simulator.recorded().length).toBe(0);

	const waiting = new AbortController();
	const call = world.router.messages(ask("x"), { signal: waiting.signal });
	setImmediate(() => waiting.abort(reason));
	await expect(call).rejects.toBe(reason);

	const running = new AbortController();
	const stream = await world.router.messages({ ...ask("@@long@@ x"), stream: true }, { signal: running.signal });
	const read = async () => {
		for await (const _ of stream) running.abort(reason);
	};
	await expect(read()).rejects.toBe(reason);
});

test("errors carry status, type, code, request id and what was decided", async () => {
	await using world = await start();
	const unknown = await rejection(world.router.messages({ ...ask("x"), model: "nope" }));
	expect(unknown).toBeInstanceOf(NotFoundError);
	expect(unknown).toMatchObject({ status: 404, type: "not_found_error", code: "unknown_model", warmpath: null });
	expect(unknown.message).toContain("claude-code");

	const refused = await rejection(world.router.messages({ ...ask("x"), max_tokens: -1 }));
	expect(refused).toBeInstanceOf(BadRequestError);
	expect(refused).toMatchObject({ status: 400, type: "invalid_request_error", code: null });
	expect(refused.requestId).toMatch(/^req_/);
	expect(refused.warmpath?.attempts).toMatchObject([{ status: 400 }]);

	const inOpenAi = await rejection(world.router.chatCompletions({ model: "nope", messages: [] }));
	expect(inOpenAi).toMatchObject({ status: 404, code: "unknown_model", name: "NotFoundError" });
});

test("a failing deployment is replaced without the caller noticing; the decision shows it", async () => {
	await using world = await start({ names: ["a", "b"] });
	for (const deployment of ["a", "b"])
		world.simulator.faults.add({ deployment, kind: "status", status: 529, times: 1 });
	const answer = await world.router.messages(ask("What is it?"));
	expect(answer.warmpath.attempts.map(({ outcome }) => outcome)).toEqual(["failed", "failed", "served"]);
});

test("where all are limited the error says for how long", async () => {
	await using world = await start({ names: ["a", "b"] });
	world.simulator.faults.add({ kind: "status", status: 429, retryAfter: 7, times: "always" });
	const limited = await rejection(world.router.messages(ask("And why?")));
	expect(limited).toBeInstanceOf(RateLimitError);
	expect(limited).toMatchObject({ status: 429, retryAfterMs: 7000, warmpath: { model_id: null } });
	expect(limited.warmpath?.attempts.length).toBeGreaterThan(1);
});

test("an answer that breaks off is an error, whether it says so or is cut, streamed or whole", async () => {
	await using world = await start({ names: ["a"] });
	const read = async (stream: AsyncIterable<unknown>) => {
		for await (const _ of stream);
	};
	world.simulator.faults.add({
		kind: "sse-error",
		at: "after-content",
		errorType: "overloaded_error",
		message: "Overloaded",
	});
	const got = await rejection(world.router.messages({ ...ask("x"), stream: true }).then(read));
	expect(got).toBeInstanceOf(StreamError);
	expect(got).toMatchObject({ status: 529, type: "overloaded_error", message: "Overloaded" });

	world.simulator.faults.add({ kind: "cut", afterDeltas: 1 });
	const cut = await rejection(world.router.messages({ ...ask("x"), stream: true }).then(read));
	expect(cut).toMatchObject({ name: "StreamError", warmpath: { model_id: "a" } });

	world.simulator.faults.add({ kind: "cut", afterDeltas: 1 });
	const chunks = await rejection(
		world.router
			.chatCompletions({ model: "claude-code", messages: [{ role: "user", content: "x" }], stream: true })
			.then(read),
	);
	expect(chunks).toMatchObject({ name: "StreamError", warmpath: { model_id: "a" } });

	// A whole answer that is cut is asked for again: nothing of it has gone out.
	for (let time = 0; time < 8; time += 1) world.simulator.faults.add({ kind: "cut", afterDeltas: 1 });
	expect(await rejection(world.router.messages(ask("x")))).toBeInstanceOf(CallError);
});

test("a configuration's faults come together, by the option's path", async () => {
	const faulty = { model_list: [{ model_name: "x", litellm_params: { model: "anthropic/x", weight: "heavy" } }] };
	const opening = Router.open(faulty, { env: {} });
	const error = await opening.catch((cause: unknown) => cause);
	expect(error).toBeInstanceOf(ConfigError);
	const paths = error instanceof ConfigError ? error.diagnostics.map(({ path }) => path) : [];
	expect(paths).toContain("model_list.0.litellm_params.weight");
	expect(String(error)).not.toContain("<object>:");
	await expect(Router.open("/nowhere/config.yaml")).rejects.toThrow("cannot be read");
});

test("YAML text and variables of the caller's are taken; a reload holds for the next call and keeps what is warm", async () => {
	await using simulator = await startSimulator({ deployments: [{ name: "a" }] });
	const yaml = (group: string) => `model_list:
  - model_name: ${group}
    litellm_params: {model: anthropic/claude-sonnet-5-5, api_base: "${simulator.url}", api_key: os.environ/KEY}
    model_info: {id: a}
`;
	await using router = await Router.open(yaml("claude-code"), { env: { KEY: "sk-sim-a" } });
	await router.messages(ask("What is it?"));
	await router.reload(yaml("renamed"));
	const answer = await router.messages({ ...ask("And why?"), model: "renamed" });
	expect(answer.warmpath.affinity).toBe("hit");
	await expect(router.reload("model_list: 3\n")).rejects.toBeInstanceOf(ConfigError);
	expect((await router.messages({ ...ask("x"), model: "renamed" })).type).toBe("message");
});

test("a master key is asked of clients, not of the program", async () => {
	await using simulator = await startSimulator({ deployments: [{ name: "a" }] });
	const config = { ...configOf(simulator, ["a"]), general_settings: { master_key: "sk-master" } };
	await using router = await Router.open(config, { log: "silent" });
	const answer = await router.messages(ask("x"), { headers: { "x-api-key": "sk-wrong" }, session: "one" });
	expect(answer.warmpath.model_id).toBe("a");
	const sent = simulator.recorded().at(-1);
	expect(sent?.deployment).toBe("a");
	expect(Object.keys(sent?.headers ?? {}).filter((name) => name.startsWith("x-litellm"))).toEqual([]);
});

test("closing refuses new calls and ends those that run", async () => {
	await using world = await start({ speed: 0.2 });
	const stream = await world.router.messages({ ...ask("@@long@@ x"), stream: true });
	const read = async () => {
		for await (const _ of stream);
	};
	const reading = expect(read()).rejects.toBeInstanceOf(StreamError);
	await world.router.close(0);
	await reading;
	const late = await rejection(world.router.messages(ask("x")));
	expect(late).toMatchObject({ status: 503, code: "shutting_down" });
	expect(late).toBeInstanceOf(ServerError);
	await world.router.close();
});

test("bodies, answers and events are those of the official SDKs", async () => {
	await using world = await start();
	const { router } = world;
	const message = await router.messages(ask("x"));
	expectTypeOf(message).toExtend<Anthropic.Message>();
	expectTypeOf(message.warmpath).toEqualTypeOf<Decision>();
	const stream = await router.messages({ ...ask("x"), stream: true });
	expectTypeOf(stream).toEqualTypeOf<EventStream<Anthropic.RawMessageStreamEvent>>();
	const completion = await router.chatCompletions({ model: "claude-code", messages: [] }).catch(() => null);
	expectTypeOf(completion).extract<object>().toExtend<OpenAI.ChatCompletion>();
	expectTypeOf<Parameters<Router["embeddings"]>[0]>().toEqualTypeOf<OpenAI.EmbeddingCreateParams>();
	// @ts-expect-error the Messages API needs max_tokens
	const refused = await rejection(router.messages({ model: "claude-code", messages: ask("x").messages }));
	expect(refused.message).toContain("max_tokens");
	expectTypeOf<RateLimitError["retryAfterMs"]>().toEqualTypeOf<number | null>();
});
