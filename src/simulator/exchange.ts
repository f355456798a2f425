// One API request in flight: its socket, record and headers, and the faults that strike before an answer. Leaves answers to endpoints.ts.
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError, errorBody } from "./api-error.ts";
import { sleep } from "./clock.ts";
import { type Fault, stallMs } from "./faults.ts";
import type { OpenRequest } from "./journal.ts";
import { errorFrame, faultError } from "./stream.ts";
import type { Deployment, World } from "./world.ts";

/** Everything about one request; passed as an argument from step to step. */
export interface Exchange {
	readonly world: World;
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	readonly record: OpenRequest;
	/** Fires when the client has left, or the simulator closes. */
	readonly signal: AbortSignal;
}

/** An exchange whose key and body are known. */
export interface Call extends Exchange {
	readonly deployment: Deployment;
	/** The parsed body; undefined when it is no JSON. */
	readonly json: unknown;
	readonly betas: ReadonlySet<string>;
}

/** An answer that is sent at once. */
export interface JsonAnswer {
	readonly status: number;
	readonly body: unknown;
	readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a whole answer. The record is complete before the client can see it. */
export function sendJson(exchange: Exchange, { status, body, headers = {} }: JsonAnswer): void {
	const text = JSON.stringify(body);
	const length = String(Buffer.byteLength(text));
	sendHead(exchange, status, { "content-type": "application/json", "content-length": length, ...headers });
	finish(exchange);
	exchange.response.end(text);
}

/** Sends an error in the provider's shape. */
export function sendError(exchange: Exchange, error: ApiError): void {
	const { status, headers } = error;
	sendJson(exchange, { status, body: errorBody(error, exchange.record.id), headers });
}

/** Sets status and headers; nothing goes out before the first write or flush. */
export function sendHead(exchange: Exchange, status: number, headers: Record<string, string>): void {
	exchange.record.status = status;
	exchange.response.writeHead(status, { "request-id": exchange.record.id, ...identityOf(exchange), ...headers });
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
export async function strikeEarly(exchange: Exchange, fault: Fault): Promise<boolean> {
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
		case "sse-error":
			if (fault.at !== "start") return false;
			sendHead(exchange, 200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
			finish(exchange);
			response.end(errorFrame(faultError(fault), exchange.record.id));
			return true;
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
	const message = fault.message ?? defaultMessage(fault.status);
	sendError(exchange, new ApiError(fault.status, message, { ...type, ...code, headers }));
}

function defaultMessage(status: number): string {
	switch (status) {
		case 401:
			return "invalid x-api-key";
		case 402:
			return "Your credit balance is too low to access the Anthropic API.";
		case 403:
			return "Your API key does not have permission to use the specified resource.";
		case 404:
			return "Not found";
		case 429:
			return "This request would exceed your organization's rate limit.";
		case 500:
			return "Internal server error";
		case 529:
			return "Overloaded";
		default:
			return `Simulated failure with status ${status}`;
	}
}

function identityOf(exchange: Exchange): Record<string, string> {
	const domain = exchange.world.domains.find((item) => item.name === exchange.record.domain);
	if (domain === undefined) return {};
	return {
		"anthropic-organization-id": domain.organization,
		"anthropic-workspace-id": domain.workspace,
	};
}
