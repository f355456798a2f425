import { createSign } from "node:crypto";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import { OAuth2Client } from "google-auth-library";
import { describe, expect, it } from "vitest";
import { marked, words } from "../__fixtures__/bodies.ts";
import type { GoogleProjectOptions } from "../google/projects.ts";
import type { SimulatorOptions } from "../options.ts";
import { type Simulator, startSimulator } from "../server.ts";

const MODEL = "claude-sonnet-5-5";

const start = (project: Partial<GoogleProjectOptions> = {}, options: Partial<SimulatorOptions> = {}) =>
	startSimulator({ google: [{ name: "project-1", ...project }, { name: "project-2" }], ...options });

function client(sim: Simulator, more: { token?: string; project?: string; region?: string } = {}) {
	const authClient = new OAuth2Client();
	authClient.setCredentials({ access_token: more.token ?? "ya29.sim-project-1" });
	return new AnthropicVertex({
		baseURL: `${sim.url}/v1`,
		region: more.region ?? "us-east5",
		projectId: more.project ?? "project-1",
		authClient: authClient as never,
		maxRetries: 0,
	});
}

function question(text = "hello") {
	return {
		model: MODEL,
		max_tokens: 1_000,
		system: [marked(words("system", 2_000))] as never,
		messages: [{ role: "user" as const, content: text }],
	};
}

async function post(sim: Simulator, body: unknown, token = "ya29.sim-project-1") {
	const path = `/v1/projects/project-1/locations/us-east5/publishers/anthropic/models/${MODEL}:rawPredict`;
	const response = await fetch(sim.url + path, {
		method: "POST",
		headers: { authorization: `Bearer ${token}` },
		body: JSON.stringify(body),
	});
	return { status: response.status, json: (await response.json()) as { error: Record<string, unknown> } };
}

/** An assertion as Google's libraries sign them. */
function assertion(
	key: { client_email: string; private_key: string; token_uri: string },
	more: Record<string, unknown> = {},
) {
	const now = Math.floor(Date.now() / 1000);
	const claims = { iss: key.client_email, aud: key.token_uri, iat: now, exp: now + 3_600, scope: "x", ...more };
	const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
	return `${text}.${createSign("RSA-SHA256").update(text).sign(key.private_key, "base64url")}`;
}

async function askToken(url: string, jwt: string) {
	const body = new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: jwt });
	const response = await fetch(url, { method: "POST", body });
	return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

describe("Anthropic's Vertex client", () => {
	it("gets whole messages, streams and counts, in one cache per project and location", async () => {
		await using sim = await start();
		const first = await client(sim).messages.create(question());
		expect(first).toMatchObject({ model: MODEL, usage: { cache_creation_input_tokens: 2_000 } });
		const streamed = await client(sim).messages.stream(question("again")).finalMessage();
		expect(streamed.usage.cache_read_input_tokens).toBe(2_000);
		expect((await client(sim, { region: "global" }).messages.create(question())).usage.cache_read_input_tokens).toBe(0);
		const other = client(sim, { project: "project-2", token: "ya29.sim-project-2" });
		expect((await other.messages.create(question())).usage.cache_read_input_tokens).toBe(0);
		const { max_tokens: _unused, ...counted } = question();
		expect((await client(sim).messages.countTokens(counted)).input_tokens).toBe(2_002);
		expect(sim.domains.map((domain) => domain.name)).toEqual([
			"project-1/us-east5",
			"project-1/global",
			"project-2/us-east5",
		]);
	});

	it("is refused with a wrong token, and in another's project", async () => {
		await using sim = await start();
		await expect(client(sim, { token: "no" }).messages.create(question())).rejects.toMatchObject({ status: 401 });
		await expect(client(sim, { project: "project-2" }).messages.create(question())).rejects.toMatchObject({
			status: 403,
		});
	});
});

describe("refusals", () => {
	it("have Google's shape from its front, and the model's own behind it", async () => {
		await using sim = await start({ limits: { inputTokens: 2_050 } });
		const valid = { anthropic_version: "vertex-2023-10-16", ...question(), model: undefined };
		expect((await post(sim, valid, "no")).json.error).toMatchObject({ code: 401, status: "UNAUTHENTICATED" });
		expect((await post(sim, { ...valid, model: MODEL })).json.error).toEqual({
			type: "invalid_request_error",
			message: "model: Extra inputs are not permitted",
		});
		expect((await post(sim, { ...valid, anthropic_version: undefined })).json.error["message"]).toContain(
			"anthropic_version",
		);
		expect((await post(sim, valid)).status).toBe(200);
		const limited = await post(sim, { ...valid, system: [marked(words("other", 2_000))] });
		expect(limited).toMatchObject({ status: 429, json: { error: { status: "RESOURCE_EXHAUSTED" } } });
		sim.faults.add({ kind: "status", status: 503 });
		expect((await post(sim, valid)).json.error).toMatchObject({ code: 503, status: "UNAVAILABLE" });
	});
});

describe("the token endpoint", () => {
	it("gives a service account a token that works until it expires", async () => {
		let now = Date.now();
		await using sim = await start({ tokenSeconds: 60 }, { wallClock: () => now });
		const key = sim.google[0]?.serviceAccount();
		if (key === undefined) throw new Error("no project");
		const { json } = await askToken(key.token_uri, assertion(key));
		expect(json).toMatchObject({ token_type: "Bearer", expires_in: 60 });
		const token = String(json["access_token"]);
		await client(sim, { token }).messages.create(question());
		now += 61_000;
		await expect(client(sim, { token }).messages.create(question())).rejects.toMatchObject({ status: 401 });
	});

	it("refuses a stranger, a foreign key and an old assertion", async () => {
		await using sim = await start();
		const [one, two] = sim.google.map((project) => project.serviceAccount());
		if (one === undefined || two === undefined) throw new Error("no project");
		const error = async (jwt: string) => (await askToken(one.token_uri, jwt)).json["error_description"];
		expect(await error(assertion({ ...one, client_email: "x@y" }))).toContain("account not found");
		expect(await error(assertion({ ...one, private_key: two.private_key }))).toBe("Invalid JWT Signature.");
		expect(await error(assertion(one, { exp: 1_000 }))).toContain("short-lived");
	});
});
