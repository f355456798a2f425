// HTTP/2 without TLS beside HTTP/1.1 on the one port: what AWS's SDK for JavaScript speaks to any Bedrock endpoint.
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { CONTENT, START, STOP } from "../message-events.ts";
import { type Answer, startRecordingUpstream } from "../recording-upstream.ts";

const EVENTS = START + CONTENT + STOP;
const STREAM: Answer = (_request, response) => {
	response.writeHead(200, { "content-type": "text/event-stream", connection: "keep-alive", "keep-alive": "timeout=5" });
	response.end(EVENTS);
};
const BODY = JSON.stringify({ model: "claude-code", stream: true, messages: [], pad: "x".repeat(300_000) });

async function oneDeployment(answer: Answer) {
	const upstream = await startRecordingUpstream(answer);
	const gateway = await startTestGateway(deploymentsConfig([{ id: "a", apiBase: upstream.url }]));
	return {
		upstream,
		gateway,
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

/** One POST over an HTTP/2 connection. */
function post(session: ClientHttp2Session, body: string): Promise<{ status: number; text: string }> {
	return new Promise((resolve, reject) => {
		const stream = session.request({ ":method": "POST", ":path": "/v1/messages", "x-api-key": MASTER_KEY });
		let status = 0;
		let text = "";
		stream.setEncoding("utf8");
		stream.on("response", (headers) => {
			status = Number(headers[":status"]);
		});
		stream.on("data", (chunk: string) => {
			text += chunk;
		});
		stream.on("end", () => resolve({ status, text }));
		stream.on("error", reject);
		stream.end(body);
	});
}

test("requests side by side on one connection are answered, and the upstream sees none of the pseudo headers", async () => {
	await using world = await oneDeployment(STREAM);
	const session = connect(world.gateway.url);
	const answers = await Promise.all([post(session, BODY), post(session, BODY), post(session, BODY)]);
	expect(answers).toEqual([1, 2, 3].map(() => ({ status: 200, text: EVENTS })));
	expect(world.upstream.requests.length).toBe(3);
	for (const { rawHeaders, body } of world.upstream.requests) {
		expect(rawHeaders.filter((name) => name.startsWith(":"))).toEqual([]);
		expect(body.length).toBe(BODY.replace("claude-code", "claude-sonnet-5-5").length);
	}
	session.close();
});

test("a refusal, a body that is too large and a closed stream leave the connection usable", async () => {
	const upstream = await startRecordingUpstream(STREAM);
	await using gateway = await startTestGateway(
		deploymentsConfig(
			[{ id: "a", apiBase: upstream.url }],
			"warmpath: { listen: { port: 0 }, limits: { max_body_bytes: 400000 } }\n",
		),
	);
	const session = connect(gateway.url);
	expect((await post(session, "{")).status).toBe(400);
	expect((await post(session, BODY.replace("xxxx", "x".repeat(200_000)))).status).toBe(413);
	const hung = new Promise<void>((resolve) => {
		upstream.setAnswer((request) => void request.closed.then(resolve));
		const stream = session.request({ ":method": "POST", ":path": "/v1/messages", "x-api-key": MASTER_KEY });
		stream.on("error", () => {});
		stream.end(BODY);
		const cancel = () => (upstream.requests.length > 0 ? stream.close() : setTimeout(cancel, 5));
		cancel();
	});
	// The client's abort reaches the upstream.
	await hung;
	upstream.setAnswer(STREAM);
	expect(await post(session, BODY)).toEqual({ status: 200, text: EVENTS });
	session.close();
	await upstream[Symbol.asyncDispose]();
});

test("a stopping gateway finishes the answer that an HTTP/2 client waits for, and closes the connection", async () => {
	let finish = () => {};
	await using world = await oneDeployment((_request, response) => {
		response.writeHead(200, { "content-type": "text/event-stream" });
		response.write(EVENTS.slice(0, 60));
		finish = () => response.end(EVENTS.slice(60));
	});
	const session = connect(world.gateway.url);
	const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
	const answer = post(session, BODY);
	while (world.upstream.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
	const stopped = world.gateway.close();
	finish();
	expect(await answer).toEqual({ status: 200, text: EVENTS });
	await closed;
	await stopped;
});

test("other protocols' beginnings are HTTP/1.1's to refuse, also when they come in pieces", async () => {
	await using world = await oneDeployment(STREAM);
	const { hostname, port } = new URL(world.gateway.url);
	for (const pieces of [["PR", "OPFIND / HTTP/1.1\r\nhost: x\r\n\r\n"], ["nonsense\r\n\r\n"]]) {
		const text = await new Promise<string>((resolve) => {
			let received = "";
			const socket = connectSocket(Number(port), hostname);
			socket.on("data", (chunk) => {
				received += chunk.toString();
				socket.end();
			});
			socket.on("close", () => resolve(received));
			socket.on("error", () => {});
			const [first = "", ...rest] = pieces;
			socket.write(first, () =>
				setImmediate(() => {
					for (const piece of rest) socket.write(piece);
				}),
			);
		});
		expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
	}
});
