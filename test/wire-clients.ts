// Clients that speak HTTP/1.1 and cleartext HTTP/2 with nothing in between, and an upstream that answers the very bytes it is given: for
// requests and answers that no library would send.
import { request as http1Request } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** How a request ended for its client; status 0 = without an answer. */
export interface Answered {
	readonly status: number;
	/** By lower-case name; several values joined by a comma. */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	/** "" where the answer came whole. */
	readonly error: string;
}

interface Sent {
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | Buffer;
}

/** Sends one request, and resolves however it ends; `hangs` where it has not after so long, ms. */
export type WireClient = (sent: Sent) => Promise<Answered>;

const HANGS_MS = 20_000;

export function http1Client(port: number): WireClient {
	return ({ path, headers, body }) =>
		endOf((done) => {
			const length = String(Buffer.byteLength(body));
			const request = http1Request(
				{ port, host: "127.0.0.1", method: "POST", path, headers: { ...headers, "content-length": length } },
				(response) => {
					const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
					const about = { status: response.statusCode ?? 0, headers: Object.fromEntries(flat) };
					let text = "";
					response.on("data", (chunk: Buffer) => {
						text += chunk.toString("latin1");
					});
					response.on("end", () => done({ ...about, body: text, error: "" }));
					response.on("error", (error) => done({ ...about, body: text, error: error.message }));
				},
			);
			request.on("error", (error) => done({ status: 0, headers: {}, body: "", error: error.message }));
			request.end(body);
			return () => request.destroy();
		});
}

/** All requests over one connection, which a fault in one of them must not end. */
export function http2Client(url: string): { readonly send: WireClient; readonly session: ClientHttp2Session } {
	const session = connectHttp2(url);
	session.on("error", () => {});
	const send: WireClient = ({ path, headers, body }) =>
		endOf((done) => {
			const stream = session.request({ ...headers, ":method": "POST", ":path": path });
			let status = 0;
			let came: Readonly<Record<string, string>> = {};
			let text = "";
			let error = "";
			stream.on("response", (head) => {
				status = Number(head[":status"]);
				came = Object.fromEntries(Object.entries(head).map(([name, value]) => [name, String(value)]));
			});
			stream.on("data", (chunk: Buffer) => {
				text += chunk.toString("latin1");
			});
			stream.on("error", (cause) => {
				error = cause.message;
			});
			stream.on("close", () => done({ status, headers: came, body: text, error }));
			stream.end(body);
			return () => stream.close();
		});
	return { send, session };
}

function endOf(start: (done: (answered: Answered) => void) => () => void): Promise<Answered> {
	return new Promise((resolve) => {
		const timer = setTimeout(() => {
			stop();
			resolve({ status: 0, headers: {}, body: "", error: "hangs" });
		}, HANGS_MS);
		const stop = start((answered) => {
			clearTimeout(timer);
			resolve(answered);
		});
	});
}

/** Answers each request with the bytes that `answer` gives for its head, and closes the connection if it says so. */
export async function startWireUpstream(answer: (head: string) => { readonly bytes: Buffer; readonly close: boolean }) {
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		let came = Buffer.alloc(0);
		socket.on("error", () => {});
		socket.on("close", () => sockets.delete(socket));
		socket.on("data", (chunk) => {
			came = Buffer.concat([came, chunk]);
			const end = came.indexOf("\r\n\r\n");
			if (end === -1) return;
			const head = came.toString("latin1", 0, end);
			const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
			if (came.length < end + 4 + length) return;
			came = came.subarray(end + 4 + length);
			const { bytes, close } = answer(head);
			if (close) socket.end(bytes);
			else socket.write(bytes);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		async [Symbol.asyncDispose](): Promise<void> {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}
