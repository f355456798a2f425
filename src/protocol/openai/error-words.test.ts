import { expect, test } from "vitest";
import { readOpenaiError } from "./reasons.ts";

test.each([
	[{ error: { message: "m", code: 400 } }, "m"],
	[[{ error: { message: "m", status: "INVALID_ARGUMENT" } }], "m"],
	[{ error: "m" }, "m"],
	[{ object: "error", message: "m", code: 400 }, "m"],
	[{ message: "m" }, "m"],
	[{ code: 20012, msg: "m", data: null }, "m"],
	[{ detail: "m" }, "m"],
	[{ detail: { error: "m" } }, "m"],
	[{ object: "error", message: { detail: [{ loc: ["body", "x"], msg: "m" }] } }, "body.x: m"],
	[{ error: { message: "m", param: "tools" } }, "m (tools)"],
	[{ error: { message: "m of tools", param: "tools" } }, "m of tools"],
	[{ error: { message: "m", param: "messages.0.x" } }, "m"],
	[
		{ error: { message: "Provider returned error", metadata: { raw: "quota", provider_name: "x" } } },
		"Provider returned error: quota",
	],
	["m", "m"],
])("%j is shown in its own words", (body, message) => {
	expect(readOpenaiError(JSON.stringify(body), 400)).toMatchObject({ type: "invalid_request_error", message });
});

test.each([{}, [], "", 7, null, { error: {} }, { detail: [] }])("%j says nothing", (body) => {
	expect(readOpenaiError(JSON.stringify(body), 400)).toBeNull();
});
