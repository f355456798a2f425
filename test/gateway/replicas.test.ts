// Gateways that meet in a real Redis: what one learns the others use, and nothing depends on Redis being there.
import { afterEach, describe, expect, test } from "vitest";
import { readAnswer } from "../../src/commands/demo/answer.ts";
import type { Config } from "../../src/config/schema.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import type { Note } from "../../src/state/notes.ts";
import { createRedisState, type RedisState } from "../../src/state/redis.ts";
import { MASTER_KEY, startTestGateway, startWorld } from "../harness.ts";
import { redisProgram, startRedis } from "../redis.ts";

const CONVERSATIONS = 16;
const TURNS = 8;
/** Longer than any note takes on a busy machine. */
const PATIENCE_MS = 10_000;

type TestGateway = Awaited<ReturnType<typeof startTestGateway>>;

function stateYaml(url: string): string {
	return `warmpath:\n  listen: { port: 0 }\n  state: { redis: { url: "${url}" } }\n`;
}

/** Two gateways over the same simulated deployments and the same Redis. */
async function startPair(deployments: readonly string[], redisUrl: string) {
	const world = await startWorld({ deployments, extra: stateYaml(redisUrl) });
	const second = await startTestGateway(world.config);
	return {
		world,
		gateways: [world.gateway, second] as const,
		config: world.config as Config,
		async [Symbol.asyncDispose](): Promise<void> {
			await second.close(0);
			await world[Symbol.asyncDispose]();
		},
	};
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
	const deadline = Date.now() + PATIENCE_MS;
	while (!(await done())) {
		if (Date.now() > deadline) throw new Error("it did not come to pass");
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

async function healthOf(gateway: TestGateway): Promise<unknown> {
	const response = await fetch(`${gateway.url}/health`, { headers: { "x-api-key": MASTER_KEY } });
	return ((await response.json()) as { shared_state?: string }).shared_state;
}

/** All gateways know of as much: what was published has been applied. */
function agreed(gateways: readonly TestGateway[]): Promise<void> {
	return until(() => new Set(gateways.map(({ router }) => JSON.stringify(router.memory()))).size === 1);
}

function agents(): SimulatedAgent[] {
	return Array.from({ length: CONVERSATIONS }, (_, i) => {
		return new SimulatedAgent({
			model: "claude-code",
			seed: i + 1,
			project: Math.floor(i / 2),
			session: `session-${i}`,
		});
	});
}

async function turn(agent: SimulatedAgent, gateway: TestGateway) {
	const { body, headers } = agent.request();
	const answer = await readAnswer(await gateway.post("/v1/messages?beta=true", body, headers));
	agent.answered(answer.content);
	return answer;
}

/** Runs all conversations, each request at the next gateway in turn; gives what was read and where each conversation went. */
async function runAlternating(gateways: readonly TestGateway[]) {
	const all = agents();
	const places = all.map(() => new Set<string>());
	let readTokens = 0;
	let unknown = 0;
	let sent = 0;
	for (let round = 0; round < TURNS; round += 1) {
		for (const [i, agent] of all.entries()) {
			const gateway = gateways[sent % gateways.length];
			sent += 1;
			if (gateway === undefined) throw new Error("no gateway");
			const answer = await turn(agent, gateway);
			places[i]?.add(answer.deployment);
			readTokens += answer.usage.read;
			if (round > 0 && answer.affinity !== "hit") unknown += 1;
		}
		// 16 is even: without this each conversation would meet the same gateway every time.
		sent += 1;
	}
	return { places, readTokens, unknown };
}

describe.skipIf(redisProgram() === null)("gateways on one Redis", () => {
	test("16 conversations stay at home when a load balancer alternates between two gateways", async () => {
		await using redis = await startRedis();
		const alone = await startWorld({ deployments: ["a", "b", "c", "d"] });
		const single = await runAlternating([alone.gateway]);
		await alone[Symbol.asyncDispose]();
		await using pair = await startPair(["a", "b", "c", "d"], redis.url);
		const shared = await runAlternating(pair.gateways);
		expect(shared.readTokens / single.readTokens).toBeGreaterThanOrEqual(0.97);
		expect(shared.places.filter(({ size }) => size > 1).length).toBe(0);
		// Without a shared table half of the second turns would meet a gateway that has never seen their conversation.
		expect(shared.unknown).toBe(0);
		expect(await Promise.all(pair.gateways.map(healthOf))).toEqual(["connected", "connected"]);
	}, 120_000);

	test("a gateway that joins later knows what the others had learned before it takes a request", async () => {
		await using redis = await startRedis();
		await using pair = await startPair(["a", "b", "c"], redis.url);
		const [agent] = agents();
		if (agent === undefined) throw new Error("no agent");
		const before = await turn(agent, pair.gateways[0]);
		await agreed(pair.gateways);
		const late = await startTestGateway(pair.config);
		try {
			expect(late.router.memory()).toMatchObject({ ...pair.gateways[0].router.memory() });
			const after = await turn(agent, late);
			expect(after).toMatchObject({ deployment: before.deployment, affinity: "hit" });
			expect(after.usage.read).toBeGreaterThan(0);
		} finally {
			await late.close(0);
		}
	});

	test("killing Redis under traffic fails no request, is said once, and what comes after it is shared again", async () => {
		await using redis = await startRedis();
		await using pair = await startPair(["a", "b", "c"], redis.url);
		const all = agents();
		const statuses: number[] = [];
		let sent = 0;
		let running = true;
		const traffic = all.map(async (agent) => {
			while (running) {
				const gateway = pair.gateways[sent % 2];
				sent += 1;
				if (gateway === undefined) return;
				const { body, headers } = agent.request();
				const response = await gateway.post("/v1/messages?beta=true", body, headers);
				statuses.push(response.status);
				await response.arrayBuffer();
			}
		});
		await until(() => statuses.length > 30);
		await redis.kill();
		const atKill = statuses.length;
		await until(() => statuses.length > atKill + 60);
		const health = await Promise.all(pair.gateways.map(healthOf));
		running = false;
		await Promise.all(traffic);
		expect(health).toEqual(["detached", "detached"]);
		expect(statuses.filter((status) => status !== 200)).toEqual([]);
		await redis.start();
		await until(async () => (await Promise.all(pair.gateways.map(healthOf))).every((each) => each === "connected"));
		for (const { logLines } of pair.gateways) {
			const about = logLines.filter((line) => line.includes("shared state"));
			expect(about.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(["info", "warn", "info"]);
		}
		const fresh = new SimulatedAgent({ model: "claude-code", seed: 99, session: "fresh" });
		const before = await turn(fresh, pair.gateways[0]);
		const home = pair.gateways[0].router.memory().conversations;
		await until(() => pair.gateways[1].router.memory().conversations >= home);
		expect(await turn(fresh, pair.gateways[1])).toMatchObject({ deployment: before.deployment, affinity: "hit" });
	}, 60_000);

	test("a gateway starts and serves where Redis cannot be reached, and its password is in no line of the log", async () => {
		const url = "redis://:a-secret-password@127.0.0.1:1/0";
		await using world = await startWorld({ deployments: ["a"], extra: stateYaml(url) });
		const [agent] = agents();
		if (agent === undefined) throw new Error("no agent");
		await turn(agent, world.gateway);
		expect(await healthOf(world.gateway)).toBe("detached");
		const about = world.gateway.logLines.filter((line) => line.includes("shared state"));
		expect(about).toEqual([expect.stringContaining("Redis at 127.0.0.1:1 cannot be used")]);
		expect(world.gateway.logLines.join("\n")).not.toContain("a-secret-password");
	});
});

test("a gateway without shared state says nothing of it", async () => {
	await using world = await startWorld({ deployments: ["a"] });
	expect(await healthOf(world.gateway)).toBeUndefined();
});

describe.skipIf(redisProgram() === null)("notes through Redis", () => {
	const open: RedisState[] = [];
	afterEach(async () => {
		await Promise.all(open.splice(0).map((state) => state.close()));
	});

	function join(url: string, replica: string, ahead = 0) {
		const received: Note[] = [];
		const state = createRedisState({ url, key: "test:state", replica, now: () => Date.now() + ahead, onChange() {} });
		state.subscribe((note) => received.push(note));
		open.push(state);
		return { state, received };
	}

	const held: Note = {
		kind: "held",
		spot: { domain: { name: null, deployment: "a" }, variant: 1, high: 2, low: 3 },
		belief: { ttl: "5m", tokens: 10, exact: false, requestedAt: 1 },
	};
	const sent: Note = {
		kind: "sent",
		attempt: 1,
		sent: { deployment: "a", wildcard: null, load: 1, inputTokens: 1, outputTokens: 1, usedTokens: 1 },
	};

	test("are received by the others, in order, and not by who published them", async () => {
		await using redis = await startRedis();
		const [one, two] = [join(redis.url, "one"), join(redis.url, "two")];
		await until(() => one.state.connected && two.state.connected);
		for (let attempt = 1; attempt <= 3_000; attempt += 1) one.state.publish({ ...sent, attempt });
		await until(() => two.received.length === 3_000);
		expect(two.received.map((note) => note.kind === "sent" && note.attempt)).toEqual(
			Array.from({ length: 3_000 }, (_, at) => at + 1),
		);
		expect(one.received).toEqual([]);
	});

	test("who comes a minute late receives what lasts, and not what was passing", async () => {
		await using redis = await startRedis();
		const one = join(redis.url, "one");
		await until(() => one.state.connected);
		one.state.publish(sent);
		one.state.publish(held);
		const soon = join(redis.url, "soon");
		await until(() => soon.received.length === 2);
		const late = join(redis.url, "late", 70_000);
		await late.state.ready(PATIENCE_MS);
		expect(late.received).toEqual([held]);
	});

	test("what lasts is published when Redis is back, and a Redis that hangs counts as away", async () => {
		await using redis = await startRedis();
		const [one, two] = [join(redis.url, "one"), join(redis.url, "two")];
		await until(() => one.state.connected && two.state.connected);
		redis.pause();
		await until(() => !one.state.connected && !two.state.connected);
		one.state.publish(sent);
		one.state.publish(held);
		redis.resume();
		await until(() => two.received.length > 0);
		expect(two.received).toEqual([held]);
		expect(one.state.lost).toBe(1);
	}, 60_000);

	test("closing sends what was published last", async () => {
		await using redis = await startRedis();
		const [one, two] = [join(redis.url, "one"), join(redis.url, "two")];
		await until(() => one.state.connected && two.state.connected);
		one.state.publish(held);
		await one.state.close();
		await until(() => two.received.length === 1);
		expect(two.received).toEqual([held]);
	});
});
