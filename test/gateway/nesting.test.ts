// Bodies and answers that are nested far deeper than any stack: a client's is refused, an upstream's is shown or cut, and nothing hangs.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BODY_FORMS, startFormats, WHOLE_OR_STREAM } from "../client-formats.ts";
import { MASTER_KEY } from "../harness.ts";
import type { Answer } from "../recording-upstream.ts";
import { http1Client } from "../wire-clients.ts";

const list = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const object = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

const MEMBERS =
	"metadata text instructions top_p tools tool_choice system thinking output_config stop temperature reasoning response_format cache_control x".split(
		" ",
	);

const DEPTHS = [
	[10, object],
	[190, list],
	[190, object],
	[300, list],
	[6_000, object],
	[200_000, list],
] as const;

let world: Awaited<ReturnType<typeof startFormats>>;
let deep: Answer = WHOLE_OR_STREAM;
beforeAll(async () => {
	world = await startFormats((request, response) => deep(request, response));
});
afterAll(async () => {
	await world[Symbol.asyncDispose]();
});

test.each(BODY_FORMS)("a deep member is served or refused in $name, whichever it is", async ({ path, body }) => {
	deep = WHOLE_OR_STREAM;
	const client = http1Client(world.gateway.port);
	const headers = { "x-api-key": MASTER_KEY, "content-type": "application/json" };
	for (const member of MEMBERS) {
		for (const [depth, nested] of DEPTHS) {
			const answer = await client({ path, headers, body: body(member, Buffer.from(nested(depth))) });
			expect([member, depth, answer.error]).toEqual([member, depth, ""]);
			// What another service's tools are is not served here.
			expect([200, 400, 501]).toContain(answer.status);
			if (depth > 200) expect(answer.body).toContain("nested deeper than 200 levels");
		}
	}
	expect(world.faults()).toEqual([]);
});

/** Answers of the Messages API and of Chat Completions with something deep in each of their parts. */
function messageAnswers(value: string): string[] {
	const message = (id: string, content: string, usage: string) =>
		`{"id":${id},"type":"message","role":"assistant","model":"m","content":${content},"stop_reason":"tool_use","usage":${usage}}`;
	const usage = '{"input_tokens":1,"output_tokens":1}';
	const tool = `[{"type":"tool_use","id":"t","name":"f","input":${value}}]`;
	return [
		message('"m"', tool, usage),
		message(value, "[]", usage),
		message('"m"', value, usage),
		message('"m"', `[{"type":"text","text":${value}}]`, usage),
		message('"m"', `[{"type":"thinking","thinking":"a","signature":"s","x":${value}}]`, usage),
		message('"m"', "[]", value),
		value,
	];
}

function messageStreams(value: string): string[] {
	const start =
		'{"type":"message_start","message":{"id":"m","type":"message","usage":{"input_tokens":1,"output_tokens":1}}}';
	const rest = [
		'{"type":"content_block_stop","index":0}',
		'{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":1}}',
		'{"type":"message_stop"}',
	];
	const block = `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":${value}}}`;
	const empty = block.replace(value, "{}");
	const piece = `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":${JSON.stringify(value)}}}`;
	const odd = `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":${value}}}`;
	const streams = [
		[start, block, ...rest],
		[start, empty, piece, ...rest],
		[start, empty, odd, ...rest],
		[start.replace('"m"', value), empty, ...rest],
		[start, empty, ...rest.map((each) => each.replace('{"output_tokens":1}', value))],
		[`{"type":"error","error":${value}}`],
	];
	const type = /"type":"(\w+)"/;
	return streams.map((events) => events.map((data) => `event: ${type.exec(data)?.[1]}\ndata: ${data}\n\n`).join(""));
}

function chatAnswers(value: string): string[] {
	const call = (args: string) => `[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":${args}}}]`;
	return [JSON.stringify(value), value].flatMap((args) => [
		`{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","tool_calls":${call(args)}},"finish_reason":"tool_calls"}]}`,
		`data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":${call(args)}}}]}\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n`,
		`{"id":"c","model":${value},"choices":[{"index":0,"message":{"content":${value}},"finish_reason":"stop"}],"usage":${value}}`,
		`data: {"id":"c","choices":[{"index":0,"delta":{"content":${value}},"finish_reason":"stop"}],"usage":${value}}\n\ndata: [DONE]\n\n`,
		`{"error":${value}}`,
	]);
}

const ASKED: readonly (readonly [string, string, boolean])[] = [
	["/v1/messages", '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]', true],
	["/v1/chat/completions", '"messages":[{"role":"user","content":"hi"}]', true],
	["/v1/responses", '"input":"hi"', true],
	["/model/MODEL/invoke", '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]', false],
	["/model/MODEL/invoke-with-response-stream", '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]', false],
	["/v1/projects/p/locations/l/publishers/anthropic/models/MODEL:rawPredict", '"max_tokens":5,"messages":[]', false],
];

describe.each([6_000, 200_000])("an upstream's answer nested %d deep", (depth) => {
	test.each(depth > 10_000 ? ASKED.slice(1, 3) : ASKED)(
		"ends the request at %s, one way or another",
		async (path, rest, isNamed) => {
			const client = http1Client(world.gateway.port);
			for (const value of depth > 10_000 ? [list(depth)] : [list(depth), object(depth)]) {
				const answers = [
					...messageAnswers(value).map((text) => ({ model: "claude-code", isStream: false, text })),
					...messageStreams(value).map((text) => ({ model: "claude-code", isStream: true, text })),
					...chatAnswers(value).map((text) => ({ model: "gpt", isStream: text.startsWith("data:"), text })),
				];
				for (const { model, isStream, text } of answers) {
					deep = (_request, response) => {
						response.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json" });
						response.end(text);
					};
					const named = isNamed ? `"model":"${model}","stream":${isStream},` : "";
					const headers = { "x-api-key": MASTER_KEY, "content-type": "application/json" };
					const answer = await client({ path: path.replace("MODEL", model), headers, body: `{${named}${rest}}` });
					expect([text.slice(0, 60), answer.error]).not.toEqual([text.slice(0, 60), "hangs"]);
					expect(answer.status).not.toBe(0);
				}
			}
			await expect.poll(() => world.inFlight()).toBe(0);
			expect(world.faults()).toEqual([]);
		},
	);

	test("comes whole where it is a tool's arguments, in every form", async () => {
		const value = object(depth);
		const client = http1Client(world.gateway.port);
		const headers = { "x-api-key": MASTER_KEY, "content-type": "application/json" };
		for (const [path, rest] of ASKED.slice(0, 3)) {
			for (const [model, text] of [
				["claude-code", messageAnswers(value)[0] ?? ""],
				["gpt", chatAnswers(value)[0] ?? ""],
			] as const) {
				deep = (_request, response) => void response.writeHead(200, { "content-type": "application/json" }).end(text);
				const { status, body } = await client({ path, headers, body: `{"model":"${model}",${rest}}` });
				expect([path, model, status]).toEqual([path, model, 200]);
				expect(body.replaceAll("\\", "").includes(value)).toBe(true);
			}
		}
	});
});
