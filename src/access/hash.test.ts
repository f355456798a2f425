import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keyHasher, maskedSecret, newSecret } from "./hash.ts";

test("the keyed hash is HMAC-SHA-256, whatever the key and the secret", () => {
	fc.assert(
		fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.string({ unit: "binary" }), (pepper, secret) => {
			const expected = createHmac("sha256", pepper).update(secret).digest("hex");
			expect(keyHasher(Buffer.from(pepper))(secret)).toBe(expected);
		}),
	);
});

test("secrets are new each time, and only their end is shown", () => {
	const secret = newSecret();
	expect(secret).toMatch(/^sk-[\w-]{32}$/);
	expect(newSecret()).not.toBe(secret);
	expect(maskedSecret(secret)).toBe(`sk-...${secret.slice(-4)}`);
});
