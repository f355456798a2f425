import { expect, test } from "vitest";
import { read } from "./__fixtures__/reading.ts";
import { replaceModel } from "./rewrite.ts";

const replaced = (sent: string, model: string): string => {
	const body = Buffer.from(sent);
	return replaceModel(body, read(body).modelSpan, model).toString();
};

test("only the model changes, white space and escapes stay", () => {
	expect(replaced('{ "a":"\\u0041é",\n"model" : "x" , "b":1.0}', "claude/ü")).toBe(
		'{ "a":"\\u0041é",\n"model" : "claude/ü" , "b":1.0}',
	);
	expect(replaced('{"model":"\\u0078"}', "x")).toBe('{"model":"x"}');
	expect(replaced('{"model":"x"}', 'a"b\\')).toBe('{"model":"a\\"b\\\\"}');
});

test("a body that already says so is handed back itself", () => {
	const body = Buffer.from('{"model":"x","stream":true}');
	expect(replaceModel(body, read(body).modelSpan, "x")).toBe(body);
});
