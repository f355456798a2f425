import fc from "fast-check";
import { expect, test } from "vitest";
import { plainData, SseSplitter, sseData, sseFields } from "./sse.ts";

const STREAM =
	'event: message_start\ndata: {"type":"message_start"}\n\nevent: ping\ndata: {}\n\ndata: nameless\n\n: comment\n\nevent: message_stop\r\ndata: {"a":1}\r\n\r\n';
const NAMES = ["message_start", "ping", "", "", "message_stop"];

function feed(chunks: readonly Buffer[], maxEventBytes?: number) {
	const names: string[] = [];
	const events: string[] = [];
	const out: Buffer[] = [];
	const splitter = new SseSplitter(
		(name, event) => {
			names.push(name);
			events.push(event.toString());
		},
		maxEventBytes === undefined ? {} : { maxEventBytes },
	);
	for (const chunk of chunks) {
		const piece = splitter.push(chunk);
		if (piece !== null) out.push(piece);
	}
	return { names, events, out, rest: splitter.rest() };
}

test("however the bytes are cut, the same events come out and no byte changes", () => {
	fc.assert(
		fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 40 }), (cuts) => {
			const points = [0, ...[...cuts].sort((a, b) => a - b), STREAM.length];
			const chunks = points.slice(1).map((end, i) => Buffer.from(STREAM.slice(points[i], end)));
			const { names, out, rest } = feed(chunks);
			expect(names).toEqual(NAMES);
			expect(Buffer.concat(out).toString()).toBe(STREAM);
			expect(rest.length).toBe(0);
		}),
	);
});

test("empty pieces within a terminator change nothing", () => {
	const pieces = ["event: a\ndata: 1\r\n", "", "", "", "\r", "", "", "", "\n"].map((piece) => Buffer.from(piece));
	expect(feed(pieces)).toMatchObject({ names: ["a"], rest: Buffer.alloc(0) });
});

test("a chunk that ends at an event boundary is passed on without a copy", () => {
	const chunk = Buffer.from(STREAM);
	expect(feed([chunk]).out[0]).toBe(chunk);
});

test("what is relayed always ends at an event boundary and the rest is held", () => {
	const { out, rest } = feed([Buffer.from("event: a\ndata: 1\n\nevent: b\nda")]);
	expect(Buffer.concat(out).toString()).toBe("event: a\ndata: 1\n\n");
	expect(rest.toString()).toBe("event: b\nda");
});

test("an event larger than the bound is let through in pieces and is not reported", () => {
	const big = `data: ${"x".repeat(100)}`;
	const { names, out, rest } = feed([Buffer.from(big), Buffer.from("yy\n\nevent: z\ndata: 1\n\n")], 50);
	expect(Buffer.concat([...out, rest]).toString()).toBe(`${big}yy\n\nevent: z\ndata: 1\n\n`);
	expect(names).toEqual(["z"]);
});

test("data lines are joined and a space after the colon is dropped", () => {
	expect(sseData(Buffer.from("event: x\r\ndata: a\r\ndata:b\r\n\r\n"))).toBe("a\nb");
});

test.each([
	"event: a\ndata: {}\n\n",
	"event:a\ndata:{}\n\n",
	"event: a\r\ndata:  {} \r\n\r\n",
	"event: a\ndata:\n\n",
	"event: a\ndata: é\n\n",
])("the data of a plain event is read as that of any other: %j", (text) => {
	expect(plainData(Buffer.from(text))).toBe(sseData(Buffer.from(text)));
});

test("events of the names that nobody reads are reported by name alone, and pass on all the same", () => {
	const events: string[] = [];
	const splitter = new SseSplitter((name, event) => events.push(`${name} ${event.length}`), {
		withoutBytes: new Set(["ping"]),
	});
	const bytes = Buffer.from("event: ping\ndata: {}\n\nevent: ping\ndata: {}\n\nevent: pings\ndata: {}\n\n");
	expect(splitter.push(bytes)).toBe(bytes);
	expect(events).toEqual(["ping 0", "ping 0", "pings 23"]);
});

/** Ways to write one event, and how its lines end. */
const FORMS: readonly ((name: string, data: string, eol: string) => string)[] = [
	(name, data, eol) => `event: ${name}${eol}data: ${data}${eol}${eol}`,
	(name, data, eol) => `data: ${data}${eol}event: ${name}${eol}${eol}`,
	(name, data, eol) => `id: 7${eol}event:${name}${eol}data:${data}${eol}${eol}`,
	(name, data, eol) => `: comment${eol}retry: 3000${eol}event: ${name}${eol}data: ${data}${eol}id${eol}${eol}`,
	(name, data, eol) => `event: other${eol}event: ${name}${eol}data: ${data}${eol}${eol}${eol}`,
	(name, data, eol) => `: comment${eol}${eol}event: ${name}${eol}foo: bar${eol}data: ${data}${eol}${eol}`,
];

test("every valid way to write the same events gives the same events, wherever it is cut", () => {
	const form = fc.record({ form: fc.constantFrom(...FORMS), eol: fc.constantFrom("\n", "\r\n", "\r") });
	const setup = fc.record({
		forms: fc.array(form, { minLength: 4, maxLength: 4 }),
		mark: fc.constantFrom("", "\uFEFF"),
		cuts: fc.array(fc.nat(400), { maxLength: 60 }),
	});
	const events = ["a", "b", "b", "c"].map((name, at) => [name, `{"n":${at},"t":"ü👋"}`] as const);
	fc.assert(
		fc.property(setup, ({ forms, mark, cuts }) => {
			const text = forms.map(({ form, eol }, at) => form(...(events[at] as [string, string]), eol)).join("");
			const bytes = Buffer.from(mark + text);
			const points = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
			const seen: (readonly [string, string])[] = [];
			const out: Buffer[] = [];
			const splitter = new SseSplitter((name, event) => {
				const data = sseData(event);
				if (data !== "") seen.push([name, data]);
			});
			for (const [at, end] of points.slice(1).entries())
				out.push(splitter.push(bytes.subarray(points[at], end)) ?? Buffer.alloc(0));
			// A last CR may have been the half of a CRLF.
			const rest = splitter.rest();
			if (rest.includes("data")) seen.push([sseFields(rest).name, sseData(rest)]);
			expect(seen).toEqual(events);
			expect(Buffer.concat([...out, rest])).toEqual(bytes);
		}),
		{ numRuns: 500 },
	);
});

test("an event whose lines end with CR alone is whole at once, not with the next one", () => {
	const { names, rest } = feed([Buffer.from("event: a\rdata: 1\r\r")]);
	expect([names, rest.length]).toEqual([["a"], 0]);
});

test("the end of an event that was let through in pieces is found between lines only", () => {
	const pieces = ["data: xxxxxxxxxx", "\n", "data: y\n", "\nevent: z\ndata: 1\n\n"].map((piece) => Buffer.from(piece));
	expect(feed(pieces, 8).names).toEqual(["z"]);
});
