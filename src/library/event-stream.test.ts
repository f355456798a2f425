import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { streamError } from "./call-error.ts";
import { MemoryRequest, MemoryResponse } from "./connection.ts";
import { eventStream } from "./event-stream.ts";

function streaming() {
	const response = new MemoryResponse();
	const stream = eventStream<{ readonly type: string }>({
		response,
		signal: null,
		done: Promise.resolve(),
		decision: () => {
			throw new Error("not asked for here");
		},
		fail: (error, body) => streamError(error, { requestId: null, headers: {}, body, decision: null }),
	});
	return { response, stream };
}

async function typesOf(stream: AsyncIterable<{ readonly type: string }>): Promise<string[]> {
	const types: string[] = [];
	for await (const { type } of stream) types.push(type);
	return types;
}

test("events come whole, however their bytes are cut; pings, comments and the end mark are left out", async () => {
	const { response, stream } = streaming();
	const text = [
		'event: one\ndata: {"type":"one","text":"grüße"}\n\n',
		'event: ping\ndata: {"type":"ping"}\n\n',
		": comment\n\n",
		'data: {"type":"two"}\r\n\r\n',
		"data: [DONE]\n\n",
	].join("");
	for (const byte of Buffer.from(text)) response.write(Buffer.of(byte));
	response.end();
	expect(await typesOf(stream)).toEqual(["one", "two"]);
});

test("an error of any API's form ends the loop", async () => {
	for (const event of [
		'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n',
		'data: {"error":{"type":"overloaded_error","message":"Busy","param":null,"code":null}}\n\n',
		'event: error\ndata: {"type":"error","code":"overloaded_error","message":"Busy","param":null}\n\n',
	]) {
		const { response, stream } = streaming();
		response.end(event);
		await expect(typesOf(stream)).rejects.toMatchObject({
			name: "StreamError",
			type: "overloaded_error",
			message: "Busy",
		});
		expect(response.destroyed).toBe(true);
	}
});

test("a reader that waits holds the writer back, and reading on lets it go on", async () => {
	const { response, stream } = streaming();
	const event = Buffer.from(`data: {"type":"${"x".repeat(50_000)}"}\n\n`);
	let written = 0;
	while (response.write(event)) written += 1;
	expect(written).toBeLessThan(10);
	const drained = new Promise((resolve) => response.once("drain", resolve));
	const events = stream[Symbol.asyncIterator]();
	for (let read = 0; read <= written; read += 1) await events.next();
	await drained;
	expect(response.writableNeedDrain).toBe(false);
	await events.return?.();
	expect(response.destroyed).toBe(true);
});

test("the head is waited for, and closing before it rejects", async () => {
	const answered = new MemoryResponse();
	answered.writeHead(201, { "x-a": "b" });
	expect(await answered.head).toEqual({ status: 201, headers: { "x-a": "b" } });
	expect([answered.headersSent, answered.statusCode]).toEqual([true, 201]);
	const closed = new MemoryResponse();
	closed.destroy();
	await expect(closed.head).rejects.toThrow("before there was an answer");
});

test("a request's body is there at once", async () => {
	const request = new MemoryRequest({ method: "POST", url: "/x", headers: { a: "b" } }, Buffer.from("body"));
	expect(request.complete).toBe(true);
	const chunks: Buffer[] = [];
	request.on("data", (chunk: Buffer) => chunks.push(chunk));
	await turn();
	await turn();
	expect(Buffer.concat(chunks).toString()).toBe("body");
	expect(request.rawHeaders).toEqual(["a", "b"]);
});
