// Our signatures against those of AWS's own client, request by request.
import { createServer, type IncomingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { Sha256 } from "@aws-crypto/sha256-js";
import {
	BedrockRuntimeClient,
	InvokeModelCommand,
	InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSigner } from "./aws-signature.ts";
import { encodeModel } from "./bedrock.ts";

interface Seen {
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
}

const seen: Seen[] = [];
const server = createServer((request, response) => {
	const chunks: Buffer[] = [];
	request.on("data", (chunk: Buffer) => chunks.push(chunk));
	request.on("end", () => {
		seen.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) });
		response.writeHead(200, { "content-type": "application/json" }).end("{}");
	});
});
let endpoint = "";
beforeAll(async () => {
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

/** `20260102T030405Z`. */
function dateOf(amzDate: string): Date {
	const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(amzDate) ?? [];
	return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

const MODELS = [
	"us.anthropic.claude-sonnet-4-5-20250929-v1:0",
	"global.anthropic.claude-opus-5-5",
	"arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/a1b2c3d4e5f6",
	"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
	"odd model (1)!*'~",
];

const request = fc.record({
	model: fc.constantFrom(...MODELS),
	region: fc.constantFrom("us-west-2", "eu-central-1", "us-gov-west-1"),
	streams: fc.boolean(),
	body: fc.string({ unit: "grapheme", maxLength: 2000 }),
	credentials: fc.record({
		accessKeyId: fc.stringMatching(/^AKIA[A-Z0-9]{16}$/),
		secretAccessKey: fc.stringMatching(/^[A-Za-z0-9/+]{40}$/),
		sessionToken: fc.option(fc.stringMatching(/^[A-Za-z0-9/+]{20,200}={0,2}$/), { nil: undefined }),
	}),
});

it("60 requests of AWS's Bedrock client have the path and the signature that we would have sent", async () => {
	for (const { model, region, streams, body, credentials } of fc.sample(request, { numRuns: 60, seed: 20261121 })) {
		const { sessionToken, ...keys } = credentials;
		const own = sessionToken === undefined ? keys : { ...keys, sessionToken };
		const client = new BedrockRuntimeClient({ region, endpoint, credentials: own, maxAttempts: 1 });
		const input = {
			modelId: model,
			body: Buffer.from(body),
			contentType: "application/json",
			accept: "application/json",
		};
		const sent = streams
			? client.send(new InvokeModelWithResponseStreamCommand(input))
			: client.send(new InvokeModelCommand(input));
		await sent.catch(() => {});
		client.destroy();
		const { path, headers, body: bytes } = seen.at(-1) as Seen;
		expect(path).toBe(`/model/${encodeModel(model)}/invoke${streams ? "-with-response-stream" : ""}`);
		const authorization = String(headers["authorization"]);
		const covered = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(";") ?? [];
		// Over HTTP/2 the host has this name.
		expect(covered).toContain(":authority");
		const host = String(headers[":authority"]);
		const theirs = Object.fromEntries(
			covered.filter((name) => !name.startsWith("x-amz-")).map((name) => [name, String(headers[name])]),
		);
		const signed = await createSigner("bedrock", region).sign(
			{
				method: "POST",
				host,
				path,
				query: "",
				headers: { ...theirs, ...amzHeaders(headers) },
				body: bytes,
			},
			own,
			dateOf(String(headers["x-amz-date"])),
		);
		expect(signed["authorization"]).toBe(authorization);
		expect(signed["x-amz-date"]).toBe(headers["x-amz-date"]);
	}
});

/** Those that the client sets before it signs; the signature's own are ours to set. */
function amzHeaders(headers: IncomingHttpHeaders): Record<string, string> {
	const own = new Set(["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]);
	const kept = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-") && !own.has(name));
	return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

it("queries and any header are signed as AWS's signer with its own hash signs them", async () => {
	const about = fc.record({
		query: fc.dictionary(fc.stringMatching(/^[a-zA-Z]{1,8}$/), fc.string({ maxLength: 12 }), { maxKeys: 3 }),
		headers: fc.dictionary(fc.stringMatching(/^anthropic-[a-z]{1,10}$/), fc.stringMatching(/^[!-~]( ?[!-~]){0,20}$/), {
			maxKeys: 4,
		}),
		body: fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
	});
	const credentials = { accessKeyId: "AKIATEST", secretAccessKey: "secret" };
	const date = new Date("2026-11-21T12:00:00Z");
	const ours = createSigner("aws-external-anthropic", "us-east-1");
	const theirs = new SignatureV4({
		service: "aws-external-anthropic",
		region: "us-east-1",
		credentials,
		sha256: Sha256,
	});
	await fc.assert(
		fc.asyncProperty(about, async ({ query, headers, body }) => {
			const search = new URLSearchParams(query).toString();
			const all = { host: "aws-external-anthropic.us-east-1.api.aws", ...headers };
			const path = "/v1/messages";
			const expected = await theirs.sign(
				new HttpRequest({ method: "POST", hostname: all.host, path, query, headers: all, body }),
				{ signingDate: date },
			);
			const asked = {
				method: "POST" as const,
				host: all.host,
				path,
				query: search === "" ? "" : `?${search}`,
				headers: all,
				body,
			};
			expect(await ours.sign(asked, credentials, date)).toEqual(expected.headers);
		}),
		{ numRuns: 50 },
	);
});
