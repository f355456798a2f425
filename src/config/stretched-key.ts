// What the gateway derives from the master key: slowly, so that nobody who sees something derived finds a short key by trying many. Leaves
// what is derived from it for which purpose to whoever asks.
import { createHmac, scrypt } from "node:crypto";
import type { Secret } from "./secret.ts";

/** The same on all replicas, which have nothing in common but the configuration. */
const SALT = "warmpath master key 1";
const BYTES = 32;
/** 32 MB and about a quarter of a second for each try (OWASP, Password Storage Cheat Sheet: N=2^15, r=8, p=3). */
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };

/** Keys of one process: a reload mostly brings the same again. */
const MOST_KNOWN = 8;
const known = new Map<string, Promise<Buffer>>();

/** 32 bytes, equal for equal keys. Without a master key there is nothing to keep secret: they are then the same for everybody. */
export function stretchedKey(masterKey: Secret | null): Promise<Buffer> {
	const key = masterKey?.reveal() ?? "";
	let stretched = known.get(key);
	if (stretched === undefined) {
		stretched = stretch(key);
		if (known.size >= MOST_KNOWN) known.clear();
		known.set(key, stretched);
	}
	return stretched;
}

/** One of many independent secrets out of a stretched key: none tells another, nor the key. */
export function derivedSecret(stretched: Buffer, purpose: string): Buffer {
	return createHmac("sha256", stretched).update(purpose).digest();
}

function stretch(key: string): Promise<Buffer> {
	if (key === "") return Promise.resolve(Buffer.alloc(BYTES));
	return new Promise((resolve, reject) => {
		scrypt(key, SALT, BYTES, COST, (error, derived) => (error === null ? resolve(derived) : reject(error)));
	});
}
