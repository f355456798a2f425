// Which of a request's credentials counts, and which of them, and of the headers that select an account, go upstream.
import { describe, expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const TOKEN = "sk-ant-oat01-of-a-subscription";
const API_KEY = "sk-ant-api03-of-somebody";
const VIRTUAL = "sk-virtual-0123456789";
const BLOCKED = "sk-blocked-0123456789";
const BODY = JSON.stringify({ model: "claude-code", max_tokens: 5, messages: [{ role: "user", content: "hi" }] });
const MESSAGE = JSON.stringify({ type: "message", content: [], usage: { input_tokens: 1, output_tokens: 1 } });
const COMPLETION = JSON.stringify({
	choices: [{ message: { role: "assistant", content: "a" }, finish_reason: "stop" }],
});

type Headers = Readonly<Record<string, string>>;

async function start({ settings = "", apiKey = "sk-ant-api03-pooled", headers = "" } = {}) {
	const upstream = await startRecordingUpstream(({ url }, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(url.endsWith("/chat/completions") ? COMPLETION : MESSAGE);
	});
	const more = `  - model_name: extra
    litellm_params: { model: anthropic/claude-x, api_base: "${upstream.url}", api_key: ${apiKey}, extra_headers: { ${headers} } }
    model_info: { id: extra }
  - model_name: gpt
    litellm_params: { model: openai/gpt-x, api_base: "${upstream.url}/v1", api_key: sk-openai-pooled }
    model_info: { id: gpt }`;
	const own = `warmpath: { listen: { port: 0 }, keys: [{ key_alias: ci, key: ${VIRTUAL} }, { key_alias: gone, key: ${BLOCKED}, blocked: true }] }\n`;
	const config = deploymentsConfig([{ id: "a", apiBase: upstream.url, apiKey }], own, more, settings);
	const gateway = await startTestGateway(config);
	return {
		upstream,
		ask: (sent: Headers, body = BODY, path = "/v1/messages") =>
			fetch(`${gateway.url}${path}`, {
				method: "POST",
				headers: { "content-type": "application/json", ...sent },
				body,
			}),
		sent: () => upstream.requests.at(-1)?.headers ?? {},
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

describe("of several credentials the gateway's key counts, wherever it stands", () => {
	test.each<[string, Headers]>([
		["a subscription's token before it", { authorization: `Bearer ${TOKEN}`, "x-api-key": MASTER_KEY }],
		["a subscription's token behind it", { authorization: `Bearer ${MASTER_KEY}`, "x-api-key": TOKEN }],
		["a provider's key", { authorization: `Bearer ${API_KEY}`, "x-api-key": VIRTUAL }],
		["a Google token, and the key in Google's header", { authorization: "Bearer ya29.x", "x-goog-api-key": VIRTUAL }],
		["two foreign ones before it", { authorization: `Bearer ${TOKEN}`, "api-key": "azure", "x-api-key": MASTER_KEY }],
		["LiteLLM's header that is wrong", { "x-litellm-api-key": "sk-old", authorization: `Bearer ${MASTER_KEY}` }],
		["nothing, in authorization without a scheme", { authorization: MASTER_KEY }],
		["Azure's header", { "x-api-key": API_KEY, "ocp-apim-subscription-key": VIRTUAL }],
		["an AWS signature", { authorization: "AWS4-HMAC-SHA256 Credential=A/b", "x-api-key": VIRTUAL }],
		["one header that was sent twice", { "x-api-key": `${API_KEY}, ${MASTER_KEY}` }],
		["a key that is blocked", { authorization: `Bearer ${BLOCKED}`, "x-api-key": VIRTUAL }],
	])("beside %s", async (_what, headers) => {
		await using w = await start();
		expect((await w.ask(headers)).status).toBe(200);
		expect(w.sent()["x-api-key"]).toBe("sk-ant-api03-pooled");
		expect(w.upstream.requests[0]?.rawHeaders.join("\n")).not.toMatch(/oat01|somebody|virtual|master|ya29|blocked/);
	});

	test.each<[string, Headers, RegExp]>([
		["two foreign ones", { authorization: `Bearer ${TOKEN}`, "x-api-key": API_KEY }, /not known/],
		[
			"a blocked key behind a foreign one",
			{ authorization: `Bearer ${TOKEN}`, "x-api-key": BLOCKED },
			/'gone' is blocked/,
		],
		["none", {}, /No API key/],
		["many in one header", { "x-api-key": `${"x,".repeat(50)}${MASTER_KEY}` }, /not known/],
	])("%s are refused", async (_what, headers, message) => {
		await using w = await start();
		const response = await w.ask(headers);
		expect(response.status).toBe(401);
		expect(await response.text()).toMatch(message);
		expect(w.upstream.requests).toEqual([]);
	});

	test("a header of the operator's choice is looked at, and never sent on", async () => {
		await using w = await start({ settings: ', litellm_key_header_name: "X-Team-Key"' });
		expect((await w.ask({ "X-Team-Key": `Bearer ${VIRTUAL}`, authorization: "Bearer other" })).status).toBe(200);
		expect((await w.ask({ "x-team-key": "wrong", "x-api-key": VIRTUAL })).status).toBe(200);
		for (const { headers } of w.upstream.requests) expect(headers["x-team-key"]).toBeUndefined();
	});
});

describe("a client's own credential beside the gateway's key", () => {
	const FORWARD = ", forward_client_headers_to_llm_api: true";

	test.each<[string, Headers]>([
		["in authorization, the key in x-api-key", { authorization: `Bearer ${TOKEN}`, "x-api-key": MASTER_KEY }],
		["in x-api-key, the key in authorization", { authorization: `Bearer ${MASTER_KEY}`, "x-api-key": TOKEN }],
		["with betas of its own", { authorization: `Bearer ${TOKEN}`, "x-api-key": VIRTUAL, "anthropic-beta": "a-1,b-2" }],
	])("a token %s pays, as a bearer token with its beta", async (_what, headers) => {
		await using w = await start({ settings: FORWARD });
		const response = await w.ask(headers);
		expect([response.status, response.headers.get("x-warmpath-reason")]).toEqual([200, "client-credential"]);
		const sent = w.sent();
		expect([sent.authorization, sent["x-api-key"]]).toEqual([`Bearer ${TOKEN}`, undefined]);
		const asked = (headers["anthropic-beta"] ?? "").split(",").filter(Boolean);
		expect(String(sent["anthropic-beta"]).split(",")).toEqual([...asked, "oauth-2025-04-20"]);
	});

	test("another key of the gateway is none, whatever is passed on", async () => {
		await using w = await start({ settings: `${FORWARD}, forward_llm_provider_auth_headers: true` });
		for (const second of [MASTER_KEY, BLOCKED]) {
			const response = await w.ask({ "x-litellm-api-key": VIRTUAL, authorization: `Bearer ${second}` });
			expect(response.headers.get("x-warmpath-reason")).not.toBe("client-credential");
			expect(JSON.stringify(w.sent())).not.toContain(second);
		}
	});

	test("its workspace goes with it", async () => {
		await using w = await start({ settings: FORWARD });
		await w.ask({ authorization: `Bearer ${TOKEN}`, "x-api-key": MASTER_KEY, "anthropic-workspace-id": "wrkspc_1" });
		expect(w.sent()["anthropic-workspace-id"]).toBe("wrkspc_1");
	});
});

describe("a deployment's OAuth token", () => {
	test.each<[string, Headers, string[]]>([
		["no betas", {}, ["oauth-2025-04-20"]],
		["betas of its own", { "anthropic-beta": "a-1, b-2" }, ["a-1", "b-2", "oauth-2025-04-20"]],
		["the beta already", { "Anthropic-Beta": "oauth-2025-04-20,b-2" }, ["oauth-2025-04-20", "b-2"]],
	])("goes as a bearer token with its beta where the client sends %s", async (_what, headers, betas) => {
		await using w = await start({ apiKey: TOKEN });
		expect((await w.ask({ "x-api-key": MASTER_KEY, ...headers })).status).toBe(200);
		const sent = w.sent();
		expect([sent.authorization, sent["x-api-key"]]).toEqual([`Bearer ${TOKEN}`, undefined]);
		expect(String(sent["anthropic-beta"]).split(/,\s*/)).toEqual(betas);
	});

	test("keeps its beta beside those of the body and of extra_headers, and for other clients", async () => {
		await using w = await start({ apiKey: TOKEN, headers: "anthropic-beta: own-1" });
		const asked = JSON.parse(BODY) as object;
		const inBody = JSON.stringify({ ...asked, model: "claude-code", anthropic_beta: ["c-3"] });
		await w.ask({ "x-api-key": MASTER_KEY }, inBody);
		expect(w.sent()["anthropic-beta"]).toBe("c-3,oauth-2025-04-20");
		await w.ask({ "x-api-key": MASTER_KEY }, JSON.stringify({ ...asked, model: "extra" }));
		expect(w.sent()["anthropic-beta"]).toBe("own-1,oauth-2025-04-20");
		await w.ask({ "x-api-key": MASTER_KEY }, BODY, "/v1/chat/completions");
		expect(w.sent()["anthropic-beta"]).toBe("oauth-2025-04-20");
	});

	test("a key that is none is sent as a key, without the beta", async () => {
		await using w = await start();
		await w.ask({ "x-api-key": MASTER_KEY });
		expect([w.sent()["x-api-key"], w.sent()["anthropic-beta"]]).toEqual(["sk-ant-api03-pooled", undefined]);
	});
});

test.each([
	"anthropic-workspace-id",
	"Anthropic-Workspace-Id",
	"anthropic-organization-id",
	"openai-organization",
	"OpenAI-Project",
	"chatgpt-account-id",
	"x-goog-user-project",
	"x-amz-source-account",
	"X-Amz-Security-Token",
	"azureml-model-deployment",
	"cf-access-client-secret",
	"x-serverless-authorization",
])("a client's %s never reaches a pooled key", async (header) => {
	await using w = await start();
	const secret = "of-the-client";
	const bodies = [BODY, JSON.stringify({ ...(JSON.parse(BODY) as object), model: "gpt" })];
	for (const body of bodies) {
		for (const path of ["/v1/messages", "/v1/chat/completions"]) {
			const response = await w.ask({ "x-api-key": MASTER_KEY, [header]: secret, "x-stainless-lang": "js" }, body, path);
			await response.text();
			expect(JSON.stringify(w.upstream.requests.at(-1)?.rawHeaders)).not.toContain(secret);
		}
	}
	expect(w.upstream.requests.length).toBe(4);
});

test.each(["x-amzn-trace-id", "anthropic-beta", "x-stainless-lang", "x-claude-code-session-id"])(
	"%s, which selects no account, goes on",
	async (header) => {
		await using w = await start();
		await w.ask({ "x-api-key": MASTER_KEY, [header]: "value-1" });
		expect(w.sent()[header]).toBe("value-1");
	},
);
