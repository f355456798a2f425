// One group of two Anthropic keys of a workspace, two AWS accounts and a Google project: who stays where, and what a cloud's death costs. Each
// cloud is a simulator of its own, so that it can die as clouds do: with all its sockets.
import { expect, test, vi } from "vitest";
import { readAnswer } from "../../src/commands/demo/answer.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import type { FaultKind } from "../../src/simulator/faults.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { type Simulator, startSimulator } from "../../src/simulator/server.ts";
import { cloudEntries } from "../cloud-deployments.ts";
import { deploymentsConfig, startTestGateway } from "../harness.ts";

const MODEL = "claude-sonnet-5-5";
const WORKSPACE = { organization: "o", workspace: "w" };
const CLOUDS = {
	anthropic: {
		deployments: [
			{ name: "k1", ...WORKSPACE },
			{ name: "k2", ...WORKSPACE },
		],
	},
	aws: { aws: [{ name: "a1" }, { name: "a2" }] },
	google: { google: [{ name: "p1" }] },
} satisfies Record<string, SimulatorOptions>;

const CONVERSATIONS = 10;

type Cloud = keyof typeof CLOUDS;
const NAMES = Object.keys(CLOUDS) as Cloud[];

/** The cloud that a deployment belongs to, and its cache domain: the two keys share one. */
const cloudOf = (id: string): Cloud => (id.startsWith("k") ? "anthropic" : id.startsWith("a") ? "aws" : "google");
const domainOf = (id: string): string => (id.startsWith("k") ? "workspace" : id);

async function startMixed() {
	const [anthropic, aws, google] = await Promise.all(NAMES.map((name) => startSimulator(CLOUDS[name])));
	if (anthropic === undefined || aws === undefined || google === undefined) throw new Error("three clouds");
	const clouds: Readonly<Record<Cloud, Simulator>> = { anthropic, aws, google };
	const keys = anthropic.deployments.map(({ name, apiKey }) => ({
		id: name,
		apiBase: anthropic.url,
		apiKey,
		model: `anthropic/${MODEL}`,
	}));
	const more = [aws, google].map((simulator) => cloudEntries(simulator, {}, { group: "claude-code", model: MODEL }));
	const gateway = await startTestGateway(deploymentsConfig(keys, "", more.join("\n")));
	return {
		clouds,
		gateway,
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await Promise.all(NAMES.map((name) => clouds[name].close()));
		},
	};
}

type Mixed = Awaited<ReturnType<typeof startMixed>>;

interface Talk {
	readonly agent: SimulatedAgent;
	/** Deployments that answered, one a turn. */
	readonly places: string[];
}

/** Conversations after their first turn, begun one after the other. They share too little for one to draw the next to its place. */
async function begin(world: Mixed): Promise<readonly Talk[]> {
	const talks = Array.from({ length: CONVERSATIONS }, (_, i) => {
		const about = { model: "claude-code", seed: i + 1, project: i, toolBytes: 2_000, resultBytes: [400, 800] } as const;
		return { agent: new SimulatedAgent({ ...about, session: `session-${i}` }), places: [] };
	});
	for (const talk of talks) await turn(world, talk);
	return talks;
}

/** One that is at home on a cloud. */
function at(cloud: Cloud, talks: readonly Talk[]): Talk {
	const found = talks.find(({ places }) => cloudOf(places.at(-1) ?? "") === cloud);
	if (found === undefined) throw new Error(`nobody is at home on ${cloud}`);
	return found;
}

/** One turn of one conversation. Rejects unless the answer is whole. */
async function turn({ gateway }: Mixed, { agent, places }: Talk): Promise<void> {
	const { body, headers } = agent.request();
	const response = await gateway.post("/v1/messages?beta=true", body, { ...headers });
	const answer = await readAnswer(response);
	agent.answered(answer.content);
	places.push(answer.deployment);
}

test("conversations stay in their domain, all domains are used, and the keys of the workspace share its load", async () => {
	await using world = await startMixed();
	const talks = await begin(world);
	await Promise.all(
		talks.map(async (talk) => {
			for (let i = 0; i < 6; i += 1) await turn(world, talk);
		}),
	);
	for (const { places } of talks) expect(new Set(places.map(domainOf)).size).toBe(1);
	const domains = talks.map(({ places }) => domainOf(places[0] ?? ""));
	expect(new Set(domains)).toEqual(new Set(["workspace", "a1", "a2", "p1"]));
	const answered = talks.flatMap(({ places }) => places);
	const byKey = ["k1", "k2"].map((key) => answered.filter((id) => id === key).length);
	expect(Math.min(...byKey)).toBeGreaterThan(0.25 * (byKey[0] ?? 0) + 0.25 * (byKey[1] ?? 0));
});

test.each(NAMES)("%s dies mid-run: whatever had not begun to answer is answered elsewhere", async (dying) => {
	await using world = await startMixed();
	const cloud = world.clouds[dying];
	const talks = await begin(world);
	await Promise.all(talks.map((talk) => turn(world, talk)));
	const home = (talk: Talk) => cloudOf(talk.places.at(-1) ?? "");
	const struck = talks.filter((talk) => home(talk) === dying);
	expect(struck.length).toBeGreaterThan(0);
	const spared = talks.filter((talk) => home(talk) !== dying);

	// Some hang before their head, the others behind it, when every socket is cut at once.
	cloud.faults.add({ kind: "stall", at: "before-headers", ms: "forever", times: Math.ceil(struck.length / 2) });
	cloud.faults.add({ kind: "stall", at: "after-headers", ms: "forever", times: "always" });
	const hanging = struck.map((talk) => turn(world, talk));
	const open = () => cloud.recorded().filter(({ fault, endedAt }) => fault === "stall" && endedAt === null);
	await vi.waitFor(() => expect(open()).toHaveLength(struck.length), { timeout: 10_000 });
	await Promise.all(spared.map((talk) => turn(world, talk)));
	await cloud.close();
	await Promise.all(hanging);

	for (let i = 0; i < 3; i += 1) await Promise.all(talks.map((talk) => turn(world, talk)));
	for (const { places } of talks) expect(places.slice(2).map(cloudOf)).not.toContain(dying);
	// Those that lived elsewhere never moved; the others found one new home.
	for (const { places } of spared) expect(new Set(places.map(domainOf)).size).toBe(1);
	for (const { places } of struck) expect(new Set(places.slice(2).map(domainOf)).size).toBe(1);
});

test("an answer that had begun when its cloud died ends with an error that says so, not as if it were whole", async () => {
	for (const dying of NAMES) {
		await using world = await startMixed();
		const talk = at(dying, await begin(world));
		world.clouds[dying].faults.add({ kind: "stall", at: "mid-content", ms: "forever" });
		const { body, headers } = talk.agent.request();
		const response = await world.gateway.post("/v1/messages?beta=true", body, { ...headers });
		expect(response.status).toBe(200);
		await world.clouds[dying].close();
		const text = await response.text();
		expect(text).toMatch(/event: content_block_start\n/);
		expect(text).toMatch(/event: error\ndata: .*"api_error".*\n\n$/);
		expect(text).not.toContain("message_stop");
		// The client's own repetition of it is answered by another cloud.
		await turn(world, talk);
		expect(cloudOf(talk.places.at(-1) ?? "")).not.toBe(dying);
	}
});

const FAILURES: readonly FaultKind[] = [
	{ kind: "status", status: 503 },
	{ kind: "status", status: 429 },
	{ kind: "reset" },
	{ kind: "sse-error", at: "start" },
	{ kind: "sse-error", at: "after-message-start" },
];

test.each(NAMES)("%s: no failure before content reaches the client", async (failing) => {
	for (const failure of FAILURES) {
		await using world = await startMixed();
		const { faults } = world.clouds[failing];
		const talk = at(failing, await begin(world));
		faults.add({ ...failure, times: "always" });
		await turn(world, talk);
		expect(cloudOf(talk.places.at(-1) ?? ""), JSON.stringify(failure)).not.toBe(failing);
	}
});
