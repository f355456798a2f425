// Which headers cross the gateway, in both directions: the one list of what is taken off. Leaves credentials for the upstream to providers.
import type { IncomingHttpHeaders } from "node:http";

const CONNECTION = "connection";
const COLON = 0x3a;

/** RFC 9110 §7.6.1 and RFC 9112: meaningful for one connection only. */
const HOP_BY_HOP = new Set([
	"connection",
	"keep-alive",
	"proxy-authenticate",
	"proxy-authorization",
	"proxy-connection",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
]);

/** Of an answer: what an upstream says to browsers about its own origin, which is not the gateway's. */
const OF_ORIGIN = new Set([
	"set-cookie",
	"alt-svc",
	"strict-transport-security",
	"access-control-allow-origin",
	"access-control-allow-credentials",
]);

/** Of the client's headers: replaced on the upstream leg, or meant for the gateway alone. Credentials never travel on. */
const NOT_FORWARDED = new Set([
	...HOP_BY_HOP,
	"host",
	"content-length",
	"expect",
	"authorization",
	"x-api-key",
	"api-key",
	"x-litellm-api-key",
	"cookie",
	"accept-encoding",
	"forwarded",
	"x-forwarded-for",
	"x-forwarded-host",
	"x-forwarded-proto",
	"x-real-ip",
	// Of the cloud formats: signatures and credentials, and what a client wishes of their framing.
	"x-amz-date",
	"x-amz-content-sha256",
	"x-amz-security-token",
	"x-amz-target",
	"x-amz-user-agent",
	"amz-sdk-invocation-id",
	"amz-sdk-request",
	"x-amzn-bedrock-accept",
	"x-goog-api-key",
	"x-goog-user-project",
	"ocp-apim-subscription-key",
]);

/** Encodings whose answers we can read usage from in passing. */
const READABLE_ENCODINGS = /^(gzip|x-gzip|deflate|br)(\s*;.*)?$/i;

/**
 * The client's end-to-end headers in their order and case, as name, value, name, value. `accept-encoding` is renegotiated: an
 * answer that may have to be changed is asked for plain (a stream, because an error event may be added; another format's, because it is
 * translated); otherwise what the client offers and we can read.
 */
export function forwardedHeaders(raw: readonly string[], plain: boolean): string[] {
	const named = namedByConnection(raw);
	const out: string[] = [];
	let encodings = "";
	for (let i = 0; i + 1 < raw.length; i += 2) {
		const name = raw[i] as string;
		const lower = name.toLowerCase();
		if (lower === "accept-encoding") encodings = raw[i + 1] as string;
		// Pseudo headers of HTTP/2 begin with a colon.
		if (
			lower.charCodeAt(0) === COLON ||
			NOT_FORWARDED.has(lower) ||
			lower.startsWith("x-litellm-") ||
			named?.has(lower)
		)
			continue;
		out.push(name, raw[i + 1] as string);
	}
	out.push("accept-encoding", plain ? "identity" : readableEncodings(encodings));
	return out;
}

/** The upstream's answer headers for the client, without hop-by-hop ones and those of its origin. */
export function relayedHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
	const connection = headers["connection"];
	const named =
		connection === undefined || connection === "keep-alive" || connection === "close"
			? null
			: new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
	const out: Record<string, string | string[]> = {};
	for (const name in headers) {
		const value = headers[name];
		if (value !== undefined && !HOP_BY_HOP.has(name) && !OF_ORIGIN.has(name) && !named?.has(name)) out[name] = value;
	}
	return out;
}

function namedByConnection(raw: readonly string[]): Set<string> | null {
	for (let i = 0; i + 1 < raw.length; i += 2) {
		const name = raw[i] as string;
		if (name.length !== CONNECTION.length || name.toLowerCase() !== CONNECTION) continue;
		const value = raw[i + 1] as string;
		if (/^(keep-alive|close)$/i.test(value)) return null;
		return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
	}
	return null;
}

function readableEncodings(offered: string): string {
	const kept = offered
		.split(",")
		.map((coding) => coding.trim())
		.filter((coding) => READABLE_ENCODINGS.test(coding));
	return kept.length === 0 ? "identity" : kept.join(", ");
}

/** One header's value as a string; the first where it was sent several times; null where it was not sent. */
export function headerValue(headers: IncomingHttpHeaders, name: string): string | null {
	const value = headers[name];
	if (value === undefined) return null;
	return typeof value === "string" ? value : (value[0] ?? null);
}
