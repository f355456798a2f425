import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { Secret } from "../config/secret.ts";
import { callOf, deploymentOf, headersOf } from "./__fixtures__/call.ts";
import { startTokenServer } from "./__fixtures__/token-server.ts";
import { googleClaudeProvider } from "./google-claude.ts";
import type { ProviderDeps, UpstreamFailure } from "./provider.ts";

const PRIVATE_KEY = generateKeyPairSync("rsa", { modulusLength: 2048 })
	.privateKey.export({ type: "pkcs8", format: "pem" })
	.toString();
const BODY = '{"model":"group","messages":[ {"role":"user","content":"hi"} ],"max_tokens":1}';

function providerOf(
	tokenUri: string,
	more: { readonly apiBase?: string; readonly extra?: Record<string, string> } = {},
) {
	const deps: ProviderDeps = { now: () => 1_700_000_000_000, warn: () => {}, awsAccounts: new Map() };
	const account = {
		type: "service_account",
		project_id: "from-the-file",
		private_key: PRIVATE_KEY,
		client_email: "a@p.test",
		token_uri: tokenUri,
	};
	const extra = {
		anthropic_workspace_id: "wrkspc_1",
		vertex_credentials: new Secret(JSON.stringify(account)),
		...more.extra,
	};
	const deployment = deploymentOf("anthropic_google_cloud", { extra, apiBase: more.apiBase ?? null });
	return googleClaudeProvider(deployment, deps);
}

test.each([
	[
		undefined,
		"https://claude.googleapis.com",
		"/v1alpha/projects/p/locations/global/workspaces/wrkspc_1/invoke/v1/messages",
	],
	[
		"http://proxy.test/claude/",
		"http://proxy.test",
		"/claude/v1alpha/projects/p/locations/global/workspaces/wrkspc_1/invoke/v1/messages",
	],
	[
		"http://proxy.test/v1alpha/projects/q/locations/l/workspaces/x/invoke",
		"http://proxy.test",
		"/v1alpha/projects/q/locations/l/workspaces/x/invoke/v1/messages",
	],
	[
		"http://proxy.test/v1alpha/projects/q/locations/l/workspaces/x/invoke/v1/messages/",
		"http://proxy.test",
		"/v1alpha/projects/q/locations/l/workspaces/x/invoke/v1/messages",
	],
])("with the address %s requests go to %s%s", async (apiBase, origin, path) => {
	await using tokens = await startTokenServer();
	const extra = { vertex_project: "p" };
	const provider = providerOf(`${tokens.url}/token`, apiBase === undefined ? { extra } : { apiBase, extra });
	const request = await provider.prepare(callOf(BODY));
	expect([request.origin, request.path]).toEqual([origin, path]);
});

test("the project is the credentials' own where none is named", async () => {
	await using tokens = await startTokenServer();
	const request = await providerOf(`${tokens.url}/token`).prepare(callOf(BODY));
	expect(request.path).toContain("/projects/from-the-file/locations/global/");
});

test("the body keeps its bytes but the model's, and features of Anthropic's own API stay", async () => {
	await using tokens = await startTokenServer();
	const provider = providerOf(`${tokens.url}/token`, { extra: { vertex_project: "p" } });
	const body = BODY.replace('"max_tokens"', '"diagnostics":{"a":1},"context_management":{"edits":[]},"max_tokens"');
	const betas = ["context-management-2025-06-27", "prompt-caching-scope-2026-01-05"];
	const request = await provider.prepare(callOf(body, { betas }));
	expect(request.body.toString()).toBe(body.replace('"group"', '"claude-opus-5-5"'));
	expect(request.removed).toEqual([]);
	expect(headersOf(request)).toMatchObject({ "anthropic-beta": betas.join(","), "anthropic-version": "2023-06-01" });
});

test("a token that was refused is not sent again", async () => {
	await using tokens = await startTokenServer();
	const provider = providerOf(`${tokens.url}/token`, { extra: { vertex_project: "p" } });
	const call = callOf(BODY);
	const tokenOf = async () => headersOf(await provider.prepare(call))["authorization"];
	expect([await tokenOf(), await tokenOf()]).toEqual(["Bearer token-1", "Bearer token-1"]);
	const failure: UpstreamFailure = {
		status: 401,
		errorType: null,
		message: "",
		errorCode: "UNAUTHENTICATED",
		timedOut: false,
		headers: {},
	};
	provider.failed?.(failure, call);
	expect(await tokenOf()).toBe("Bearer token-2");
});
