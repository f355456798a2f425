import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { whyGuessable } from "./weak-key.ts";

test.each([
	["sk-1234", /only 4 characters/],
	["1234", /only 4 characters/],
	["sk-hunter2", /only 7 characters/],
	["sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaa", /1 different character/],
	["sk-abababababababababababab", /2 different characters/],
	["sk-litellm-proxy-master-key-1234", /common words/],
	["sk-your-company-warmpath-master-key", /common words/],
	["sk-CHANGE-ME-change-me-please-2026", /common words/],
	["sk-abcdefghijklmnopqrstuvwxyz0123456789", /common words and sequences/],
])("the master key %s can be guessed, and it is said why", (key, why) => {
	expect(whyGuessable(key)).toMatch(why);
});

test("keys of random characters raise no warning, in any of the usual alphabets", () => {
	for (const encoding of ["hex", "base64", "base64url"] as const) {
		for (let each = 0; each < 500; each += 1)
			expect(whyGuessable(`sk-${randomBytes(24).toString(encoding)}`)).toBe(null);
	}
	expect(whyGuessable(crypto.randomUUID())).toBe(null);
});
