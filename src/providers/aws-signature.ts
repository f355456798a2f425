// Signature Version 4 over one request's final bytes. Leaves credentials to aws-account. The signer is AWS's own; only hashing is Node's,
// which is many times faster over a body of Claude Code's size.
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import type { SignatureV4 } from "@smithy/signature-v4";
import type { AwsCredentials } from "./aws-account.ts";

/** What is signed. Header names in lower case; `host` is among them. */
interface Unsigned {
	readonly method: "POST";
	readonly host: string;
	/** As it goes on the wire, percent-encoded. */
	readonly path: string;
	/** With its `?`, or "". */
	readonly query: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Buffer;
}

export interface Signer {
	/** The headers to send: those given and the signature's own. `date` is the moment of signing. */
	sign(request: Unsigned, credentials: AwsCredentials, date: Date): Promise<Record<string, string>>;
}

type Source = string | ArrayBuffer | ArrayBufferView;

/** AWS's interface for hashes over Node's. */
class NodeSha256 {
	readonly #secret: Buffer | null;
	#hash: Hash | Hmac;

	constructor(secret?: Source) {
		this.#secret = secret === undefined ? null : bytesOf(secret);
		this.#hash = this.#begin();
	}

	update(data: Uint8Array): void {
		this.#hash.update(data);
	}

	digest(): Promise<Uint8Array> {
		return Promise.resolve(this.#hash.digest());
	}

	reset(): void {
		this.#hash = this.#begin();
	}

	#begin(): Hash | Hmac {
		return this.#secret === null ? createHash("sha256") : createHmac("sha256", this.#secret);
	}
}

function bytesOf(source: Source): Buffer {
	if (typeof source === "string") return Buffer.from(source);
	return ArrayBuffer.isView(source)
		? Buffer.from(source.buffer, source.byteOffset, source.byteLength)
		: Buffer.from(source);
}

/** A signer for one service in one region. The package behind it is loaded with the first signature. */
export function createSigner(service: string, region: string): Signer {
	let current: Promise<(credentials: AwsCredentials) => SignatureV4> | null = null;
	const make = async () => {
		const { SignatureV4 } = await import("@smithy/signature-v4");
		let known: { readonly credentials: AwsCredentials; readonly signer: SignatureV4 } | null = null;
		return (credentials: AwsCredentials): SignatureV4 => {
			if (known?.credentials === credentials) return known.signer;
			const signer = new SignatureV4({ service, region, credentials, sha256: NodeSha256 });
			known = { credentials, signer };
			return signer;
		};
	};
	return {
		async sign(request, credentials, date) {
			current ??= make();
			const signer = (await current)(credentials);
			const { method, host, path, headers, body } = request;
			const query = queryOf(request.query);
			const unsigned = { method, hostname: host, protocol: "https:", path, query, headers, body };
			const signed = await signer.sign(unsigned, { signingDate: date });
			return signed.headers;
		},
	};
}

/** A name that occurs several times has a list. */
function queryOf(query: string): Record<string, string | string[]> {
	// Without a prototype: a name may be anything.
	const out: Record<string, string | string[]> = Object.create(null);
	for (const [name, value] of new URLSearchParams(query)) {
		const known = out[name];
		out[name] = known === undefined ? value : [known, value].flat();
	}
	return out;
}
