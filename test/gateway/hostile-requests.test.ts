// Requests and answers that are made to do harm: what one client sends must not reach where it should not, cost others their deployments, or
// be held in memory.
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { Secret } from "../../src/config/secret.ts";
import type { Database } from "../../src/db/database.ts";
import { IN_MEMORY } from "../../src/db/location.ts";
import { openDatabase } from "../../src/db/open.ts";
import { type DeploymentLine, deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const MESSAGE = JSON.stringify({
	type: "message",
	content: [{ type: "text", text: "hi" }],
	usage: { input_tokens: 3, output_tokens: 2 },
});
const WHOLE: Answer = (_request, response) => {
	response.writeHead(200, { "content-type": "application/json" });
	response.end(MESSAGE);
};
const BODY = JSON.stringify({ model: "claude-code", max_tokens: 5, messages: [{ role: "user", content: "hi" }] });

/** Of a key that may spend next to nothing. */
const SMALL_KEY = "sk-small-budget-0123456789";

async function start(
	answer: Answer = WHOLE,
	{ keyless = false, database = null }: { readonly keyless?: boolean; readonly database?: Database | null } = {},
) {
	const upstream = await startRecordingUpstream(answer);
	const line: DeploymentLine = { id: "a", apiBase: upstream.url };
	const config = deploymentsConfig(
		[line],
		`warmpath: { listen: { port: 0 }, keys: [{ key_alias: small, key: ${SMALL_KEY}, max_budget: 0.000001 }] }\n`,
		`  - model_name: gpt
    litellm_params: { model: openai/gpt-x, api_base: "${upstream.url}/v1", api_key: sk-upstream }
    model_info: { id: gpt }
  - model_name: cloud/*
    litellm_params: { model: "bedrock/*", api_base: "${upstream.url}", aws_region_name: us-east-1, api_key: dummy }
    model_info: { id: cloud }`,
	);
	const gateway = await startTestGateway(keyless ? { ...config, masterKey: null } : config, { database });
	return {
		upstream,
		gateway,
		cooling: () => gateway.router.deployments().filter(({ cooldownUntil }) => cooldownUntil > 0),
		inFlight: () => gateway.router.deployments().reduce((all, { inFlight }) => all + inFlight, 0),
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

describe("what goes upstream", () => {
	test.each([
		"x-litellm-api-key",
		"authorization",
		"api-key",
		"x-api-key",
		"x-goog-api-key",
		"ocp-apim-subscription-key",
	])("holds no key of the gateway that came in %s", async (header) => {
		await using w = await start();
		const value = header === "authorization" ? `Bearer ${MASTER_KEY}` : MASTER_KEY;
		const response = await fetch(`${w.gateway.url}/v1/messages`, {
			method: "POST",
			headers: { "content-type": "application/json", [header]: value },
			body: BODY,
		});
		expect(response.status).toBe(200);
		expect(w.upstream.requests[0]?.rawHeaders.join("\n")).not.toContain(MASTER_KEY);
	});

	test.each([
		["/v1/chat/completions", '{"model":"other","messages":[{"role":"user","content":"hi"}],"model":"gpt"}'],
		["/v1/chat/completions", '{"mod\\u0065l":"other","messages":[{"role":"user","content":"hi"}],"model":"gpt"}'],
		["/v1/responses", '{"model":"other","input":"hi","model":"gpt"}'],
	])("is nothing of a body that names its model twice (%s)", async (path, body) => {
		await using w = await start();
		const response = await w.gateway.post(path, body);
		expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("Field occurs twice")]);
		expect(w.upstream.requests).toEqual([]);
	});

	test.each([
		["anthropic_beta", '"anthropic_beta":["a\\r\\nx-evil: 1"],'],
		["anthropic_beta", '"anthropic_beta":["\\u4e2d"],'],
		["anthropic_version", '"anthropic_version":"2023\\r\\nx-evil: 1",'],
	])("is no %s that a header cannot hold, and no deployment is blamed for it", async (field, member) => {
		await using w = await start();
		const body = `{${member}"max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`;
		const response = await w.gateway.post("/model/claude-code/invoke", body);
		expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(`${field}: `)]);
		expect(w.cooling()).toEqual([]);
		expect(w.upstream.requests).toEqual([]);
	});

	test("is no model whose name is half a character, and no deployment is blamed for it", async () => {
		await using w = await start();
		const response = await w.gateway.post("/v1/messages", BODY.replace("claude-code", "cloud/\\ud800"));
		expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("model: ")]);
		expect(w.cooling()).toEqual([]);
	});
});

test("a body inside a body that is nested too deeply is the client's fault", async () => {
	await using w = await start();
	const inner = `{"messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
	const body = JSON.stringify({ input: { invokeModel: { body: Buffer.from(inner).toString("base64") } } });
	const response = await w.gateway.post("/model/claude-code/count-tokens", body);
	expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("nested deeper than 200")]);
});

test("an answer that only says it is compressed ends as an error, while its client waits", async () => {
	await using w = await start((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
		response.write("this is no gzip");
		setTimeout(() => response.end("nor is this"), 50);
	});
	const socket = connect(w.gateway.port, "127.0.0.1");
	socket.write(
		`POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${MASTER_KEY}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
	);
	let answer = "";
	await new Promise<void>((resolve) => {
		socket.on("data", (chunk: Buffer) => {
			answer += chunk.toString("latin1");
			if (answer.endsWith("}")) resolve();
		});
	});
	expect(answer).toMatch(/^HTTP\/1\.1 503 .*an answer that cannot be unpacked/s);
	await expect.poll(() => w.inFlight()).toBe(0);
	socket.destroy();
});

test("an opening without content is not held for ever: its client gets it when it is large", async () => {
	await using w = await start((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		for (let at = 0; at < 10; at += 1) response.write(`event: ping\ndata: "${"x".repeat(1024 * 1024)}"\n\n`);
	});
	const gone = new AbortController();
	const response = await fetch(`${w.gateway.url}/v1/messages`, {
		method: "POST",
		headers: { "x-api-key": MASTER_KEY },
		body: JSON.stringify({ ...(JSON.parse(BODY) as object), stream: true }),
		signal: gone.signal,
	});
	expect(response.status).toBe(200);
	gone.abort();
	await expect.poll(() => w.inFlight()).toBe(0);
});

test.each([
	["an answer in one piece comes", BODY],
	["a stream begins", JSON.stringify({ ...(JSON.parse(BODY) as object), stream: true })],
])("leaving before %s does not have it made for nothing", async (_, content) => {
	await using w = await start(() => {});
	const gone = new AbortController();
	const ask = (signal: AbortSignal | null) =>
		fetch(`${w.gateway.url}/v1/messages`, {
			method: "POST",
			headers: { "x-api-key": SMALL_KEY },
			body: content,
			signal,
		});
	const left = ask(gone.signal);
	await expect.poll(() => w.upstream.requests.length).toBe(1);
	gone.abort();
	await expect(left).rejects.toThrow();
	await expect.poll(() => w.inFlight()).toBe(0);
	const next = await ask(AbortSignal.timeout(2_000));
	expect(await next.text()).toContain("Budget of the key 'small'");
});

describe("the control plane", () => {
	test.each(["/api/login", "/key/generate", "/api/explain"])(
		"holds no large body, whoever sends it (%s)",
		async (path) => {
			await using w = await start();
			const stream = new ReadableStream({
				pull: (controller) => controller.enqueue(Buffer.alloc(256 * 1024, 0x20)),
			});
			const answered = await fetch(`${w.gateway.url}${path}`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: stream,
				duplex: "half",
			} as RequestInit).then(
				({ status }) => status,
				() => "closed",
			);
			expect([413, "closed"]).toContain(answered);
		},
	);

	test("shows the turns of one caller under a session, not those of all who call theirs the same", async () => {
		await using database = await openDatabase(IN_MEMORY);
		await using w = await start(WHOLE, { database });
		const session = { "x-claude-code-session-id": "the-same" };
		await w.gateway.post("/v1/messages", BODY, session);
		await w.gateway.post("/v1/messages", BODY, { ...session, "x-api-key": SMALL_KEY });
		await w.gateway.requestLog?.flush();
		const keysOf = async (key: string, query = "") => {
			const response = await fetch(`${w.gateway.url}/api/sessions/the-same${query}`, { headers: { "x-api-key": key } });
			return ((await response.json()) as { turns: { key_alias: string | null }[] }).turns.map((turn) => turn.key_alias);
		};
		expect(await keysOf(SMALL_KEY)).toEqual(["small"]);
		expect(new Set(await keysOf(MASTER_KEY)).size).toBe(1);
	});

	test("counts guesses that come at once one by one", async () => {
		await using w = await start();
		const guesses = Array.from({ length: 40 }, (_, at) =>
			fetch(`${w.gateway.url}/api/login`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({ key: `sk-guess-${at}` }),
			}),
		);
		const statuses = (await Promise.all(guesses)).map(({ status }) => status);
		expect(statuses.filter((status) => status === 401).length).toBe(10);
		expect(statuses.filter((status) => status === 429).length).toBe(30);
	});
});

test("what an upstream says to browsers of its own origin is not said in the gateway's name", async () => {
	await using w = await start((_request, response) => {
		response.writeHead(200, {
			"content-type": "application/json",
			"set-cookie": "warmpath_session=stolen",
			"access-control-allow-origin": "*",
			"x-kept": "1",
		});
		response.end(MESSAGE);
	});
	const { headers } = await w.gateway.post("/v1/messages", BODY);
	expect([headers.get("set-cookie"), headers.get("access-control-allow-origin"), headers.get("x-kept")]).toEqual([
		null,
		null,
		"1",
	]);
});

test("a reload says which changes wait for the next start, without a password", async () => {
	await using w = await start();
	const { config } = w.gateway.serving();
	await w.gateway.reload({
		...config,
		databaseUrl: new Secret("postgres://user:hunter2@db/warmpath"),
		keySettings: { ...config.keySettings, hashSecret: new Secret("another") },
	});
	const said = w.gateway.logLines.filter((line) => line.includes("it takes effect at the next start"));
	expect(said.map((line) => (JSON.parse(line) as { msg: string }).msg.split(" ")[0])).toEqual([
		"general_settings.database_url",
		"warmpath.key_settings.hash_secret",
	]);
	expect(w.gateway.logLines.join()).not.toContain("hunter2");
});

describe("a gateway without a key", () => {
	test.each(["http://evil.example", "http://evil.example:4000", "null"])("serves no page of %s", async (origin) => {
		await using w = await start(WHOLE, { keyless: true });
		const send = (path: string) =>
			fetch(`${w.gateway.url}${path}`, {
				method: "POST",
				headers: { origin, "content-type": "text/plain" },
				body: BODY,
			});
		expect((await send("/v1/messages")).status).toBe(403);
		expect((await send("/route/explain")).status).toBe(403);
		expect(w.upstream.requests).toEqual([]);
	});

	test("serves programs, and pages of this machine", async () => {
		await using w = await start(WHOLE, { keyless: true });
		const send = (headers: Readonly<Record<string, string>>) =>
			fetch(`${w.gateway.url}/v1/messages`, { method: "POST", headers, body: BODY });
		expect((await send({})).status).toBe(200);
		expect((await send({ origin: "http://localhost:5173" })).status).toBe(200);
	});
});
