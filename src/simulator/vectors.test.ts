// The nine vectors of prompt-caching §6 over HTTP, in every Claude format.
import { describe, expect, it } from "vitest";
import { marked, words } from "./__fixtures__/bodies.ts";
import { ManualClock } from "./clock.ts";
import type { SimulatorOptions } from "./options.ts";
import { type Simulator, startSimulator } from "./server.ts";

type Json = Record<string, unknown>;

interface Platform {
	readonly name: string;
	readonly world: Partial<SimulatorOptions>;
	/** Whether a run of tool blocks is one position. */
	readonly collapsesRuns: boolean;
	readonly hasWebTools: boolean;
	path(model: string): string;
	readonly headers: Record<string, string>;
	body(body: Json, betas: readonly string[]): Json;
	/** How this platform spells a model's id. */
	model(id: string): string;
}

const VERSION = { "anthropic-version": "2023-06-01" };
const asIs = (body: Json) => body;
const plain = (model: string) => model;

/** InvokeModel and rawPredict name the model in the path. */
const withoutModel = ({ model: _model, ...body }: Json) => body;

const PLATFORMS: readonly Platform[] = [
	{
		name: "the first-party API",
		world: { deployments: [{ name: "a" }] },
		collapsesRuns: true,
		hasWebTools: true,
		path: () => "/v1/messages",
		headers: { ...VERSION, "x-api-key": "sk-sim-a" },
		body: asIs,
		model: plain,
	},
	{
		name: "the Claude Platform on AWS",
		world: { aws: [{ name: "a" }] },
		collapsesRuns: true,
		hasWebTools: true,
		path: () => "/v1/messages",
		headers: { ...VERSION, "x-api-key": "sk-aws-a", "anthropic-workspace-id": "wrkspc-a" },
		body: asIs,
		model: plain,
	},
	{
		name: "Bedrock InvokeModel",
		world: { aws: [{ name: "a" }] },
		collapsesRuns: false,
		hasWebTools: false,
		path: (model) => `/model/${model}/invoke`,
		headers: { authorization: "Bearer bedrock-key-a" },
		body: (body, betas) => ({ ...withoutModel(body), anthropic_version: "bedrock-2023-05-31", anthropic_beta: betas }),
		model: (id) => `us.anthropic.${id}`,
	},
	{
		name: "Bedrock's native Messages",
		world: { aws: [{ name: "a" }] },
		collapsesRuns: false,
		hasWebTools: true,
		path: () => "/anthropic/v1/messages",
		headers: { ...VERSION, authorization: "Bearer bedrock-key-a" },
		body: asIs,
		model: (id) => `global.anthropic.${id}`,
	},
	{
		name: "Bedrock mantle",
		world: { aws: [{ name: "a" }] },
		collapsesRuns: false,
		hasWebTools: true,
		path: () => "/mantle/us-east-1/anthropic/v1/messages",
		headers: { ...VERSION, "x-api-key": "bedrock-key-a" },
		body: asIs,
		model: (id) => `anthropic.${id}`,
	},
	{
		name: "Vertex",
		world: { google: [{ name: "a" }] },
		collapsesRuns: false,
		hasWebTools: true,
		path: (model) => `/v1/projects/a/locations/global/publishers/anthropic/models/${model}:rawPredict`,
		headers: { authorization: "Bearer ya29.sim-a" },
		body: (body) => ({ ...withoutModel(body), anthropic_version: "vertex-2023-10-16" }),
		model: plain,
	},
	{
		name: "Foundry",
		world: { foundry: [{ name: "a" }] },
		collapsesRuns: false,
		hasWebTools: true,
		path: () => "/anthropic/v1/messages",
		headers: { ...VERSION, "api-key": "foundry-key-a" },
		body: asIs,
		model: plain,
	},
];

/** What one answer says, as the vectors speak of it. */
interface Outcome {
	readonly status: number;
	readonly read: number;
	readonly write5m: number;
	readonly write1h: number;
	readonly input: number;
}

const BETA = "interleaved-thinking-2025-05-14";
const MINUTE = 60_000;

describe.each(PLATFORMS)("on $name", (platform) => {
	const start = (more: Partial<SimulatorOptions> = {}) => startSimulator({ ...platform.world, ...more });

	async function send(sim: Simulator, body: Json, betas: readonly string[] = []): Promise<Outcome> {
		const model = platform.model(String(body["model"] ?? "claude-sonnet-5-5"));
		const response = await fetch(sim.url + platform.path(model), {
			method: "POST",
			headers: { ...platform.headers, ...(betas.length > 0 && { "anthropic-beta": betas.join(",") }) },
			body: JSON.stringify(platform.body({ max_tokens: 1_000, ...body, model }, betas)),
		});
		const answer = (await response.json()) as {
			usage?: { [field: string]: number } & { cache_creation: Record<string, number> };
		};
		const { usage } = answer;
		return {
			status: response.status,
			read: usage?.["cache_read_input_tokens"] ?? 0,
			write5m: usage?.cache_creation["ephemeral_5m_input_tokens"] ?? 0,
			write1h: usage?.cache_creation["ephemeral_1h_input_tokens"] ?? 0,
			input: usage?.["input_tokens"] ?? 0,
		};
	}

	const user = (content: unknown): Json => ({ messages: [{ role: "user", content }] });
	const turn = (count: number, marks: readonly number[] = [count]): Json =>
		user(
			Array.from({ length: count }, (_, index) => {
				const block = words(`block ${index}`, 1_000);
				return marks.includes(index + 1) ? marked(block) : block;
			}),
		);

	it("V1: a breakpoint looks back 20 positions, and again from the next one", async () => {
		await using sim = await start();
		await send(sim, turn(10));
		expect((await send(sim, turn(15))).read).toBe(10_000);
		expect((await send(sim, turn(35, [15, 35]))).read).toBe(15_000);
		await using fresh = await start();
		await send(fresh, turn(15));
		expect((await send(fresh, turn(35))).read).toBe(0);
	});

	it("V2: nothing is cached below the model's minimum", async () => {
		await using sim = await start();
		const body = { ...user([marked(words("short", 2_000))]), model: "claude-haiku-4-5" };
		await send(sim, body);
		expect(await send(sim, body)).toMatchObject({ read: 0, write5m: 0, input: 2_000 });
	});

	it("V3: two requests at once both write, a third reads", async () => {
		const clock = new ManualClock(Date.now());
		await using sim = await start({ clock, speed: 1 });
		const both = [send(sim, turn(3))];
		await clock.whenWaiting(1);
		both.push(send(sim, turn(3)));
		await clock.whenWaiting(2);
		clock.advance(MINUTE / 2);
		await clock.whenWaiting(2);
		clock.advance(MINUTE / 2);
		expect((await Promise.all(both)).map((outcome) => outcome.write5m)).toEqual([3_000, 3_000]);
		const third = send(sim, turn(3));
		await clock.whenWaiting(1);
		clock.advance(MINUTE);
		await clock.whenWaiting(1);
		clock.advance(MINUTE);
		expect((await third).read).toBe(3_000);
	});

	it("V4: an entry lives five minutes from the start of the last request that used it", async () => {
		const clock = new ManualClock(Date.now());
		const latency = { baseMs: 240_000, prefillRate: 1e12, restoreRate: 1e12, decodeRate: 1e12 };
		await using sim = await start({ clock, speed: 1, latency });
		const begun = clock.now();
		const at = async (second: number): Promise<number> => {
			clock.advance(begun + second * 1_000 - clock.now());
			const answer = send(sim, turn(3));
			await clock.whenWaiting(1);
			clock.advance(240_001);
			await clock.whenWaiting(1);
			clock.advance(1);
			return (await answer).read;
		};
		expect(await at(0)).toBe(0);
		expect(await at(299)).toBe(3_000);
		expect(await at(598)).toBe(3_000);
		expect(await at(899)).toBe(0);
	});

	it("V5: lifetimes are billed apart", async () => {
		const clock = new ManualClock(Date.now());
		await using sim = await start({ clock });
		const body = {
			...user([marked(words("history", 2_000)), words("tail", 100)]),
			system: [marked(words("system", 10_000), "1h")],
		};
		expect(await send(sim, body)).toMatchObject({ read: 0, write1h: 10_000, write5m: 2_000, input: 100 });
		clock.advance(600_000);
		expect(await send(sim, body)).toMatchObject({ read: 10_000, write1h: 0, write5m: 2_000, input: 100 });
	});

	it("V6: a run of tool blocks is one position only where the platform says so", async () => {
		await using sim = await start();
		const calls = Array.from({ length: 25 }, (_, index) => ({
			type: "tool_use",
			id: `t${index}`,
			name: "Bash",
			input: {},
		}));
		const results = calls.map((call, index) => {
			const result = { type: "tool_result", tool_use_id: call.id, content: `result ${index}` };
			return index === 24 ? marked(result) : result;
		});
		const question = words("start", 2_000);
		const tools = [{ name: "Bash", input_schema: { type: "object" } }];
		const first = await send(sim, { tools, messages: [{ role: "user", content: [marked(question)] }] });
		const second = await send(sim, {
			tools,
			messages: [
				{ role: "user", content: [question] },
				{ role: "assistant", content: calls },
				{ role: "user", content: results },
			],
		});
		expect(second.read).toBe(platform.collapsesRuns ? first.write5m : 0);
	});

	it("V7: an entry is found where no marker stands any more", async () => {
		await using sim = await start();
		await send(sim, turn(10, [5, 10]));
		expect((await send(sim, turn(12, [12]))).read).toBe(10_000);
	});

	it("V8: too many markers, contradicting or misplaced ones are refused", async () => {
		await using sim = await start();
		const four = [1, 2, 3, 4].map((index) => marked(words(`b${index}`, 600)));
		const bodies = [
			user([...four, marked(words("b5", 600))]),
			{ ...user([...four, words("tail", 600)]), cache_control: { type: "ephemeral" } },
			{ ...user([marked(words("m", 600), "1h")]), system: [marked(words("s", 600))] },
			{ ...user([marked(words("m", 600))]), cache_control: { type: "ephemeral", ttl: "1h" } },
			{ ...user(four), cache_control: { type: "ephemeral" } },
		];
		const statuses: number[] = [];
		for (const body of bodies) statuses.push((await send(sim, body)).status);
		expect(statuses).toEqual([400, 400, 400, 400, 200]);
	});

	it("V9: a change keeps what is rendered before it", async () => {
		const tool = marked({ name: "Bash", description: "d".repeat(4_000), input_schema: { type: "object" } });
		const base = {
			...user([marked(words("question", 1_000))]),
			tools: [tool],
			system: [marked(words("system", 1_000))],
		};
		const readAfter = async (body: Json, betas: readonly string[] = []) => {
			await using sim = await start();
			const first = await send(sim, base);
			return { read: (await send(sim, body, betas)).read, head: first.write5m - 1_000 };
		};
		for (const change of [{ tool_choice: { type: "any" } }, { output_config: { effort: "low" } }]) {
			const { read, head } = await readAfter({ ...base, ...change });
			expect(read).toBe(head);
		}
		if (platform.hasWebTools) {
			const { read, head } = await readAfter({
				...base,
				tools: [tool, { type: "web_search_20250305", name: "web_search" }],
			});
			expect(read).toBe(head - 1_000);
		}
		expect((await readAfter(base, [BETA])).read).toBe(0);
		expect((await readAfter(base)).read).toBeGreaterThan(2_000);
	});
});
