// Programmed failures and records in every format that streams.
import { describe, expect, it } from "vitest";
import { startSimulator } from "../server.ts";

const QUESTION = { max_tokens: 1_000, messages: [{ role: "user", content: "@@long300@@" }] };
const CLAUDE = "claude-sonnet-5-5";
const WORLD = {
	deployments: [{ name: "key" }],
	aws: [{ name: "account" }],
	google: [{ name: "project" }],
	foundry: [{ name: "resource" }],
	openai: [{ name: "server" }],
};

interface Form {
	readonly deployment: string;
	readonly path: string;
	readonly headers: Record<string, string>;
	readonly body: Record<string, unknown>;
	/** What a broken stream says, in this format's words. */
	readonly failure: string;
	/** What ends a whole stream. */
	readonly ending: string;
}

const VERSION = { "anthropic-version": "2023-06-01" };

const FORMS: readonly Form[] = [
	{
		deployment: "key",
		path: "/v1/messages",
		headers: { ...VERSION, "x-api-key": "sk-sim-key" },
		body: { model: CLAUDE, stream: true, ...QUESTION },
		failure: "event: error",
		ending: "event: message_stop",
	},
	{
		deployment: "account",
		path: `/model/us.anthropic.${CLAUDE}/invoke-with-response-stream`,
		headers: { authorization: "Bearer bedrock-key-account" },
		body: { anthropic_version: "bedrock-2023-05-31", ...QUESTION },
		failure: "serviceUnavailableException",
		// The last event's first bytes in base64.
		ending: Buffer.from('{"type":"message_stop"').toString("base64").slice(0, 28),
	},
	{
		deployment: "project",
		path: `/v1/projects/project/locations/global/publishers/anthropic/models/${CLAUDE}:streamRawPredict`,
		headers: { authorization: "Bearer ya29.sim-project" },
		body: { anthropic_version: "vertex-2023-10-16", stream: true, ...QUESTION },
		failure: "event: error",
		ending: "event: message_stop",
	},
	{
		deployment: "resource",
		path: "/anthropic/v1/messages",
		headers: { ...VERSION, "api-key": "foundry-key-resource" },
		body: { model: CLAUDE, stream: true, ...QUESTION },
		failure: "event: error",
		ending: "event: message_stop",
	},
	{
		deployment: "server",
		path: "/v1/chat/completions",
		headers: { authorization: "Bearer sk-openai-server" },
		body: { model: "gpt-sim", stream: true, ...QUESTION },
		failure: '"error":',
		ending: "data: [DONE]",
	},
];

describe.each(FORMS)("$path", (form) => {
	const send = (url: string) =>
		fetch(url + form.path, { method: "POST", headers: form.headers, body: JSON.stringify(form.body) });

	it("is answered and recorded whole", async () => {
		await using sim = await startSimulator(WORLD);
		expect(await (await send(sim.url)).text()).toContain(form.ending);
		expect(sim.recorded()[0]).toMatchObject({ deployment: form.deployment, stream: true, status: 200, aborted: false });
		expect(sim.recorded()[0]?.usage?.output).toBeGreaterThan(250);
		expect(sim.report().deployments[form.deployment]).toMatchObject({ requests: 1, statuses: { 200: 1 } });
		expect(JSON.stringify(sim.recorded())).not.toContain(Object.values(form.headers).at(-1));
	});

	it.each(["start", "after-message-start", "after-content"] as const)("can fail inside a 200: %s", async (at) => {
		await using sim = await startSimulator(WORLD);
		sim.faults.add({ kind: "sse-error", at, deployment: form.deployment });
		const text = await (await send(sim.url)).text();
		expect(text).toContain(form.failure);
		expect(text).not.toContain(form.ending);
		expect(sim.recorded()[0]?.fault).toBe("sse-error");
	});

	it("can be cut, end early, and be refused with a status", async () => {
		await using sim = await startSimulator(WORLD);
		sim.faults.add({ kind: "cut", afterDeltas: 2 });
		const cut = await send(sim.url);
		await expect(cut.text()).rejects.toThrow();
		sim.faults.add({ kind: "end-early", afterDeltas: 2 });
		expect(await (await send(sim.url)).text()).not.toContain(form.ending);
		sim.faults.add({ kind: "status", status: 429, retryAfter: 7 });
		const refused = await send(sim.url);
		expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "7"]);
		sim.faults.add({ kind: "reset" });
		await expect(send(sim.url)).rejects.toThrow();
	});
});

it("the kinds of deployment have names and credentials of their own", async () => {
	await expect(startSimulator({ ...WORLD, google: [{ name: "key" }] })).rejects.toThrow(
		"Two deployments are named key",
	);
	await expect(startSimulator({ ...WORLD, foundry: [{ name: "x", apiKey: "sk-sim-key" }] })).rejects.toThrow(
		"same API key",
	);
	await expect(startSimulator({})).rejects.toThrow("at least one");
});

it("a port of its own knows one account only", async () => {
	await using sim = await startSimulator({ aws: [{ name: "one", port: 0 }, { name: "two" }] });
	const post = (key: string) =>
		fetch(`${sim.aws[0]?.url}/model/us.anthropic.${CLAUDE}/invoke`, {
			method: "POST",
			headers: { authorization: `Bearer ${key}` },
			body: JSON.stringify({ anthropic_version: "bedrock-2023-05-31", ...QUESTION }),
		});
	expect([(await post("bedrock-key-one")).status, (await post("bedrock-key-two")).status]).toEqual([200, 403]);
});
