import { expect, test } from "vitest";
import { replaceModel } from "./rewrite.ts";

const BODY = Buffer.from('{ "a" : 1, "model" : "gr\\u006fup", "z":[ ]}');
const SPAN = { start: BODY.indexOf('"gr'), end: BODY.indexOf(', "z"') };

test("only the value of model changes", () => {
	expect(replaceModel(BODY, SPAN, 'a"b').toString()).toBe('{ "a" : 1, "model" : "a\\"b", "z":[ ]}');
});

test("a body that already says it comes back as it is, uncopied", () => {
	const body = replaceModel(BODY, SPAN, "group");
	const span = { start: body.indexOf('"group"'), end: body.indexOf('"group"') + 7 };
	expect(replaceModel(body, span, "group")).toBe(body);
});
