import { createVerify, generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Secret } from "../config/secret.ts";
import { callOf, deploymentOf, headersOf } from "./__fixtures__/call.ts";
import { startTokenServer } from "./__fixtures__/token-server.ts";
import type { Call, ProviderDeps } from "./provider.ts";
import { vertexProvider } from "./vertex.ts";

const KEYS = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PRIVATE_KEY = KEYS.privateKey.export({ type: "pkcs8", format: "pem" }).toString();

function accountJson(tokenUri: string, changes: Readonly<Record<string, unknown>> = {}): string {
	return JSON.stringify({
		type: "service_account",
		project_id: "from-the-file",
		private_key_id: "key-1",
		private_key: PRIVATE_KEY,
		client_email: "gateway@project.iam.gserviceaccount.com",
		token_uri: tokenUri,
		...changes,
	});
}

/** A provider on a fake clock. */
function providerOf(credentials: string, extra: Readonly<Record<string, string>> = {}) {
	const state = { now: 1_700_000_000_000, warnings: [] as string[] };
	const deps: ProviderDeps = {
		now: () => state.now,
		warn: (message) => state.warnings.push(message),
		awsAccounts: new Map(),
	};
	const all = {
		vertex_project: "p-1",
		vertex_location: "us-east5",
		vertex_credentials: new Secret(credentials),
		...extra,
	};
	const provider = vertexProvider(deploymentOf("vertex", { extra: all }), deps);
	return { state, provider, prepare: async (call: Call) => provider.prepare(call) };
}

const BODY = '{"model":"group","messages":[ {"role":"user","content":"hi"} ], "stream":true,"max_tokens":1}';

describe("requests to Vertex", () => {
	test("a stream: model from the body to the path, version into the body, every other byte as it was", async () => {
		await using tokens = await startTokenServer();
		const { prepare } = providerOf(accountJson(`${tokens.url}/token`));
		const request = await prepare(callOf(BODY, { stream: true, query: "?beta=true", betas: ["a-1", "b-2"] }));
		expect(request.origin).toBe("https://us-east5-aiplatform.googleapis.com");
		expect(request.path).toBe(
			"/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/claude-opus-5-5:streamRawPredict",
		);
		expect(request.body.toString()).toBe(
			'{"anthropic_version":"vertex-2023-10-16","messages":[ {"role":"user","content":"hi"} ], "stream":true,"max_tokens":1}',
		);
		expect(headersOf(request)).toEqual({
			authorization: "Bearer token-1",
			host: "us-east5-aiplatform.googleapis.com",
			"anthropic-beta": "a-1,b-2",
			"content-type": "application/json",
			"x-claude-code-session-id": "s",
		});
	});

	test.each([
		["global", "https://aiplatform.googleapis.com", true],
		["us", "https://aiplatform.us.rep.googleapis.com", true],
		["eu", "https://aiplatform.eu.rep.googleapis.com", true],
		["europe-west1", "https://europe-west1-aiplatform.googleapis.com", false],
	])("location %s is served at %s", async (location, origin, probabilistic) => {
		await using tokens = await startTokenServer();
		const { prepare, provider } = providerOf(accountJson(tokens.url), { vertex_location: location });
		const request = await prepare(callOf(BODY, { model: "claude-sonnet-4@20250514" }));
		expect(request.origin).toBe(origin);
		expect(request.path).toContain(
			`/locations/${location}/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict`,
		);
		expect(provider.identity?.({ status: 200, headers: {} })).toEqual({
			organization: "p-1",
			workspace: location,
			probabilistic,
		});
	});

	test("counting keeps the model in the body and asks for no stream", async () => {
		await using tokens = await startTokenServer();
		const request = await providerOf(accountJson(tokens.url)).prepare(callOf(BODY, { operation: "count_tokens" }));
		expect(request.path).toMatch(/\/models\/count-tokens:rawPredict$/);
		expect(JSON.parse(request.body.toString())).toEqual({
			anthropic_version: "vertex-2023-10-16",
			model: "claude-opus-5-5",
			messages: [{ role: "user", content: "hi" }],
			max_tokens: 1,
		});
	});

	test.each([
		['{"anthropic_version":"vertex-2023-10-16","messages":[]}', "2023-06-01", "vertex-2023-10-16"],
		['{"anthropic_version":"bedrock-2023-05-31","messages":[]}', "2023-06-01", "vertex-2023-10-16"],
		['{"messages":[]}', "2026-10-21", "2026-10-21"],
		['{"anthropic_version":"2026-10-21","messages":[]}', "2023-06-01", "2026-10-21"],
	])("the version of %s under header %s is %s", async (body, header, expected) => {
		await using tokens = await startTokenServer();
		const call = callOf(body, { headers: ["Anthropic-Version", header] });
		const request = await providerOf(accountJson(tokens.url)).prepare(call);
		expect(JSON.parse(request.body.toString()).anthropic_version).toBe(expected);
	});

	test("betas of a Bedrock client's body go to the header; 1M context goes to the body", async () => {
		await using tokens = await startTokenServer();
		const call = callOf('{"anthropic_beta":["a-1"],"messages":[]}', { betas: ["a-1", "context-1m-2025-08-07"] });
		const request = await providerOf(accountJson(tokens.url)).prepare(call);
		expect(headersOf(request)["anthropic-beta"]).toBe("a-1");
		expect(JSON.parse(request.body.toString()).anthropic_beta).toEqual(["context-1m-2025-08-07"]);
	});

	test("a stream that only the URL asked for is asked for in the body", async () => {
		await using tokens = await startTokenServer();
		const request = await providerOf(accountJson(tokens.url)).prepare(callOf('{"messages":[]}', { stream: true }));
		expect(JSON.parse(request.body.toString()).stream).toBe(true);
	});

	test("what the platform refuses is taken off and reported", async () => {
		await using tokens = await startTokenServer();
		const call = callOf(
			'{"model":"g","speed":"fast","system":[{"type":"text","text":"x-anthropic-billing-header: a"}]}',
			{
				betas: ["fast-mode-2026-02-01"],
			},
		);
		const request = await providerOf(accountJson(tokens.url)).prepare(call);
		expect(JSON.parse(request.body.toString())).toEqual({ anthropic_version: "vertex-2023-10-16" });
		expect(request.removed).toEqual(["beta:fast-mode-2026-02-01", "field:speed", "block:x-anthropic-billing-header"]);
	});
});

describe("Google credentials", () => {
	test("a service account signs an assertion for its token_uri; many calls ask once", async () => {
		await using tokens = await startTokenServer();
		const { prepare, state } = providerOf(accountJson(`${tokens.url}/token`));
		await Promise.all(Array.from({ length: 20 }, () => prepare(callOf(BODY))));
		expect(tokens.asked.map(({ path }) => path)).toEqual(["/token"]);
		const form = tokens.asked[0]?.form;
		expect(form?.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
		const [header = "", claims = "", signature = ""] = (form?.get("assertion") ?? "").split(".");
		expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({ alg: "RS256", typ: "JWT", kid: "key-1" });
		expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toEqual({
			iss: "gateway@project.iam.gserviceaccount.com",
			scope: "https://www.googleapis.com/auth/cloud-platform",
			aud: `${tokens.url}/token`,
			iat: state.now / 1000,
			exp: state.now / 1000 + 3600,
		});
		const verifier = createVerify("RSA-SHA256").update(`${header}.${claims}`);
		expect(verifier.verify(KEYS.publicKey, Buffer.from(signature, "base64url"))).toBe(true);
	});

	test("the token is renewed before it ends, and after a 401", async () => {
		await using tokens = await startTokenServer();
		const { prepare, provider, state } = providerOf(accountJson(tokens.url));
		await prepare(callOf(BODY));
		state.now += 3_590_000;
		expect(headersOf(await prepare(callOf(BODY)))["authorization"]).toBe("Bearer token-2");
		const failure = { status: 401, errorType: null, errorCode: null, message: "", timedOut: false, headers: {} };
		provider.failed?.(failure, callOf(BODY));
		expect(headersOf(await prepare(callOf(BODY)))["authorization"]).toBe("Bearer token-3");
	});

	test("a file's path works as its text does, and names the project where the configuration does not", async () => {
		await using tokens = await startTokenServer();
		const folder = await mkdtemp(join(tmpdir(), "warmpath-vertex-"));
		const path = join(folder, "account.json");
		await writeFile(path, accountJson(tokens.url));
		const extra = { vertex_location: "global", vertex_credentials: new Secret(path) };
		const deps: ProviderDeps = { now: () => 0, warn: () => undefined, awsAccounts: new Map() };
		const request = await vertexProvider(deploymentOf("vertex", { extra }), deps).prepare(callOf(BODY));
		await rm(folder, { recursive: true });
		expect(request.path).toMatch(/^\/v1\/projects\/from-the-file\/locations\/global\//);
	});

	test("credentials that do not work say why and what to do, without the secret", async () => {
		await using tokens = await startTokenServer();
		tokens.refuse({ status: 400, body: '{"error":"invalid_grant","error_description":"Invalid JWT Signature."}' });
		const reason = async (credentials: string) =>
			providerOf(credentials)
				.prepare(callOf(BODY))
				.then(String, (cause: Error) => `${cause.name}: ${cause.message}`);
		const errors = await Promise.all([
			reason(accountJson(tokens.url)),
			reason(accountJson(tokens.url, { private_key: "secret-text" })),
			reason(accountJson(tokens.url, { client_email: undefined })),
			reason(accountJson("http://token.example/")),
			reason('{"private_key": "secret-text'),
			reason("/nowhere/account.json"),
		]);
		expect(errors).toEqual([
			expect.stringMatching(/^CredentialError: vertex_credentials .*invalid_grant: Invalid JWT Signature/),
			expect.stringContaining("private_key is no usable RSA key"),
			expect.stringContaining("client_email or private_key is missing"),
			expect.stringContaining("token_uri is no https address"),
			expect.stringContaining("not one of Google's credential files"),
			expect.stringContaining("the file /nowhere/account.json cannot be read (ENOENT)"),
		]);
		expect(errors.join()).not.toMatch(/secret-text|BEGIN|assertion=/);
	});

	test("other kinds of credentials go through Google's own library", async () => {
		const folder = await mkdtemp(join(tmpdir(), "warmpath-vertex-"));
		const subject = join(folder, "subject-token");
		await writeFile(subject, "a-workload's-own-token");
		await using tokens = await startTokenServer();
		const identity = JSON.stringify({
			type: "external_account",
			audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p",
			subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
			token_url: `${tokens.url}/sts`,
			credential_source: { file: subject },
		});
		const request = await providerOf(identity).prepare(callOf(BODY));
		await rm(folder, { recursive: true });
		expect(headersOf(request)["authorization"]).toBe("Bearer token-1");
		expect(tokens.asked[0]?.path).toBe("/sts");
	});
});
