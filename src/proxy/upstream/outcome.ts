// What one attempt is given and how it can end. Leaves making it to proxy/upstream/attempt.
import type { IncomingHttpHeaders } from "node:http";
import type { GatewayError } from "../../errors.ts";
import type { Provider, UpstreamFailure, UpstreamRequest, Verdict } from "../../providers/provider.ts";
import type { Exchange } from "../exchange.ts";
import type { UpstreamPools, UpstreamTimeouts } from "./upstream.ts";

/** An answer that is not the client's, kept in case nothing better comes. */
export interface FailedAnswer {
	readonly failure: UpstreamFailure;
	readonly verdict: Verdict;
	/** Whole error body; empty where there was none. */
	readonly body: Buffer;
	/** What the upstream itself said, where the client speaks its format; null = `body` is all there is. */
	readonly original: OriginalError | null;
	readonly kind: "connect" | "timeout" | "status" | "stream";
	/** Socket error code or `error.type`. */
	readonly code: string;
	/** The connection closed before any answer: a kept-alive socket may just have been stale. */
	readonly staleSocket: boolean;
	/** Nothing was sent: this upstream has no form for what the request asks for. Another one may, else this is the client's answer. */
	readonly unsayable?: GatewayError;
}

/** How an attempt failed, as far as the connection shows. */
export interface FailureCause {
	readonly kind: FailedAnswer["kind"];
	readonly code: string;
	/** See `staleSocket`. */
	readonly stale: boolean;
}

const TIMEOUTS: ReadonlySet<string> = new Set([
	"UND_ERR_HEADERS_TIMEOUT",
	"UND_ERR_BODY_TIMEOUT",
	"WARMPATH_TOTAL_TIMEOUT",
]);
const CLOSED: ReadonlySet<string> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** What an error of the connection says; `early` = before the answer's head. */
export function causeOf(error: Error, early: boolean): FailureCause & { readonly timedOut: boolean } {
	const { code: named } = error as Error & { readonly code?: unknown };
	const code = typeof named === "string" ? named : error.name;
	const timedOut = TIMEOUTS.has(code);
	return {
		kind: timedOut ? "timeout" : early ? "connect" : "stream",
		code,
		stale: early && CLOSED.has(code),
		timedOut,
	};
}

/** What is kept of an attempt that brought no error body. */
export function withoutAnswer(failure: UpstreamFailure, verdict: Verdict, cause: FailureCause): FailedAnswer {
	const { kind, code, stale } = cause;
	return { failure, verdict, body: Buffer.alloc(0), original: null, kind, code, staleSocket: stale };
}

/** An upstream's error before it was made canonical. */
interface OriginalError {
	readonly status: number;
	readonly body: Buffer;
}

/**
 * How an attempt ended. failed: nothing reached the client, another candidate may serve · served: complete answer · broke: cut after
 * content had begun, the client got an error · aborted: the client went away (`begun` = whether content had begun).
 */
export type AttemptOutcome =
	| { readonly kind: "failed"; readonly answer: FailedAnswer }
	| { readonly kind: "served"; readonly status: number }
	| { readonly kind: "broke"; readonly status: number; readonly code: string }
	| { readonly kind: "aborted"; readonly begun: boolean };

/** Code of an attempt that ended because something of ours threw. */
export const FAULT = "internal";

export interface AttemptOptions {
	readonly exchange: Exchange;
	readonly provider: Provider;
	readonly request: UpstreamRequest;
	readonly pools: UpstreamPools;
	readonly timeouts: UpstreamTimeouts;
	/** Longest time a stream's opening is held back, ms. */
	readonly holdMs: number;
	/** Gateway headers for the client. */
	readonly headers: Readonly<Record<string, string>>;
	/** Whether another group stands in for failures of this kind: then even an answer meant for the client is not relayed. */
	readonly hasFallback: (verdict: Verdict) => boolean;
	/** Called once, when the answer turns out to be this one: before its first byte goes to the client. */
	readonly onStarted: (status: number, headers: IncomingHttpHeaders) => void;
}
