// The loops over every byte of a body as WebAssembly text, and where they expect what in memory. Run by prompt/kernel.
import type { WasmFunction } from "./assembler.ts";

export const PAGE = 65536;

/** Memory: 16 bytes of digest, what `quotes` keeps from call to call, its tables, the positions found, the body. */
export const DIGEST = 0;
/** 64 bits: 1 = the next byte is escaped. */
export const ESCAPED = 16;
/** 64 bits: all ones = inside a string. */
const IN_STRING = 24;
export const BAD = 32;
/** 1 = some `\u` escape was seen. */
export const UNICODE = 36;
/** By a byte's low and high half: the byte is a one-letter escape (RFC 8259 §7) if the two have a bit in common. */
export const LOW_HALF = 48;
export const HIGH_HALF = 64;
/** 1 for a hexadecimal digit. */
export const HEX = 256;
export const POSITIONS = 512;
/** Bytes of body that one call of `quotes` looks at, so that there is always room for what it finds. A multiple of 64. */
export const CHUNK = 65_536;
export const BODY = POSITIONS + 4 * (CHUNK + 64);

/** No position is bad. */
export const NONE = 0xffffffff;

const VECTORS = ["$v0", "$v1", "$v2", "$v3"] as const;

/** 64 bits, one for each byte of the vectors where `test` holds. */
function bits(test: string): string {
	return VECTORS.map((vector, i) => {
		const mask = `local.get ${vector} ${test} i8x16.bitmask i64.extend_i32_u`;
		return i === 0 ? mask : `${mask} i64.const ${i * 16} i64.shl i64.or`;
	}).join("\n");
}

/** Bit i of $x becomes the parity of the bits 0 to i. */
const PARITY = [1, 2, 4, 8, 16, 32]
	.map((shift) => `local.get $x local.get $x i64.const ${shift} i64.shl i64.xor local.set $x`)
	.join("\n");

const ODD_BITS = "0xaaaaaaaaaaaaaaaa";

// 64 bytes a step, as bits of 64-bit numbers, so that what stands in the text costs no mispredicted branch. How backslashes escape each
// other is the subtraction of simdjson ("Parsing Gigabytes of JSON per Second", section 3.1.1): its carries run through rows of backslashes.
export const QUOTES: WasmFunction = {
	name: "quotes",
	params: { $at: "i32", $end: "i32" },
	result: "i32",
	locals: {
		$out: "i32",
		$p: "i32",
		$bad: "i32",
		$inString: "i64",
		$next: "i64",
		$quotes: "i64",
		$slashes: "i64",
		$escaped: "i64",
		$x: "i64",
		$half: "v128",
		$v0: "v128",
		$v1: "v128",
		$v2: "v128",
		$v3: "v128",
	},
	code: `
		i32.const ${POSITIONS} local.set $out
		i32.const ${NONE} local.set $bad
		i32.const ${ESCAPED} i64.load local.set $next
		i32.const ${IN_STRING} i64.load local.set $inString
		block $done
		loop $step
			local.get $at local.get $end i32.ge_u br_if $done
			${VECTORS.map((vector, i) => `local.get $at v128.load offset=${i * 16} local.set ${vector}`).join("\n")}
			${bits("i32.const 0x22 i8x16.splat i8x16.eq")} local.set $quotes
			${bits("i32.const 0x5c i8x16.splat i8x16.eq")} local.set $slashes

			local.get $slashes local.get $next i64.or i64.eqz i32.eqz
			if
				;; $x: backslashes that begin an escape, and the bytes that end one.
				local.get $slashes local.get $next i64.const -1 i64.xor i64.and local.tee $x
				i64.const 1 i64.shl i64.const ${ODD_BITS} i64.or local.get $x i64.sub i64.const ${ODD_BITS} i64.xor local.tee $x
				local.get $slashes local.get $next i64.or i64.xor local.set $escaped
				local.get $x local.get $slashes i64.and i64.const 63 i64.shr_u local.set $next
				local.get $quotes local.get $escaped i64.const -1 i64.xor i64.and local.set $quotes

				;; $x: escaped bytes that are no letter of a short escape. A u with its four digits is among them.
				${bits(`local.set $half
					i32.const ${LOW_HALF} v128.load local.get $half i32.const 15 i8x16.splat v128.and i8x16.swizzle
					i32.const ${HIGH_HALF} v128.load local.get $half i32.const 4 i8x16.shr_u i8x16.swizzle
					v128.and i32.const 0 i8x16.splat i8x16.eq`)}
				local.get $escaped i64.and local.set $x
				block $escapesDone
				loop $escape
					local.get $x i64.eqz br_if $escapesDone
					local.get $at local.get $x i64.ctz i32.wrap_i64 i32.add local.set $p
					local.get $x local.get $x i64.const 1 i64.sub i64.and local.set $x
					local.get $p i32.load8_u i32.const 0x75 i32.eq
					local.get $p i32.load8_u offset=1 i32.load8_u offset=${HEX} i32.and
					local.get $p i32.load8_u offset=2 i32.load8_u offset=${HEX} i32.and
					local.get $p i32.load8_u offset=3 i32.load8_u offset=${HEX} i32.and
					local.get $p i32.load8_u offset=4 i32.load8_u offset=${HEX} i32.and
					i32.const ${UNICODE} i32.const 1 i32.store
					br_if $escape
					local.get $p i32.const 1 i32.sub local.set $bad
				end
				end
			end

			${VECTORS.map((vector, i) => `local.get ${vector} i32.const 0x20 i8x16.splat i8x16.lt_u ${i === 0 ? "" : "v128.or"}`).join("\n")}
			v128.any_true
			if
				;; Which bytes stand inside a string, and of these the control characters.
				local.get $quotes local.set $x
				${PARITY}
				${bits("i32.const 0x20 i8x16.splat i8x16.lt_u")}
				local.get $x local.get $inString i64.xor i64.and local.tee $x
				i64.eqz i32.eqz
				if
					local.get $at local.get $x i64.ctz i32.wrap_i64 i32.add local.tee $p
					local.get $bad i32.lt_u
					if
						local.get $p local.set $bad
					end
				end
			end

			i64.const 0 local.get $quotes i64.popcnt i64.const 1 i64.and i64.sub local.get $inString i64.xor local.set $inString
			block $quotesDone
			loop $quote
				local.get $quotes i64.eqz br_if $quotesDone
				local.get $at local.get $quotes i64.ctz i32.wrap_i64 i32.add local.tee $p
				local.get $bad i32.gt_u br_if $quotesDone
				local.get $out local.get $p i32.const ${BODY} i32.sub i32.store
				local.get $out i32.const 4 i32.add local.set $out
				local.get $quotes local.get $quotes i64.const 1 i64.sub i64.and local.set $quotes
				br $quote
			end
			end
			local.get $bad i32.const ${NONE} i32.ne br_if $done
			local.get $at i32.const 64 i32.add local.set $at
			br $step
		end
		end
		i32.const ${ESCAPED} local.get $next i64.store
		i32.const ${IN_STRING} local.get $inString i64.store
		i32.const ${BAD} local.get $bad i32.store
		local.get $out i32.const ${POSITIONS} i32.sub
	`,
};

// Primes of XXH64 (xxHash specification 0.1.1, "XXH64 algorithm description").
const P1 = "0x9e3779b185ebca87";
const P2 = "0xc2b2ae3d27d4eb4f";
const P3 = "0x165667b19e3779f9";
const P4 = "0x85ebca77c2b2ae63";
const P5 = "0x27d4eb2f165667c5";

const ACCUMULATORS = ["$v1", "$v2", "$v3", "$v4"] as const;

function round(accumulator: string, offset: number): string {
	return `local.get ${accumulator} local.get $p i64.load offset=${offset} i64.const ${P2} i64.mul i64.add
		i64.const 31 i64.rotl i64.const ${P1} i64.mul local.set ${accumulator}`;
}

function merge(accumulator: string): string {
	return `local.get $h local.get ${accumulator} i64.const ${P2} i64.mul i64.const 31 i64.rotl i64.const ${P1} i64.mul i64.xor
		i64.const ${P1} i64.mul i64.const ${P4} i64.add local.set $h`;
}

export const XXH64: WasmFunction = {
	name: "xxh64",
	params: { $p: "i32", $length: "i32", $seed: "i64" },
	result: "i64",
	locals: { $end: "i32", $h: "i64", $v1: "i64", $v2: "i64", $v3: "i64", $v4: "i64" },
	code: `
		local.get $p local.get $length i32.add local.set $end
		local.get $length i32.const 32 i32.ge_u
		if
			local.get $seed i64.const ${P1} i64.add i64.const ${P2} i64.add local.set $v1
			local.get $seed i64.const ${P2} i64.add local.set $v2
			local.get $seed local.set $v3
			local.get $seed i64.const ${P1} i64.sub local.set $v4
			loop $stripe
				${ACCUMULATORS.map((accumulator, i) => round(accumulator, i * 8)).join("\n")}
				local.get $p i32.const 32 i32.add local.tee $p
				i32.const 32 i32.add local.get $end i32.le_u br_if $stripe
			end
			local.get $v1 i64.const 1 i64.rotl local.get $v2 i64.const 7 i64.rotl i64.add
			local.get $v3 i64.const 12 i64.rotl i64.add local.get $v4 i64.const 18 i64.rotl i64.add local.set $h
			${ACCUMULATORS.map(merge).join("\n")}
		else
			local.get $seed i64.const ${P5} i64.add local.set $h
		end
		local.get $h local.get $length i64.extend_i32_u i64.add local.set $h
		block $noEight
		loop $eight
			local.get $p i32.const 8 i32.add local.get $end i32.gt_u br_if $noEight
			local.get $h local.get $p i64.load i64.const ${P2} i64.mul i64.const 31 i64.rotl i64.const ${P1} i64.mul i64.xor
			i64.const 27 i64.rotl i64.const ${P1} i64.mul i64.const ${P4} i64.add local.set $h
			local.get $p i32.const 8 i32.add local.set $p
			br $eight
		end
		end
		local.get $p i32.const 4 i32.add local.get $end i32.le_u
		if
			local.get $h local.get $p i32.load i64.extend_i32_u i64.const ${P1} i64.mul i64.xor
			i64.const 23 i64.rotl i64.const ${P2} i64.mul i64.const ${P3} i64.add local.set $h
			local.get $p i32.const 4 i32.add local.set $p
		end
		block $noByte
		loop $byte
			local.get $p local.get $end i32.ge_u br_if $noByte
			local.get $h local.get $p i32.load8_u i64.extend_i32_u i64.const ${P5} i64.mul i64.xor
			i64.const 11 i64.rotl i64.const ${P1} i64.mul local.set $h
			local.get $p i32.const 1 i32.add local.set $p
			br $byte
		end
		end
		local.get $h local.get $h i64.const 33 i64.shr_u i64.xor i64.const ${P2} i64.mul local.tee $h
		local.get $h i64.const 29 i64.shr_u i64.xor i64.const ${P3} i64.mul local.tee $h
		local.get $h i64.const 32 i64.shr_u i64.xor
	`,
};

/** Both lanes at once, each with its digest so far as the seed; so no 64-bit number crosses into JavaScript. */
export const ABSORB: WasmFunction = {
	name: "absorb",
	params: { $p: "i32", $length: "i32" },
	result: null,
	locals: {},
	code: [DIGEST, DIGEST + 8]
		.map((lane) => `i32.const ${lane} local.get $p local.get $length i32.const ${lane} i64.load call $xxh64 i64.store`)
		.join("\n"),
};
