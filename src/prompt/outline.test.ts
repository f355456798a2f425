import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { membersAt } from "../protocol/walk.ts";
import { claudeCodeTurn, encode, type Json } from "./__fixtures__/claude-code.ts";
import { faultOf, fingerprints, options, read, readText } from "./__fixtures__/reading.ts";
import { head, Kind, Level, type Member, outline } from "./outline.ts";

/** The same outline, made the slow and obvious way: from objects. */
function reference(value: Json): unknown {
	const body = asObject(value) ?? {};
	/** Blocks of a content: what stands there instead of an object is opaque. */
	const listOf = (json: Json | undefined): Json[] => {
		if (json === undefined || json === null) return [];
		if (!Array.isArray(json))
			return [typeof json === "string" ? { type: "text", text: json, isString: true } : "opaque"];
		return json.map((block: Json) => (asObject(block) === null ? "opaque" : block));
	};
	const blocks: { level: number; kind: number; mark: string | null; isLeftOut: boolean; canBeMarked: boolean }[] = [];
	const add = (level: number, block: Json, beside: Json | undefined = undefined): void => {
		const members = asObject(block) ?? {};
		const inner = Array.isArray(members["content"]) ? members["content"].at(-1) : undefined;
		const { type, text } = members;
		// As a string it is prompt like any other (claude-code §5).
		const mayBeBilling = level === Level.system && type === "text" && members["isString"] !== true;
		const isBilling = mayBeBilling && String(text).startsWith("x-anthropic-billing-header:");
		const isEmpty = block === "opaque" || (type === "text" && text === "");
		blocks.push({
			level,
			kind: level === Level.messages ? (type === "tool_use" ? 1 : type === "tool_result" ? 2 : 0) : 0,
			mark: ttlOf(members["cache_control"]) ?? ttlOf(asObject(inner)?.["cache_control"]) ?? ttlOf(beside),
			isLeftOut: isBilling || (level === Level.tools && members["defer_loading"] === true),
			canBeMarked: !isEmpty && type !== "thinking" && type !== "redacted_thinking",
		});
	};
	for (const tool of listOf(body["tools"])) add(Level.tools, tool);
	for (const block of listOf(body["system"])) add(Level.system, block);
	const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
	for (const message of messages) {
		const members = asObject(message);
		const content = members?.["content"];
		const beside = typeof content === "string" ? members?.["cache_control"] : undefined;
		for (const block of listOf(content)) add(Level.messages, block, beside);
	}
	const breakpoints = new Map<number, string>();
	let last = -1;
	let eligible = -1;
	for (const block of blocks) {
		if (!block.isLeftOut) last++;
		if (!block.isLeftOut && block.canBeMarked) eligible = last;
		if (block.mark !== null && last >= 0 && !breakpoints.has(last)) breakpoints.set(last, block.mark);
	}
	const automatic = ttlOf(body["cache_control"]);
	if (automatic !== null && eligible >= 0 && !breakpoints.has(eligible)) breakpoints.set(eligible, automatic);
	const chain = blocks.filter(({ isLeftOut }) => !isLeftOut);
	const userId = asObject(body["metadata"])?.["user_id"];
	return {
		model: body["model"],
		stream: body["stream"] === true,
		maxTokens: typeof body["max_tokens"] === "number" ? body["max_tokens"] : null,
		userId: typeof userId === "string" ? userId : null,
		levels: chain.map(({ level }) => level),
		kinds: chain.map(({ kind }) => kind),
		breakpoints: [...breakpoints].sort(([a], [b]) => a - b).map(([block, ttl]) => ({ block, ttl })),
	};
}

function asObject(value: Json | undefined): { readonly [key: string]: Json } | null {
	const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
	return isObject ? (value as { readonly [key: string]: Json }) : null;
}

function ttlOf(marker: Json | undefined): string | null {
	const members = asObject(marker);
	if (members?.["type"] !== "ephemeral") return null;
	return members["ttl"] === "1h" ? "1h" : "5m";
}

const anything: fc.Arbitrary<Json> = fc.constantFrom<Json>(null, true, 0, -1.5e3, "", 'a\u00e9\n"', [], {}, [1, {}], {
	a: [],
});
const marker: fc.Arbitrary<Json> = fc.oneof(
	fc.record({ type: fc.constantFrom("ephemeral", "other"), ttl: fc.constantFrom<Json>("5m", "1h", "2h", null) }),
	fc.constant<Json>({ type: "ephemeral" }),
	anything,
);
/** Some of the members, in any order. */
function members(model: Record<string, fc.Arbitrary<Json>>): fc.Arbitrary<Json> {
	const record: fc.Arbitrary<Record<string, Json>> = fc.record(model);
	return fc
		.tuple(record, fc.shuffledSubarray(Object.keys(model)))
		.map(([values, keys]) => Object.fromEntries(keys.map((key) => [key, values[key] ?? null])));
}
const text = fc.oneof(fc.constantFrom("", "hi", "x-anthropic-billing-header: cc=1;"), fc.string({ unit: "binary" }));
const inner = fc.oneof(
	members({ type: fc.constantFrom("text", "image"), text, cache_control: marker, source: anything, other: anything }),
	anything,
);
const block = fc.oneof(
	{ weight: 4, arbitrary: members({ type: fc.constant("text"), text, cache_control: marker }) },
	members({
		type: fc.oneof(
			fc.constantFrom("text", "tool_use", "tool_result", "thinking", "redacted_thinking", "image"),
			anything,
		),
		text: fc.oneof(text, anything),
		cache_control: marker,
		content: fc.oneof(fc.array(inner, { maxLength: 3 }), anything),
		source: fc.oneof(members({ type: fc.constant("base64"), data: text }), anything),
		defer_loading: fc.oneof(fc.constant(true), anything),
		name: anything,
	}),
	anything,
);
const message = fc.oneof(
	{
		weight: 5,
		arbitrary: members({
			role: fc.oneof(fc.constantFrom("user", "assistant", "system"), anything),
			content: fc.oneof(text, fc.array(block, { maxLength: 4 }), anything),
			cache_control: marker,
			output_config: anything,
		}),
	},
	anything,
);
const body = members({
	messages: fc.array(message, { maxLength: 4 }),
	system: fc.oneof(text, fc.array(block, { maxLength: 3 }), anything),
	tools: fc.oneof(fc.array(block, { maxLength: 3 }), anything),
	stream: anything,
	max_tokens: anything,
	metadata: fc.oneof(members({ user_id: fc.oneof(text, anything), other: anything }), anything),
	cache_control: marker,
	tool_choice: anything,
	thinking: anything,
	output_config: fc.oneof(members({ effort: anything, format: anything }), anything),
	unknown: anything,
}).map((members) => ({ ...asObject(members), model: "m\u00e9" }));

function seen(bytes: Buffer): unknown {
	const { model, stream, maxTokens, userId, chain, breakpoints } = outline(bytes, options);
	const [levels, kinds] = [[...chain.level], [...chain.kind]];
	return { model, stream, maxTokens, userId, levels, kinds, breakpoints };
}

describe("reads the same from the bytes as from the objects", () => {
	test("for bodies of every shape, right and wrong", () => {
		fc.assert(
			fc.property(body, fc.constantFrom(0, 1, "\t"), (value, indent) => {
				expect(seen(Buffer.from(JSON.stringify(value, null, indent)))).toEqual(reference(value));
			}),
			{ numRuns: 1500 },
		);
	});

	test("and the markers change no fingerprint", () => {
		const isMarker = (key: string): boolean => key === "cache_control";
		fc.assert(
			fc.property(body, fc.constantFrom(0, "\t"), (value, indent) => {
				// An object with nothing but a marker is printed differently than an empty one.
				fc.pre(indent === 0 || !JSON.stringify(value, null, 1).match(/\{\s*"cache_control": [^}]*\}?\s*\}/));
				const stripped = JSON.stringify(value, (key, inner) => (isMarker(key) ? undefined : inner), indent);
				const marked = outline(Buffer.from(JSON.stringify(value, null, indent)), options);
				const plain = outline(Buffer.from(stripped), options);
				expect(fingerprints(marked)).toEqual(fingerprints(plain));
				expect([...marked.chain.bytes]).toEqual([...plain.chain.bytes]);
				expect(marked.openingKey).toBe(plain.openingKey);
			}),
			{ numRuns: 1000 },
		);
	});
});

describe("model and the other fields", () => {
	test("escapes in names and values are resolved, and the members are as sent", () => {
		const sent = '{"mod\\u0065l":"claude-\\u006fpus","stre\\u0061m":true,"max_tokens":1e3}';
		const { model, members, stream, maxTokens } = readText(sent);
		expect({ model, stream, maxTokens }).toEqual({ model: "claude-opus", stream: true, maxTokens: 1000 });
		expect(textOf(sent, members.model)).toEqual(['"mod\\u0065l":', '"claude-\\u006fpus"']);
		expect(textOf(sent, members.stream)).toEqual(['"stre\\u0061m":', "true"]);
		expect([members.anthropicVersion, members.anthropicBeta]).toEqual([null, null]);
	});

	test("a body of Bedrock's format needs no model when the URL names it", () => {
		const sent = '{ "anthropic_version" : "bedrock-2023-05-31", "messages":[], "anthropic_beta":["a",7,"\\u0062"] }';
		const { model, members, stream, bodyBetas } = outline(Buffer.from(sent), {
			...options,
			given: { model: "us.anthropic.claude", stream: true },
		});
		expect({ model, stream, bodyBetas }).toEqual({ model: "us.anthropic.claude", stream: true, bodyBetas: ["a", "b"] });
		expect(textOf(sent, members.anthropicVersion)).toEqual(['"anthropic_version" : ', '"bedrock-2023-05-31"']);
		expect(textOf(sent, members.anthropicBeta)).toEqual(['"anthropic_beta":', '["a",7,"\\u0062"]']);
		expect([members.model, members.stream]).toEqual([null, null]);
	});

	test("every top-level member is known by its place", () => {
		const sent = '{"a" : [1,{"model":2}],"messages":[{"content":"hi"}], "sys\\u0074em":"s","model":"m"}';
		const { all } = readText(sent).members;
		const found = membersAt(Buffer.from(sent), 0).flatMap(({ keyStart, start, end }) => [keyStart, start, end]);
		expect([...all]).toEqual(found);
		expect(all.length).toBe(12);
	});

	test("what the URL says wins over the body, whose members stay known", () => {
		const sent = '{"model":null,"stream":true,"messages":[{"content":"hi"}]}';
		const { model, members, stream } = head(Buffer.from(sent), { ...options, given: { model: "m", stream: false } });
		expect({ model, stream }).toEqual({ model: "m", stream: false });
		expect(textOf(sent, members.model)).toEqual(['"model":', "null"]);
		expect(textOf(sent, members.stream)).toEqual(['"stream":', "true"]);
	});

	test.each(["[]", '"a"', "null", "{}", "7"])("betas of the wrong form are the upstream's to refuse: %s", (value) => {
		const sent = `{"model":"m","anthropic_beta":${value}}`;
		const { bodyBetas, members } = readText(sent);
		expect(bodyBetas).toEqual([]);
		expect(textOf(sent, members.anthropicBeta)).toEqual(['"anthropic_beta":', value]);
	});

	test.each([
		['{"messages":[]}', "model: Field required"],
		['{"model":""}', "model: Field required"],
		['{"model":null}', "model: Input should be a valid string"],
		['{"model":["m"]}', "model: Input should be a valid string"],
		['{"model":"m","messages":"hi"}', "messages: Input should be a valid list"],
		['{"model":"m","messages":null}', "messages: Input should be a valid list"],
		["[]", "body: Input should be an object"],
		['"m"', "body: Input should be an object"],
		['{"model":"m","model":"m"}', "model: Field occurs twice in one object"],
		['{"model":"m","mod\\u0065l":"n"}', "model: Field occurs twice in one object"],
		['{"model":"m","anthropic_beta":[],"anthropic_beta":[]}', "anthropic_beta: Field occurs twice in one object"],
		['{"model":"m","stream":true,"stream":false}', "stream: Field occurs twice in one object"],
		['{"model":"m","top_k":1,"top_k":2}', "top_k: Field occurs twice in one object"],
		['{"model":"m","x":1,"\\u0078":2}', "x: Field occurs twice in one object"],
		['{"model":"m","stream":true,"Stream":false}', "Stream: Field occurs twice in one object"],
		['{"Messages":[],"model":"m","messages":[]}', "messages: Field occurs twice in one object"],
		['{"model":"m","Model":"n"}', "Model: Field is spelled 'model'"],
		['{"MODEL":"n","model":"m"}', "MODEL: Field is spelled 'model'"],
		['{"mod\\u0045l":"n","model":"m"}', "modEl: Field is spelled 'model'"],
		['{"model":"m","metadata":{"user_id":"a","user_id":"b"}}', "user_id: Field occurs twice in one object"],
		['{"model":"m","messages":[{"role":"user","role":"user"}]}', "role: Field occurs twice in one object"],
		['{"model":"m","messages":[{"content":[{"text":"a","text":"b"}]}]}', "text: Field occurs twice in one object"],
		['{"model":"m","system":[{"type":"text","type":"text"}]}', "type: Field occurs twice in one object"],
		['{"model":"m","cache_control":{"ttl":"1h","ttl":"5m"}}', "ttl: Field occurs twice in one object"],
	])("%s is refused", (sent, messageText) => {
		const fault = faultOf(() => readText(sent));
		expect(fault).toEqual({ code: "invalid_field", message: messageText });
		expect(faultOf(() => head(Buffer.from(sent), options))).toEqual(fault);
	});

	test("members that we do not read may occur twice below the top level: the upstream decides", () => {
		expect(readText('{"model":"m","x":{"model":1,"model":2,"Model":3}}').model).toBe("m");
	});

	test("a fault in a field gives way to a fault in the JSON", () => {
		expect(faultOf(() => readText('{"model":1,}'))?.code).toBe("invalid_json");
	});

	test("variant names what else separates caches", () => {
		expect(read({ model: "m" }).variant).toBe("");
		expect(read({ model: "m", speed: null }).variant).toBe("");
		expect(read({ model: "m", speed: "fast", inference_geo: "us" }).variant).toBe("geo=us;speed=fast");
	});

	test("head answers the same fields, without a prompt", () => {
		const bytes = encode(claudeCodeTurn(3));
		const whole = outline(bytes, options);
		const { chain, breakpoints, openingKey, ...fields } = head(bytes, options);
		expect(whole).toMatchObject(fields);
		expect([chain.count, breakpoints, openingKey]).toEqual([0, [], 0]);
	});
});

describe("sizes", () => {
	const sizeOf = (content: Json): number => {
		const { chain } = read({ model: "m", messages: [{ role: "user", content }] });
		return chain.bytes.at(-1) ?? 0;
	};

	test("a text counts its own bytes, however it is sent", () => {
		expect(sizeOf("hello")).toBe(5);
		expect(sizeOf([{ type: "text", text: "hello", cache_control: { type: "ephemeral" } }])).toBe(5);
		expect(sizeOf(["hello", "there"].map((value) => ({ type: "text", text: value })))).toBe(10);
	});

	test("an image counts the same, whatever its data, also in a tool result", () => {
		const image = (data: string): Json => ({
			type: "image",
			source: { type: "base64", media_type: "image/png", data },
		});
		expect(sizeOf([image("A".repeat(90_000))])).toBe(sizeOf([image("")]));
		expect(sizeOf([image("")])).toBeGreaterThanOrEqual(6400);
		expect(sizeOf([{ type: "tool_result", content: [image("A".repeat(90_000))] }])).toBeLessThan(7000);
	});

	test("a document counts for what its pages cost, its text in full", () => {
		const document = (source: Json): Json => [{ type: "document", source }];
		const pdf = sizeOf(document({ type: "base64", media_type: "application/pdf", data: "A".repeat(100_000) }));
		expect(pdf).toBeGreaterThan(14_000);
		expect(pdf).toBeLessThan(17_000);
		expect(sizeOf(document({ type: "text", media_type: "text/plain", data: "a".repeat(5000) }))).toBeGreaterThan(5000);
	});
});

test("runs of tool calls and results are known by their kind", () => {
	const use = { type: "tool_use", id: "t", name: "Read", input: { type: "text", text: "no block" } };
	const content = [{ type: "text", text: "a" }, use, { type: "tool_result", tool_use_id: "t", content: "r" }];
	const { chain } = read({ model: "m", tools: [{ type: "tool_use" }], messages: [{ role: "user", content }] });
	expect([...chain.kind]).toEqual([Kind.other, Kind.other, Kind.toolUse, Kind.toolResult]);
	expect([...chain.level]).toEqual([Level.tools, Level.messages, Level.messages, Level.messages]);
});

test("an outline stays what it was when the next body is read", () => {
	const first = read(claudeCodeTurn(2));
	const before = fingerprints(first);
	read(claudeCodeTurn(9, { prompt: "another" }));
	expect(fingerprints(first)).toEqual(before);
});

/** A member's key with its colon, and its value. */
function textOf(sent: string, member: Member | null): string[] | null {
	return member === null ? null : [sent.slice(member.keyStart, member.start), sent.slice(member.start, member.end)];
}
