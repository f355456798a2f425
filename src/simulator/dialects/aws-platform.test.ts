import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import { expect, it } from "vitest";
import { marked, words } from "../__fixtures__/bodies.ts";
import { type Simulator, startSimulator } from "../server.ts";

const BODY = JSON.stringify({
	model: "claude-sonnet-5-5",
	max_tokens: 100,
	system: [marked(words("system", 2_000))],
	messages: [{ role: "user", content: "hello" }],
});

async function post(
	sim: Simulator,
	more: { headers?: Record<string, string>; service?: string; secret?: string } = {},
) {
	const [account] = sim.aws;
	if (account === undefined) throw new Error("no account");
	const { host, hostname, port } = new URL(sim.url);
	const headers = { host, "anthropic-version": "2023-06-01", ...more.headers };
	const request = new HttpRequest({
		method: "POST",
		hostname,
		port: Number(port),
		path: "/v1/messages",
		headers,
		body: BODY,
	});
	const credentials = { accessKeyId: account.accessKeyId, secretAccessKey: more.secret ?? account.secretAccessKey };
	const service = more.service ?? "aws-external-anthropic";
	const signed = await new SignatureV4({ service, region: "eu-west-1", credentials, sha256: Sha256 }).sign(request);
	const response = await fetch(`${sim.url}/v1/messages`, { method: "POST", headers: signed.headers, body: BODY });
	return { status: response.status, headers: response.headers, text: await response.text() };
}

const start = () => startSimulator({ aws: [{ name: "one", workspaces: ["wrkspc-a", "wrkspc-b"] }] });

it("takes a signature with a workspace, which is the cache", async () => {
	await using sim = await start();
	const inA = { headers: { "anthropic-workspace-id": "wrkspc-a" } };
	const inB = { headers: { "anthropic-workspace-id": "wrkspc-b" } };
	const first = await post(sim, inA);
	expect([first.status, first.headers.get("anthropic-workspace-id")]).toEqual([200, "wrkspc-a"]);
	for (const place of [inA, inB]) await post(sim, place);
	expect(sim.recorded().map((record) => record.usage?.read)).toEqual([0, 2_000, 0]);
});

it("refuses a missing or foreign workspace, a wrong secret and another service's signature", async () => {
	await using sim = await start();
	const headers = { "anthropic-workspace-id": "wrkspc-a" };
	expect(await post(sim)).toMatchObject({ status: 400, text: expect.stringContaining("anthropic-workspace-id") });
	expect((await post(sim, { headers: { "anthropic-workspace-id": "wrkspc-x" } })).status).toBe(403);
	expect(await post(sim, { headers, secret: "no" })).toMatchObject({
		status: 403,
		text: expect.stringContaining("permission_error"),
	});
	expect((await post(sim, { headers, service: "s3" })).status).toBe(401);
});
