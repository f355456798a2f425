// Secrets of virtual keys: making them and hashing them. Leaves storing to access/keys.
import { createHmac, randomBytes } from "node:crypto";

/** 192 bits: nothing to guess, whatever becomes of the hashes. */
const SECRET_BYTES = 24;

/** A new key, `sk-…`, 35 characters. Shown once and never stored. */
export function newSecret(): string {
	return `sk-${randomBytes(SECRET_BYTES).toString("base64url")}`;
}

/** Gives the keyed hash (HMAC-SHA-256, 64 hex digits) that stands for a key everywhere but on the wire. */
export function keyHasher(pepper: Buffer): (secret: string) => string {
	return (secret) => createHmac("sha256", pepper).update(secret).digest("hex");
}

/** `sk-…a1B2`: enough for people to tell keys apart, as LiteLLM shows it. */
export function maskedSecret(secret: string): string {
	return `sk-...${secret.slice(-4)}`;
}
