// What Bedrock is sent, what its errors mean, and where its caches are.
import { beforeAll, describe, expect, it } from "vitest";
import type { DeploymentConfig } from "../config/schema.ts";
import { Secret } from "../config/secret.ts";
import { createHasher, outline, type PromptHasher } from "../prompt/outline.ts";
import { bedrockProvider } from "./bedrock.ts";
import { accountOfKey, cachePlace } from "./bedrock-identity.ts";
import type { Call, Provider, ProviderDeps, UpstreamFailure } from "./provider.ts";

const MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
let hasher: PromptHasher;
beforeAll(async () => {
	hasher = await createHasher({ first: 1n, second: 2n });
});

function provider(extra: Record<string, string> = {}, model = MODEL): Provider {
	const config = {
		id: "d",
		upstreamModel: model,
		credentials: { apiKey: new Secret("bearer"), apiBase: null, extra: { aws_region_name: "us-west-2", ...extra } },
		extraHeaders: {},
		modelInfo: {},
	} as unknown as DeploymentConfig;
	const deps: ProviderDeps = { now: Date.now, warn: () => {}, awsAccounts: new Map() };
	return bedrockProvider(config, deps);
}

function call(body: string, more: Partial<Call> = {}): Call {
	const bytes = Buffer.from(body);
	const { members, bodyBetas, stream } = outline(bytes, { hasher, given: { model: "m" } });
	const source = { format: "anthropic" as const, body: bytes };
	return {
		operation: "messages",
		query: "",
		body: bytes,
		members,
		stream,
		model: MODEL,
		betas: bodyBetas,
		headers: [],
		source,
		...more,
	} as Call;
}

async function sent(
	about: Call,
	on: Provider = provider(),
): Promise<{ path: string; headers: string[]; body: string }> {
	const { path, headers, body } = await on.prepare(about);
	return { path, headers, body: body.toString() };
}

describe("the request", () => {
	it("has model and stream in its path, version and betas in its body, and every other byte as it came", async () => {
		const about = call(
			`{"model":"claude", "max_tokens": 5,"messages":[ {"role":"user","content":"h\\u0069"} ],"stream":true}`,
			{
				betas: ["interleaved-thinking-2025-05-14"],
				headers: [
					"anthropic-version",
					"2023-06-01",
					"x-claude-code-session-id",
					"s",
					"x-amzn-bedrock-guardrailidentifier",
					"g",
				],
			},
		);
		const { path, headers, body } = await sent(about);
		expect(path).toBe("/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream");
		expect(body).toBe(
			`{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["interleaved-thinking-2025-05-14"],"max_tokens": 5,"messages":[ {"role":"user","content":"h\\u0069"} ]}`,
		);
		expect(headers).toEqual(
			expect.arrayContaining([
				"host",
				"bedrock-runtime.us-west-2.amazonaws.com",
				"Bearer bearer",
				"x-amzn-bedrock-guardrailidentifier",
			]),
		);
		expect(headers).not.toContain("anthropic-version");
		expect(headers).not.toContain("x-claude-code-session-id");
	});

	it("of a Bedrock client that says all this already is passed as it is", async () => {
		const body = `{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":[ "interleaved-thinking-2025-05-14" ],"max_tokens":5,"messages":[]}`;
		expect((await sent(call(body))).body).toBe(body);
	});

	it.each([
		["2023-06-01", "bedrock-2023-05-31"],
		["2026-10-21", "2026-10-21"],
	])("of version %s says %s", async (header, version) => {
		const about = call(`{"messages":[]}`, { headers: ["Anthropic-Version", header] });
		expect((await sent(about)).body).toBe(`{"anthropic_version":"${version}","messages":[]}`);
	});

	it("of a Vertex client gets Bedrock's version", async () => {
		const { body } = await sent(call(`{"anthropic_version":"vertex-2023-10-16","messages":[],"stream":true}`));
		expect(body).toBe(`{"anthropic_version":"bedrock-2023-05-31","messages":[]}`);
	});

	it("an ARN is one segment of the path", async () => {
		const model = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc";
		expect((await sent(call(`{"messages":[]}`, { model }))).path).toBe(
			"/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Aapplication-inference-profile%2Fabc/invoke",
		);
	});

	it("a count wraps the body that would be invoked, with room for the thinking it announces", async () => {
		const about = call(`{"model":"m","messages":[],"thinking":{"type":"enabled","budget_tokens":2048}}`, {
			operation: "count_tokens",
		});
		const { path, body } = await sent(about);
		expect(path).toMatch(/\/count-tokens$/);
		const wrapped = JSON.parse(body).input.invokeModel.body;
		expect(JSON.parse(Buffer.from(wrapped, "base64").toString())).toEqual({
			anthropic_version: "bedrock-2023-05-31",
			max_tokens: 2049,
			messages: [],
			thinking: { type: "enabled", budget_tokens: 2048 },
		});
	});

	it("of the native API keeps model and stream in its body and betas in a header", async () => {
		const about = call(`{"anthropic_version":"bedrock-2023-05-31","messages":[]}`, {
			stream: true,
			betas: ["a-2025-01-01"],
		});
		const { path, headers, body } = await sent(about, provider({ bedrock_api: "mantle" }));
		expect(path).toBe("/anthropic/v1/messages");
		expect(body).toBe(`{"model":"${MODEL}","stream":true,"messages":[]}`);
		expect(headers).toEqual(
			expect.arrayContaining(["bedrock-mantle.us-west-2.api.aws", "anthropic-beta", "a-2025-01-01", "2023-06-01"]),
		);
	});
});

interface UpstreamError {
	readonly status: number;
	readonly name?: string;
	readonly message?: string;
}

/** What an answer of AWS comes to: canonical form first, then the verdict, as an attempt does it. */
function judged({ status, name, message = "m" }: UpstreamError) {
	const on = provider();
	const headers = name === undefined ? {} : { "x-amzn-errortype": `${name}:http://internal.amazon.com/` };
	const canonical = on.canonicalError?.({ status, headers }, Buffer.from(JSON.stringify({ message })));
	const { error } = JSON.parse(canonical?.body.toString() ?? "{}");
	const failure: UpstreamFailure = {
		status: canonical?.status ?? status,
		errorType: error.type,
		message: error.message,
		errorCode: error.details?.error_code ?? null,
		timedOut: false,
		headers,
	};
	return { ...on.judge(failure), type: error.type, status: failure.status, message: error.message };
}

describe("an error", () => {
	it.each([
		[
			{ status: 429, name: "ThrottlingException" },
			{ status: 429, type: "rate_limit_error", action: "next", errorClass: "rateLimit", lasting: false },
		],
		[
			{ status: 429, name: "ThrottlingException", message: "Too many tokens per day, please wait" },
			{ action: "next", errorClass: "rateLimit", lasting: true },
		],
		[
			{ status: 400, name: "ServiceQuotaExceededException" },
			{ status: 429, action: "next", lasting: true },
		],
		[
			{ status: 429, name: "ModelNotReadyException" },
			{ status: 529, type: "overloaded_error", action: "next", errorClass: "serviceUnavailable", lasting: false },
		],
		[
			{ status: 503, name: "ServiceUnavailableException" },
			{ status: 529, type: "overloaded_error", action: "next", errorClass: "serviceUnavailable" },
		],
		[{ status: 503 }, { status: 529, type: "overloaded_error", action: "next" }],
		[
			{ status: 400, name: "ValidationException", message: "messages: at least one" },
			{
				status: 400,
				type: "invalid_request_error",
				action: "relay",
				errorClass: "badRequest",
				contextWindow: false,
				message: "messages: at least one",
			},
		],
		[
			{
				status: 400,
				name: "ValidationException",
				message: "prompt is too long: Input is too long for requested model.",
			},
			{
				status: 400,
				action: "relay",
				contextWindow: true,
				message: "prompt is too long: Input is too long for requested model.",
			},
		],
		[
			{ status: 400, name: "ValidationException", message: "The provided model identifier is invalid." },
			{ action: "next", errorClass: "notFound" },
		],
		[
			{ status: 403, name: "AccessDeniedException" },
			{ status: 403, type: "permission_error", action: "next", errorClass: "authentication" },
		],
		[
			{ status: 403, name: "ExpiredTokenException" },
			{ status: 401, type: "authentication_error", action: "next", errorClass: "authentication" },
		],
		[
			{ status: 403, name: "UnrecognizedClientException" },
			{ status: 401, action: "next", errorClass: "authentication" },
		],
		[
			{ status: 403, name: "InvalidSignatureException" },
			{ status: 401, action: "next", errorClass: "authentication" },
		],
		[
			{ status: 404, name: "ResourceNotFoundException" },
			{ status: 404, action: "next", errorClass: "notFound" },
		],
		[
			{ status: 408, name: "ModelTimeoutException" },
			{ status: 504, type: "timeout_error", action: "next", errorClass: "timeout" },
		],
		[
			{ status: 424, name: "ModelErrorException" },
			{ status: 500, type: "api_error", action: "next", errorClass: "internalServer" },
		],
		[
			{ status: 500, name: "InternalServerException" },
			{ status: 500, action: "next", errorClass: "internalServer" },
		],
	] satisfies readonly [UpstreamError, object][])("%o", (error, expected) => {
		expect(judged(error)).toMatchObject(expected);
	});

	it("that is the Messages API's own is left as it is", () => {
		const body = Buffer.from(`{"type":"error","error":{"type":"overloaded_error","message":"m"}}`);
		expect(provider().canonicalError?.({ status: 529, headers: {} }, body)).toBeNull();
	});

	it("that says a model cannot be counted is remembered", () => {
		const on = provider();
		const about = call(`{"messages":[]}`, { operation: "count_tokens" });
		expect(on.counts?.(MODEL)).toBe(true);
		const failure = {
			status: 400,
			errorType: "invalid_request_error",
			errorCode: "ValidationException",
			timedOut: false,
			headers: {},
		};
		on.failed?.({ ...failure, message: "The provided model doesn't support counting tokens." }, about);
		expect(on.counts?.(MODEL)).toBe(false);
	});
});

describe("where a cache is", () => {
	const at = { region: "us-west-2", endpoint: "runtime", address: null } as const;

	it("a profile is one place whatever region it is called in, and a chance; a plain id is its region's", () => {
		expect(cachePlace({ ...at, model: MODEL })).toEqual({ workspace: "runtime/us", probabilistic: true });
		expect(cachePlace({ ...at, region: "us-east-1", model: MODEL })).toEqual({
			workspace: "runtime/us",
			probabilistic: true,
		});
		expect(cachePlace({ ...at, model: "anthropic.claude-x" })).toEqual({
			workspace: "runtime/us-west-2",
			probabilistic: false,
		});
		expect(cachePlace({ ...at, endpoint: "mantle", model: "anthropic.claude-x" }).workspace).toBe("mantle/us-west-2");
	});

	it("an ARN says its region and whether it is a profile", () => {
		const arn = "arn:aws:bedrock:eu-west-1:123456789012:";
		expect(cachePlace({ ...at, model: `${arn}inference-profile/eu.anthropic.claude-x` }).workspace).toBe("runtime/eu");
		expect(cachePlace({ ...at, model: `${arn}application-inference-profile/abc` })).toEqual({
			workspace: "runtime/eu-west-1",
			probabilistic: true,
		});
		expect(cachePlace({ ...at, model: `${arn}provisioned-model/abc` })).toEqual({
			workspace: "runtime/eu-west-1",
			probabilistic: false,
		});
	});

	it("a long-lived key holds its account; an ARN of an account names it", () => {
		const key = `ABSK${Buffer.from("BedrockAPIKey-x1-at-123456789012:secret").toString("base64")}`;
		expect(accountOfKey(key)).toBe("123456789012");
		expect(accountOfKey("bedrock-api-key-xyz")).toBeNull();
		const owned = provider({}, "arn:aws:bedrock:eu-west-1:210987654321:provisioned-model/abc");
		expect(owned.identity?.({ status: 200, headers: {} })).toMatchObject({ organization: "aws/210987654321" });
		expect(provider().identity?.({ status: 200, headers: {} })).toBeNull();
	});
});
