import { request as httpRequest } from "node:http";
import { expect, test } from "vitest";
import { configFrom, deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

async function gatewayWithoutUpstream(extra = "") {
	return startTestGateway(deploymentsConfig([{ id: "a", apiBase: "http://127.0.0.1:9" }], extra));
}

interface ErrorBody {
	readonly type: string;
	readonly error: { readonly type: string; readonly message: string };
	readonly request_id: string;
}

async function errorOf(response: Response): Promise<ErrorBody> {
	expect(response.headers.get("content-type")).toBe("application/json");
	const body = (await response.json()) as ErrorBody;
	expect(body.type).toBe("error");
	expect(body.request_id).toBe(response.headers.get("request-id"));
	return body;
}

test("bodies that cannot be served get the Messages API's error shape and say what to do", async () => {
	await using gateway = await gatewayWithoutUpstream();
	const cases: readonly [string, number, string, RegExp][] = [
		["", 400, "invalid_request_error", /not valid JSON/],
		["{", 400, "invalid_request_error", /not valid JSON.*byte 1/],
		["[]", 400, "invalid_request_error", /object/],
		['{"messages":[]}', 400, "invalid_request_error", /^model: /],
		['{"model":7,"messages":[]}', 400, "invalid_request_error", /^model: /],
		['{"model":"claude-code","messages":{}}', 400, "invalid_request_error", /^messages: /],
		['{"model":"claude-code","model":"other","messages":[]}', 400, "invalid_request_error", /^model: /],
		['{"model":"claude-codex","messages":[]}', 404, "not_found_error", /claude-codex.*Did you mean 'claude-code'/],
		[
			`{"model":"claude-code","messages":${"[".repeat(300)}${"]".repeat(300)}}`,
			400,
			"invalid_request_error",
			/deeper than 200/,
		],
	];
	for (const [body, status, type, message] of cases) {
		const response = await gateway.post("/v1/messages", body);
		expect([body.slice(0, 40), response.status]).toEqual([body.slice(0, 40), status]);
		const { error } = await errorOf(response);
		expect(error.type).toBe(type);
		expect(error.message).toMatch(message);
	}
});

test("a body over the limit gets 413 before it is read, also when its length is not announced", async () => {
	await using gateway = await gatewayWithoutUpstream(
		"warmpath: { listen: { port: 0 }, limits: { max_body_bytes: 2000 } }\n",
	);
	const body = JSON.stringify({ model: "claude-code", messages: [], pad: "x".repeat(4000) });
	const response = await gateway.post("/v1/messages", body);
	expect(response.status).toBe(413);
	expect((await errorOf(response)).error).toMatchObject({
		type: "request_too_large",
		message: expect.stringContaining("2000"),
	});

	const status = await new Promise<number>((resolve, reject) => {
		const request = httpRequest(`${gateway.url}/v1/messages`, {
			method: "POST",
			headers: { "x-api-key": MASTER_KEY, "transfer-encoding": "chunked" },
		});
		request.on("response", (answer) => {
			resolve(answer.statusCode ?? 0);
			answer.resume();
		});
		request.on("error", reject);
		request.write("x".repeat(4000));
	});
	expect(status).toBe(413);
});

test("a missing key, a wrong key and a wrong method are refused in the dialect", async () => {
	await using gateway = await gatewayWithoutUpstream();
	const bare = await fetch(`${gateway.url}/v1/messages`, { method: "POST", body: "{}" });
	expect(bare.status).toBe(401);
	expect((await errorOf(bare)).error).toMatchObject({
		type: "authentication_error",
		message: expect.stringContaining("ANTHROPIC_AUTH_TOKEN"),
	});
	const wrong = await gateway.post("/v1/messages", "{}", { "x-api-key": "sk-wrong" });
	expect(wrong.status).toBe(401);
	const get = await fetch(`${gateway.url}/v1/messages`, { headers: { "x-api-key": MASTER_KEY } });
	expect(get.status).toBe(405);
	expect(get.headers.get("allow")).toBe("POST");
	const elsewhere = await gateway.post("/v2/messages", "{}");
	expect(elsewhere.status).toBe(404);
	expect((await errorOf(elsewhere)).error.type).toBe("not_found_error");
});

test("probes, health and the model list answer as clients expect", async () => {
	await using upstream = await startRecordingUpstream((_request, response) =>
		response.end('{"type":"message","content":[]}'),
	);
	await using gateway = await startTestGateway(
		configFrom(`
model_list:
  - model_name: claude-code
    litellm_params: { model: anthropic/claude-sonnet-5-5, api_base: "${upstream.url}", api_key: sk-secret-upstream }
    model_info: { id: first }
  - model_name: team-model
    litellm_params: { model: anthropic/claude-sonnet-5-5, api_base: "${upstream.url}", api_key: sk-secret-upstream }
  - model_name: anthropic/*
    litellm_params: { model: anthropic/*, api_base: "${upstream.url}", api_key: sk-secret-upstream }
router_settings:
  model_group_alias: { sonnet: claude-code, ghost: { model: claude-code, hidden: true } }
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`),
	);
	for (const path of ["/", "/api/hello", "/gw/team-a/api/hello"]) {
		expect((await fetch(`${gateway.url}${path}`, { method: "HEAD" })).status).toBe(200);
	}
	expect(await (await fetch(`${gateway.url}/`)).json()).toEqual({ name: "warmpath" });
	const browser = await fetch(`${gateway.url}/`, { headers: { accept: "text/html,*/*" }, redirect: "manual" });
	expect([browser.status, browser.headers.get("location")]).toEqual([302, "/ui/"]);
	expect(await (await fetch(`${gateway.url}/health/liveliness`)).json()).toBe("I'm alive!");
	const ready = await fetch(`${gateway.url}/health/readiness`);
	expect(ready.status).toBe(200);
	expect(await ready.json()).toEqual({ status: "healthy" });

	expect((await fetch(`${gateway.url}/health`)).status).toBe(401);
	const health = await fetch(`${gateway.url}/health`, { headers: { authorization: `Bearer ${MASTER_KEY}` } });
	const text = await health.text();
	expect(JSON.parse(text)).toMatchObject({ healthy_count: 3, unhealthy_count: 0 });
	expect(text).not.toContain("sk-secret");
	expect(upstream.requests.length).toBe(0);

	expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(401);
	const list = async (path: string) => {
		const response = await fetch(`${gateway.url}${path}`, { headers: { "x-api-key": MASTER_KEY } });
		return (await response.json()) as { data: { id: string }[]; has_more: boolean; first_id: string; last_id: string };
	};
	const all = await list("/v1/models?limit=1000");
	expect(all.data.map((model) => model.id).slice(0, 5)).toEqual([
		"claude-code",
		"team-model",
		"anthropic/team-model",
		"sonnet",
		"anthropic/sonnet",
	]);
	const page = await list("/gw/v1/models?limit=2&after_id=claude-code");
	expect(page).toMatchObject({ has_more: true, first_id: "team-model", last_id: "anthropic/team-model" });
	for (const { id } of all.data) {
		const response = await gateway.post("/gw/team-a/v1/messages", JSON.stringify({ model: id, messages: [] }));
		expect([id, response.status]).toEqual([id, 200]);
	}
	await gateway.post("/v1/messages", JSON.stringify({ model: "sonnet", messages: [] }));
	expect(JSON.parse(upstream.requests.at(-1)?.body.toString() ?? "")).toMatchObject({ model: "claude-sonnet-5-5" });
});
