// Claude Code's `[1m]` behind a model's name, in every client format: the upstream is asked for the base model.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

let upstream: Awaited<ReturnType<typeof startRecordingUpstream>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
	upstream = await startRecordingUpstream((request, response) => {
		const counts = request.url.includes("count_tokens");
		const usage = { input_tokens: 5, output_tokens: 1 };
		const message = {
			id: "msg_1",
			type: "message",
			role: "assistant",
			model: "m",
			content: [],
			stop_reason: "end_turn",
			usage,
		};
		response.writeHead(200, { "content-type": "application/json" });
		response.end(JSON.stringify(counts ? { input_tokens: 5 } : message));
	});
	const entry = (name: string, model: string) =>
		`  - {model_name: "${name}", litellm_params: {model: "anthropic/${model}", api_base: "${upstream.url}", api_key: k}}\n`;
	const models =
		entry("claude-opus-4-8", "claude-opus-4-8") +
		entry("claude-sonnet-4-5", "claude-sonnet-4-5-20250929") +
		entry("claude-*", "claude-*");
	gateway = await startTestGateway(
		configFrom(
			`model_list:\n${models}general_settings: {master_key: ${MASTER_KEY}}\nrouter_settings: {model_group_alias: {big: claude-opus-4-8}}\n`,
		),
	);
});
afterAll(async () => {
	await gateway[Symbol.asyncDispose]();
	await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
	upstream.requests.length = 0;
});

async function asked(path: string, body: object, headers: Record<string, string> = {}) {
	const answer = await fetch(`${gateway.url}${path}`, {
		method: "POST",
		headers: { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json", ...headers },
		body: JSON.stringify(body),
	});
	expect(answer.status, await answer.text()).toBe(200);
	const request = upstream.requests.at(-1);
	const sent = JSON.parse(request?.body.toString() ?? "{}");
	return { model: sent.model, betas: request?.headers["anthropic-beta"], sent: request?.body.toString() };
}

const messages = [{ role: "user", content: "hi" }];

test.each([
	["claude-opus-4-8[1m]", "claude-opus-4-8"],
	["claude-opus-4-8[1M]", "claude-opus-4-8"],
	["big[1m]", "claude-opus-4-8"],
	["anthropic/claude-opus-4-8[1m]", "claude-opus-4-8"],
	["claude-haiku-5-5[1m]", "claude-haiku-5-5"],
])("%s is served as %s in every format", async (model, wanted) => {
	const raw = { anthropic_version: "bedrock-2023-05-31", max_tokens: 5, messages };
	const id = encodeURIComponent(model);
	const found = [
		await asked("/v1/messages", { model, max_tokens: 5, messages }),
		await asked("/v1/messages/count_tokens", { model, messages }),
		await asked("/v1/chat/completions", { model, messages }),
		await asked("/v1/responses", { model, input: "hi" }),
		await asked(`/bedrock/model/${id}/invoke`, raw),
	];
	expect(found.map((each) => each.model)).toEqual(found.map(() => wanted));
	expect(found.map((each) => each.betas)).toEqual(found.map(() => undefined));
});

test("only the name changes in a request of the Messages API", async () => {
	const body = `{"max_tokens": 5,  "model" : "claude-opus-4-8[1m]", "messages": [ {"role":"user","content":"hi"} ]}`;
	await fetch(`${gateway.url}/v1/messages`, { method: "POST", headers: { "x-api-key": MASTER_KEY }, body });
	expect(upstream.requests.at(-1)?.body.toString()).toBe(body.replace("[1m]", ""));
});

test("a model that has its long context by a beta value only is asked with it, once", async () => {
	const model = "claude-sonnet-4-5[1m]";
	const body = { model, max_tokens: 5, messages };
	const beta = "context-1m-2025-08-07";
	expect((await asked("/v1/messages", body)).betas).toBe(beta);
	expect((await asked("/v1/chat/completions", body)).betas).toBe(beta);
	expect((await asked("/v1/messages", body, { "anthropic-beta": "a-2025-01-01" })).betas).toBe(`a-2025-01-01,${beta}`);
	expect((await asked("/v1/messages", body, { "anthropic-beta": beta })).betas).toBe(beta);
	expect((await asked("/v1/messages", { ...body, model: "claude-sonnet-4-5" })).betas).toBeUndefined();
});
