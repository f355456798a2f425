// The real Claude Code in Bedrock's and in Vertex's format through the gateway, onto simulated deployments of the Messages API and of clouds.
import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { claudeCodeHome } from "../claude-code.ts";
import { MASTER_KEY, startWorld, type WorldOptions } from "../harness.ts";

const ready = inject("claudeCode");
const DEPLOYMENTS = ["sim-1", "sim-2", "sim-3"];

type World = Awaited<ReturnType<typeof startWorld>>;

/** How Claude Code is pointed at the gateway in a cloud's format; `model` is that cloud's id of the simulated deployments' model. */
const FORMATS = {
	bedrock: {
		model: "us.anthropic.claude-sonnet-5-5",
		env: (url: string) => ({
			CLAUDE_CODE_USE_BEDROCK: "1",
			ANTHROPIC_BEDROCK_BASE_URL: `${url}/bedrock`,
			AWS_BEARER_TOKEN_BEDROCK: MASTER_KEY,
			AWS_REGION: "us-east-1",
		}),
	},
	vertex: {
		model: "claude-sonnet-5-5",
		env: (url: string) => ({
			CLAUDE_CODE_USE_VERTEX: "1",
			CLAUDE_CODE_SKIP_VERTEX_AUTH: "1",
			ANTHROPIC_VERTEX_BASE_URL: `${url}/vertex/v1`,
			ANTHROPIC_VERTEX_PROJECT_ID: "any-project",
			ANTHROPIC_CUSTOM_HEADERS: `x-api-key: ${MASTER_KEY}`,
			CLOUD_ML_REGION: "us-east5",
		}),
	},
} as const;

type Format = keyof typeof FORMATS;

function startHome(world: World, format: Format | "anthropic") {
	const model = format === "anthropic" ? "claude-code" : FORMATS[format].model;
	return claudeCodeHome({ form: "current", gatewayUrl: world.gateway.url, key: MASTER_KEY, model });
}

/** What the simulator saw of one session's main loop. */
function mainTurns(world: World, session: string) {
	return world
		.messages()
		.filter(
			(request) =>
				request.session === session &&
				request.agent === null &&
				(request.usage?.write5m ?? 0) + (request.usage?.read ?? 0) > 0,
		);
}

test.skipIf(!ready.includes("current")).for(["bedrock", "vertex"] as const)(
	"in %s's format a 6-turn tool-using conversation and its resumption stay where they are warm, and say what they say in the Messages format",
	async (format) => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		const env = FORMATS[format].env(world.gateway.url);
		await using home = await startHome(world, format);
		const session = randomUUID();
		const run = await home.run({ prompt: "@@tools5@@ look around", session, env });
		expect(run).toMatchObject({ exitCode: 0, is_error: false, num_turns: 6 });
		const again = await home.run({ prompt: "@@tools2@@ go on", resume: session, env });
		expect(again).toMatchObject({ exitCode: 0, is_error: false });

		const turns = mainTurns(world, session);
		expect(turns.length).toBeGreaterThanOrEqual(9);
		expect(new Set(turns.map((turn) => turn.deployment)).size).toBe(1);
		const [, ...later] = turns;
		for (const turn of later) expect(turn.usage?.read ?? 0).toBeGreaterThan(7_000);
		expect(run.usage.cache_read_input_tokens).toBeGreaterThan(run.usage.cache_creation_input_tokens);
		expect(world.messages().every((request) => request.status === 200)).toBe(true);

		await using plain = await startHome(world, "anthropic");
		const same = await plain.run({ prompt: "@@tools5@@ look around", session: randomUUID() });
		expect(run.result).toBe(same.result);
	},
);

test.skipIf(!ready.includes("current")).for(["bedrock", "vertex"] as const)(
	"in %s's format a deployment that is overloaded costs the user nothing",
	async (format) => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		const env = FORMATS[format].env(world.gateway.url);
		await using home = await startHome(world, format);
		const session = randomUUID();
		const first = await home.run({ prompt: "@@text@@ hello", session, env });
		expect(first).toMatchObject({ exitCode: 0, is_error: false });
		const [warm] = mainTurns(world, session);
		world.simulator.faults.add({ kind: "status", status: 529, deployment: warm?.deployment ?? "", times: "always" });
		const run = await home.run({ prompt: "@@tools2@@ go on", resume: session, env });
		expect(run).toMatchObject({ exitCode: 0, is_error: false });
	},
);

test.skipIf(!ready.includes("current"))(
	"a key that the gateway does not know is refused so that the user sees it",
	async () => {
		await using world = await startWorld({ deployments: DEPLOYMENTS });
		const env = { ...FORMATS.bedrock.env(world.gateway.url), AWS_BEARER_TOKEN_BEDROCK: "sk-wrong" };
		await using home = await startHome(world, "bedrock");
		const run = await home.run({ prompt: "@@text@@ hello", env });
		expect(run.is_error).toBe(true);
		expect(run.result).toMatch(/API key is not known to this gateway/);
		expect(world.messages().length).toBe(0);
	},
);

/** What the client saw of its streams, without what differs from run to run and from platform to platform. */
function shown(events: readonly Readonly<Record<string, unknown>>[]): string[] {
	return events
		.filter(({ type }) => type !== "ping")
		.map((event) => {
			const { type, index, content_block: block, delta } = event;
			return JSON.stringify({ type, index, block, delta }).replace(/(toolu|msg)_[\w]+/g, "$1");
		});
}

const UPSTREAMS: readonly [string, WorldOptions][] = [
	["Anthropic", { deployments: ["k1", "k2"] }],
	["Bedrock", { aws: ["a1", "a2"] }],
	["Bedrock's Messages API", { aws: ["a1", "a2"], bedrock: "messages" }],
	["Vertex", { google: ["p1", "p2"] }],
	["Foundry", { foundry: ["r1", "r2"] }],
];

test.skipIf(!ready.includes("current"))(
	"in each format onto each platform, 6 turns with tools show the same events and end with the same text, on one deployment that reads its cache",
	async () => {
		const runs: { readonly name: string; readonly result: string; readonly events: readonly string[] }[] = [];
		for (const [platform, options] of UPSTREAMS) {
			for (const format of ["vertex", "bedrock"] as const) {
				const name = `${format} onto ${platform}`;
				await using world = await startWorld(options);
				await using home = await startHome(world, format);
				const session = randomUUID();
				const env = FORMATS[format].env(world.gateway.url);
				const run = await home.run({ prompt: "@@tools5@@ look around", session, env, events: true });
				expect(run, name).toMatchObject({ exitCode: 0, is_error: false, num_turns: 6 });
				expect(run.usage.cache_read_input_tokens, name).toBeGreaterThan(run.usage.cache_creation_input_tokens);
				const turns = world.generations().filter(({ usage }) => usage !== null);
				const cached = turns.filter(({ usage }) => (usage?.read ?? 0) + (usage?.write5m ?? 0) > 0);
				expect(cached.length, name).toBeGreaterThanOrEqual(6);
				expect(new Set(cached.map(({ deployment }) => deployment)).size, name).toBe(1);
				expect(
					turns.every(({ status }) => status === 200),
					name,
				).toBe(true);
				runs.push({ name, result: run.result, events: shown(run.events) });
			}
		}
		const [first, ...others] = runs;
		expect(first?.events.filter((event) => event.includes('"message_stop"')).length).toBeGreaterThanOrEqual(6);
		for (const other of others) expect({ ...other, name: first?.name }, other.name).toEqual(first);
	},
	400_000,
);
