// Repeatable randomness of a replay. Leaves what is random to the callers.

/** Uniform in [0, 1). */
export type Random = () => number;

/** The same sequence for the same seed and purpose, so that one policy's draws do not depend on another's (mulberry32). */
export function createRandom(seed: number, purpose: string): Random {
	let state = mix32(seed, textHash(purpose));
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** Spreads two numbers over 32 bits, unsigned. Numbers beyond 32 bits count in full. */
export function mix32(value: number, seed: number): number {
	let bits = seed ^ Math.imul(Math.floor(value / 2 ** 32) | 0, 0x9e3779b1) ^ (value | 0);
	bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
	bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
	return (bits ^ (bits >>> 15)) >>> 0;
}

/** A text in 32 bits, unsigned. */
export function textHash(text: string): number {
	let hash = 0x811c9dc5;
	for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
	return mix32(hash >>> 0, 0);
}
