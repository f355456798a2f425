// Traces of agent-like sessions, made from a seed in the recorded traces' line format. For tests only.
import { createRandom } from "../random.ts";

export interface SyntheticOptions {
	readonly sessions: number;
	readonly turns: number;
	/** Mean seconds between two turns of a session. */
	readonly gapSeconds: number;
	readonly seed: number;
}

const BLOCK = 64;
const TOOLS_BLOCKS = 40;
const SYSTEM_BLOCKS = 60;
const FIRST_MESSAGE_BLOCKS = 100;

const HEADER = `{"trace":"synthetic","source":"made for tests","block":${BLOCK},"models":{"0":"claude-sonnet-5"}}`;

/** Header and request lines, sorted by time. All sessions share tools and system; their messages only grow. */
export function syntheticTrace({ sessions, turns, gapSeconds, seed }: SyntheticOptions): string[] {
	const random = createRandom(seed, "synthetic trace");
	const requests: { readonly t: number; readonly line: string }[] = [];
	for (let session = 1; session <= sessions; session += 1) {
		let t = random() * 300;
		let messages = FIRST_MESSAGE_BLOCKS;
		for (let turn = 0; turn < turns; turn += 1) {
			const blocks = SYSTEM_BLOCKS + messages;
			const line = JSON.stringify({
				s: session,
				a: 0,
				t: Math.round(t * 100) / 100,
				d: 4,
				i: blocks * BLOCK + Math.floor(random() * BLOCK),
				o: 200,
				m: 0,
				tl: TOOLS_BLOCKS,
				sy: SYSTEM_BLOCKS,
				b: [
					[1, SYSTEM_BLOCKS],
					[1_000_000 * session, messages],
				],
			});
			requests.push({ t, line });
			messages += 5 + Math.floor(random() * 40);
			t += 5 + random() * 2 * (gapSeconds - 5);
		}
	}
	return [HEADER, ...requests.sort((a, b) => a.t - b.t).map(({ line }) => line)];
}
