import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editMembers } from "./edit.ts";
import type { Member } from "./members.ts";

/** A written object: its text, and where each member stands in it. */
interface Written {
	readonly text: string;
	readonly members: readonly (Member & { readonly name: string; readonly json: string })[];
}

const space = fc.constantFrom("", " ", "\n", "\t", " \r\n ");
const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value));

/** Objects of distinct keys with white space wherever JSON allows it. Offsets are bytes. */
const written = fc
	.record({
		entries: fc.uniqueArray(
			fc.record({
				name: fc.string({ unit: "grapheme" }),
				json,
				spaces: fc.array(space, { minLength: 4, maxLength: 4 }),
			}),
			{
				selector: ({ name }) => name,
				maxLength: 6,
			},
		),
		spaces: fc.array(space, { minLength: 3, maxLength: 3 }),
	})
	.map(({ entries, spaces }): Written => {
		let text = `${spaces[0]}{`;
		const at = () => Buffer.byteLength(text);
		const members = entries.map((entry, index) => {
			text += `${index === 0 ? "" : ","}${entry.spaces[0]}`;
			const keyStart = at();
			text += `${JSON.stringify(entry.name)}${entry.spaces[1]}:${entry.spaces[2]}`;
			const start = at();
			text += entry.json;
			const end = at();
			text += entry.spaces[3];
			return { name: entry.name, json: entry.json, keyStart, start, end };
		});
		text += `${entries.length === 0 ? spaces[1] : ""}}${spaces[2]}`;
		return { text, members };
	});

const changes = fc.array(fc.constantFrom("keep", "remove", "replace"), { minLength: 6, maxLength: 6 });
const inserted = fc
	.array(json, { maxLength: 3 })
	.map((values) => values.map((value, index) => ({ name: `inserted "${index}"`, value })));

describe("editMembers", () => {
	test("gives what the same edit of the parsed object gives, in order", () => {
		fc.assert(
			fc.property(written, changes, inserted, json, ({ text, members }, change, insert, other) => {
				const remove = members.filter((_, index) => change[index] === "remove");
				const replace = members
					.filter((_, index) => change[index] === "replace")
					.map((member) => ({ member, value: other }));
				const expected: [string, unknown][] = [
					...insert.map(({ name, value }): [string, unknown] => [name, JSON.parse(value)]),
					...members.flatMap((member, index): [string, unknown][] =>
						change[index] === "remove"
							? []
							: [[member.name, JSON.parse(change[index] === "replace" ? other : member.json)]],
					),
				];
				const edited = editMembers(Buffer.from(text), { remove, replace, insert }).toString();
				expect(edited).toSatisfy((result: string) => {
					expect(JSON.parse(result)).toEqual(
						JSON.parse(`{${expected.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`),
					);
					return true;
				});
			}),
			{ numRuns: 500 },
		);
	});

	test("members that are kept keep their bytes", () => {
		fc.assert(
			fc.property(written, changes, ({ text, members }, change) => {
				const body = Buffer.from(text);
				const edited = editMembers(body, { remove: members.filter((_, index) => change[index] === "remove") });
				for (const [index, member] of members.entries())
					if (change[index] !== "remove")
						expect(edited.includes(body.subarray(member.keyStart, member.end))).toBe(true);
			}),
		);
	});

	test("elements of an array go like members", () => {
		const body = Buffer.from('{"system":[ {"a":1} , {"b":2} ],"z":0}');
		const element = (text: string) => ({
			keyStart: body.indexOf(text),
			start: body.indexOf(text),
			end: body.indexOf(text) + text.length,
		});
		const first = element('{"a":1}');
		const last = element('{"b":2}');
		expect(editMembers(body, { remove: [first] }).toString()).toBe('{"system":[ {"b":2} ],"z":0}');
		expect(editMembers(body, { remove: [last] }).toString()).toBe('{"system":[ {"a":1}  ],"z":0}');
		expect(editMembers(body, { remove: [last, first] }).toString()).toBe('{"system":[  ],"z":0}');
	});

	test("without a change the same buffer comes back", () => {
		const body = Buffer.from("{}");
		expect(editMembers(body, {})).toBe(body);
	});

	test("something else than an object takes no members", () => {
		expect(() => editMembers(Buffer.from("[]"), { insert: [{ name: "a", value: "1" }] })).toThrow(TypeError);
	});
});

describe("the value of a member", () => {
	const body = Buffer.from('{ "a" : 1, "model" : "gr\\u006fup", "z":[ ]}');
	const span = { start: body.indexOf('"gr'), end: body.indexOf(', "z"') };

	const renameTo = (from: Buffer, member: Pick<Member, "start" | "end">, model: string) =>
		editMembers(from, { replace: [{ member, value: JSON.stringify(model) }] });

	test("only the value of model changes", () => {
		expect(renameTo(body, span, 'a"b').toString()).toBe('{ "a" : 1, "model" : "a\\"b", "z":[ ]}');
	});

	test("a body that already says it comes back as it is, uncopied", () => {
		const renamed = renameTo(body, span, "group");
		const at = { start: renamed.indexOf('"group"'), end: renamed.indexOf('"group"') + 7 };
		expect(renameTo(renamed, at, "group")).toBe(renamed);
	});
});
