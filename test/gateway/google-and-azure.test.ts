// Vertex and Foundry deployments behind the gateway, their platforms played by a recording upstream.
import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { startTokenServer } from "../../src/providers/__fixtures__/token-server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const PRIVATE_KEY = generateKeyPairSync("rsa", { modulusLength: 2048 })
	.privateKey.export({ type: "pkcs8", format: "pem" })
	.toString();

const MESSAGE = '{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":1}}';
const OK: Answer = (_request, response) => {
	response.writeHead(200, { "content-type": "application/json", "request-id": "req_vrtx_1" });
	response.end(MESSAGE);
};

function status(code: number, body: unknown): Answer {
	return (_request, response) => {
		response.writeHead(code, { "content-type": "application/json" });
		response.end(JSON.stringify(body));
	};
}

/** Deployment lines as YAML flow maps; the group is always `claude-code`. */
function gatewayOf(lines: readonly { readonly id: string; readonly params: Readonly<Record<string, unknown>> }[]) {
	const list = lines.map(({ id, params }) => ({
		model_name: "claude-code",
		litellm_params: params,
		model_info: { id },
	}));
	const config = {
		model_list: list,
		general_settings: { master_key: MASTER_KEY },
		warmpath: { listen: { port: 0 } },
	};
	return startTestGateway(configFrom(JSON.stringify(config)));
}

function vertexParams(apiBase: string, tokenUri: string, changes: Readonly<Record<string, unknown>> = {}) {
	const account = { type: "service_account", client_email: "a@p.test", private_key: PRIVATE_KEY, token_uri: tokenUri };
	return {
		model: "vertex_ai/claude-opus-5-5",
		api_base: apiBase,
		vertex_project: "p",
		vertex_location: "global",
		vertex_credentials: account,
		...changes,
	};
}

const BODY = JSON.stringify({
	model: "claude-code",
	max_tokens: 1,
	system: [
		{ type: "text", text: "x-anthropic-billing-header: cc_version=2.1.330.fa0;" },
		{ type: "text", text: "s" },
	],
	messages: [{ role: "user", content: "hi" }],
	speed: "fast",
});

test("a request to Vertex is fitted, answered, and what was taken off is shown to client and operator", async () => {
	await using upstream = await startRecordingUpstream(OK);
	await using tokens = await startTokenServer();
	await using gateway = await gatewayOf([{ id: "v", params: vertexParams(upstream.url, tokens.url) }]);
	const headers = { "anthropic-version": "2023-06-01", "anthropic-beta": "fast-mode-2026-02-01,new-2027-01-01" };
	for (let i = 0; i < 2; i++) {
		const response = await gateway.post("/v1/messages?beta=true", BODY, headers);
		expect(response.status).toBe(200);
		expect(await response.text()).toBe(MESSAGE);
		expect(response.headers.get("x-warmpath-removed")).toBe(
			"beta:fast-mode-2026-02-01, field:speed, block:x-anthropic-billing-header",
		);
	}
	const [seen] = upstream.requests;
	expect(seen?.url).toBe("/v1/projects/p/locations/global/publishers/anthropic/models/claude-opus-5-5:rawPredict");
	expect(seen?.headers).toMatchObject({ authorization: "Bearer token-1", "anthropic-beta": "new-2027-01-01" });
	expect(seen?.headers["x-api-key"]).toBeUndefined();
	expect(JSON.parse(seen?.body.toString() ?? "")).toEqual({
		anthropic_version: "vertex-2023-10-16",
		max_tokens: 1,
		system: [{ type: "text", text: "s" }],
		messages: [{ role: "user", content: "hi" }],
	});
	expect(tokens.asked.length).toBe(1);
	expect(gateway.logLines.filter((line) => line.includes("taken off")).length).toBe(1);
});

test("Google's refusal reaches the client in the Messages API's form; want of capacity is tried elsewhere", async () => {
	const refusal = { error: { code: 400, message: "Bad field.", status: "INVALID_ARGUMENT" } };
	await using google = await startRecordingUpstream(status(400, refusal));
	await using azure = await startRecordingUpstream(OK);
	await using tokens = await startTokenServer();
	await using gateway = await gatewayOf([
		{ id: "v", params: { ...vertexParams(google.url, tokens.url), order: 1 } },
		{ id: "f", params: { model: "azure_ai/claude-mine", api_base: azure.url, api_key: "key-f", order: 2 } },
	]);
	const refused = await gateway.post("/v1/messages", BODY);
	expect(refused.status).toBe(400);
	expect(await refused.json()).toEqual({
		type: "error",
		error: { type: "invalid_request_error", message: "Bad field.", details: { error_code: "INVALID_ARGUMENT" } },
	});
	google.setAnswer(status(503, { error: { code: 503, message: "No capacity.", status: "UNAVAILABLE" } }));
	const served = await gateway.post("/v1/messages", BODY);
	expect(served.status).toBe(200);
	expect(served.headers.get("x-litellm-model-id")).toBe("f");
	const [seen] = azure.requests;
	expect(seen?.url).toBe("/anthropic/v1/messages");
	expect(seen?.headers["x-api-key"]).toBe("key-f");
	expect(JSON.parse(seen?.body.toString() ?? "").model).toBe("claude-mine");
});

test("credentials that do not work take the deployment out, and the log says which and why, not the secret", async () => {
	await using upstream = await startRecordingUpstream(OK);
	await using tokens = await startTokenServer();
	tokens.refuse({
		status: 401,
		body: '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid secret."}',
	});
	const params = {
		model: "azure_ai/claude-mine",
		api_base: upstream.url,
		tenant_id: "t",
		client_id: "c",
		client_secret: "very-hidden",
		azure_authority_host: tokens.url,
	};
	await using gateway = await gatewayOf([{ id: "foundry-1", params }]);
	const response = await gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(502);
	expect(await response.text()).not.toContain("very-hidden");
	const log = gateway.logLines.join("\n");
	expect(log).toMatch(/deployment foundry-1 has no usable credentials: .*AADSTS7000215: Invalid secret/);
	expect(log).not.toContain("very-hidden");
	expect(upstream.requests.length).toBe(0);
});
