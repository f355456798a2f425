// Bodies for the log: bounded, credentials blacked out. Only used where the operator asked for bodies to be stored.

/** Most of a body that is kept, bytes. */
const MOST_STORED_BYTES = 256 * 1024;

/** Keys and tokens by their form, and values of members that are named like one. */
const CREDENTIALS: readonly RegExp[] = [
	/\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}/g,
	/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g,
	/\bgh[pousr]_[A-Za-z0-9]{20,}\b/g,
	/\bglpat-[A-Za-z0-9_-]{16,}/g,
	/\bxox[abeprs]-[A-Za-z0-9-]{10,}/g,
	/\bAIza[A-Za-z0-9_-]{30,}/g,
	/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
	/(?<=\b[Bb]earer\s+)[A-Za-z0-9._~+/-]{12,}=*/g,
	/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
	/(?<="(?:api_?key|authorization|password|secret|client_secret|access_token|refresh_token)"\s*:\s*")[^"]+/gi,
];

/** Text of a body as it may be stored; says where it was cut. */
export function storable(body: Buffer): string {
	const cut = body.length > MOST_STORED_BYTES;
	let text = body.toString("utf8", 0, MOST_STORED_BYTES);
	for (const form of CREDENTIALS) text = text.replace(form, "***");
	return cut ? `${text}… (${body.length} bytes)` : text;
}

/** Collects the first bytes of an answer as they pass. */
export class BodyCapture {
	readonly #pieces: Buffer[] = [];
	#bytes = 0;

	push(piece: Buffer): void {
		// One piece more than fits tells `storable` that something was cut.
		if (this.#bytes <= MOST_STORED_BYTES) this.#pieces.push(Buffer.from(piece));
		this.#bytes += piece.length;
	}

	text(): string | null {
		return this.#pieces.length === 0 ? null : storable(Buffer.concat(this.#pieces));
	}
}
