import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { membersNamed } from "./members.ts";
import { elementsAt, membersAt } from "./walk.ts";

const spaced = (value: unknown) => JSON.stringify(value, null, 2);

describe("walking JSON by positions", () => {
	test("the members of an object are those that JSON.parse finds", () => {
		fc.assert(
			fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()), fc.boolean(), (object, isSpaced) => {
				const body = Buffer.from(isSpaced ? spaced(object) : JSON.stringify(object));
				const found = membersAt(body, 0).map((each) => [
					each.name,
					JSON.parse(body.toString("utf8", each.start, each.end)),
				]);
				expect(found).toEqual(Object.entries(JSON.parse(body.toString())));
			}),
		);
	});

	test("the elements of an array are those that JSON.parse finds", () => {
		fc.assert(
			fc.property(fc.array(fc.jsonValue()), fc.boolean(), (array, isSpaced) => {
				const body = Buffer.from(isSpaced ? spaced(array) : JSON.stringify(array));
				const found = elementsAt(body, 0).map((each) => JSON.parse(body.toString("utf8", each.start, each.end)));
				expect(found).toEqual(JSON.parse(body.toString()));
			}),
		);
	});

	test("what is no object has no members, what is no array no elements", () => {
		expect(membersAt(Buffer.from('["a"]'), 0)).toEqual([]);
		expect(elementsAt(Buffer.from('"text"'), 0)).toEqual([]);
	});

	test("a top-level member is found by its name also where its key is escaped or repeated", () => {
		const body = Buffer.from('{"a":1,"\\u0061":2,"b":3}');
		const all = membersAt(body, 0).flatMap(({ keyStart, start, end }) => [keyStart, start, end]);
		const found = membersNamed(body, { all }, "a").map(({ start, end }) => body.toString("utf8", start, end));
		expect(found).toEqual(["1", "2"]);
	});
});
