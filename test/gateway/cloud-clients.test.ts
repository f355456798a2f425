// The official clients of Bedrock and Vertex as clients of the gateway, onto simulated upstreams of the Messages API.
import type Anthropic from "@anthropic-ai/sdk";
import {
	AccessDeniedException,
	BedrockRuntimeClient,
	CountTokensCommand,
	InvokeModelCommand,
	InvokeModelWithResponseStreamCommand,
	ResourceNotFoundException,
	ValidationException,
} from "@aws-sdk/client-bedrock-runtime";
import { describe, expect, test } from "vitest";
import { MASTER_KEY, startWorld } from "../harness.ts";
import { awsClient, sdkClients } from "../sdk-clients.ts";

const LONG = "All that is known about the code base. ".repeat(300);
const BEDROCK_MODEL = "us.anthropic.claude-sonnet-5-5";
const VERTEX_MODEL = "claude-sonnet-5-5@default";

function messages(question: string): Anthropic.MessageParam[] {
	const text = { type: "text", text: LONG, cache_control: { type: "ephemeral" } } as const;
	return [{ role: "user", content: [text, { type: "text", text: question }] }];
}

const TOOLS: Anthropic.Tool[] = [
	{
		name: "read_file",
		description: "Reads a file",
		input_schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
	},
];

/** A world and one client of each kind, all with the gateway's key. */
async function clientsAndWorld() {
	const world = await startWorld({ deployments: ["a", "b", "c"] });
	return {
		world,
		...sdkClients(world.gateway.url),
		[Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
	};
}

/** What InvokeModel takes: the Messages body without model and stream. */
function invoke(question: string, more: object = {}): { modelId: string; contentType: string; body: string } {
	const body = { anthropic_version: "bedrock-2023-05-31", max_tokens: 200, messages: messages(question), ...more };
	return { modelId: BEDROCK_MODEL, contentType: "application/json", body: JSON.stringify(body) };
}

interface StreamedEvent {
	readonly type: string;
	readonly delta?: { readonly text?: string };
	readonly "amazon-bedrock-invocationMetrics"?: Readonly<Record<string, number>>;
}

async function eventsOf(aws: BedrockRuntimeClient, question: string, more: object = {}): Promise<StreamedEvent[]> {
	const { body } = await aws.send(new InvokeModelWithResponseStreamCommand(invoke(question, more)));
	const events: StreamedEvent[] = [];
	for await (const { chunk } of body ?? []) {
		if (chunk?.bytes !== undefined) events.push(JSON.parse(Buffer.from(chunk.bytes).toString()) as StreamedEvent);
	}
	return events;
}

test("one conversation is warm in every format: what one client writes the others read, on the same deployment", async () => {
	await using setup = await clientsAndWorld();
	const { plain, bedrock, vertex, world } = setup;
	const about = { max_tokens: 200, messages: messages("Analyze the main.py file") };
	const first = await plain.messages.create({ model: "claude-code", ...about });
	const second = await bedrock.messages.create({ model: BEDROCK_MODEL, ...about }).withResponse();
	const third = await vertex.messages.create({ model: VERTEX_MODEL, ...about }).withResponse();
	expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(1024);
	for (const { data, response } of [second, third]) {
		expect(data.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens);
		expect(response.headers.get("x-warmpath-affinity")).toBe("hit");
		expect(data.content).toEqual(first.content);
	}
	expect(new Set(world.messages().map((request) => request.deployment)).size).toBe(1);
});

test.for(["bedrock", "vertex"] as const)(
	"%s: streaming gives the same message as not, tools included",
	async (kind) => {
		await using setup = await clientsAndWorld();
		const client = setup[kind];
		const model = kind === "bedrock" ? BEDROCK_MODEL : VERTEX_MODEL;
		for (const question of ["Analyze the main.py file", "@@tools1@@ read it"]) {
			const about = { model, max_tokens: 300, tools: TOOLS, messages: messages(question) };
			const whole = await client.messages.create(about);
			const streamed = await client.messages.stream(about).finalMessage();
			expect(streamed.stop_reason).toBe(whole.stop_reason);
			const inputs = (message: Anthropic.Message) =>
				message.content.map((block) => (block.type === "tool_use" ? { name: block.name, input: block.input } : block));
			expect(inputs(streamed)).toEqual(inputs(whole));
			expect(streamed.usage.cache_read_input_tokens).toBeGreaterThan(1024);
			if (question.includes("tools")) expect(whole.stop_reason).toBe("tool_use");
		}
	},
);

test.for(["bedrock", "vertex"] as const)("%s: the gateway's refusals are the SDK's own errors", async (kind) => {
	await using setup = await clientsAndWorld();
	const client = setup[kind];
	const model = kind === "bedrock" ? BEDROCK_MODEL : VERTEX_MODEL;
	const about = { model, max_tokens: 200, messages: messages("x") };
	await expect(client.messages.create({ ...about, model: "us.anthropic.claude-nobody-1" })).rejects.toMatchObject({
		status: 404,
		message: expect.stringContaining("claude-nobody-1"),
	});
	await expect(client.messages.create({ ...about, max_tokens: -1 })).rejects.toMatchObject({
		status: 400,
		message: expect.stringContaining("max_tokens"),
	});
	setup.world.simulator.faults.add({ kind: "status", status: 429, times: "always" });
	await expect(client.messages.create(about)).rejects.toMatchObject({ status: 429 });
});

describe("AWS's own client", () => {
	test("gets the Messages API's answer with its counts in the head", async () => {
		await using setup = await clientsAndWorld();
		const command = new InvokeModelCommand(invoke("Analyze the main.py file"));
		let headers: Record<string, string> = {};
		command.middlewareStack.add(
			(next) => async (args) => {
				const output = await next(args);
				headers = (output.response as { headers: Record<string, string> }).headers;
				return output;
			},
			{ step: "deserialize" },
		);
		const answer = await setup.aws.send(command);
		const message = JSON.parse(answer.body.transformToString()) as Anthropic.Message;
		expect(message).toMatchObject({ type: "message", role: "assistant", stop_reason: "end_turn" });
		expect(headers).toMatchObject({
			"content-type": "application/json",
			"x-amzn-bedrock-input-token-count": String(message.usage.input_tokens),
			"x-amzn-bedrock-output-token-count": String(message.usage.output_tokens),
			"x-amzn-bedrock-cache-read-input-token-count": "0",
			"x-amzn-bedrock-cache-write-input-token-count": String(message.usage.cache_creation_input_tokens),
		});
		expect(answer.$metadata.requestId).toBe(headers["x-litellm-call-id"]);
	});

	test("gets each event in a frame, and the invocation's metrics in the last one", async () => {
		await using setup = await clientsAndWorld();
		const events = await eventsOf(setup.aws, "Analyze the main.py file");
		const types = events.map(({ type }) => type);
		expect(types[0]).toBe("message_start");
		expect(types).not.toContain("ping");
		expect(types.slice(-2)).toEqual(["message_delta", "message_stop"]);
		const text = events.map(({ delta }) => delta?.text ?? "").join("");
		const plain = await setup.plain.messages.create({
			model: "claude-code",
			max_tokens: 200,
			messages: messages("Analyze the main.py file"),
		});
		expect([{ type: "text", text }]).toEqual(plain.content);
		expect(events.at(-1)?.["amazon-bedrock-invocationMetrics"]).toMatchObject({
			inputTokenCount: plain.usage.input_tokens,
			outputTokenCount: plain.usage.output_tokens,
			cacheReadInputTokenCount: 0,
			cacheWriteInputTokenCount: plain.usage.cache_read_input_tokens,
			invocationLatency: expect.any(Number),
			firstByteLatency: expect.any(Number),
		});
	});

	test("counts tokens of the request it would invoke", async () => {
		await using setup = await clientsAndWorld();
		const { body, modelId } = invoke("How long is this?", { temperature: 0.5, stop_sequences: ["x"] });
		const input = { invokeModel: { body: Buffer.from(body) } };
		const { inputTokens } = await setup.aws.send(new CountTokensCommand({ modelId, input }));
		const { input_tokens } = await setup.plain.messages.countTokens({
			model: "claude-code",
			messages: messages("How long is this?"),
		});
		expect(inputTokens).toBe(input_tokens);
		await expect(
			setup.aws.send(new CountTokensCommand({ modelId, input: { converse: { messages: [] } } })),
		).rejects.toMatchObject({ name: "ValidationException", message: expect.stringContaining("InvokeModel") });
	});

	test("knows the refusals as its own exceptions", async () => {
		await using setup = await clientsAndWorld();
		const { aws, world } = setup;
		const nobody = { ...invoke("x"), modelId: "us.anthropic.claude-nobody-1" };
		await expect(aws.send(new InvokeModelCommand(nobody))).rejects.toBeInstanceOf(ResourceNotFoundException);
		const invalid = invoke("x", { max_tokens: -1 });
		await expect(aws.send(new InvokeModelCommand(invalid))).rejects.toBeInstanceOf(ValidationException);
		const stranger = awsClient(world.gateway.url, "sk-wrong");
		await expect(stranger.send(new InvokeModelCommand(invoke("x")))).rejects.toBeInstanceOf(AccessDeniedException);
		world.simulator.faults.add({ kind: "status", status: 529, times: "always" });
		await expect(aws.send(new InvokeModelCommand(invoke("x")))).rejects.toMatchObject({
			name: "ServiceUnavailableException",
			$metadata: { httpStatusCode: 503 },
		});
	});

	test("that signs instead of sending the key gets an error that says what to do", async () => {
		await using setup = await clientsAndWorld();
		const signing = new BedrockRuntimeClient({
			endpoint: setup.world.gateway.url,
			region: "us-east-1",
			credentials: { accessKeyId: "AKIDTEST", secretAccessKey: "not-a-secret" },
			maxAttempts: 1,
		});
		await expect(signing.send(new InvokeModelCommand(invoke("x")))).rejects.toMatchObject({
			name: "AccessDeniedException",
			message: expect.stringContaining("AWS_BEARER_TOKEN_BEDROCK"),
		});
	});
});

test("Vertex's client counts tokens", async () => {
	await using setup = await clientsAndWorld();
	const about = { messages: messages("How long is this?") };
	const { input_tokens } = await setup.vertex.messages.countTokens({ model: VERTEX_MODEL, ...about });
	expect(await setup.plain.messages.countTokens({ model: "claude-code", ...about })).toMatchObject({ input_tokens });
});

test("a Bedrock client finds the ids it may call", async () => {
	await using setup = await clientsAndWorld();
	const list = async (query: string) => {
		const response = await fetch(`${setup.world.gateway.url}/bedrock/inference-profiles${query}`, {
			headers: { authorization: `Bearer ${MASTER_KEY}` },
		});
		expect(response.status).toBe(200);
		return (await response.json()) as { inferenceProfileSummaries: { inferenceProfileId: string }[] };
	};
	const { inferenceProfileSummaries } = await list("?type=SYSTEM_DEFINED");
	expect(inferenceProfileSummaries).toMatchObject([
		{ inferenceProfileId: "claude-code", status: "ACTIVE", type: "SYSTEM_DEFINED" },
	]);
	expect(await list("?type=APPLICATION")).toEqual({ inferenceProfileSummaries: [] });
});
