// Heads of upstreams' answers as no good server sends them, to clients of HTTP/1.1 and HTTP/2: each request ends, and nothing else does.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { type Answered, http1Client, http2Client, startWireUpstream, type WireClient } from "../wire-clients.ts";

const JSON_BODY = '{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}';
const STREAM_BODY =
	'event: message_start\ndata: {"type":"message_start","message":{}}\n\nevent: content_block_start\ndata: {"type":"content_block_start"}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n';

/** One head: its status line, its lines, and what follows it. */
interface Odd {
	readonly name: string;
	readonly status?: string;
	readonly lines: readonly string[];
	readonly body?: string;
	/** Lines and body frame themselves. */
	readonly framed?: boolean;
}

const SINGLE =
	"age access-control-max-age content-encoding content-language content-location content-md5 content-range content-type date etag expires last-modified location retry-after x-content-type-options".split(
		" ",
	);
const OF_REQUESTS =
	"access-control-request-method authorization dnt from host if-match if-modified-since if-none-match if-range if-unmodified-since max-forwards proxy-authorization range referer tk upgrade-insecure-requests user-agent".split(
		" ",
	);
const OF_CONNECTION = "connection http2-settings keep-alive proxy-connection te trailer upgrade".split(" ");
const FOR_BROWSERS =
	"set-cookie set-cookie2 clear-site-data refresh service-worker-allowed alt-svc strict-transport-security nel report-to reporting-endpoints accept-ch access-control-allow-origin access-control-allow-credentials".split(
		" ",
	);
const LISTS = "vary warning link server via cache-control x-several www-authenticate allow".split(" ");
const NAMES = "__proto__ constructor toString hasOwnProperty prototype valueOf a A-_.~ x-1 !#$%&'*+^`|".split(" ");
const VALUES: readonly (readonly [string, string])[] = [
	["nothing", ""],
	["spaces", "   "],
	["a tab", "a\tb"],
	["latin 1", "caf\xe9"],
	["UTF-8", "\xe6\xa8\xa1\xe5\x9e\x8b"],
	["a control character", "a\x01b"],
	["a zero", "a\0b"],
	["DEL", "a\x7fb"],
	["a bare CR", "a\rb"],
	["a bare LF", "a\nx-evil: 1"],
	["8 KB", "v".repeat(8192)],
	["64 KB", "v".repeat(65_536)],
];
const STATUSES =
	"200|200 |201 Created|203 x|204 No Content|205 Reset|206 Partial|226 x|299 x|300 x|301 Moved|304 Not Modified|307 x|399 x|400 x|401 x|402 x|404 x|405 x|407 x|408 x|413 x|418 x|421 x|425 x|429 x|431 x|451 x|499 x|500 x|501 x|503 x|511 x|529 x|599 x|600 x|999 x|099 x|1000 x|-1 x|abc x|20 x|2000|101 Switching Protocols|200 \xe9".split(
		"|",
	);
const VERSIONS = ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3", "ICY", "http/1.1", "HTTP/1.1 ", "SPDY/1"];
const RAW_LINES = [
	"no colon",
	": no name",
	"a name: with a space",
	"x(y): a bracket",
	"x\xe9: an accent",
	" folded: at once",
	"x-folded: a\r\n b\r\n\tc",
	"x-space : before the colon",
	"X-MiXeD: case\r\nx-mixed: again",
	Array.from({ length: 150 }, (_, at) => `x-many-${at}: ${at}`).join("\r\n"),
	Array.from({ length: 100 }, () => "x-same: 1").join("\r\n"),
	"content-type: text/html",
	"content-type: text/event-stream\r\ncontent-type: application/json",
	"content-encoding: gzip, br",
	"content-encoding: unknown",
	"content-encoding: gzip\r\ncontent-encoding: br",
	"request-id: a\r\nrequest-id: b",
	"x-should-retry: true\r\nx-should-retry: false",
	"retry-after: soon\r\nretry-after: 99999999999999999999",
	"anthropic-ratelimit-unified-reset: x\r\nanthropic-ratelimit-unified-reset: y",
	"anthropic-organization-id: a\r\nanthropic-organization-id: b",
	"connection: close, date, x-a\r\nx-a: 1",
	"connection: close\r\nconnection: x-a\r\nx-a: 1",
];

function framing(): Odd[] {
	const { length } = JSON_BODY;
	const chunk = `${length.toString(16)}\r\n${JSON_BODY}\r\n`;
	const of = (name: string, lines: readonly string[], body = JSON_BODY): Odd => ({ name, lines, body, framed: true });
	return [
		of("a length twice", [`content-length: ${length}`, `content-length: ${length}`]),
		of("two lengths", [`content-length: ${length}`, "content-length: 1"]),
		of("a length below zero", ["content-length: -1"]),
		of("a length that is no number", ["content-length: many"]),
		of("a length that is too long", [`content-length: ${length + 10}`]),
		of("a length that is too short", [`content-length: ${length - 10}`]),
		of("a length of zero", ["content-length: 0"], ""),
		of("length and chunks", [`content-length: ${length}`, "transfer-encoding: chunked"], `${chunk}0\r\n\r\n`),
		of("chunks", ["transfer-encoding: chunked"], `${chunk}0\r\n\r\n`),
		of("chunks with a trailer", ["transfer-encoding: chunked"], `${chunk}0\r\ndate: x\r\nx-after: 1\r\n\r\n`),
		of("chunks with an extension", ["transfer-encoding: chunked"], `${chunk.replace("\r", ";a=b\r")}0\r\n\r\n`),
		of("a chunk of no size", ["transfer-encoding: chunked"], `xyz\r\n${JSON_BODY}\r\n0\r\n\r\n`),
		of("chunks that end early", ["transfer-encoding: chunked"], chunk),
		of("chunks twice", ["transfer-encoding: chunked", "transfer-encoding: chunked"], `${chunk}0\r\n\r\n`),
		of("gzip as a transfer", ["transfer-encoding: gzip, chunked"], `${chunk}0\r\n\r\n`),
		of("no length at all", []),
		of("more than one answer", [`content-length: ${length}`], `${JSON_BODY}HTTP/1.1 200 OK\r\n\r\n`),
		of("nothing behind the head", [], ""),
	];
}

function heads(): Odd[] {
	const twice = (name: string): Odd => ({ name: `${name} twice`, lines: [`${name}: 1`, `${name}: 2`] });
	const once = (name: string, value = "x"): Odd => ({ name, lines: [`${name}: ${value}`] });
	const failing = (odd: Odd): Odd => ({ ...odd, name: `${odd.name}, and an error`, status: "HTTP/1.1 400 Bad" });
	const relayed = [...SINGLE, ...OF_REQUESTS, ...OF_CONNECTION].map(twice);
	return [
		...relayed,
		...relayed.map(failing),
		...[...FOR_BROWSERS, ...LISTS].map(twice),
		...[...OF_CONNECTION, ...NAMES].map((name) => once(name)),
		...VALUES.map(([name, value]) => ({ ...once("x-odd", value), name: `a value of ${name}` })),
		...VALUES.map(([name, value]) => ({ ...once("retry-after", value), name: `a retry-after of ${name}` })),
		...STATUSES.map((status): Odd => ({ name: `status ${status}`, status: `HTTP/1.1 ${status}`, lines: [] })),
		...VERSIONS.map((version): Odd => ({ name: version, status: `${version} 200 OK`, lines: [] })),
		...["100 Continue", "102 x", "103 Early Hints\r\nlink: a\r\nlink: b"].map(
			(first): Odd => ({ name: `${first} first`, status: `HTTP/1.1 ${first}\r\n\r\nHTTP/1.1 200 OK`, lines: [] }),
		),
		...RAW_LINES.map((line): Odd => ({ name: line.slice(0, 60), lines: [line] })),
		...framing(),
	];
}

const HEADS = heads();

/** The whole answer of one head; every other one is a stream. */
function bytesOf(odd: Odd, isStream: boolean): Buffer {
	const body = odd.body ?? (isStream ? STREAM_BODY : JSON_BODY);
	const type = odd.lines.some((line) => line.startsWith("content-type"))
		? []
		: [`content-type: ${isStream ? "text/event-stream" : "application/json"}`];
	const frame = odd.framed === true ? [] : [`content-length: ${Buffer.byteLength(body, "latin1")}`];
	const lines = [odd.status ?? "HTTP/1.1 200 OK", ...type, ...odd.lines, ...frame];
	return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1");
}

async function start() {
	const upstream = await startWireUpstream((head) => {
		const at = Number(/^x-head: (\d+)/im.exec(head)?.[1] ?? -1);
		const odd = HEADS[at];
		if (odd === undefined) return { bytes: bytesOf({ name: "", lines: [] }, false), close: true };
		return { bytes: bytesOf(odd, at % 2 === 1 && odd.framed !== true), close: true };
	});
	const gateway = await startTestGateway(
		deploymentsConfig(
			[{ id: "模型", apiBase: upstream.url }],
			"router_settings: { num_retries: 0, disable_cooldowns: true }\n",
			`  - model_name: chat
    litellm_params: { model: anthropic/claude-sonnet-5-5, api_base: "${upstream.url}", api_key: sk-upstream }
    model_info: { id: chat }`,
		),
	);
	return {
		upstream,
		gateway,
		http1: http1Client(gateway.port),
		http2: http2Client(gateway.url),
		inFlight: () => gateway.router.deployments().reduce((all, { inFlight }) => all + inFlight, 0),
	};
}

let world: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
	world = await start();
});
afterAll(async () => {
	world.http2.session.destroy();
	await world.gateway.close(0);
	await world.upstream[Symbol.asyncDispose]();
});

/** Claude Code's own format, and one that is translated. */
function asked(client: WireClient, at: number, path = "/v1/messages"): Promise<Answered> {
	const isStream = at % 2 === 1 && HEADS[at]?.framed !== true;
	const model = path === "/v1/messages" ? "claude-code" : "chat";
	const body = { model, max_tokens: 5, stream: isStream, messages: [{ role: "user", content: "hi" }] };
	const headers = { "x-api-key": MASTER_KEY, "content-type": "application/json", "x-head": String(at) };
	return client({ path, headers, body: JSON.stringify(body) });
}

describe.each(["http1", "http2"] as const)("an odd head and a client of %s", (version) => {
	const client = (sent: Parameters<WireClient>[0]) =>
		version === "http1" ? world.http1(sent) : world.http2.send(sent);

	test.each(["/v1/messages", "/v1/chat/completions"])(
		`end the request alone, whatever the head is (${HEADS.length} of them, %s)`,
		async (path) => {
			const wrong: string[] = [];
			for (let from = 0; from < HEADS.length; from += 16) {
				const batch = HEADS.slice(from, from + 16);
				const answers = await Promise.all(batch.map((_, at) => asked(client, from + at, path)));
				for (const [at, answer] of answers.entries()) {
					const name = batch[at]?.name ?? "";
					if (answer.error === "hangs" || (answer.status === 0 && version === "http1"))
						wrong.push(`${name}: ${answer.error}`);
					// An answer that had begun may be cut; without one the client must get an error.
					else if (answer.status === 0) wrong.push(`${name}: no answer (${answer.error})`);
				}
			}
			expect(wrong).toEqual([]);
			expect(await asked(client, -2)).toMatchObject({ status: 200, error: "" });
			await expect.poll(() => world.inFlight()).toBe(0);
			expect(world.gateway.logLines.filter((line) => line.includes("inside the gateway"))).toEqual([]);
		},
	);

	test.each(SINGLE.filter((name) => !name.startsWith("content-")))(
		"one value of %s goes on, the first",
		async (name) => {
			const answer = await asked(
				client,
				HEADS.findIndex((each) => each.name === `${name} twice`),
			);
			expect([answer.status, answer.headers[name], answer.error]).toEqual([200, "1", ""]);
		},
	);

	test.each([...FOR_BROWSERS, ...OF_CONNECTION.filter((name) => name !== "connection" && name !== "keep-alive")])(
		"%s stays behind",
		async (name) => {
			const answer = await asked(
				client,
				HEADS.findIndex((each) => each.name === `${name} twice`),
			);
			expect([answer.status, answer.headers[name], answer.error]).toEqual([200, undefined, ""]);
		},
	);

	test("several values of a list go on, and a deployment's name in any script", async () => {
		const answer = await asked(
			client,
			HEADS.findIndex((each) => each.name === "x-several twice"),
		);
		expect(answer.headers["x-several"]).toBe("1, 2");
		expect(Buffer.from(answer.headers["x-litellm-model-id"] ?? "", "latin1").toString("utf8")).toBe("模型");
	});
});
