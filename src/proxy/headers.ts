// Which headers cross the gateway, in both directions: the one list of what is taken off. Leaves credentials for the upstream to providers.
import type { IncomingHttpHeaders } from "node:http";

const COLON = 0x3a;

/** RFC 9110 §7.6.1 and RFC 9112: meaningful for one connection only. */
const HOP_BY_HOP = new Set([
	"connection",
	// RFC 7540 §3.2.1; HTTP/2 servers may not send it (RFC 9113 §8.2.2).
	"http2-settings",
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
	"set-cookie2",
	"alt-svc",
	"strict-transport-security",
	"public-key-pins",
	"expect-ct",
	"access-control-allow-origin",
	"access-control-allow-credentials",
	"access-control-allow-private-network",
	// Would clear, leave or take over pages that the gateway serves from the same origin, and tell the upstream who visits them.
	"clear-site-data",
	"refresh",
	"service-worker-allowed",
	"accept-ch",
	"critical-ch",
	"nel",
	"report-to",
	"reporting-endpoints",
	// To a web server in front of it, which the gateway's own would take for orders too.
	"x-accel-buffering",
	"x-accel-charset",
	"x-accel-expires",
	"x-accel-limit-rate",
	"x-accel-redirect",
	"x-sendfile",
]);
const NOT_RELAYED = new Set([...HOP_BY_HOP, ...OF_ORIGIN]);

/** Of the client's headers: replaced on the upstream leg, or meant for the gateway alone. Credentials never travel on. */
const NOT_FORWARDED = new Set([
	...HOP_BY_HOP,
	"host",
	"content-length",
	// What goes upstream is unpacked.
	"content-encoding",
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
	// Of the cloud formats: what a client wishes of their framing.
	"amz-sdk-invocation-id",
	"amz-sdk-request",
	"x-amzn-bedrock-accept",
	"x-goog-api-key",
	"ocp-apim-subscription-key",
	// Credentials for proxies in front of the gateway: Google's Cloud Run and IAP, Cloudflare Access, Azure's functions and App Service.
	"x-serverless-authorization",
	"x-goog-iap-jwt-assertion",
	"cf-access-client-id",
	"cf-access-client-secret",
	"cf-access-jwt-assertion",
	"x-functions-key",
	"x-ms-authorization-auxiliary",
]);

/**
 * Of the client's headers: which account, project or workspace is meant. A deployment's key has its own, so the client's would be billed or
 * refused there, and would look into another one's cache. The sources are the providers' own references.
 */
const ACCOUNT_SELECTING = new Set([
	// Claude API and Claude Platform on AWS (API overview, "Workspaces").
	"anthropic-workspace-id",
	"anthropic-organization-id",
	// OpenAI (API reference, "Authentication"); Codex with a ChatGPT log-in.
	"openai-organization",
	"openai-project",
	"chatgpt-account-id",
	// Google Cloud (system parameters; credential and authority selectors).
	"x-goog-user-project",
	"x-goog-quota-user",
	"x-goog-iam-authorization-token",
	"x-goog-iam-authority-selector",
	"x-goog-request-params",
	// Azure (online endpoints: which deployment serves).
	"azureml-model-deployment",
]);

/** AWS's signatures, credentials and accounts: none of them is about the request itself. Features of Bedrock begin with `x-amzn-`. */
const ACCOUNT_PREFIX = "x-amz-";

/** Encodings whose answers we can read usage from in passing. */
const READABLE_ENCODINGS = /^(gzip|x-gzip|deflate|br)(\s*;.*)?$/i;

/** Clients write few different names and offers, each many times. */
const MOST_REMEMBERED = 512;
const LONGEST_REMEMBERED = 100;

/** What becomes of a request header, by its name as it is written. */
interface HeaderUse {
	readonly name: string;
	readonly kind: "forwarded" | "dropped" | "account" | "connection" | "accept-encoding";
}
const headerUses = new Map<string, HeaderUse>();

function headerUseOf(written: string): HeaderUse {
	const known = headerUses.get(written);
	if (known !== undefined) return known;
	const use = { name: asMemberName(written), kind: judge(written.toLowerCase()) };
	if (headerUses.size < MOST_REMEMBERED && written.length <= LONGEST_REMEMBERED) headerUses.set(written, use);
	return use;
}

/** The string as the engine keeps names of members: whoever looks a header up by another one has it searched for first. */
export function asMemberName(text: string): string {
	return Object.keys({ [text]: null })[0] ?? text;
}

function judge(lower: string): HeaderUse["kind"] {
	if (lower === "connection" || lower === "accept-encoding") return lower;
	// Pseudo headers of HTTP/2 begin with a colon.
	const dropped = lower.charCodeAt(0) === COLON || NOT_FORWARDED.has(lower) || lower.startsWith("x-litellm-");
	if (dropped) return "dropped";
	return ACCOUNT_SELECTING.has(lower) || lower.startsWith(ACCOUNT_PREFIX) ? "account" : "forwarded";
}

export interface Forwarding {
	/** A header that holds the gateway's key, lower case: `Config.keyHeader`. */
	readonly keyHeader?: string | null | undefined;
	/** It is the client's own account that answers: what it says about its account goes with it. Default false. */
	readonly ownAccount?: boolean;
}

/**
 * The client's end-to-end headers in their order and case, as name, value, name, value. `accept-encoding` is renegotiated: an
 * answer that may have to be changed is asked for plain (a stream, because an error event may be added; another format's, because it is
 * translated); otherwise what the client offers and we can read.
 */
export function forwardedHeaders(raw: readonly string[], plain: boolean, about: Forwarding = {}): string[] {
	const out: string[] = [];
	let encodings = "";
	let named: ReadonlySet<string> | null = null;
	for (let i = 0; i + 1 < raw.length; i += 2) {
		const { name, kind } = headerUseOf(raw[i] as string);
		const value = raw[i + 1] as string;
		switch (kind) {
			case "forwarded":
				out.push(name, value);
				break;
			case "accept-encoding":
				encodings = value;
				break;
			case "connection":
				named ??= namedBy(value);
				break;
			case "account":
				if (about.ownAccount === true) out.push(name, value);
				break;
			case "dropped":
				break;
		}
	}
	const { keyHeader = null } = about;
	if (keyHeader !== null) named = new Set([...(named ?? []), keyHeader]);
	const kept = named === null ? out : withoutNamed(out, named);
	kept.push("accept-encoding", plain ? "identity" : readableEncodings(encodings));
	return kept;
}

function withoutNamed(headers: readonly string[], named: ReadonlySet<string>): string[] {
	const kept: string[] = [];
	for (let i = 0; i + 1 < headers.length; i += 2) {
		const name = headers[i] as string;
		if (!named.has(name.toLowerCase())) kept.push(name, headers[i + 1] as string);
	}
	return kept;
}

/** Headers of which an answer has one (RFC 9110 and 9111; Fetch): HTTP/2 servers throw where there are more. */
const SINGLE_VALUED = new Set(
	`age access-control-allow-credentials access-control-max-age content-encoding content-language content-length content-location content-md5
	content-range content-type date etag expires last-modified location retry-after x-content-type-options`.split(/\s+/),
);
/** Others that no answer has, and that Node takes for single ones all the same. */
const OF_REQUESTS = new Set(
	`access-control-request-method authorization dnt from host if-match if-modified-since if-none-match if-range if-unmodified-since
	max-forwards proxy-authorization range referer tk upgrade-insecure-requests user-agent`.split(/\s+/),
);

/** RFC 9110 §5.1, and the one name that objects have already. */
const NAME = /^(?!__proto__$)[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110 §5.5: no control characters, no space at either end. */
const VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;

/**
 * An upstream's head as everyone behind it may rely on it: one value where there can be but one (the first), lists where there may be more,
 * and nothing that could not be sent on.
 */
export function receivedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
	let isPlain = true;
	for (const name in headers) {
		const value = headers[name];
		if (typeof value === "string" && VALUE.test(value) && NAME.test(name)) continue;
		isPlain = false;
		break;
	}
	return isPlain ? headers : plainHeaders(headers);
}

function plainHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
	const kept: Record<string, string | string[]> = {};
	for (const [name, value] of Object.entries(headers)) {
		if (!NAME.test(name)) continue;
		const values = [value ?? []].flat().filter((each) => VALUE.test(each));
		const [first] = values;
		if (first === undefined) continue;
		if (values.length === 1 || SINGLE_VALUED.has(name) || OF_REQUESTS.has(name)) kept[name] = first;
		else if (name === "connection") kept[name] = values.join(", ");
		else kept[name] = values;
	}
	return kept;
}

/** Node's HTTP/2 clients, such as AWS's SDK, close a stream whose head has more than 128 lines; ours come on top. */
const MOST_RELAYED = 96;

/** A value of ours that can be sent: of a name in another script its bytes in UTF-8, which is what most readers expect. */
function sendable(value: string): string {
	if (VALUE.test(value)) return value;
	return Buffer.from(value, "utf8")
		.toString("latin1")
		.replace(/[^\t -~\x80-\xff]/g, " ")
		.trim();
}

/**
 * The upstream's answer headers for the client as name, value, name, value, without hop-by-hop ones and those of its origin; `own` ones
 * follow, in the place of the upstream's of the same name, and what asks proxies not to hold a stream back. `headers` are as
 * `receivedHeaders` gives them.
 */
export function relayedHeaders(headers: IncomingHttpHeaders, own: Readonly<Record<string, string>>): string[] {
	const named = namedBy(headers["connection"]);
	const out: string[] = [];
	let replaces = false;
	for (const name in own) if (headers[name] !== undefined) replaces = true;
	const type = own["content-type"] ?? headers["content-type"];
	const isStream = type !== undefined && STREAM.test(type);
	for (const name in headers) {
		const value = headers[name];
		if (value === undefined || NOT_RELAYED.has(name) || named?.has(name)) continue;
		if (replaces && Object.hasOwn(own, name)) continue;
		// A stream may get events that the upstream did not count.
		if (isStream && name === "content-length") continue;
		if (typeof value === "string") out.push(name, value);
		else for (const each of value) out.push(name, each);
	}
	if (out.length > MOST_RELAYED * 2) out.length = MOST_RELAYED * 2;
	for (const name in own) out.push(name, sendable(own[name] as string));
	if (isStream) tellProxies(out, headers["cache-control"] !== undefined);
	return out;
}

const STREAM = /^(text\/event-stream|application\/vnd\.amazon\.eventstream)\b/i;

/** Proxies in front of the gateway hold streams back unless these say not to: nginx and proxies like it by the first, compressing ones by the second. */
function tellProxies(out: string[], isCacheSaid: boolean): void {
	out.push("x-accel-buffering", "no");
	if (!isCacheSaid) out.push("cache-control", "no-cache, no-transform");
}

/** Headers that the `connection` header's value makes hop-by-hop; null = none. */
function namedBy(value: string | undefined): ReadonlySet<string> | null {
	if (value === undefined || value === "keep-alive" || value === "close" || /^(keep-alive|close)$/i.test(value))
		return null;
	return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

const readable = new Map<string, string>();

function readableEncodings(offered: string): string {
	let kept = readable.get(offered);
	if (kept === undefined) {
		const codings = offered.split(",").map((coding) => coding.trim());
		kept = codings.filter((coding) => READABLE_ENCODINGS.test(coding)).join(", ") || "identity";
		if (readable.size < MOST_REMEMBERED && offered.length <= LONGEST_REMEMBERED) readable.set(offered, kept);
	}
	return kept;
}

/** One header's value as a string; the first where it was sent several times; null where it was not sent. */
export function headerValue(headers: IncomingHttpHeaders, name: string): string | null {
	const value = headers[name];
	if (value === undefined) return null;
	return typeof value === "string" ? value : (value[0] ?? null);
}
