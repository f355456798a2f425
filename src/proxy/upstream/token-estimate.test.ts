// Estimates of tokens are not too low, and not wild where bytes say little.
import { expect, test } from "vitest";
import { estimateTokens } from "./token-estimate.ts";

const of = (prompt: object) => estimateTokens(Buffer.from(JSON.stringify(prompt)));
const said = (content: unknown) => of({ messages: [{ role: "user", content }] });

test("text counts at least a token for every two characters, and more outside ASCII", () => {
	expect(said("word ".repeat(1000))).toBeGreaterThanOrEqual(2_500);
	expect(said("日本語".repeat(1000))).toBeGreaterThanOrEqual(4_500);
});

test("tools and system are part of it, whatever is not read by the model is not", () => {
	const tools = [{ name: "Bash", description: "Runs a command. ".repeat(100), input_schema: { type: "object" } }];
	expect(of({ system: "s".repeat(2000), tools, messages: [] })).toBeGreaterThan(1000 + 800 + 500);
	expect(of({ messages: [], metadata: { user_id: "u".repeat(10_000) } })).toBe(1);
});

test("an image counts by its largest size, a document by its bytes, not as text", () => {
	const data = "A".repeat(2_000_000);
	const image = said([{ type: "image", source: { type: "base64", media_type: "image/png", data } }]);
	expect(image).toBeGreaterThan(4_700);
	expect(image).toBeLessThan(6_000);
	const document = said([{ type: "document", source: { type: "base64", media_type: "application/pdf", data } }]);
	expect(document).toBeGreaterThan(300_000);
	expect(document).toBeLessThan(400_000);
});

test("what is no prompt counts as one token", () => {
	expect(estimateTokens(Buffer.from("null"))).toBe(1);
});
