// How long the hot path takes to read a prompt, beside parsing and serialising it. Run: npx tsx bench/prompt.ts
import { loadavg } from "node:os";
import { claudeCodeBody } from "../src/prompt/__fixtures__/claude-code.ts";
import { createHasher, head, outline } from "../src/prompt/outline.ts";

const SIZES = [48, 318, 799, 1270];
const ROUNDS = 41;

interface Subject {
	readonly name: string;
	readonly run: (body: Buffer) => unknown;
}

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

console.log(`node ${process.version}, load ${loadavg()[0]?.toFixed(2)}, ${ROUNDS} rounds, microseconds: median (best)`);
console.log(["body", "blocks", ...subjects.map(({ name }) => name), "parse+stringify / outline"].join("\t"));
for (const kilobytes of SIZES) {
	const body = claudeCodeBody(kilobytes * 1000, { resultBytes: 2500 });
	const blocks = outline(body, { hasher }).chain.count;
	const times = measure(subjects, body);
	const medians = times.map((list) => list[ROUNDS >> 1] ?? Number.NaN);
	const shown = medians.map((median, i) => `${median.toFixed(0)} (${times[i]?.[0]?.toFixed(0)})`);
	const ratio = (medians[3] ?? 0) / (medians[0] ?? 1);
	console.log([`${Math.round(body.length / 1000)} KB`, blocks, ...shown, ratio.toFixed(1)].join("\t"));
}
if (sink === undefined) console.log("nothing was measured");
