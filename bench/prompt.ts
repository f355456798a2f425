// How long the hot path takes to read a prompt, beside parsing and serialising it. Run: npx tsx bench/prompt.ts
import { loadavg } from "node:os";
import { claudeCodeTurn, encode, turnOfSize } from "../src/prompt/__fixtures__/claude-code.ts";
import { createHasher, head, outline } from "../src/prompt/outline.ts";

const SIZES = [48, 318, 799, 1270];
const ROUNDS = 41;
const SESSION = { resultBytes: 2500 };

interface Subject {
	readonly name: string;
	readonly run: (body: Buffer) => unknown;
}

/** Turns of one conversation that are read one after another, again and again: back to the first is a step like any other. */
const NEXT_TURNS = 8;

let sink: unknown;

/** Microseconds of each subject over a body, sorted. Rounds are interleaved, so that all meet the same disturbances. */
function measure(subjects: readonly Subject[], body: Buffer): number[][] {
	const perRound = Math.max(1, Math.round(2_000_000 / body.length));
	const times = subjects.map((): number[] => []);
	for (let round = -10; round < ROUNDS; round++) {
		subjects.forEach(({ run }, i) => {
			const start = performance.now();
			for (let call = 0; call < perRound; call++) sink = run(body);
			if (round >= 0) times[i]?.push(((performance.now() - start) * 1000) / perRound);
		});
	}
	return times.map((list) => list.sort((a, b) => a - b));
}

const hasher = await createHasher({ first: 0x5eed_0001n, second: 0x5eed_0002n });
const subjects: Subject[] = [
	{ name: "outline", run: (body) => outline(body, { hasher }) },
	{ name: "head", run: (body) => head(body, { hasher }) },
	{ name: "parse", run: (body) => JSON.parse(body.toString("utf8")) },
	{ name: "parse+stringify", run: (body) => JSON.stringify(JSON.parse(body.toString("utf8"))) },
];

/** Reads a conversation's next turn each time it is called, with the memory of the one before. */
function nextTurn(turn: number): Subject {
	const turns = Array.from({ length: NEXT_TURNS }, (_, i) => encode(claudeCodeTurn(turn + i, SESSION)));
	let at = 0;
	const run = (body: Buffer): unknown =>
		outline(turns[at++ % NEXT_TURNS] ?? body, { hasher, memory: { key: "bench", now: 0 } });
	return { name: "growing: next turn", run };
}

const names = [
	...subjects.map(({ name }) => name),
	"growing: next turn",
	"parse+stringify / outline",
	"outline / growing",
];
console.log(`node ${process.version}, load ${loadavg()[0]?.toFixed(2)}, ${ROUNDS} rounds, microseconds: median (best)`);
console.log(["body", "blocks", ...names].join("\t"));
for (const kilobytes of SIZES) {
	const turn = turnOfSize(kilobytes * 1000, SESSION);
	const body = encode(claudeCodeTurn(turn, SESSION));
	const blocks = outline(body, { hasher }).chain.count;
	const times = measure([...subjects, nextTurn(turn)], body);
	const medians = times.map((list) => list[ROUNDS >> 1] ?? Number.NaN);
	const shown = medians.map((median, i) => `${median.toFixed(0)} (${times[i]?.[0]?.toFixed(0)})`);
	const [full = 1, , , objects = 0, growing = 1] = medians;
	const ratios = [objects / full, full / growing].map((ratio) => ratio.toFixed(1));
	console.log([`${Math.round(body.length / 1000)} KB`, blocks, ...shown, ...ratios].join("\t"));
}
if (sink === undefined) console.log("nothing was measured");
