// Content codings of bodies (RFC 9110 §8.4.1): as they are written in a header, and unpacking what has come whole. Leaves the bodies of requests
// to proxy/receive/content-encoding and answers that are unpacked as they come to proxy/upstream/unpacking.
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";

/** The codings of a body in the order in which they were applied, in lower case; empty = it is plain. */
export function codingsIn(header: string | null | undefined): readonly string[] {
	if (header === null || header === undefined) return [];
	const codings = header.split(",").map((coding) => coding.trim().toLowerCase());
	return codings.filter((coding) => coding !== "" && coding !== "identity");
}

/** Whether deflated bytes begin as the standard says. Some servers and clients send the bare data under the same name. */
export function isZlib(first: Buffer): boolean {
	const header = first.length >= 2 ? first.readUInt16BE(0) : 0;
	return ((header >> 8) & 0x0f) === 8 && header % 31 === 0;
}

interface Unpacking {
	/** What unpacks to more stays as it is, bytes. */
	readonly most: number;
	/** The rest of the body is not there: what can be read of it is enough. Default false. */
	readonly isCut?: boolean;
}

/** The plain bytes of a body. What cannot be unpacked stays as it is. */
export function unpacked(body: Buffer, encoding: string, { most, isCut = false }: Unpacking): Buffer {
	const bound = { maxOutputLength: most };
	const deflated = isCut ? { ...bound, finishFlush: constants.Z_SYNC_FLUSH } : bound;
	try {
		switch (encoding.toLowerCase()) {
			case "gzip":
			case "x-gzip":
				return gunzipSync(body, deflated);
			case "deflate":
				return (isZlib(body) ? inflateSync : inflateRawSync)(body, deflated);
			case "br":
				return brotliDecompressSync(body, isCut ? { ...bound, finishFlush: constants.BROTLI_OPERATION_FLUSH } : bound);
			default:
				return body;
		}
	} catch {
		return body;
	}
}
