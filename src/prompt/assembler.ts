// Turns the few WebAssembly instructions that prompt/kernel is written in into a module's bytes. Knows encodings, not meanings.

/** One function: plain instructions in WebAssembly's text notation, unfolded, `;;` for comments, `$name` for locals and labels. */
export interface WasmFunction {
	readonly name: string;
	/** `$name` → type. */
	readonly params: Readonly<Record<string, ValueType>>;
	readonly result: ValueType | null;
	readonly locals: Readonly<Record<string, ValueType>>;
	readonly code: string;
}

type ValueType = keyof typeof VALUE_TYPES;

const VALUE_TYPES = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;

/** Instruction → opcode bytes (WebAssembly 2.0, appendix "Index of Instructions"); what follows it is by its kind of operand. */
const PLAIN: Readonly<Record<string, readonly number[]>> = {
	end: [0x0b],
	else: [0x05],
	return: [0x0f],
	"i32.eqz": [0x45],
	"i32.eq": [0x46],
	"i32.ne": [0x47],
	"i32.lt_u": [0x49],
	"i32.gt_u": [0x4b],
	"i32.le_u": [0x4d],
	"i32.ge_u": [0x4f],
	"i32.ctz": [0x68],
	"i32.add": [0x6a],
	"i32.sub": [0x6b],
	"i32.and": [0x71],
	"i32.or": [0x72],
	"i32.xor": [0x73],
	"i32.wrap_i64": [0xa7],
	"i64.eqz": [0x50],
	"i64.ctz": [0x7a],
	"i64.popcnt": [0x7b],
	"i64.add": [0x7c],
	"i64.sub": [0x7d],
	"i64.mul": [0x7e],
	"i64.and": [0x83],
	"i64.or": [0x84],
	"i64.xor": [0x85],
	"i64.shl": [0x86],
	"i64.shr_u": [0x88],
	"i64.rotl": [0x89],
	"i64.extend_i32_u": [0xad],
	"i8x16.swizzle": [0xfd, 0x0e],
	"i8x16.splat": [0xfd, 0x0f],
	"i8x16.eq": [0xfd, 0x23],
	"i8x16.lt_u": [0xfd, 0x26],
	"v128.and": [0xfd, 0x4e],
	"v128.or": [0xfd, 0x50],
	"v128.any_true": [0xfd, 0x53],
	"i8x16.bitmask": [0xfd, 0x64],
	"i8x16.shr_u": [0xfd, 0x6d],
};
const WITH_LOCAL: Readonly<Record<string, number>> = { "local.get": 0x20, "local.set": 0x21, "local.tee": 0x22 };
const WITH_LABEL: Readonly<Record<string, number>> = { br: 0x0c, br_if: 0x0d };
const OPENING: Readonly<Record<string, number>> = { block: 0x02, loop: 0x03, if: 0x04 };
/** The second number is the natural alignment's exponent. Every one of them takes an offset. */
const WITH_OFFSET: Readonly<Record<string, readonly [readonly number[], number]>> = {
	"i32.load": [[0x28], 2],
	"i64.load": [[0x29], 3],
	"i32.load8_u": [[0x2d], 0],
	"i32.store": [[0x36], 2],
	"i64.store": [[0x37], 3],
	"v128.load": [[0xfd, 0x00], 4],
};

/** A module that exports one memory as `memory` and every function under its name. A function may call those before it. */
export function assemble(functions: readonly WasmFunction[], memoryPages: number): Uint8Array<ArrayBuffer> {
	const indexOf = new Map(functions.map(({ name }, index) => [`$${name}`, index]));
	const types = functions.map(({ params, result }) => [
		0x60,
		...vector(Object.values(params).map((type) => [VALUE_TYPES[type]])),
		...vector(result === null ? [] : [[VALUE_TYPES[result]]]),
	]);
	const bodies = functions.map((fn) => {
		const locals = Object.values(fn.locals).map((type) => [1, VALUE_TYPES[type]]);
		const body = [...vector(locals), ...instructions(fn, indexOf), 0x0b];
		return [...unsigned(body.length), ...body];
	});
	const exported = functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]);
	return Uint8Array.from([
		...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
		...section(1, vector(types)),
		...section(3, vector(functions.map((_, index) => unsigned(index)))),
		...section(5, vector([[0x00, ...unsigned(memoryPages)]])),
		...section(7, vector([[...text("memory"), 0x02, 0x00], ...exported])),
		...section(10, vector(bodies)),
	]);
}

function instructions(fn: WasmFunction, functions: ReadonlyMap<string, number>): number[] {
	const words = fn.code.replace(/;;.*$/gm, "").split(/\s+/).filter(Boolean);
	const locals = [...Object.keys(fn.params), ...Object.keys(fn.locals)];
	const labels: string[] = [];
	const bytes: number[] = [];
	let at = 0;
	const operand = (): string => words[at++] ?? "";
	const unknown = (word: string): never => {
		throw new Error(`${fn.name}: '${word}' is not known here`);
	};
	while (at < words.length) {
		const word = operand();
		const offset = WITH_OFFSET[word];
		if (PLAIN[word] !== undefined) {
			bytes.push(...PLAIN[word]);
			if (word === "end") labels.pop();
		} else if (WITH_LOCAL[word] !== undefined) {
			const name = operand();
			const index = locals.indexOf(name);
			bytes.push(WITH_LOCAL[word], ...unsigned(index < 0 ? unknown(name) : index));
		} else if (OPENING[word] !== undefined) {
			labels.push(words[at]?.startsWith("$") ? operand() : "");
			bytes.push(OPENING[word], 0x40);
		} else if (WITH_LABEL[word] !== undefined) {
			const name = operand();
			const index = labels.lastIndexOf(name);
			bytes.push(WITH_LABEL[word], ...unsigned(index < 0 ? unknown(name) : labels.length - 1 - index));
		} else if (offset !== undefined) {
			const from = words[at]?.startsWith("offset=") ? Number(operand().slice(7)) : 0;
			bytes.push(...offset[0], offset[1], ...unsigned(from));
		} else if (word === "i32.const") bytes.push(0x41, ...signed(BigInt.asIntN(32, BigInt(operand()))));
		else if (word === "i64.const") bytes.push(0x42, ...signed(BigInt.asIntN(64, BigInt(operand()))));
		else if (word === "call") bytes.push(0x10, ...unsigned(functions.get(operand()) ?? unknown(word)));
		else unknown(word);
	}
	return bytes;
}

function section(id: number, content: readonly number[]): number[] {
	return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): number[] {
	return [...unsigned(items.length), ...items.flat()];
}

function text(name: string): number[] {
	const bytes = [...Buffer.from(name)];
	return [...unsigned(bytes.length), ...bytes];
}

/** LEB128. */
function unsigned(value: number): number[] {
	const bytes: number[] = [];
	let rest = value;
	for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
	return [...bytes, rest];
}

/** Signed LEB128. */
function signed(value: bigint): number[] {
	const bytes: number[] = [];
	let rest = value;
	for (;;) {
		const low = Number(rest & 0x7fn);
		rest >>= 7n;
		if ((rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)) return [...bytes, low];
		bytes.push(low | 0x80);
	}
}
