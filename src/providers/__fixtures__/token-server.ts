// A token endpoint on loopback that records what it was asked and gives numbered tokens.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface TokenServer extends AsyncDisposable {
	/** `http://127.0.0.1:PORT` */
	readonly url: string;
	/** Path and form of every request, oldest first. */
	readonly asked: readonly { readonly path: string; readonly form: URLSearchParams }[];
	/** Answers from now on; null = a token. */
	refuse(answer: { readonly status: number; readonly body: string } | null): void;
}

/** Tokens are `token-1`, `token-2` … and live an hour. */
export async function startTokenServer(): Promise<TokenServer> {
	const asked: { path: string; form: URLSearchParams }[] = [];
	let refusal: { readonly status: number; readonly body: string } | null = null;
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			asked.push({ path: request.url ?? "", form: new URLSearchParams(Buffer.concat(chunks).toString()) });
			response.writeHead(refusal?.status ?? 200, { "content-type": "application/json" });
			response.end(refusal?.body ?? JSON.stringify({ access_token: `token-${asked.length}`, expires_in: 3600 }));
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		asked,
		refuse(answer) {
			refusal = answer;
		},
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}
