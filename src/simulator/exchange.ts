// One API request in flight: its socket, record and headers, and the faults that strike before an answer. Leaves answers to endpoints.ts.
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./api-error.ts";
import { sleep } from "./clock.ts";
import type { Ask, Caller, Dialect, TextAnswer } from "./dialect.ts";
import { type Fault, stallMs } from "./faults.ts";
import type { OpenRequest } from "./journal.ts";
import { faultError } from "./stream.ts";
import type { World } from "./world.ts";

/** Everything about one request; passed as an argument from step to step. */
export interface Exchange {
	readonly world: World;
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	readonly record: OpenRequest;
	readonly dialect: Dialect;
	/** Null until the sender is known. */
	caller: Caller | null;
	/** Fires when the client has left, or the simulator closes. */
	readonly signal: AbortSignal;
}

/** An exchange whose sender and body are known. */
export interface Call extends Exchange {
	readonly ask: Ask;
}

/** Sends a whole answer. The record is complete before the client can see it. */
export function sendText(exchange: Exchange, { status, headers, body }: TextAnswer): void {
	const length = String(Buffer.byteLength(body));
	sendHead(exchange, status, { "content-type": "application/json", "content-length": length, ...headers });
	finish(exchange);
	exchange.response.end(body);
}

/** Sends an error in the platform's shape. */
export function sendError(exchange: Exchange, error: ApiError): void {
	sendText(exchange, exchange.dialect.error(error, exchange.record.id));
}

/** Sets status and headers; nothing goes out before the first write or flush. */
export function sendHead(exchange: Exchange, status: number, headers: Readonly<Record<string, string>>): void {
	const { record, dialect, response } = exchange;
	record.status = status;
	response.writeHead(status, { ...dialect.headers(record.id, exchange.caller), ...headers });
}

/** Ends the record, as answered or as left by the client. Only the first call counts. */
export function finish(exchange: Exchange, end: "answered" | "aborted" = "answered"): void {
	const { record, world } = exchange;
	if (record.endedAt !== null) return;
	record.aborted = end === "aborted";
	world.journal.finish(record, world.clock.now());
}

/**
 * Carries out the part of a fault that comes before any answer. True when that was all: nothing more is to be done. Faults of a
 * running stream are left to it.
 */
export async function strikeEarly(exchange: Call, fault: Fault): Promise<boolean> {
	exchange.record.fault = fault.kind;
	const { response, world, signal } = exchange;
	switch (fault.kind) {
		case "status":
			sendStatusFault(exchange, fault);
			return true;
		case "reset":
			finish(exchange);
			response.socket?.resetAndDestroy();
			return true;
		case "sse-error": {
			if (fault.at !== "start") return false;
			const encoder = exchange.dialect.stream(exchange.ask);
			sendHead(exchange, 200, { "content-type": encoder.contentType, "cache-control": "no-cache" });
			finish(exchange);
			response.end(encoder.error(faultError(fault), exchange.record.id));
			return true;
		}
		case "stall": {
			if (fault.at !== "before-headers") return false;
			const passed = await sleep(world.clock, stallMs(fault, "before-headers"), signal);
			if (!passed) finish(exchange, "aborted");
			return !passed;
		}
		default:
			return false;
	}
}

function sendStatusFault(exchange: Exchange, fault: Fault & { readonly kind: "status" }): void {
	const headers: Record<string, string> = { ...fault.headers };
	if (typeof fault.retryAfter === "number") headers["retry-after"] = String(fault.retryAfter);
	if (fault.html === true) {
		const page = `<html><head><title>${fault.status}</title></head><body><h1>${fault.status}</h1></body></html>`;
		exchange.record.status = fault.status;
		exchange.response.writeHead(fault.status, { "content-type": "text/html", ...headers });
		finish(exchange);
		exchange.response.end(page);
		return;
	}
	const type = fault.errorType === undefined ? {} : { type: fault.errorType };
	const code = fault.errorCode === undefined ? {} : { code: fault.errorCode };
	const message = fault.message ?? exchange.dialect.faultMessage(fault.status);
	sendError(exchange, new ApiError(fault.status, message, { ...type, ...code, headers }));
}
