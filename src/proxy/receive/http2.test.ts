import { createServer } from "node:http";
import { connect } from "node:http2";
import { type AddressInfo, connect as connectSocket, type Socket } from "node:net";
import { expect, test } from "vitest";
import { acceptHttp2 } from "./http2.ts";

test("a request whose body does not come in time is answered and dropped; how many one connection may have at once is bounded", async () => {
	const server = createServer();
	acceptHttp2(
		server,
		(request, response) => {
			request.resume();
			request.on("error", () => {});
			response.on("error", () => {});
		},
		{
			silentMs: 60_000,
			idleMs: 60_000,
			maxHeaderBytes: 16_384,
			requestMs: 30,
			tooSlow: (_request, response) => response.writeHead(408).end("slow"),
			began: () => {},
		},
	);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	await new Promise((resolve) => session.once("remoteSettings", resolve));
	expect(session.remoteSettings.maxConcurrentStreams).toBeLessThan(1000);
	const stream = session.request({ ":method": "POST", ":path": "/" });
	stream.on("error", () => {});
	let status = 0;
	stream.on("response", (head) => {
		status = Number(head[":status"]);
	});
	stream.resume();
	stream.write("{");
	await new Promise((resolve) => stream.once("close", resolve));
	expect(status).toBe(408);
	expect(session.closed).toBe(false);
	session.destroy();
	server.close();
});

test("a client that connects and goes without a word leaves no connection behind", async () => {
	const server = createServer();
	acceptHttp2(server, () => expect.unreachable(), {
		silentMs: 60_000,
		idleMs: 60_000,
		maxHeaderBytes: 16_384,
		requestMs: 60_000,
		tooSlow: () => {},
		began: () => {},
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
	const client = connectSocket((server.address() as AddressInfo).port, "127.0.0.1");
	const socket = await accepted;
	const closed = new Promise((resolve) => socket.once("close", resolve));
	client.end();
	await closed;
	expect(await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0);
	server.close();
});
