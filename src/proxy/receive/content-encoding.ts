// Request bodies that a client has packed (`content-encoding`): what can be unpacked, and unpacking within a bound. Leaves reading them to
// proxy/receive/body.
import * as zlib from "node:zlib";
import { GatewayError } from "../../errors.ts";
import { codingsIn, isZlib } from "../codings.ts";

type Done = (error: Error | null, body: Buffer) => void;
type Unpack = (packed: Buffer, bound: { readonly maxOutputLength: number }, done: Done) => void;

/** Of node:zlib from Node 22.15 on. */
const { zstdDecompress } = zlib as { readonly zstdDecompress?: Unpack };

/** Codings by name (RFC 9110 §8.4.1, RFC 8878); Codex packs by zstd, curl and SDKs by gzip. */
const UNPACK: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
	["gzip", zlib.gunzip],
	["x-gzip", zlib.gunzip],
	["deflate", inflate],
	["br", zlib.brotliDecompress],
	...(zstdDecompress === undefined ? [] : [["zstd", zstdDecompress] as const]),
]);

/** What a client may use, for `accept-encoding` of an answer that refuses (RFC 9110 §12.5.3). */
const UNDERSTOOD = [...UNPACK.keys()].filter((name) => !name.startsWith("x-")).join(", ");

/** More than one is rare; many of them are an attack. */
const MOST_CODINGS = 3;

/** The zlib format by its standard's name, or its bare data, which some clients send as that. */
function inflate(packed: Buffer, bound: { readonly maxOutputLength: number }, done: Done): void {
	(isZlib(packed) ? zlib.inflate : zlib.inflateRaw)(packed, bound, done);
}

/** The codings of a body in the order in which they were applied; empty = it is plain. Throws unsupported_encoding. */
export function codingsOf(header: string | undefined): readonly string[] {
	const codings = codingsIn(header);
	if (codings.length <= MOST_CODINGS && codings.every((coding) => UNPACK.has(coding))) return codings;
	const headers = { "accept-encoding": UNDERSTOOD };
	throw new GatewayError("unsupported_encoding", { encoding: header ?? "", understood: UNDERSTOOD }, { headers });
}

/**
 * The plain body. No more than `maxBytes` are unpacked at any step, whatever they would become. Rejects with body_too_large or
 * undecodable_body.
 */
export async function unpackedBody(packed: Buffer, codings: readonly string[], maxBytes: number): Promise<Buffer> {
	let body = packed;
	for (const coding of codings.toReversed()) body = await unpackedOnce(body, coding, maxBytes);
	return body;
}

function unpackedOnce(packed: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
	const unpack = UNPACK.get(coding);
	if (unpack === undefined || packed.length === 0) return Promise.resolve(packed);
	return new Promise((resolve, reject) => {
		unpack(packed, { maxOutputLength: maxBytes }, (error, body) => {
			if (error === null) resolve(body);
			else if (codeOf(error) === "ERR_BUFFER_TOO_LARGE")
				reject(new GatewayError("body_too_large", { limit: maxBytes }));
			else reject(new GatewayError("undecodable_body", { encoding: coding, reason: error.message }));
		});
	});
}

function codeOf(error: Error): unknown {
	return (error as Error & { readonly code?: unknown }).code;
}
