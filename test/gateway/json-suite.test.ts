// JSONTestSuite in every form of a client's body: what is JSON is served, what is none is refused before anything else reads it.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BODY_FORMS, startFormats, WHOLE_OR_STREAM } from "../client-formats.ts";

const ENCODED = JSON.parse(
	readFileSync(new URL("../fixtures/json-test-suite.json", import.meta.url), "utf8"),
) as Readonly<Record<string, string>>;
const CASES = Object.entries(ENCODED).map(([name, encoded]) => ({ name, bytes: Buffer.from(encoded, "base64") }));
/** Deeper than `max_json_depth`. */
const TOO_DEEP: ReadonlySet<string> = new Set(["i_structure_500_nested_arrays.json"]);

/** Whether this text is JSON in UTF-8. */
function isJson(bytes: Buffer): boolean {
	try {
		JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
		return true;
	} catch {
		return false;
	}
}

let world: Awaited<ReturnType<typeof startFormats>>;
beforeAll(async () => {
	world = await startFormats(WHOLE_OR_STREAM);
});
afterAll(async () => {
	await world[Symbol.asyncDispose]();
});

test.each(BODY_FORMS)("each case is accepted or refused as it should be in $name", async (form) => {
	const wrong: string[] = [];
	for (let from = 0; from < CASES.length; from += 24) {
		const checks = CASES.slice(from, from + 24).map(async ({ name, bytes }) => {
			const body = form.body("x", bytes);
			const isAccepted = isJson(form.name.startsWith("Bedrock") ? (BODY_FORMS[0]?.body("x", bytes) ?? body) : body);
			if (/^[yn]_/.test(name)) expect([name, isAccepted]).toEqual([name, name.startsWith("y_")]);
			const response = await world.gateway.post(form.path, body);
			const text = await response.text();
			const status = isAccepted && !TOO_DEEP.has(name) ? 200 : 400;
			if (response.status !== status) wrong.push(`${name}: ${response.status} ${text.slice(0, 200)}`);
		});
		await Promise.all(checks);
	}
	expect(wrong).toEqual([]);
	expect(world.faults()).toEqual([]);
});
