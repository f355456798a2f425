import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { GatewayRequest } from "./incoming.ts";

/** What a server with this class of requests reads of a head, by raw socket: no client library tidies it up. */
async function headersOf(lines: readonly string[], requests: typeof IncomingMessage): Promise<IncomingHttpHeaders> {
	const server = createServer({ IncomingMessage: requests }, (_request, response) => response.end()).listen(
		0,
		"127.0.0.1",
	);
	await once(server, "listening");
	const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
	const asked = once(server, "request") as Promise<[IncomingMessage]>;
	socket.write(`GET / HTTP/1.1\r\nHost: gateway\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
	const [request] = await asked;
	const { headers } = request;
	expect(request.headers).toBe(headers);
	socket.destroy();
	server.close();
	return headers;
}

test.each([
	["different ones", ["Content-Type: application/json", "X-Api-Key: a", "anthropic-beta: b,c", "Empty:"]],
	["one that is sent twice", ["anthropic-beta: b", "Anthropic-Beta: c"]],
	["several cookies", ["Cookie: a=1", "Cookie: b=2"]],
	["one that counts once only", ["Authorization: Bearer first", "Authorization: Bearer second"]],
	["names that objects have", ["constructor: a", "toString: b", "hasOwnProperty: c"]],
	["a name of no object", ["__proto__: a"]],
])("headers are what Node makes of them: %s", async (_name, lines) => {
	const known = await headersOf(lines, IncomingMessage);
	expect(Object.entries(await headersOf(lines, GatewayRequest))).toEqual(Object.entries(known));
});

test("headers that were set stay set", async () => {
	const request = new GatewayRequest(null as never);
	request.headers = { "x-set": "1" };
	expect(request.headers).toEqual({ "x-set": "1" });
});
