// Ways to spoil a body by a byte or so.
import fc from "fast-check";

/** Bytes that break or bend JSON. */
export const spice = fc.constantFrom(
	...[...'{}[]:,"\\ \n\t/0123456789eE+-.utfnbrals', "\u0000", "\u001f", "\u007f"].map((c) => c.charCodeAt(0)),
	0x80,
	0xbf,
	0xc3,
	0xe2,
	0xf0,
	0xff,
);

export interface Mutation {
	readonly kind: "replace" | "insert" | "delete" | "truncate" | "flip";
	readonly at: number;
	readonly byte: number;
}
export const mutation: fc.Arbitrary<Mutation> = fc.record({
	kind: fc.constantFrom("replace", "insert", "delete", "truncate", "flip"),
	at: fc.nat({ max: 1_000_000 }),
	byte: spice,
});

export function mutate(bytes: Buffer, { kind, at: anywhere, byte }: Mutation): Buffer {
	const at = bytes.length === 0 ? 0 : anywhere % bytes.length;
	const before = bytes.subarray(0, at);
	switch (kind) {
		case "replace":
			return Buffer.concat([before, Buffer.of(byte), bytes.subarray(at + 1)]);
		case "insert":
			return Buffer.concat([before, Buffer.of(byte), bytes.subarray(at)]);
		case "delete":
			return Buffer.concat([before, bytes.subarray(at + 1)]);
		case "truncate":
			return Buffer.from(before);
		case "flip":
			return Buffer.concat([before, Buffer.of((bytes[at] ?? 0) ^ (1 << (byte & 7))), bytes.subarray(at + 1)]);
	}
}
