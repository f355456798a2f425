// Usage of streams on OpenAI-compatible servers: it is asked for whoever the client is, and only who asked for it gets to see it.
import { expect, test } from "vitest";
import type { RequestView } from "../../src/admin/contract/log.ts";
import { IN_MEMORY } from "../../src/db/location.ts";
import { openDatabase } from "../../src/db/open.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

interface Sent {
	readonly stream?: boolean;
	readonly stream_options?: Readonly<Record<string, unknown>>;
}

const USAGE = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };

function chunk(delta: object, finish: string | null = null): object {
	const choices = [{ index: 0, delta, finish_reason: finish }];
	return { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices };
}

function data(value: object, lineEnd = "\n"): string {
	return `data: ${JSON.stringify(value)}${lineEnd}${lineEnd}`;
}

const CONTENT = [chunk({ role: "assistant", content: 'says "usage":{} here' }), chunk({}, "stop")];
const USAGE_CHUNK = { ...chunk({}), choices: [], usage: USAGE };

/** Reports usage where it is asked for, as OpenAI does: null in every other chunk. */
function answering(lineEnd = "\n"): Answer {
	return (request, response) => {
		const { stream_options: options } = JSON.parse(request.body.toString()) as Sent;
		const asked = options?.["include_usage"] === true;
		response.writeHead(200, { "content-type": "text/event-stream" });
		for (const each of CONTENT) response.write(data(asked ? { ...each, usage: null } : each, lineEnd));
		if (asked) response.write(data(USAGE_CHUNK, lineEnd));
		response.end(`data: [DONE]${lineEnd}${lineEnd}`);
	};
}

const EXTRA = { type: "extra_forbidden", loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" };

/** As servers do that know nothing of the option. */
function refusingWith(status: number, body: object): Answer {
	return (request, response) => {
		if ((JSON.parse(request.body.toString()) as Sent).stream_options === undefined) answering()(request, response);
		else {
			response.writeHead(status, { "content-type": "application/json" });
			response.end(JSON.stringify(body));
		}
	};
}

const refusing = refusingWith(422, { detail: [EXTRA] });

async function start(answer: Answer, params = "") {
	const database = await openDatabase(IN_MEMORY);
	const upstream = await startRecordingUpstream(answer);
	const config = `model_list:
  - model_name: chat
    litellm_params: { model: openai/m, api_base: "${upstream.url}/v1", api_key: sk-any${params} }
    model_info: { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`;
	const gateway = await startTestGateway(configFrom(config), { database });
	return {
		sent: () => upstream.requests.map(({ body }) => JSON.parse(body.toString()) as Sent),
		async ask(more: object, path = "/v1/chat/completions"): Promise<string> {
			const body = { model: "chat", max_tokens: 50, messages: [{ role: "user", content: "hello" }], ...more };
			const response = await gateway.post(path, JSON.stringify(body), { "x-api-key": MASTER_KEY });
			expect(response.status).toBe(200);
			return response.text();
		},
		async newest(): Promise<RequestView | undefined> {
			await gateway.requestLog?.flush();
			const headers = { authorization: `Bearer ${MASTER_KEY}` };
			const response = await fetch(`${gateway.url}/api/requests`, { headers });
			return ((await response.json()) as { readonly requests: readonly RequestView[] }).requests[0];
		},
		async [Symbol.asyncDispose]() {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
			await database[Symbol.asyncDispose]();
		},
	};
}

const KNOWN = { input_tokens: 1_000, output_tokens: 100, cost: expect.closeTo(0.0012, 9) };

test.each([
	["no option", {}, "\n"],
	["the option's null", { stream_options: null }, "\n"],
	["another option", { stream_options: { include_obfuscation: false } }, "\n"],
	["usage not wanted, and CRLF", { stream_options: { include_usage: false } }, "\r\n"],
])("a client with %s does not see the usage that the log knows", async (_, more, lineEnd) => {
	await using world = await start(answering(lineEnd));
	const text = await world.ask({ stream: true, ...more });
	const seen = [...CONTENT.map((each) => data({ ...each, usage: null }, lineEnd)), `data: [DONE]${lineEnd}${lineEnd}`];
	expect(text).toBe(seen.join(""));
	expect(world.sent()[0]?.stream_options).toMatchObject({ include_usage: true });
	expect(await world.newest()).toMatchObject(KNOWN);
});

test("a client that asks for usage gets it, and its bytes go as they came", async () => {
	await using world = await start(answering());
	const text = await world.ask({ stream: true, stream_options: { include_usage: true } });
	expect(text).toContain(data(USAGE_CHUNK));
	expect(await world.newest()).toMatchObject(KNOWN);
});

test("a client of the Messages API is billed alike", async () => {
	await using world = await start(answering());
	await world.ask({ stream: true }, "/v1/messages");
	expect(world.sent()[0]?.stream_options).toEqual({ include_usage: true });
	expect(await world.newest()).toMatchObject(KNOWN);
});

test("usage beside content is not taken out", async () => {
	const last = { ...chunk({}, "stop"), usage: USAGE };
	await using world = await start((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.end(`${data(CONTENT[0] ?? {})}${data(last)}data: [DONE]\n\n`);
	});
	expect(await world.ask({ stream: true })).toContain(data(last));
	expect(await world.newest()).toMatchObject(KNOWN);
});

test("nothing is asked for where nothing is streamed", async () => {
	await using world = await start((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		const choices = [{ index: 0, message: { role: "assistant", content: "x" }, finish_reason: "stop" }];
		response.end(JSON.stringify({ id: "chatcmpl-1", object: "chat.completion", model: "m", choices, usage: USAGE }));
	});
	await world.ask({ stream: false });
	expect(world.sent()[0]).not.toHaveProperty("stream_options");
	expect(await world.newest()).toMatchObject(KNOWN);
});

test.each<[string, number, object]>([
	["FastAPI", 422, { detail: [EXTRA] }],
	["Mistral", 422, { object: "error", message: { detail: [EXTRA] }, type: "invalid_request_error", code: null }],
	["older Azure", 400, { error: { message: "Unrecognized request argument supplied: stream_options", code: null } }],
	[
		"a server that names it beside the words",
		400,
		{ error: { message: "Unknown parameter.", param: "stream_options" } },
	],
	["a server that says it in one text", 400, { error: "unknown field 'stream_options'" }],
	["a server that fails over it", 500, { error: { message: "got an unexpected keyword argument 'stream_options'" } }],
])("%s refuses the option, and is asked again without it, once", async (_server, status, body) => {
	await using world = await start(refusingWith(status, body));
	for (const path of ["/v1/chat/completions", "/v1/messages"]) await world.ask({ stream: true }, path);
	expect(world.sent().map(({ stream_options: option }) => option !== undefined)).toEqual([true, false, false]);
});

test.each(["/v1/chat/completions", "/v1/messages"])(
	"a server that refuses the option is asked again without, once, and its cost is unknown (%s)",
	async (path) => {
		await using world = await start(refusing);
		await world.ask({ stream: true }, path);
		await world.ask({ stream: true }, path);
		expect(world.sent().map(({ stream_options: options }) => options !== undefined)).toEqual([true, false, false]);
		expect(await world.newest()).toMatchObject({ outcome: "served", input_tokens: null, cost: null });
	},
);

test.each([", server_takes: { stream_options: false }", ", additional_drop_params: [stream_options]"])(
	"the operator can say that a server refuses it (%s)",
	async (params) => {
		await using world = await start(refusing, params);
		await world.ask({ stream: true });
		await world.ask({ stream: true }, "/v1/messages");
		expect(world.sent().map(({ stream_options: options }) => options)).toEqual([undefined, undefined]);
	},
);
