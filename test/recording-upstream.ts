// A bare upstream that keeps exactly the bytes and headers it was sent and answers what a test gives it: for checks of byte fidelity and of
// broken connections. For real provider behaviour use the simulator.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface RecordedRequest {
	readonly method: string;
	readonly url: string;
	readonly rawHeaders: readonly string[];
	readonly headers: IncomingMessage["headers"];
	readonly body: Buffer;
	/** Resolves when the connection under it has closed. */
	readonly closed: Promise<void>;
}

export type Answer = (request: RecordedRequest, response: ServerResponse) => void;

/** Listens on a free loopback port. `answer` may be changed at any time. */
export async function startRecordingUpstream(answer: Answer) {
	const requests: RecordedRequest[] = [];
	const state = { answer };
	const server = createServer({ noDelay: true }, (request, response) => {
		const chunks: Buffer[] = [];
		request.socket.setMaxListeners(0);
		const closed = new Promise<void>((resolve) => request.socket.once("close", () => resolve()));
		response.on("error", () => {});
		request.on("error", () => {});
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const { method = "", url = "", rawHeaders, headers } = request;
			const recorded = { method, url, rawHeaders, headers, body: Buffer.concat(chunks), closed };
			requests.push(recorded);
			state.answer(recorded, response);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${port}`,
		requests,
		/** Changes what the next requests are answered with. */
		setAnswer(next: Answer): void {
			state.answer = next;
		},
		async [Symbol.asyncDispose](): Promise<void> {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}
