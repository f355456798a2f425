import { describe, expect, test } from "vitest";
import type { DeploymentCredentials } from "../config/schema.ts";
import { Secret } from "../config/secret.ts";
import { callOf, deploymentOf, headersOf } from "./__fixtures__/call.ts";
import { startTokenServer } from "./__fixtures__/token-server.ts";
import { foundryProvider } from "./foundry.ts";
import type { Call, ProviderDeps } from "./provider.ts";

const BASE = "https://resource.services.ai.azure.com";
const BODY = '{ "model" : "group", "messages":[]}';

function providerOf(credentials: Partial<DeploymentCredentials>) {
	const deps: ProviderDeps = { now: () => 0, warn: () => undefined, awsAccounts: new Map() };
	const provider = foundryProvider(deploymentOf("foundry", { apiBase: BASE, ...credentials }), deps);
	return { provider, prepare: async (call: Call) => provider.prepare(call) };
}

describe("requests to Foundry", () => {
	test("go below the resource's address with the deployment's name as model, else byte for byte", async () => {
		const { prepare } = providerOf({ apiKey: new Secret("key-1") });
		const request = await prepare(callOf(BODY, { model: "my-claude", query: "?beta=true", betas: ["a-1"] }));
		expect(`${request.origin}${request.path}`).toBe(`${BASE}/anthropic/v1/messages?beta=true`);
		expect(request.body.toString()).toBe('{ "model" : "my-claude", "messages":[]}');
		expect(headersOf(request)).toEqual({
			"x-api-key": "key-1",
			host: "resource.services.ai.azure.com",
			"anthropic-beta": "a-1",
			"anthropic-version": "2023-06-01",
			"content-type": "application/json",
			"x-claude-code-session-id": "s",
		});
	});

	test.each(["", "/", "/anthropic", "/anthropic/v1", "/anthropic/v1/messages"])(
		"an address may end with '%s'",
		async (end) => {
			const { prepare } = providerOf({ apiBase: `${BASE}${end}`, apiKey: new Secret("k") });
			const request = await prepare(callOf(BODY, { operation: "count_tokens" }));
			expect(`${request.origin}${request.path}`).toBe(`${BASE}/anthropic/v1/messages/count_tokens`);
		},
	);

	test("a body of a cloud's own format becomes the Messages API's", async () => {
		const { prepare } = providerOf({ apiKey: new Secret("k") });
		const call = callOf('{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-1"],"messages":[]}', {
			betas: ["a-1"],
			stream: true,
			model: "m",
		});
		const request = await prepare(call);
		expect(JSON.parse(request.body.toString())).toEqual({ model: "m", stream: true, messages: [] });
		expect(headersOf(request)).toMatchObject({ "anthropic-beta": "a-1", "anthropic-version": "2023-06-01" });
	});
});

describe("Foundry credentials", () => {
	test("a Microsoft Entra token is a bearer token", async () => {
		const { prepare } = providerOf({ extra: { azure_ad_token: new Secret("entra") } });
		const headers = headersOf(await prepare(callOf(BODY)));
		expect(headers["authorization"]).toBe("Bearer entra");
		expect(headers["x-api-key"]).toBeUndefined();
	});

	test("client credentials are exchanged once, and again after a 401", async () => {
		await using tokens = await startTokenServer();
		const { prepare, provider } = providerOf({
			extra: {
				tenant_id: "tenant",
				client_id: "client",
				client_secret: new Secret("hidden"),
				azure_authority_host: `${tokens.url}/`,
			},
		});
		const first = await Promise.all(Array.from({ length: 10 }, () => prepare(callOf(BODY))));
		expect(new Set(first.map((each) => headersOf(each)["authorization"]))).toEqual(new Set(["Bearer token-1"]));
		expect(tokens.asked.map(({ path, form }) => [path, Object.fromEntries(form)])).toEqual([
			[
				"/tenant/oauth2/v2.0/token",
				{
					grant_type: "client_credentials",
					client_id: "client",
					client_secret: "hidden",
					scope: "https://ai.azure.com/.default",
				},
			],
		]);
		const failure = { status: 401, errorType: null, errorCode: null, message: "", timedOut: false, headers: {} };
		provider.failed?.(failure, callOf(BODY));
		expect(headersOf(await prepare(callOf(BODY)))["authorization"]).toBe("Bearer token-2");
	});

	test("a refused secret is reported by Entra's reason, first line only, and without the secret", async () => {
		await using tokens = await startTokenServer();
		const description = "AADSTS7000215: Invalid client secret provided.\\r\\nTrace ID: 1";
		tokens.refuse({ status: 401, body: `{"error":"invalid_client","error_description":"${description}"}` });
		const { prepare } = providerOf({
			extra: { tenant_id: "t", client_id: "c", client_secret: new Secret("hidden"), azure_authority_host: tokens.url },
		});
		const cause: Error = await prepare(callOf(BODY)).then(
			() => new Error("was served"),
			(error: Error) => error,
		);
		expect(cause.name).toBe("CredentialError");
		expect(cause.message).toMatch(/HTTP 401, invalid_client: AADSTS7000215: Invalid client secret provided\.\)/);
		expect(cause.message).not.toMatch(/hidden|Trace/);
	});
});
