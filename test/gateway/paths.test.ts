// The addresses that clients really call, with base URLs as people write them: what is served there, and what a client is shown of models.
import { connect } from "node:http2";
import { describe, expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const MESSAGES = JSON.stringify({ model: "claude-code", max_tokens: 5, messages: [{ role: "user", content: "hi" }] });
const UNNAMED = JSON.stringify({ max_tokens: 5, messages: [{ role: "user", content: "hi" }] });
const RESPONSES = JSON.stringify({ model: "claude-code", input: "hi" });
const MESSAGE = {
	type: "message",
	content: [{ type: "text", text: "ok" }],
	usage: { input_tokens: 1, output_tokens: 1 },
};
const CHAT = { choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }] };

const NAMES = [
	"us.anthropic.claude-sonnet-4-5-20250929-v1:0",
	"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
	"team/claude",
	"team/deep:er/claude",
	"claude-x@20250929",
	"qwen3:30b",
	"größe",
	"a%b",
	"a b",
	"x:rawPredict",
	"plain",
];

async function start({ groups = ["claude-code"], more = "", own = "" } = {}) {
	const upstream = await startRecordingUpstream((request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		const isCount = request.url.includes("count_tokens");
		response.end(JSON.stringify(isCount ? { input_tokens: 3 } : request.url.includes("/v1/messages") ? MESSAGE : CHAT));
	});
	const config = deploymentsConfig(
		groups.map((group, at) => ({ id: `d${at}`, apiBase: upstream.url, group: JSON.stringify(group) })),
		`warmpath: { listen: { port: 0 }${own} }\n`,
		more.replaceAll("UPSTREAM", upstream.url),
	);
	const gateway = await startTestGateway(config);
	return {
		upstream,
		gateway,
		get: (path: string, headers: Readonly<Record<string, string>> = { "x-api-key": MASTER_KEY }, method = "GET") =>
			fetch(`${gateway.url}${path}`, { method, headers }),
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

describe("a base URL is understood with and without /v1, with slashes at its end, and with too much in it", () => {
	test.each([
		"/v1/messages",
		"/v1/messages?beta=true",
		"/v1/v1/messages",
		"//v1/messages",
		"/anthropic/v1/messages",
		"/anthropic//v1/messages?beta=true",
		"/v1/messages/",
		"/messages",
		"/anthropic/messages/?beta=true",
		"/v1/messages/v1/messages",
		"/messages/count_tokens",
		"/v1/messages/count_tokens/",
		"/chat/completions",
		"/v1/chat/completions/",
		"/openai/v1/chat/completions",
		"/openai/deployments/claude-code/chat/completions?api-version=2024-10-21",
	])("POST %s", async (path) => {
		await using w = await start();
		expect((await w.gateway.post(path, MESSAGES)).status).toBe(200);
	});

	test.each(["/v1/responses", "/responses", "/v1/responses/", "/openai/responses", "/v1/v1/responses"])(
		"POST %s",
		async (path) => {
			await using w = await start();
			expect((await w.gateway.post(path, RESPONSES)).status).toBe(200);
		},
	);

	test.each(["/v2/messages", "/elsewhere/messages", "/v1/messages/batches", "/v1/message"])(
		"POST %s is not served",
		async (path) => {
			await using w = await start();
			expect((await w.gateway.post(path, MESSAGES)).status).toBe(404);
		},
	);

	test("over HTTP/2 as over HTTP/1.1", async () => {
		await using w = await start();
		const session = connect(w.gateway.url);
		const statuses: unknown[] = [];
		for (const path of ["/messages/", "//v1//messages?beta=true", "/v1/v1/messages"]) {
			const stream = session.request({ ":method": "POST", ":path": path, "x-api-key": MASTER_KEY });
			stream.end(MESSAGES);
			statuses.push(await new Promise((resolve) => stream.on("response", (headers) => resolve(headers[":status"]))));
			stream.resume();
		}
		session.close();
		expect(statuses).toEqual([200, 200, 200]);
	});
});

describe("a model's name in an address", () => {
	const vertex = (id: string, verb: string) =>
		`/vertex/v1/projects/p/locations/l/publishers/anthropic/models/${id}:${verb}`;

	test.each(NAMES)("'%s' is found as it is written and escaped, in every format", async (name) => {
		await using w = await start({ groups: NAMES });
		const expected = `d${NAMES.indexOf(name)}`;
		for (const id of [encodeURI(name), encodeURIComponent(name)]) {
			const paths = [
				vertex(id, "rawPredict"),
				`${vertex(id, "rawPredict")}/`,
				`/bedrock/model/${id}/invoke`,
				`//model/${id}/invoke`,
				`/openai/deployments/${id}/chat/completions?api-version=1`,
				`/engines/${id}/chat/completions`,
			];
			for (const path of paths) {
				const response = await w.gateway.post(path, UNNAMED);
				expect([path, response.status, response.headers.get("x-litellm-model-id")]).toEqual([path, 200, expected]);
			}
			const entry = (await (await w.get(`/v1/models/${id}`)).json()) as { id: string };
			expect(entry.id).toBe(name);
		}
	});

	test("wins over the body's, and goes to an OpenAI upstream whose body names none", async () => {
		const more = `  - model_name: gpt
    litellm_params: { model: openai/gpt-up, api_base: "UPSTREAM/v1", api_key: sk-openai }
    model_info: { id: gpt }`;
		await using w = await start({ more });
		const bodies = [UNNAMED, MESSAGES];
		for (const path of ["chat/completions", "embeddings"]) {
			for (const body of bodies) {
				const response = await w.gateway.post(`/openai/deployments/gpt/${path}?api-version=1`, body);
				expect(response.status).toBe(200);
				expect(JSON.parse(w.upstream.requests.at(-1)?.body.toString() ?? "")["model"]).toBe("gpt-up");
			}
		}
	});
});

test("mantle's ids are known in the Messages API, and one that nobody serves is a 404 that its client takes for 'not here'", async () => {
	const more = `  - model_name: opus
    litellm_params: { model: anthropic/claude-opus-5-5, api_base: "UPSTREAM", api_key: sk-dummy }
    model_info: { id: opus }`;
	await using w = await start({ more });
	const statuses: unknown[] = [];
	for (const model of ["anthropic.claude-opus-5-5", "anthropic.claude-opus-5", "us.anthropic.claude-opus-5-5"]) {
		for (const path of ["/v1/messages", "/anthropic/v1/messages"]) {
			const sent = JSON.stringify({ ...(JSON.parse(UNNAMED) as object), model, max_tokens: 1 });
			statuses.push((await w.gateway.post(path, sent)).status);
		}
	}
	expect(statuses).toEqual([200, 200, 404, 404, 200, 200]);
	expect(JSON.parse(w.upstream.requests[0]?.body.toString() ?? "")["model"]).toBe("claude-opus-5-5");
	const asked = JSON.stringify({ ...(JSON.parse(UNNAMED) as object), model: "anthropic.claude-opus-5-5" });
	expect((await w.gateway.post("/route/explain", asked)).status).toBe(200);
});

describe("the list of models", () => {
	const ids = async (response: Response) =>
		((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
	const entry = (model: string, name: string, extra = "") =>
		`  - model_name: "${name}"\n    litellm_params: { model: "${model}", api_base: "UPSTREAM", api_key: sk-dummy${extra} }\n`;

	test.each(["/v1/models", "/models", "/v1/models/", "/openai/v1/models", "/anthropic/v1/models?limit=1000"])(
		"is at %s",
		async (path) => {
			await using w = await start();
			expect(await ids(await w.get(path))).toEqual(["claude-code"]);
		},
	);

	test.each([
		["claude-*", "anthropic/claude-*", "claude-opus-5-5"],
		["*", "anthropic/*", "claude-sonnet-5-5"],
		["anthropic/*", "anthropic/*", "anthropic/claude-haiku-5-5"],
		["my-*-model", "anthropic/claude-*", "anthropic/my-opus-5-5-model"],
		["claude-*", "anthropic/claude-sonnet-5-5", "claude-opus-5-5"],
		["claude-opus-*", "anthropic/claude-opus-*", "claude-opus-4-5"],
	])("names known models of the group %s on %s, and each of them is served", async (group, model, expected) => {
		await using w = await start({ groups: [], more: entry(model, group) });
		const listed = await ids(await w.get("/v1/models"));
		expect(listed).toContain(expected);
		for (const id of listed) {
			const body = JSON.stringify({ ...(JSON.parse(UNNAMED) as object), model: id });
			expect([id, (await w.gateway.post("/v1/messages", body)).status]).toEqual([id, 200]);
			expect((await w.get(`/v1/models/${encodeURIComponent(id)}`)).status).toBe(200);
		}
	});

	test("names a cloud's models by the cloud's ids, a more specific group's once, and nothing of an unknown server", async () => {
		const more =
			entry("bedrock/*", "bedrock/*", ", aws_region_name: us-east-1") +
			entry("anthropic/claude-sonnet-5-5", "claude-opus-5-5") +
			entry("anthropic/claude-*", "claude-*") +
			entry("openai/*", "open/*");
		await using w = await start({ groups: [], more });
		const listed = await ids(await w.get("/v1/models"));
		expect(listed).toContain("bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0");
		expect(listed.filter((id) => id === "claude-opus-5-5")).toEqual(["claude-opus-5-5"]);
		expect(listed.filter((id) => id.startsWith("open/") || id.includes("*"))).toEqual([]);
		expect(listed).not.toContain("claude-3-5-sonnet");
	});

	test("shows a key only what it may use", async () => {
		const own = ", keys: [{ key_alias: opus, key: sk-only-opus-0123456789, models: [claude-opus-5-5] }]";
		await using w = await start({ groups: [], more: entry("anthropic/claude-*", "claude-*"), own });
		const key = { "x-api-key": "sk-only-opus-0123456789" };
		expect(await ids(await w.get("/v1/models", key))).toEqual(["claude-opus-5-5"]);
		expect((await w.get("/v1/models/claude-opus-5-5", key)).status).toBe(200);
		expect((await w.get("/v1/models/claude-sonnet-5-5", key)).status).toBe(404);
	});
});

describe("one model", () => {
	const BEARER = { authorization: `Bearer ${MASTER_KEY}` };

	test("is shown in a form that both kinds of client read", async () => {
		await using w = await start();
		const answer = await (await w.get("/v1/models/claude-code", BEARER)).json();
		expect(answer).toMatchObject({
			id: "claude-code",
			type: "model",
			object: "model",
			created: 0,
			owned_by: "warmpath",
		});
		expect((await w.get("/v1/models/anthropic/claude-code")).status).toBe(200);
		expect((await w.get("/v1/models/claude-code", BEARER, "HEAD")).status).toBe(200);
		expect((await w.get("/v1/models/claude-code", BEARER, "POST")).status).toBe(405);
	});

	test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
		["Anthropic's, by the version header", { ...BEARER, "anthropic-version": "2023-06-01" }, "error"],
		["Anthropic's, by its key header", { "x-api-key": MASTER_KEY }, "error"],
		["OpenAI's, by a bearer token", BEARER, undefined],
		["OpenAI's, by Azure's key header", { "api-key": MASTER_KEY }, undefined],
	])("that is not there is a 404 in the client's dialect: %s", async (_what, headers, type) => {
		await using w = await start();
		const response = await w.get("/v1/models/nothing-like-it", headers);
		expect(response.status).toBe(404);
		const body = (await response.json()) as { type?: string; error: { type: string; message: string } };
		expect(body.type).toBe(type);
		expect(body.error.message).toMatch(/nothing-like-it/);
		expect(body.error.type).toBe(type === "error" ? "not_found_error" : "invalid_request_error");
	});

	test("and a refused key is shown in the same dialect", async () => {
		await using w = await start();
		const response = await w.get("/models", { authorization: "Bearer sk-wrong" });
		expect(response.status).toBe(401);
		expect(await response.json()).not.toHaveProperty("type");
	});
});

describe("probes", () => {
	test.each([
		["HEAD", "/"],
		["HEAD", "/api/hello"],
		["HEAD", "/anthropic/api/hello"],
		["GET", "/api/hello"],
		["HEAD", "/anthropic"],
		["HEAD", "/v1"],
		["GET", "/v1"],
		["HEAD", "/bedrock"],
		["HEAD", "/vertex/v1/"],
		["OPTIONS", "/"],
	])("%s %s is answered without a key", async (method, path) => {
		await using w = await start();
		expect((await w.get(path, {}, method)).status).toBe(200);
	});

	test.each([
		"/v1/messages",
		"/messages/",
		"/v1/chat/completions",
		"/v1/models",
		"/v1/models/x",
		"/bedrock/model/x/invoke",
	])("OPTIONS %s says what is allowed, without a key, and lets no foreign page in", async (path) => {
		await using w = await start();
		const response = await w.get(path, { origin: "https://elsewhere.example" }, "OPTIONS");
		expect(response.status).toBe(204);
		expect(response.headers.get("allow")).toBe(path.includes("/v1/models") ? "GET, HEAD" : "POST");
		expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
	});

	test.each(["HEAD", "GET", "DELETE"])("%s /v1/messages names the method to use", async (method) => {
		await using w = await start();
		const response = await w.get("/v1/messages/", undefined, method);
		expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
	});
});
