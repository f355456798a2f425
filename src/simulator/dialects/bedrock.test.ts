import { AnthropicBedrock, AnthropicBedrockMantle } from "@anthropic-ai/bedrock-sdk";
import {
	BedrockRuntimeClient,
	CountTokensCommand,
	InvokeModelCommand,
	InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { describe, expect, it } from "vitest";
import { marked, words } from "../__fixtures__/bodies.ts";
import type { AwsAccountOptions } from "../aws/accounts.ts";
import type { SimulatorOptions } from "../options.ts";
import { type SimulatedAccount, type Simulator, startSimulator } from "../server.ts";

const MODEL = "us.anthropic.claude-sonnet-5-5";

const start = (account: Partial<AwsAccountOptions> = {}, options: Partial<SimulatorOptions> = {}) =>
	startSimulator({ aws: [{ name: "account-1", ...account }, { name: "account-2" }], ...options });

function accountOf(sim: Simulator, index = 0): SimulatedAccount {
	const account = sim.aws[index];
	if (account === undefined) throw new Error(`no account ${index}`);
	return account;
}

function anthropicClient(account: SimulatedAccount, more: { region?: string; secret?: string } = {}) {
	return new AnthropicBedrock({
		baseURL: account.url,
		awsRegion: more.region ?? "us-east-1",
		awsAccessKey: account.accessKeyId,
		awsSecretKey: more.secret ?? account.secretAccessKey,
		maxRetries: 0,
	});
}

function awsClient(account: SimulatedAccount, more: { region?: string; secret?: string; url?: string } = {}) {
	return new BedrockRuntimeClient({
		endpoint: more.url ?? account.url,
		region: more.region ?? "us-east-1",
		credentials: { accessKeyId: account.accessKeyId, secretAccessKey: more.secret ?? account.secretAccessKey },
		maxAttempts: 1,
		// The client's own choice is HTTP/2, which needs TLS or a server that expects it.
		requestHandler: new NodeHttpHandler(),
	});
}

function question(text = "hello") {
	return {
		max_tokens: 1_000,
		system: [marked(words("system", 2_000))] as never,
		messages: [{ role: "user" as const, content: text }],
	};
}

const invokeBody = (more: Record<string, unknown> = {}) =>
	Buffer.from(JSON.stringify({ anthropic_version: "bedrock-2023-05-31", ...question(), ...more }));

const invoke = (client: BedrockRuntimeClient, more: Record<string, unknown> = {}, modelId = MODEL) =>
	client.send(new InvokeModelCommand({ modelId, body: invokeBody(more), contentType: "application/json" }));

describe("Anthropic's Bedrock client", () => {
	it("gets whole messages and reads what it wrote", async () => {
		await using sim = await start();
		const client = anthropicClient(accountOf(sim));
		const first = await client.messages.create({ model: MODEL, ...question() });
		expect(first).toMatchObject({ model: "claude-sonnet-5-5", usage: { cache_creation_input_tokens: 2_000 } });
		expect(first.id).toMatch(/^msg_bdrk_/);
		expect(first.usage).not.toHaveProperty("service_tier");
		const second = await client.messages.create({ model: MODEL, ...question("again") });
		expect(second.usage.cache_read_input_tokens).toBe(2_000);
	});

	it("streams event frames that add up to the whole message", async () => {
		await using sim = await start();
		const client = anthropicClient(accountOf(sim));
		const tools = [{ name: "Bash", input_schema: { type: "object" as const } }];
		const body = { model: MODEL, ...question("@@think@@ @@tools1@@ go"), tools };
		const streamed = await client.messages.stream(body).finalMessage();
		const whole = await client.messages.create(body);
		expect(streamed.content).toMatchObject(whole.content);
		expect(streamed.stop_reason).toBe("tool_use");
		expect(streamed.usage.cache_creation_input_tokens).toBeGreaterThan(2_000);
	});

	it("is refused with a wrong secret, and the two accounts share nothing", async () => {
		await using sim = await start();
		const wrong = anthropicClient(accountOf(sim), { secret: "wrong" }).messages.create({ model: MODEL, ...question() });
		await expect(wrong).rejects.toMatchObject({ status: 403 });
		await anthropicClient(accountOf(sim)).messages.create({ model: MODEL, ...question() });
		const other = await anthropicClient(accountOf(sim, 1)).messages.create({ model: MODEL, ...question() });
		expect(other.usage.cache_read_input_tokens).toBe(0);
	});

	it("uses a Bedrock API key on InvokeModel", async () => {
		await using sim = await start();
		const client = (apiKey: string) => new AnthropicBedrock({ baseURL: sim.url, apiKey, maxRetries: 0 });
		await client("bedrock-key-account-1").messages.create({ model: MODEL, ...question() });
		expect(sim.recorded()[0]).toMatchObject({ deployment: "account-1", status: 200 });
		await expect(client("other").messages.create({ model: MODEL, ...question() })).rejects.toMatchObject({
			status: 403,
		});
	});

	it("speaks to mantle with bare ids, in a cache of its own", async () => {
		await using sim = await start();
		const account = accountOf(sim);
		await anthropicClient(account).messages.create({ model: MODEL, ...question() });
		const mantle = new AnthropicBedrockMantle({
			baseURL: `${account.mantleUrl("us-east-1")}/anthropic`,
			awsRegion: "us-east-1",
			awsAccessKey: account.accessKeyId,
			awsSecretAccessKey: account.secretAccessKey,
			maxRetries: 0,
		});
		const model = "anthropic.claude-sonnet-5-5";
		expect((await mantle.messages.create({ model, ...question() })).usage.cache_read_input_tokens).toBe(0);
		expect((await mantle.messages.create({ model, ...question() })).usage.cache_read_input_tokens).toBe(2_000);
		await expect(mantle.messages.create({ model: MODEL, ...question() })).rejects.toMatchObject({ status: 400 });
		expect(sim.domains.map((domain) => domain.workspace)).toEqual(["us-east-1", "us-east-1/mantle"]);
	});
});

describe("the AWS client", () => {
	it("invokes, with token counts in the headers", async () => {
		await using sim = await start();
		const { body } = await invoke(awsClient(accountOf(sim)));
		expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({
			type: "message",
			usage: { cache_creation_input_tokens: 2_000 },
		});
		const [record] = sim.recorded();
		expect(record?.path).toBe(`/model/${MODEL}/invoke`);
		expect(JSON.stringify(record)).not.toContain("Signature=");
	});

	it("streams chunks without pings, the last one with metrics", async () => {
		await using sim = await start();
		const answer = await awsClient(accountOf(sim)).send(
			new InvokeModelWithResponseStreamCommand({ modelId: MODEL, body: invokeBody() }),
		);
		const events: Record<string, unknown>[] = [];
		for await (const event of answer.body ?? []) {
			events.push(JSON.parse(Buffer.from(event.chunk?.bytes ?? []).toString()) as Record<string, unknown>);
		}
		expect(events.map((event) => event["type"])).not.toContain("ping");
		expect(events.at(-1)).toMatchObject({
			type: "message_stop",
			"amazon-bedrock-invocationMetrics": { cacheWriteInputTokenCount: 2_000, inputTokenCount: 2 },
		});
	});

	it("signs ids with colons, ARNs and application profiles as it likes", async () => {
		await using sim = await start({ inferenceProfiles: { app1: MODEL } });
		const account = accountOf(sim);
		const client = awsClient(account);
		const arn = `arn:aws:bedrock:us-east-1:${account.accountId}`;
		await invoke(client, {}, "us.anthropic.claude-sonnet-4-5-20250929-v1:0");
		await invoke(client, {}, `${arn}:inference-profile/${MODEL}`);
		await invoke(client, {}, `${arn}:application-inference-profile/app1`);
		expect(sim.recorded().map((record) => record.status)).toEqual([200, 200, 200]);
		expect(sim.recorded()[2]?.usage?.read).toBe(2_000);
	});

	it("counts tokens of an InvokeModel body", async () => {
		await using sim = await start();
		const client = awsClient(accountOf(sim));
		const input = { invokeModel: { body: invokeBody() } };
		expect((await client.send(new CountTokensCommand({ modelId: MODEL, input }))).inputTokens).toBe(2_002);
	});

	it.each([
		["a wrong secret", { secret: "x" }, {}, MODEL, "InvalidSignatureException", 403],
		[
			"a Region that the endpoint is not in",
			{ region: "us-west-2", pinned: "us-east-1" },
			{},
			MODEL,
			"InvalidSignatureException",
			403,
		],
		["a body with model", {}, { model: MODEL }, MODEL, "ValidationException", 400],
		["a body with stream", {}, { stream: true }, MODEL, "ValidationException", 400],
		["a body without a version", {}, { anthropic_version: undefined }, MODEL, "ValidationException", 400],
		["an unknown beta", {}, { anthropic_beta: ["claude-code-20250219"] }, MODEL, "ValidationException", 400],
		["an unknown model", {}, {}, "us.anthropic.titan", "ValidationException", 400],
		["a bare id of a model that needs a profile", {}, {}, "anthropic.claude-sonnet-5-5", "ValidationException", 400],
		["a profile of another geography", {}, {}, "eu.anthropic.claude-sonnet-5-5", "ValidationException", 400],
		["a model without access", {}, {}, "us.anthropic.claude-opus-5", "AccessDeniedException", 403],
		[
			"an application profile that is not there",
			{},
			{},
			"arn:aws:bedrock:us-east-1:1:application-inference-profile/x",
			"ResourceNotFoundException",
			404,
		],
	] as const)(
		"is refused for %s",
		async (_name, access: { secret?: string; region?: string; pinned?: string }, body, model, name, status) => {
			await using sim = await start({ deniedModels: ["opus-5"] });
			const account = accountOf(sim);
			const { pinned, ...credentials } = access;
			const client = awsClient(account, {
				...credentials,
				...(pinned !== undefined && { url: account.runtimeUrl(pinned) }),
			});
			const failure = await invoke(client, body, model).catch((error: unknown) => error);
			expect(failure).toMatchObject({ name, $metadata: { httpStatusCode: status } });
		},
	);

	it("is refused when its clock is off, and with an unknown key", async () => {
		await using sim = await start({}, { wallClock: () => Date.now() + 10 * 60_000 });
		const skewed = await invoke(awsClient(accountOf(sim))).catch((error: unknown) => error);
		expect(skewed).toMatchObject({
			name: "InvalidSignatureException",
			message: expect.stringContaining("Signature expired"),
		});
		const stranger = awsClient({ ...accountOf(sim), accessKeyId: "AKIAUNKNOWN" });
		await expect(invoke(stranger)).rejects.toMatchObject({ name: "UnrecognizedClientException" });
	});

	it("gets exceptions by name, before and inside a stream", async () => {
		await using sim = await start();
		const client = awsClient(accountOf(sim));
		sim.faults.add({ kind: "status", status: 429, errorType: "ModelNotReadyException", message: "not ready" });
		await expect(invoke(client)).rejects.toMatchObject({ name: "ModelNotReadyException" });
		sim.faults.add({ kind: "status", status: 503 });
		await expect(invoke(client)).rejects.toMatchObject({ name: "ServiceUnavailableException" });
		sim.faults.add({ kind: "sse-error", at: "after-content", errorType: "throttlingException", message: "slow down" });
		const answer = await client.send(new InvokeModelWithResponseStreamCommand({ modelId: MODEL, body: invokeBody() }));
		const drain = async () => {
			for await (const _event of answer.body ?? []);
		};
		await expect(drain()).rejects.toMatchObject({ name: "ThrottlingException", message: "slow down" });
	});
});

describe("quotas", () => {
	it("reserve input and max_tokens, give no headers, and cache reads are free", async () => {
		await using sim = await start({ quotas: { tokensPerMinute: 5_500 } });
		const client = awsClient(accountOf(sim));
		await invoke(client);
		// 2,002 of input and 5 × 7 of output are gone; a read of the same prefix needs 2 + 1,000 only.
		await invoke(client, { max_tokens: 3_000 });
		const refused = invoke(client, { max_tokens: 4_000 });
		await expect(refused).rejects.toMatchObject({
			name: "ThrottlingException",
			message: expect.stringContaining("Too many tokens, "),
		});
		const headers = await fetch(`${sim.url}/model/${MODEL}/invoke`, {
			method: "POST",
			headers: { authorization: "Bearer bedrock-key-account-2" },
			body: invokeBody(),
		}).then((response) => [...response.headers.keys()]);
		expect(headers.filter((name) => name.includes("ratelimit"))).toEqual([]);
	});

	it("have a day", async () => {
		await using sim = await start({ quotas: { tokensPerDay: 3_500 } });
		const client = awsClient(accountOf(sim));
		await invoke(client);
		const refused = invoke(client, { system: [marked(words("other", 2_000))] });
		await expect(refused).rejects.toMatchObject({
			message: "Too many tokens per day, please wait before trying again.",
		});
	});
});

describe("cross-Region profiles", () => {
	it("are served in one Region while they stick, and in any when they do not", async () => {
		await using sticky = await start();
		await using loose = await start({ regionStickiness: 0 }, { seed: 7 });
		const regions = async (sim: Simulator) => {
			const client = awsClient(accountOf(sim));
			for (let turn = 0; turn < 12; turn += 1) await invoke(client);
			return new Set(sim.recorded().map((record) => record.domain?.split("/")[1]));
		};
		expect(await regions(sticky)).toEqual(new Set(["us-east-1"]));
		expect(await regions(loose)).toEqual(new Set(["us-east-1", "us-east-2", "us-west-2"]));
		expect(loose.recorded().filter((record) => record.usage?.read === 0)).toHaveLength(3);
	});

	it("are listed, by type", async () => {
		await using sim = await start();
		const response = await fetch(`${sim.url}/inference-profiles?type=SYSTEM_DEFINED&maxResults=3`, {
			headers: { authorization: "Bearer bedrock-key-account-1" },
		});
		const list = (await response.json()) as { inferenceProfileSummaries: { inferenceProfileId: string }[] };
		expect(list.inferenceProfileSummaries).toHaveLength(3);
		expect(list.inferenceProfileSummaries[0]?.inferenceProfileId).toMatch(/^us\.anthropic\.claude-/);
	});
});
