// A prompt that does not fit, put by servers in their own words, through the whole gateway: clients get it in the words they act on, and
// context-window fallbacks serve. Leaves the words themselves to src/protocol/overflow.test.ts.
import { expect, test } from "vitest";
import { configFrom, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const answer =
	(status: number, body: unknown): Answer =>
	(_request, response) => {
		response.writeHead(status, { "content-type": "application/json" });
		response.end(JSON.stringify(body));
	};
const MESSAGE = { type: "message", role: "assistant", content: [], usage: { input_tokens: 1, output_tokens: 1 } };

async function errorOf(response: Response) {
	const { error } = (await response.json()) as { readonly error: Readonly<Record<string, string>> };
	return { message: error["message"] ?? "", type: error["type"], code: error["code"] };
}

async function world(model: string, refusal: Answer) {
	const small = await startRecordingUpstream(refusal);
	const large = await startRecordingUpstream(answer(200, MESSAGE));
	const base = model.startsWith("openai/") ? `${small.url}/v1` : small.url;
	const gateway = await startTestGateway(
		configFrom(`model_list:
  - model_name: alone
    litellm_params: { model: ${model}, api_base: "${base}", api_key: sk-x }
  - model_name: helped
    litellm_params: { model: ${model}, api_base: "${base}", api_key: sk-x }
  - model_name: large
    litellm_params: { model: anthropic/claude-large, api_base: "${large.url}", api_key: sk-x }
router_settings: { context_window_fallbacks: [{ helped: [large] }] }
warmpath: { listen: { port: 0 } }
`),
	);
	const ask = (name: string, path = "/v1/messages") =>
		gateway.post(path, JSON.stringify({ model: name, max_tokens: 10, messages: [{ role: "user", content: "hi" }] }));
	return {
		ask,
		large,
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			for (const upstream of [small, large]) await upstream[Symbol.asyncDispose]();
		},
	};
}

const messages = (status: number, message: string) =>
	answer(status, { type: "error", error: { type: "invalid_request_error", message } });

test.each<[string, string, Answer]>([
	[
		"SGLang",
		"openai/m",
		answer(400, {
			object: "error",
			message: "The input (9 tokens) is longer than the model's context length (8 tokens).",
			type: "BadRequestError",
			code: 400,
		}),
	],
	[
		"llama.cpp before it had a status for it",
		"openai/m",
		answer(500, { error: { code: 500, message: "context size has been exceeded", type: "server_error" } }),
	],
	[
		"Copilot",
		"openai/m",
		answer(400, {
			error: { message: "prompt token count of 9 exceeds the limit of 8", code: "model_max_prompt_tokens_exceeded" },
		}),
	],
	[
		"a server that answers 413",
		"openai/m",
		answer(413, {
			error: { message: "Please reduce the length of the messages or completion.", code: "context_length_exceeded" },
		}),
	],
	[
		"Kimi's Messages API",
		"anthropic/kimi",
		messages(400, "Invalid request: Your request exceeded model token limit: 262144"),
	],
	["GLM's Messages API", "anthropic/glm", messages(400, "Prompt exceeds max length")],
	["MiniMax's Messages API", "anthropic/minimax", messages(400, "invalid params, context window exceeds limit (2013)")],
])(
	"%s: the client learns that its prompt is too long, and a fallback for it serves",
	async (_server, model, refusal) => {
		await using gateway = await world(model, refusal);
		const got = await gateway.ask("alone");
		const body = await errorOf(got);
		expect([got.status, body.type]).toEqual([400, "invalid_request_error"]);
		expect(body.message).toMatch(/^prompt is too long: /);
		expect((await gateway.ask("helped")).headers.get("x-litellm-model-group")).toBe("large");
	},
);

test("an OpenAI client gets it by OpenAI's code, whatever the upstream's API", async () => {
	await using gateway = await world("anthropic/kimi", messages(400, "Your request exceeded model token limit: 262144"));
	const got = await gateway.ask("alone", "/v1/chat/completions");
	expect(got.status).toBe(400);
	expect((await errorOf(got)).code).toBe("context_length_exceeded");
});

test.each<[string, string, Answer]>([
	[
		"a tool's name that is too long",
		"openai/m",
		answer(400, {
			error: {
				message: "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64.",
				code: "string_above_max_length",
			},
		}),
	],
	[
		"more output than the model has",
		"openai/m",
		answer(400, {
			error: {
				message:
					"'max_tokens' or 'max_completion_tokens' is too large: 100000. This model's maximum context length is 32768 tokens and your request has 20 input tokens.",
				code: 400,
			},
		}),
	],
	[
		"an image that is too large",
		"anthropic/claude-small",
		messages(400, "messages.0.content.0.image: image exceeds 5 MB maximum"),
	],
])("%s is shown as it is, and no other model is asked", async (_what, model, refusal) => {
	await using gateway = await world(model, refusal);
	for (const name of ["alone", "helped"]) {
		const got = await gateway.ask(name);
		expect(got.status).toBe(400);
		expect((await errorOf(got)).message).not.toContain("prompt is too long");
	}
	expect(gateway.large.requests).toEqual([]);
});
