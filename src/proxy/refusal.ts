// A gateway error as a client's format writes it: status, head and body. Leaves sending them to those who know the connection.
import type { GatewayError } from "../errors.ts";
import type { ClientFormat } from "./formats/format.ts";
import type { ClientResponse } from "./receive/client.ts";

interface Asked {
	readonly id: string;
	readonly format: ClientFormat;
}

/** The whole answer. */
export function errorHead(
	error: GatewayError,
	{ id, format }: Asked,
): { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer } {
	const { status, anthropicType: type, message } = error;
	const answer = format.error({ status, type, message, requestId: id });
	const headers = {
		...answer.headers,
		"content-length": String(answer.body.length),
		"x-litellm-call-id": id,
		...error.headers,
	};
	return { status: answer.status, headers, body: answer.body };
}

/** Answers with it; a response that has begun is cut instead. */
export function sendError(response: ClientResponse, error: GatewayError, asked: Asked): void {
	if (response.headersSent) {
		response.destroy();
		return;
	}
	const { status, headers, body } = errorHead(error, asked);
	response.writeHead(status, headers);
	response.end(body);
}
