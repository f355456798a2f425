import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { CONTENT, DELTA, START, STOP } from "../message-events.ts";
import { type Answer, type RecordedRequest, startRecordingUpstream } from "../recording-upstream.ts";

const BODY = '{"model":"claude-code","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}';
const PING = 'event: ping\ndata: {"type":"ping"}\n\n';
const OVERLOADED =
	'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';

function sse(...pieces: readonly string[]): Answer {
	return (_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
		response.end(pieces.join(""));
	};
}

async function deployments(answers: Readonly<Record<string, Answer>>) {
	const upstreams = new Map<string, Awaited<ReturnType<typeof startRecordingUpstream>>>();
	for (const [id, answer] of Object.entries(answers)) upstreams.set(id, await startRecordingUpstream(answer));
	const gateway = await startTestGateway(
		deploymentsConfig([...upstreams].map(([id, upstream]) => ({ id, apiBase: upstream.url, apiKey: `sk-${id}` }))),
	);
	return {
		gateway,
		seen: (id: string): readonly RecordedRequest[] => upstreams.get(id)?.requests ?? [],
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			for (const upstream of upstreams.values()) await upstream[Symbol.asyncDispose]();
		},
	};
}

test("a stream passes event by event, pings included, byte for byte", async () => {
	const whole = START + PING + CONTENT + DELTA + PING + DELTA + STOP;
	await using world = await deployments({ a: sse(START, PING, CONTENT, DELTA, PING, DELTA, STOP) });
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
	expect(await response.text()).toBe(whole);
});

test("each event reaches the client as soon as it is whole, before the upstream says more", async () => {
	let next: (() => void) | null = null;
	await using world = await deployments({
		a: (_request, response) => {
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.write(START + CONTENT);
			next = () => {
				response.write(DELTA);
				next = () => response.end(STOP);
			};
		},
	});
	const response = await world.gateway.post("/v1/messages", BODY);
	const reader = (response.body as ReadableStream<Uint8Array>).getReader();
	const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
	expect(await read()).toBe(START + CONTENT);
	(next as (() => void) | null)?.();
	expect(await read()).toBe(DELTA);
	(next as (() => void) | null)?.();
	expect(await read()).toBe(STOP);
});

test("a client that goes away ends its upstream call, before and after content", async () => {
	for (const opening of ["", START + CONTENT + DELTA]) {
		let arrive: (request: RecordedRequest) => void = () => {};
		const arrived = new Promise<RecordedRequest>((resolve) => {
			arrive = resolve;
		});
		await using world = await deployments({
			a: (request, response) => {
				if (opening !== "") {
					response.writeHead(200, { "content-type": "text/event-stream" });
					response.write(opening);
				}
				arrive(request);
			},
		});
		const request = httpRequest(`${world.gateway.url}/v1/messages`, {
			method: "POST",
			headers: { "x-api-key": MASTER_KEY },
		});
		request.on("error", () => {});
		request.end(BODY);
		if (opening !== "") await once(request, "response");
		const upstream = await arrived;
		request.destroy();
		await upstream.closed;
		expect(world.seen("a").length).toBe(1);
	}
});

test("an upstream that breaks after content becomes an error event at an event boundary, then the end", async () => {
	await using world = await deployments({
		a: (_request, response) => {
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.write(START + CONTENT + DELTA + DELTA.slice(0, 40), () => response.socket?.destroy());
		},
		b: sse(START, CONTENT, STOP),
	});
	const texts = await Promise.all(
		[1, 2, 3, 4].map(() => world.gateway.post("/v1/messages", BODY).then((response) => response.text())),
	);
	const broken = texts.find((text) => text.includes("event: error"));
	expect(broken).toBeDefined();
	const [before, error] = (broken ?? "").split("event: error\ndata: ");
	expect(before).toBe(START + CONTENT + DELTA);
	expect(JSON.parse(error ?? "")).toMatchObject({ type: "error", error: { type: "api_error" } });
});

test("an upstream that breaks within a JSON answer cuts the client's connection: half an answer never looks whole", async () => {
	await using world = await deployments({
		a: (_request, response) => {
			response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
			response.write('{"type":"message"', () => response.socket?.destroy());
		},
	});
	const response = await world.gateway.post("/v1/messages", BODY.replace('"stream":true,', ""));
	await expect(response.text()).rejects.toThrow();
});

const FAILURES: Readonly<Record<string, Answer>> = {
	"429": status(429, "rate_limit_error", { "retry-after": "7" }),
	"500": status(500, "api_error"),
	"503": status(503, "api_error"),
	"529": status(529, "overloaded_error"),
	"401": status(401, "authentication_error"),
	"403": status(403, "permission_error"),
	"404": status(404, "not_found_error"),
	"an HTML error page": (_request, response) => {
		response.writeHead(502, { "content-type": "text/html" });
		response.end("<html>Bad gateway</html>");
	},
	"an HTML page as if it were an answer": (_request, response) => {
		response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
		response.end("<html>Log in</html>");
	},
	"a redirect": (_request, response) => {
		response.writeHead(308, { location: "https://elsewhere.example/v1/messages" });
		response.end();
	},
	"an empty answer": (_request, response) => {
		response.writeHead(200, { "content-type": "application/json", "content-length": "0" });
		response.end();
	},
	"a reset before the head": (_request, response) => response.socket?.destroy(),
	"an error event first": sse(OVERLOADED),
	"an error event after message_start": sse(START, PING, OVERLOADED),
	"an end before content": sse(START),
};

function status(code: number, type: string, headers: Readonly<Record<string, string>> = {}): Answer {
	return (_request, response) => {
		response.writeHead(code, { "content-type": "application/json", ...headers });
		response.end(
			JSON.stringify({ type: "error", error: { type, message: `upstream says ${code}` }, request_id: "req_up" }),
		);
	};
}

test.for(Object.keys(FAILURES))("%s at one deployment is answered by another, unseen by the client", async (name) => {
	const failing = FAILURES[name] as Answer;
	await using world = await deployments({ bad: failing, good: sse(START, CONTENT, DELTA, STOP) });
	for (let i = 0; i < 4; i += 1) {
		const response = await world.gateway.post("/v1/messages", BODY);
		expect(response.status).toBe(200);
		expect(await response.text()).toBe(START + CONTENT + DELTA + STOP);
		expect(response.headers.get("x-litellm-model-id")).toBe("good");
	}
	// It was asked once (a reset connection once more) and then left alone while it cools down. A 404 is about the model asked for, so
	// it blames nobody.
	if (name !== "404") expect(world.seen("bad").length).toBeLessThanOrEqual(2);
	expect(world.seen("good").length).toBe(4);
});

test("health shows which deployments are out, why and until when, without calling any", async () => {
	await using world = await deployments({
		refusing: FAILURES["401"] as Answer,
		limited: FAILURES["429"] as Answer,
		failing: FAILURES["500"] as Answer,
		good: sse(START, CONTENT, STOP),
	});
	for (let i = 0; i < 24; i += 1) await (await world.gateway.post("/v1/messages", BODY)).text();
	const response = await fetch(`${world.gateway.url}/health`, { headers: { "x-api-key": MASTER_KEY } });
	const health = (await response.json()) as {
		healthy_endpoints: { model_id: string }[];
		unhealthy_endpoints: { model_id: string; reason: string; retry_at: string }[];
	};
	expect(health.healthy_endpoints.map((entry) => entry.model_id)).toEqual(["good"]);
	expect(Object.fromEntries(health.unhealthy_endpoints.map((entry) => [entry.model_id, entry.reason]))).toEqual({
		refusing: "credentials refused",
		limited: "rate limit",
		failing: "failed",
	});
	for (const { retry_at } of health.unhealthy_endpoints) expect(Date.parse(retry_at)).toBeGreaterThan(0);
});

test("a deployment that cannot be connected to is passed over", async () => {
	await using good = await startRecordingUpstream(sse(START, CONTENT, STOP));
	await using gateway = await startTestGateway(
		deploymentsConfig([
			{ id: "bad", apiBase: "http://127.0.0.1:9", apiKey: "sk-1" },
			{ id: "good", apiBase: good.url, apiKey: "sk-2" },
		]),
	);
	for (let i = 0; i < 4; i += 1) expect((await gateway.post("/v1/messages", BODY)).status).toBe(200);
});

const ALL_FAIL: readonly [string, number, string, RegExp][] = [
	["429", 429, "rate_limit_error", /upstream says 429/],
	["500", 500, "api_error", /upstream says 500/],
	["529", 529, "overloaded_error", /upstream says 529/],
	["401", 502, "api_error", /refused the gateway's own credentials \(deployment a: 401 .*, deployment b: 401 /],
	["404", 404, "not_found_error", /upstream says 404/],
	["an HTML error page", 503, "api_error", /attempts: 502, 502/],
	["an HTML page as if it were an answer", 503, "api_error", /attempts: a page instead of an answer, a page/],
	["a redirect", 503, "api_error", /attempts: a redirect, a redirect/],
	["a reset before the head", 503, "api_error", /\d attempts: connection closed, connection closed/],
	["an error event first", 529, "overloaded_error", /overloaded.*attempts: 529, 529/],
];

test.for(ALL_FAIL)(
	"when every deployment fails with %s the client gets one honest error",
	async ([name, expected, type, message]) => {
		const failing = FAILURES[name] as Answer;
		await using world = await deployments({ a: failing, b: failing });
		const response = await world.gateway.post("/v1/messages", BODY);
		expect(response.status).toBe(expected);
		const body = (await response.json()) as { error: { type: string; message: string } };
		expect(body.error.type).toBe(type);
		expect(body.error.message).toMatch(message);
		expect(body.error.message).not.toMatch(/127\.0\.0\.1|sk-/);
		if (expected === 429) expect(response.headers.get("retry-after")).toBe("7");
	},
);

test.each([
	["300", "60"],
	["1.5", "2"],
	["Fri, 01 Jan 2100 00:00:00 GMT", "60"],
])(
	"an outage's retry-after of %s reaches the client as %s: whole seconds, never so long that it gives up",
	async (sent, got) => {
		const down = status(503, "api_error", { "retry-after": sent });
		await using world = await deployments({ a: down, b: down });
		const response = await world.gateway.post("/v1/messages", BODY);
		expect([response.status, response.headers.get("retry-after")]).toEqual([503, got]);
	},
);

test("a spend cap at every deployment is passed on without promising that a wait would cure it", async () => {
	const capped: Answer = (_request, response) => {
		const error = {
			type: "rate_limit_error",
			message: "spend limit",
			details: { error_code: "enforced_spend_limit_reached" },
		};
		response.writeHead(429, { "content-type": "application/json" });
		response.end(JSON.stringify({ type: "error", error, request_id: "req_up" }));
	};
	await using world = await deployments({ a: capped, b: capped });
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(429);
	expect(response.headers.get("retry-after")).toBeNull();
	expect(await response.text()).toContain("enforced_spend_limit_reached");
});

test("while every deployment is rate-limited the client gets the shortest wait at once", async () => {
	await using world = await deployments({
		a: FAILURES["429"] as Answer,
		b: status(429, "rate_limit_error", { "retry-after": "200" }),
	});
	await world.gateway.post("/v1/messages", BODY);
	const asked = world.seen("a").length + world.seen("b").length;
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(429);
	expect(Number(response.headers.get("retry-after"))).toBeLessThanOrEqual(7);
	expect(((await response.json()) as { error: { type: string } }).error.type).toBe("rate_limit_error");
	expect(world.seen("a").length + world.seen("b").length).toBe(asked);
});

test("a single deployment that fails once is asked again, within the request and by the next one", async () => {
	let calls = 0;
	await using world = await deployments({
		a: (request, response) => {
			calls += 1;
			const failing = calls === 1 || (calls > 2 && calls < 6);
			if (failing) (FAILURES["500"] as Answer)(request, response);
			else sse(START, CONTENT, STOP)(request, response);
		},
	});
	expect((await world.gateway.post("/v1/messages", BODY)).status).toBe(200);
	expect((await world.gateway.post("/v1/messages", BODY)).status).toBe(500);
	const response = await world.gateway.post("/v1/messages", BODY);
	expect(response.status).toBe(200);
	expect(response.headers.get("x-warmpath-reason")).toBe("last_resort");
});
