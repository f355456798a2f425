// Every form in which a client's body may come, as text around the members of a test, and a gateway that all of them reach.
import { deploymentsConfig, startTestGateway } from "./harness.ts";
import { type Answer, startRecordingUpstream } from "./recording-upstream.ts";

export interface BodyForm {
	readonly name: string;
	readonly path: string;
	/** A body with one more member, whose value is these bytes. */
	readonly body: (member: string, value: Buffer) => Buffer;
}

const MESSAGES = '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]';
const GOOGLE = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-code";

/** Written by bytes: a value need be neither JSON nor UTF-8. */
function around(start: string, end: string): BodyForm["body"] {
	return (member, value) => Buffer.concat([Buffer.from(`{${start},"${member}":`), value, Buffer.from(`${end}}`)]);
}

function form(name: string, path: string, start: string): BodyForm {
	return { name, path, body: around(start, "") };
}

const named = '"model":"claude-code",';

export const BODY_FORMS: readonly BodyForm[] = [
	form("Messages", "/v1/messages", `${named}${MESSAGES}`),
	form("count_tokens", "/v1/messages/count_tokens", `${named}"messages":[{"role":"user","content":"hi"}]`),
	form("invoke", "/model/claude-code/invoke", MESSAGES),
	form("invoke-with-response-stream", "/model/claude-code/invoke-with-response-stream", MESSAGES),
	form("rawPredict", `${GOOGLE}:rawPredict`, MESSAGES),
	form("streamRawPredict", `${GOOGLE}:streamRawPredict`, MESSAGES),
	form("chat completions", "/v1/chat/completions", `${named}"messages":[{"role":"user","content":"hi"}]`),
	form("responses", "/v1/responses", `${named}"input":"hi"`),
	form("a streamed chat", "/v1/chat/completions", `${named}"stream":true,"messages":[{"role":"user","content":"hi"}]`),
	form("a streamed response", "/v1/responses", `${named}"stream":true,"input":"hi"`),
	form("explain", "/route/explain", `${named}${MESSAGES}`),
	{
		name: "Bedrock's count-tokens",
		path: "/model/claude-code/count-tokens",
		body: (member, value) => {
			const inner = around(MESSAGES, "")(member, value).toString("base64");
			return Buffer.from(`{"input":{"invokeModel":{"body":"${inner}"}}}`);
		},
	},
];

/** One upstream behind an Anthropic deployment and an OpenAI-compatible one (`gpt`). */
export async function startFormats(answer: Answer) {
	const upstream = await startRecordingUpstream(answer);
	const gateway = await startTestGateway(
		deploymentsConfig(
			[{ id: "a", apiBase: upstream.url }],
			"router_settings: { num_retries: 0, disable_cooldowns: true }\n",
			`  - model_name: gpt
    litellm_params: { model: openai/gpt-x, api_base: "${upstream.url}/v1", api_key: sk-upstream }
    model_info: { id: gpt }`,
		),
	);
	return {
		upstream,
		gateway,
		inFlight: () => gateway.router.deployments().reduce((all, { inFlight }) => all + inFlight, 0),
		/** What was thrown where nothing should be. */
		faults: () => gateway.logLines.filter((line) => line.includes("inside the gateway")),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

/** An answer in whatever form was asked for. */
export const WHOLE_OR_STREAM: Answer = ({ url, body }, response) => {
	if (url.includes("count_tokens")) {
		response.writeHead(200, { "content-type": "application/json" }).end('{"input_tokens":1}');
		return;
	}
	if (!body.includes('"stream":true')) {
		const message = '{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}';
		response.writeHead(200, { "content-type": "application/json" }).end(message);
		return;
	}
	response.writeHead(200, { "content-type": "text/event-stream" });
	response.end(
		[
			'{"type":"message_start","message":{"id":"m","type":"message","usage":{"input_tokens":1,"output_tokens":1}}}',
			'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
			'{"type":"content_block_stop","index":0}',
			'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
			'{"type":"message_stop"}',
		]
			.map((data) => `event: ${(JSON.parse(data) as { type: string }).type}\ndata: ${data}\n\n`)
			.join(""),
	);
};
