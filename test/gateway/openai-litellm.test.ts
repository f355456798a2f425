// What LiteLLM's own tests promise of prompt caching (reference numbers in the names), through the whole gateway and in our words.
import { describe, expect, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";

const LONG = "All that is known about the code base. ".repeat(300);
const EPHEMERAL = { type: "ephemeral" };
const PLACES = ["a", "b", "c", "d"];

type World = Awaited<ReturnType<typeof worldWith>>;

/** Deployments of one group with more `litellm_params`. */
async function worldWith(params: string, deployments: readonly string[] = PLACES) {
	const simulator = await startSimulator({
		deployments: deployments.map((name) => ({ name })),
		recordBodies: true,
	});
	const entries = deployments.map(
		(id) => `  - model_name: claude-code
    litellm_params:
      model: anthropic/claude-sonnet-5-5
      api_base: ${simulator.url}
      api_key: sk-sim-${id}
      ${params}
    model_info: { id: ${id} }`,
	);
	const gateway = await startTestGateway(
		configFrom(
			`model_list:\n${entries.join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 } }\n`,
		),
	);
	return {
		gateway,
		messages: () => simulator.recorded().filter(({ path }) => path.startsWith("/v1/messages")),
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

type ServersWorld = Awaited<ReturnType<typeof startServers>>;

/** OpenAI-compatible servers with prefix caches of their own, in one group; `extra` is more of the `warmpath` section. */
async function startServers(names: readonly string[], extra = "") {
	const simulator = await startSimulator({
		openai: names.map((name) => ({ name, engine: "vllm" as const })),
		recordBodies: true,
	});
	/** One more gateway before the same servers, which it lists in this order. */
	const replica = (order: readonly string[]) => {
		const entries = order.map(
			(id) => `  - model_name: claude-code
    litellm_params: { model: openai/qwen-3, api_base: "${simulator.url}/v1", api_key: sk-openai-${id} }
    model_info: { id: ${id} }`,
		);
		const section = `warmpath:\n  listen: { port: 0 }\n  ${extra}\n`;
		return startTestGateway(
			configFrom(`model_list:\n${entries.join("\n")}\ngeneral_settings: { master_key: ${MASTER_KEY} }\n${section}`),
		);
	};
	const gateway = await replica(names);
	return {
		gateway,
		replica,
		bodies: () => simulator.recorded().map(({ body }) => JSON.parse(body ?? "{}")),
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

interface Sent {
	readonly place: string | null;
	readonly read: number;
	readonly written: number;
}

async function chat(world: Pick<World, "gateway">, messages: readonly object[], more: object = {}): Promise<Sent> {
	const body = JSON.stringify({ model: "claude-code", max_tokens: 20, messages, ...more });
	const response = await world.gateway.post("/v1/chat/completions", body);
	expect(response.status).toBe(200);
	const { usage } = (await response.json()) as {
		usage: {
			prompt_tokens_details?: { cached_tokens: number };
			cache_creation_input_tokens?: number;
		};
	};
	const place = response.headers.get("x-litellm-model-id");
	const read = usage.prompt_tokens_details?.cached_tokens ?? 0;
	return { place, read, written: usage.cache_creation_input_tokens ?? 0 };
}

async function messagesApi(world: World, body: object, headers: Record<string, string> = {}): Promise<Sent> {
	const sent = JSON.stringify({ model: "claude-code", max_tokens: 20, ...body });
	const response = await world.gateway.post("/v1/messages", sent, headers);
	expect(response.status).toBe(200);
	const { usage } = (await response.json()) as {
		usage: { cache_read_input_tokens: number; cache_creation_input_tokens: number };
	};
	const place = response.headers.get("x-litellm-model-id");
	return { place, read: usage.cache_read_input_tokens, written: usage.cache_creation_input_tokens };
}

const system = (marked: boolean) => ({
	role: "system",
	content: [{ type: "text", text: LONG, ...(marked ? { cache_control: EPHEMERAL } : {}) }],
});
const user = (content: unknown) => ({ role: "user", content });

function sentBodies(world: World) {
	return world.messages().map(({ body }) => JSON.parse(body ?? "{}"));
}

describe("client's markers on chat completions", () => {
	test("1: the order of a message's members does not matter; that of a list, a type, or of a schema's keys does", async () => {
		await using world = await worldWith("");
		const tool = (parameters: object) => ({ tools: [{ type: "function", function: { name: "t", parameters } }] });
		const sorted = tool({ type: "object", properties: { a: { type: "integer", default: 1 } } });
		const marked = { type: "text", text: LONG, cache_control: EPHEMERAL };
		const first = await chat(world, [{ role: "user", content: [marked] }, user("a")], sorted);
		const turned = { cache_control: EPHEMERAL, text: LONG, type: "text" };
		const same = await chat(world, [{ content: [turned], role: "user" }, user("b")], sorted);
		expect([same.place, same.read]).toEqual([first.place, first.written]);
		// The provider's cache is over the very bytes of a schema (prompt-caching R1), and so is what we expect of it.
		const others = [
			tool({ properties: { a: { type: "integer", default: 1 } }, type: "object" }),
			tool({ type: "object", properties: { a: { type: "integer", default: true } } }),
			tool({ type: "object", properties: { a: { type: "integer", default: "1" } } }),
		];
		for (const other of others) expect((await chat(world, [user([marked]), user("c")], other)).read).toBe(0);
		const moved = [user([{ type: "text", text: "first" }, marked]), user("d")];
		expect((await chat(world, moved, sorted)).read).toBe(0);
		// What nobody knows is no reason to fail.
		const strange = { metadata: { deep: [null, { 1: 2 ** 70 }] }, seed: {}, unknown: "\u0000", store: "maybe" };
		expect(
			(await chat(world, [{ ...user([marked]), name: 7, extra: [[]] }, user("e")], { ...sorted, ...strange })).read,
		).toBe(first.written);
	});

	test("2: one marked system, three different questions, one prefix", async () => {
		await using world = await worldWith("");
		const answers = [];
		for (const question of ["one", "two", "three"]) answers.push(await chat(world, [system(true), user(question)]));
		expect(answers.slice(1).every(({ read }) => read > 1024)).toBe(true);
		expect(new Set(answers.map(({ place }) => place)).size).toBe(1);
	});

	test("3: an unmarked block before a marked one is in the prefix, a later message is not", async () => {
		await using world = await worldWith("");
		const blocks = (first: string) => [
			{ type: "text", text: first },
			{ type: "text", text: LONG, cache_control: EPHEMERAL },
		];
		const first = await chat(world, [user(blocks("x")), user("a")]);
		const later = await chat(world, [user(blocks("x")), user("b")]);
		const other = await chat(world, [user(blocks("y")), user("a")]);
		expect([later.read, other.read]).toEqual([first.written, 0]);
	});

	test("4 and 5: a marker beside string content counts, without one nothing is cached, the last marker decides", async () => {
		await using world = await worldWith("");
		const marked = { ...user(LONG), cache_control: EPHEMERAL };
		const first = await chat(world, [marked, user("a")]);
		expect(first.written).toBeGreaterThan(1024);
		expect((await chat(world, [marked, user("b")])).read).toBe(first.written);
		expect((await chat(world, [user(`z${LONG}`)])).written).toBe(0);
		const both = [marked, user([{ type: "text", text: LONG, cache_control: EPHEMERAL }])];
		expect((await chat(world, both)).written).toBeGreaterThan(1024);
		expect((await chat(world, [...both, user("c")])).read).toBeGreaterThan(first.written * 1.5);
	});

	test("6 and 7: after one stored call twenty more with one message added all go there, over both formats", async () => {
		await using world = await worldWith("");
		const text = { type: "text", text: LONG, cache_control: EPHEMERAL };
		const { place } = await messagesApi(world, { system: [text], messages: [user("first")] });
		const places = new Set([place]);
		for (let i = 0; i < 10; i += 1) {
			places.add((await chat(world, [system(true), user(`q${i}`)])).place);
			places.add((await messagesApi(world, { system: [text], messages: [user(`r${i}`)] })).place);
		}
		expect([...places]).toEqual([place]);
		const small = await chat(world, [user("Hello")]);
		expect(small.written).toBe(0);
	});

	test("26: an image is the same prefix on the next turn", async () => {
		await using world = await worldWith("");
		const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"iVBOR".repeat(4000)}` } };
		const messages = [user([image, { type: "text", text: LONG, cache_control: EPHEMERAL }])];
		const first = await chat(world, messages);
		const next = await chat(world, [...messages, { role: "assistant", content: "I see." }, user("And?")]);
		expect(next.read).toBe(first.written);
		expect(next.place).toBe(first.place);
	});
});

describe("markers that the gateway puts in", () => {
	const POINTS =
		"cache_control_injection_points: [{ location: message, role: system }, { location: message, index: -1 }]";

	test("14: what is routed by is what is sent: identical unmarked requests stay together", async () => {
		for (const params of [POINTS, "cache_control: auto"]) {
			await using world = await worldWith(params);
			const answers = [];
			for (let i = 0; i < 4; i += 1) answers.push(await chat(world, [system(false), user("the same")]));
			expect(new Set(answers.map(({ place }) => place)).size).toBe(1);
			expect(answers.slice(1).every(({ read }) => read > 1024)).toBe(true);
			await using other = await worldWith(params);
			const native = [];
			for (let i = 0; i < 4; i += 1)
				native.push(await messagesApi(other, { system: LONG, messages: [user("the same")] }));
			expect(new Set(native.map(({ place }) => place)).size).toBe(1);
			expect(native.slice(1).every(({ read }) => read > 1024)).toBe(true);
		}
	});

	test("15: a request may bring its own points, in both formats, and they do not reach the provider", async () => {
		await using world = await worldWith("");
		const more = { cache_control_injection_points: [{ location: "message", role: "system", control: { ttl: "1h" } }] };
		const first = await chat(world, [system(false), user("a")], more);
		expect(first.written).toBeGreaterThan(1024);
		expect((await chat(world, [system(false), user("b")], more)).read).toBe(first.written);
		const native = await messagesApi(world, { ...more, system: LONG, messages: [user("c")] });
		expect(native.read).toBe(first.written);
		const bodies = sentBodies(world);
		expect(bodies.every((body) => !("cache_control_injection_points" in body))).toBe(true);
		expect(bodies[0].system[0].cache_control).toEqual({ type: "ephemeral", ttl: "1h" });
	});

	test("16: what Claude Code leaves unmarked stays unmarked", async () => {
		await using world = await worldWith("cache_control: auto");
		const headers = { "user-agent": "claude-cli/2.1.330 (external, cli)" };
		const billing = { type: "text", text: "x-anthropic-billing-header: cc_version=2.1; cc_is_subagent=true;" };
		const body = { system: [billing, { type: "text", text: LONG }], messages: [user("title")] };
		expect((await messagesApi(world, body, headers)).written).toBe(0);
		expect(JSON.stringify(sentBodies(world))).not.toContain("cache_control");
	});

	test("17 and 18: automatic marking stands down beside any marker, also on tools", async () => {
		await using world = await worldWith("cache_control: auto", ["a"]);
		const tool = { name: "t", input_schema: { type: "object" }, cache_control: EPHEMERAL };
		await messagesApi(world, { cache_control: EPHEMERAL, system: LONG, messages: [user("a")] });
		await messagesApi(world, { tools: [tool], system: LONG, messages: [user("a")] });
		const counts = sentBodies(world).map((body) => JSON.stringify(body).match(/"cache_control"/g)?.length);
		expect(counts).toEqual([1, 1]);
	});

	test("19: the client's own boundary is kept and its messages are untouched", async () => {
		await using world = await worldWith(POINTS, ["a"]);
		const content = [
			{ type: "text", text: LONG, cache_control: EPHEMERAL },
			{ type: "text", text: "question" },
		];
		await messagesApi(world, { messages: [user(content)] });
		expect(sentBodies(world)[0].messages[0].content).toEqual(content);
	});

	test("the index counts the client's own messages, system ones too", async () => {
		await using world = await worldWith("cache_control_injection_points: [{ location: message, index: 1 }]", ["a"]);
		await chat(world, [system(false), user("one"), { role: "assistant", content: "two" }, user("three")]);
		const [body] = sentBodies(world);
		expect(body.messages[0].content[0].cache_control).toEqual(EPHEMERAL);
		expect(JSON.stringify(body).match(/"cache_control"/g)?.length).toBe(1);
	});

	test("a client whose writes nobody reads back is no longer marked", async () => {
		await using world = await worldWith("cache_control: auto", ["a"]);
		const written: number[] = [];
		for (let i = 0; i < 24; i += 1)
			written.push((await messagesApi(world, { messages: [user(`${i} ${LONG}`)] })).written);
		expect(written.slice(0, 20).every((tokens) => tokens > 1024)).toBe(true);
		expect(written.slice(20)).toEqual([0, 0, 0, 0]);
	});

	test("a twelve-turn conversation over four deployments reads what one alone would have read", async () => {
		for (const params of [POINTS, "cache_control: auto"]) {
			const readOver = async (places: readonly string[]) => {
				await using world = await worldWith(params, places);
				const messages: object[] = [system(false)];
				const seen = new Set<string | null>();
				let read = 0;
				for (let turn = 0; turn < 12; turn += 1) {
					messages.push(user(`${turn} ${LONG.slice(0, 3000)}`));
					const answer = await chat(world, messages);
					messages.push({ role: "assistant", content: `answer ${turn}` });
					seen.add(answer.place);
					read += answer.read;
				}
				return { read, places: seen.size };
			};
			const one = await readOver(["a"]);
			const four = await readOver(PLACES);
			expect(four.places).toBe(1);
			expect(four.read).toBeGreaterThanOrEqual(one.read * 0.97);
			expect(one.read).toBeGreaterThan(12_000);
		}
	});
});

describe("OpenAI's prompt_cache_key", () => {
	const KEYS = "keys: [{ key_alias: one, key: sk-one }, { key_alias: two, key: sk-two }]";

	/** Asks with a caller's key; gives why the deployment was chosen. */
	async function ask(world: World | ServersWorld, key: string, body: object) {
		const sent = JSON.stringify({ model: "claude-code", max_tokens: 20, ...body });
		const response = await world.gateway.post("/v1/chat/completions", sent, { "x-api-key": key });
		expect(response.status).toBe(200);
		await response.arrayBuffer();
		return {
			place: response.headers.get("x-litellm-model-id"),
			reason: response.headers.get("x-warmpath-reason"),
		};
	}

	test("38: it keeps what one caller sends under it together, and says nothing about other callers", async () => {
		await using world = await startServers(PLACES, KEYS);
		// Another prompt every time: nothing but the key shows that they belong together.
		const asked = (tag: string, more: object = {}) => ({ messages: [user(`${tag} ${LONG}`)], ...more });
		const own = { prompt_cache_key: "mine" };
		const first = await ask(world, "sk-one", asked("1", own));
		expect(await ask(world, "sk-one", asked("2", own))).toEqual({ place: first.place, reason: "session" });
		expect((await ask(world, "sk-two", asked("3", own))).reason).toBe("cold");
		expect((await ask(world, "sk-one", asked("4", { prompt_cache_key: "other" }))).reason).toBe("cold");
		for (const tag of ["5", "6", "7"]) expect((await ask(world, "sk-one", asked(tag))).reason).toBe("cold");
		// It is the upstream's too, as it came.
		expect(world.bodies().map(({ prompt_cache_key: key }) => key)).toEqual([
			"mine",
			"mine",
			"mine",
			"other",
			undefined,
			undefined,
			undefined,
		]);
	});

	test("38: the prompt decides first: a key's conversations go where their own prefixes are", async () => {
		await using world = await startServers(PLACES, KEYS);
		const places: (string | null)[] = [];
		for (let i = 0; i < 6; i += 1) {
			places.push((await ask(world, "sk-one", { messages: [user(`${i} ${LONG}`)] })).place);
		}
		expect(new Set(places).size).toBeGreaterThan(1);
		for (const [i, place] of places.entries()) {
			const messages = [user(`${i} ${LONG}`), { role: "assistant", content: "yes" }, user("on")];
			expect(await ask(world, "sk-one", { messages, prompt_cache_key: "all" })).toEqual({ place, reason: "prefix" });
		}
	});

	test("38: on Claude it names the conversation, and does not reach the provider", async () => {
		await using world = await worldWith("");
		const body = (tag: string) => ({
			messages: [{ ...user(`${tag} ${LONG}`), cache_control: EPHEMERAL }],
			prompt_cache_key: "mine",
		});
		const first = await ask(world, MASTER_KEY, body("1"));
		expect(await ask(world, MASTER_KEY, body("2"))).toEqual({ place: first.place, reason: "session" });
		expect(JSON.stringify(sentBodies(world))).not.toContain("prompt_cache_key");
	});
});

describe("replicas that cannot see each other", () => {
	test("39: what begins alike goes to one deployment, whatever its end and however the file lists them", async () => {
		await using one = await startServers(PLACES);
		const places = new Set<string | null>();
		for (let i = 0; i < 6; i += 1) {
			const begun = [{ role: "system", content: `${i} ${LONG}` }, user("first"), { role: "assistant", content: "ok" }];
			const answers: Sent[] = [];
			for (const [names, tail] of [
				[PLACES, "one end"],
				[[...PLACES].reverse(), "quite another end"],
			] as const) {
				const gateway = await one.replica(names);
				answers.push(await chat({ gateway }, [...begun, user(tail)]));
				await gateway.close(0);
			}
			expect(answers[1]?.place).toBe(answers[0]?.place);
			expect(answers[1]?.read).toBeGreaterThan(2000);
			places.add(answers[0]?.place ?? null);
		}
		expect(places.size).toBeGreaterThan(1);
	});

	test("39: prompts below the minimum are spread, for nothing of them is kept", async () => {
		await using world = await startServers(PLACES);
		const places = new Set<string | null>();
		for (let i = 0; i < 6; i += 1) places.add((await chat(world, [user(`Hello ${i}`)])).place);
		expect(places.size).toBeGreaterThan(1);
	});

	test("39: encrypted reasoning of others does not change what a prompt is", async () => {
		await using world = await startServers(PLACES);
		const respond = async (sealed: string) => {
			const reasoning = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: sealed };
			const input = [user(LONG), reasoning, { role: "assistant", content: "ok" }, user("next")];
			const body = JSON.stringify({ model: "claude-code", max_output_tokens: 20, input });
			const response = await world.gateway.post("/v1/responses", body);
			expect(response.status).toBe(200);
			const { usage } = (await response.json()) as { usage: { input_tokens_details: { cached_tokens: number } } };
			return {
				place: response.headers.get("x-litellm-model-id"),
				read: usage.input_tokens_details.cached_tokens,
			};
		};
		const first = await respond("gAAAA-sealed-by-another");
		const next = await respond("gBBBB-sealed-again");
		expect(next.place).toBe(first.place);
		expect(next.read).toBeGreaterThan(2000);
	});
});
