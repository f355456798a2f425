// The official clients of all formats onto simulated deployments of all platforms: whichever way a conversation takes, its answer is the same
// and its cache is read.
import type Anthropic from "@anthropic-ai/sdk";
import {
	type BedrockRuntimeClient,
	InvokeModelCommand,
	InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { expect, test } from "vitest";
import { startWorld, type WorldOptions } from "../harness.ts";
import { sdkClients } from "../sdk-clients.ts";

const UPSTREAMS: readonly [string, WorldOptions][] = [
	["Anthropic", { deployments: ["k1", "k2"] }],
	["Bedrock (InvokeModel)", { aws: ["a1", "a2"] }],
	["Bedrock (Messages)", { aws: ["a1", "a2"], bedrock: "messages" }],
	["Bedrock (mantle)", { aws: ["a1", "a2"], bedrock: "mantle" }],
	["Claude Platform on AWS", { aws: ["a1", "a2"], bedrock: "none", awsPlatform: ["a1", "a2"] }],
	[
		"Claude on Google Cloud, managed by Anthropic",
		{ google: ["p1", "p2"], vertex: "none", googlePlatform: ["p1", "p2"] },
	],
	["Vertex", { google: ["p1", "p2"] }],
	["Foundry", { foundry: ["r1", "r2"] }],
];

const LONG = "All that is known about the code base. ".repeat(300);
const TOOLS: Anthropic.Tool[] = [
	{
		name: "read_file",
		description: "Reads a file",
		input_schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
	},
];

type Ask = Pick<Anthropic.MessageCreateParamsNonStreaming, "max_tokens" | "tools" | "messages">;

function question(text: string): Ask {
	const known = { type: "text", text: LONG, cache_control: { type: "ephemeral" } } as const;
	return {
		max_tokens: 300,
		tools: TOOLS,
		messages: [{ role: "user", content: [known, { type: "text", text }] }],
	};
}

/** Sends a question, streaming or not, and gives the whole message. */
interface Client {
	readonly name: string;
	whole(ask: Ask): Promise<Anthropic.Message>;
	streamed(ask: Ask): Promise<Anthropic.Message>;
}

function messagesClient(
	name: string,
	{ messages }: { readonly messages: Pick<Anthropic["messages"], "create" | "stream"> },
	model: string,
): Client {
	return {
		name,
		whole: (ask) => messages.create({ ...ask, model }),
		streamed: (ask) => messages.stream({ ...ask, model }).finalMessage(),
	};
}

/** AWS's client knows bytes only: their events are put together here. */
function invokeClient(aws: BedrockRuntimeClient, modelId: string): Client {
	const input = (ask: Ask) => ({
		modelId,
		contentType: "application/json",
		body: JSON.stringify({ anthropic_version: "bedrock-2023-05-31", ...ask }),
	});
	return {
		name: "AWS's client",
		async whole(ask) {
			const { body } = await aws.send(new InvokeModelCommand(input(ask)));
			return JSON.parse(body.transformToString()) as Anthropic.Message;
		},
		async streamed(ask) {
			const { body } = await aws.send(new InvokeModelWithResponseStreamCommand(input(ask)));
			const events: Anthropic.RawMessageStreamEvent[] = [];
			for await (const { chunk } of body ?? [])
				if (chunk?.bytes !== undefined) events.push(JSON.parse(Buffer.from(chunk.bytes).toString()));
			return assembled(events);
		},
	};
}

function assembled(events: readonly Anthropic.RawMessageStreamEvent[]): Anthropic.Message {
	const [first] = events;
	if (first?.type !== "message_start") throw new Error("the stream does not begin with its message");
	const content: Record<string, unknown>[] = [];
	let message = first.message;
	for (const event of events) {
		if (event.type === "content_block_start") content.push({ ...event.content_block, json: "" });
		const block = content.at(-1);
		if (event.type === "content_block_delta" && block !== undefined) {
			if (event.delta.type === "text_delta") block["text"] = `${block["text"]}${event.delta.text}`;
			if (event.delta.type === "input_json_delta") block["json"] = `${block["json"]}${event.delta.partial_json}`;
		}
		if (event.type === "message_delta") message = { ...message, stop_reason: event.delta.stop_reason };
	}
	const blocks = content.map(({ json, ...block }) =>
		json === "" ? block : { ...block, input: JSON.parse(`${json}`) },
	);
	return { ...message, content: blocks as unknown as Anthropic.ContentBlock[] };
}

/** What an answer says; ids differ from one to the next. */
const said = ({ content, stop_reason }: Anthropic.Message) => ({
	stop_reason,
	content: content.map((block) =>
		block.type === "tool_use"
			? { type: "tool_use", name: block.name, input: block.input }
			: { type: block.type, text: block.type === "text" ? block.text : null },
	),
});

test.each(UPSTREAMS)(
	"onto %s every client gets the same answers, streamed or not, and reads one cache",
	async (_name, options) => {
		await using world = await startWorld(options);
		const { plain, foundry, bedrock, vertex, aws } = sdkClients(world.gateway.url);
		const clients = [
			messagesClient("Anthropic's client", plain, "claude-code"),
			messagesClient("the Foundry client", foundry, "claude-code"),
			messagesClient("the Bedrock client", bedrock, "us.anthropic.claude-sonnet-5-5"),
			messagesClient("the Vertex client", vertex, "claude-sonnet-5-5"),
			invokeClient(aws, "us.anthropic.claude-sonnet-5-5"),
		];
		for (const text of ["Analyze the main.py file", "@@tools1@@ read it"]) {
			const ask = question(text);
			const expected = said(await plain.messages.create({ ...ask, model: "claude-code" }));
			expect(expected.stop_reason).toBe(text.includes("tools") ? "tool_use" : "end_turn");
			for (const client of clients) {
				const whole = await client.whole(ask);
				const streamed = await client.streamed(ask);
				expect(said(whole), client.name).toEqual(expected);
				expect(said(streamed), `${client.name}, streamed`).toEqual(expected);
				for (const { usage } of [whole, streamed])
					expect(usage.cache_read_input_tokens, client.name).toBeGreaterThan(1_024);
			}
		}
		expect(new Set(world.generations().map(({ deployment }) => deployment)).size).toBe(1);
		expect(world.generations().every(({ status }) => status === 200)).toBe(true);
	},
);
