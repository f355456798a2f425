// Verification of AWS Signature Version 4 on incoming requests. Leaves which keys exist to aws/accounts.ts.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "../api-error.ts";

/** Signing and receiving clock may differ by this much. */
const MAX_SKEW_MS = 5 * 60_000;
const ALGORITHM = "AWS4-HMAC-SHA256";

/** A request as it came over the wire. */
export interface SignedRequest {
	readonly method: string;
	/** Raw path and query, as sent. */
	readonly target: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
}

/** What a signature claims, not yet verified. */
export interface SignatureClaim {
	readonly accessKeyId: string;
	/** yyyymmdd. */
	readonly day: string;
	readonly region: string;
	readonly service: string;
	/** Lower-case names in the order signed. */
	readonly signedHeaders: readonly string[];
	readonly signature: string;
}

/** Whether a request is signed this way at all. */
export function isSigned(headers: IncomingHttpHeaders): boolean {
	return headers.authorization?.startsWith(ALGORITHM) === true;
}

/** The service of the credential scope, null for a request that is not signed. Never throws. */
export function scopeService(headers: IncomingHttpHeaders): string | null {
	return (
		/Credential=[^/,\s]+\/\d{8}\/[^/,\s]+\/([^/,\s]+)\/aws4_request/.exec(headers.authorization ?? "")?.[1] ?? null
	);
}

/** Reads the Authorization header. Throws the platform's 403 for one that is incomplete. */
export function readClaim(headers: IncomingHttpHeaders): SignatureClaim {
	const header = headers.authorization ?? "";
	const fields = new Map<string, string>();
	for (const part of header.slice(ALGORITHM.length).split(",")) {
		const [name = "", value = ""] = part.trim().split(/=(.*)/s);
		fields.set(name, value);
	}
	for (const name of ["Credential", "SignedHeaders", "Signature"]) {
		if (fields.get(name) === undefined || fields.get(name) === "") {
			throw refusal(
				"IncompleteSignatureException",
				`Authorization header requires '${name}' parameter. Authorization=${ALGORITHM}`,
			);
		}
	}
	const [accessKeyId = "", day = "", region = "", service = "", terminator = ""] =
		fields.get("Credential")?.split("/") ?? [];
	if (terminator !== "aws4_request") {
		throw refusal(
			"IncompleteSignatureException",
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term",
		);
	}
	const signedHeaders = fields.get("SignedHeaders")?.split(";") ?? [];
	return { accessKeyId, day, region, service, signedHeaders, signature: fields.get("Signature") ?? "" };
}

/** Checks date, scope and signature over the bytes that came. Throws the platform's 403; returns when everything is right. */
export function verifySignature(
	request: SignedRequest,
	claim: SignatureClaim,
	expected: {
		readonly secret: string;
		readonly services: readonly string[];
		readonly region: string | null;
		readonly nowMs: number;
	},
): void {
	const date = one(request.headers["x-amz-date"]);
	const signedAt = parseDate(date);
	if (signedAt === null)
		throw refusal(
			"IncompleteSignatureException",
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
		);
	if (!claim.signedHeaders.includes("host")) {
		throw refusal("InvalidSignatureException", "'Host' must be a 'SignedHeader' in the AWS Authorization.");
	}
	if (claim.day !== date.slice(0, 8)) {
		throw refusal(
			"InvalidSignatureException",
			`Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.day}' != '${date.slice(0, 8)}'.`,
		);
	}
	if (signedAt < expected.nowMs - MAX_SKEW_MS) {
		throw refusal(
			"InvalidSignatureException",
			`Signature expired: ${date} is now earlier than ${basic(expected.nowMs - MAX_SKEW_MS)} (${basic(expected.nowMs)} - 5 min.)`,
		);
	}
	if (signedAt > expected.nowMs + MAX_SKEW_MS) {
		throw refusal(
			"InvalidSignatureException",
			`Signature not yet current: ${date} is still later than ${basic(expected.nowMs + MAX_SKEW_MS)} (${basic(expected.nowMs)} + 5 min.)`,
		);
	}
	if (!expected.services.includes(claim.service)) {
		throw refusal(
			"InvalidSignatureException",
			`Credential should be scoped to correct service: '${expected.services[0] ?? ""}'. `,
		);
	}
	if (expected.region !== null && claim.region !== expected.region) {
		throw refusal("InvalidSignatureException", "Credential should be scoped to a valid region. ");
	}
	const ours = signatureOf(request, claim, { secret: expected.secret, date });
	const theirs = Buffer.from(claim.signature);
	if (ours.length === theirs.length && timingSafeEqual(ours, theirs)) return;
	throw refusal(
		"InvalidSignatureException",
		"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
	);
}

/** A 403 with one of AWS's error names. */
export function refusal(type: string, message: string): ApiError {
	return new ApiError(403, message, { type });
}

function signatureOf(request: SignedRequest, claim: SignatureClaim, key: { secret: string; date: string }): Buffer {
	const scope = `${claim.day}/${claim.region}/${claim.service}/aws4_request`;
	const toSign = [ALGORITHM, key.date, scope, sha256(canonicalRequest(request, claim))].join("\n");
	let signing: Buffer = Buffer.from(`AWS4${key.secret}`);
	for (const part of [claim.day, claim.region, claim.service, "aws4_request"]) signing = hmac(signing, part);
	return Buffer.from(hmac(signing, toSign).toString("hex"));
}

function canonicalRequest(request: SignedRequest, claim: SignatureClaim): string {
	const question = request.target.indexOf("?");
	const path = question < 0 ? request.target : request.target.slice(0, question);
	const query = question < 0 ? "" : request.target.slice(question + 1);
	const headers = claim.signedHeaders.map((name) => `${name}:${collapse(one(request.headers[name]))}\n`).join("");
	// The path is encoded once more than it was sent, as every service but S3 does.
	const canonicalPath = escapeUri(path === "" ? "/" : path).replaceAll("%2F", "/");
	const payload = sha256(request.body);
	return [request.method, canonicalPath, canonicalQuery(query), headers, claim.signedHeaders.join(";"), payload].join(
		"\n",
	);
}

function canonicalQuery(query: string): string {
	if (query === "") return "";
	const pairs = query.split("&").map((pair) => {
		const [name = "", value = ""] = pair.split(/=(.*)/s);
		return [escapeUri(decodeURIComponent(name)), escapeUri(decodeURIComponent(value))] as const;
	});
	pairs.sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB));
	return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** RFC 3986: everything but unreserved characters. */
function escapeUri(text: string): string {
	return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function parseDate(date: string): number | null {
	const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
	if (match === null) return null;
	const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
	return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

function basic(ms: number): string {
	return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

function one(value: string | string[] | undefined): string {
	return (Array.isArray(value) ? value.join(",") : value) ?? "";
}

function collapse(value: string): string {
	return value.trim().replace(/\s+/g, " ");
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

function sha256(data: string | Buffer): string {
	return createHash("sha256").update(data).digest("hex");
}

function hmac(key: Buffer, data: string): Buffer {
	return createHmac("sha256", key).update(data).digest();
}
