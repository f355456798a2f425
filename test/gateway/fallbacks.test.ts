// LiteLLM's knobs for failures, over real sockets: fallbacks between groups, retries, context windows.
import { expect, test } from "vitest";
import { configFrom, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const BODY = '{"model":"main","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}';
const OK: Answer = (_request, response) => {
	response.writeHead(200, { "content-type": "application/json" });
	response.end('{"type":"message","usage":{"input_tokens":1,"output_tokens":1}}');
};

function error(status: number, message: string, type = "api_error"): Answer {
	return (_request, response) => {
		response.writeHead(status, { "content-type": "application/json" });
		response.end(JSON.stringify({ type: "error", error: { type, message }, request_id: "req_up" }));
	};
}

async function groups(main: Answer, settings: string) {
	const upstreams = {
		main: await startRecordingUpstream(main),
		spare: await startRecordingUpstream(OK),
		big: await startRecordingUpstream(OK),
	};
	const entries = Object.entries(upstreams).map(
		([name, upstream]) => `
  - model_name: ${name}
    litellm_params: { model: anthropic/claude-${name}, api_base: "${upstream.url}", api_key: sk-x }
    model_info: { id: ${name} }`,
	);
	const gateway = await startTestGateway(
		configFrom(`model_list:${entries.join("")}\nrouter_settings: { ${settings} }\nwarmpath: { listen: { port: 0 } }\n`),
	);
	return {
		gateway,
		upstreams,
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			for (const upstream of Object.values(upstreams)) await upstream[Symbol.asyncDispose]();
		},
	};
}

test("after its retries a group's fallback serves, with its own model name", async () => {
	await using world = await groups(error(500, "boom"), "num_retries: 0, fallbacks: [{ main: [spare] }]");
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(200);
	expect(response.headers.get("x-litellm-model-group")).toBe("spare");
	expect(world.upstreams.main.requests.length).toBe(1);
	expect(world.upstreams.spare.requests[0]?.body.toString()).toBe(BODY.replace('"main"', '"claude-spare"'));
});

test("num_retries counts attempts after the first on the only deployment", async () => {
	await using world = await groups(error(500, "boom"), "num_retries: 1");
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(500);
	expect(world.upstreams.main.requests.length).toBe(2);
});

test("a prompt that is too long goes to the context-window fallback; without one the client gets the error verbatim", async () => {
	const tooLong = error(400, "prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error");
	await using world = await groups(
		tooLong,
		"context_window_fallbacks: [{ main: [big] }], fallbacks: [{ main: [spare] }]",
	);
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(200);
	expect(response.headers.get("x-litellm-model-group")).toBe("big");
	expect(world.upstreams.spare.requests.length).toBe(0);

	await using plain = await groups(tooLong, "fallbacks: [{ main: [spare] }]");
	const refused = await plain.gateway.post("/v1/messages", BODY);
	expect(refused.status).toBe(400);
	expect(await refused.text()).toContain("prompt is too long: 210000 tokens > 200000 maximum");
	expect(plain.upstreams.spare.requests.length).toBe(0);
});

test("a refusal by the content filter goes to the content-policy fallback", async () => {
	const refused = error(400, "Output blocked by content filtering policy", "invalid_request_error");
	await using world = await groups(refused, "content_policy_fallbacks: [{ main: [big] }]");
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.headers.get("x-litellm-model-group")).toBe("big");
});

test("default fallbacks serve groups without their own and models nobody configured", async () => {
	await using world = await groups(
		error(529, "Overloaded", "overloaded_error"),
		"num_retries: 0, default_fallbacks: [spare]",
	);
	expect((await world.gateway.post("/v1/messages", BODY)).headers.get("x-litellm-model-group")).toBe("spare");
	const unknown = await world.gateway.post("/v1/messages", BODY.replace("main", "nobody-configured-this"));
	expect(unknown.status).toBe(200);
	expect(unknown.headers.get("x-litellm-model-group")).toBe("spare");
});

test("when the fallbacks fail too the client gets the last upstream's own error", async () => {
	await using world = await groups(error(500, "main broke"), "num_retries: 0, fallbacks: [{ main: [spare] }]");
	world.upstreams.spare.setAnswer(error(529, "spare is overloaded", "overloaded_error"));
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(529);
	expect(await response.text()).toContain("spare is overloaded");
});
