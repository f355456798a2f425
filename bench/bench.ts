// `npm run bench`: the gateway beside a bare pass-through, in the same run on the same machine. Leaves measuring to measure, tables to report.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
	type Child,
	type GatewayOptions,
	PROJECT,
	startGatewayChild,
	startPassThrough,
	startUpstream,
} from "./children.ts";
import { type Comparison, compare, type MemoryFigures, measureMemory, type Pace, type Scenario } from "./measure.ts";
import { barLines, comparisonLines, machineFacts, markdownReport } from "./report.ts";

const HELP = `npm run bench [-- options]

Starts a mock upstream, a bare node:http + undici pass-through and the built gateway, each in a process of its own on 127.0.0.1,
sends Claude Code-shaped requests through both in alternating slices, and writes what it measured.

  --quick            short slices: a look, not a measurement
  --only <text>      only scenarios whose name holds <text>: 799k-sse, 54k, c16, memory …
  --rounds <n>       pairs of slices per scenario (default 6)
  --slice <ms>       length of a slice (default 1500)
  --out <file>       where the report goes (default docs/benchmarks/gateway.md; '-' = no file)
  --gateway <file>   build to measure (default dist/main.js)
  --against <file>   another build's main.js in the pass-through's place, to compare two revisions;
                     prints no bars and writes no report
  --rewrite          the upstream's model name differs, so that the gateway changes it in every body
  --cpu-prof <dir>   write a CPU profile of the gateway to <dir>
  --help

Scenarios: 1.8k, 54k, 799k × json, sse × c1, c16 (connections) · 54k-sse-paced-c16 (each event in a packet of its own) · memory`;

const SCENARIOS: readonly Scenario[] = [
	...(["1.8k", "54k", "799k"] as const).flatMap((size) =>
		(["json", "sse"] as const).flatMap((answer) => [1, 16].map((concurrency) => scenario(size, answer, concurrency))),
	),
	scenario("54k", "sse-paced", 16),
];

const MEMORY = { bytes: 799_000, concurrency: 64 };

function scenario(size: "1.8k" | "54k" | "799k", answer: Scenario["answer"], concurrency: number): Scenario {
	return { name: `${size}-${answer}-c${concurrency}`, bytes: Number.parseFloat(size) * 1000, answer, concurrency };
}

const { values: options } = parseArgs({
	options: {
		quick: { type: "boolean", default: false },
		only: { type: "string", default: "" },
		rounds: { type: "string" },
		slice: { type: "string" },
		out: { type: "string", default: "docs/benchmarks/gateway.md" },
		gateway: { type: "string" },
		against: { type: "string" },
		rewrite: { type: "boolean", default: false },
		"cpu-prof": { type: "string" },
		help: { type: "boolean", default: false },
	},
});

if (options.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
	const pace: Pace = {
		rounds: Number(options.rounds ?? (options.quick ? 2 : 6)),
		sliceMs: Number(options.slice ?? (options.quick ? 400 : 1_500)),
		warmUpMs: options.quick ? 400 : 1_500,
	};
	const scenarios = SCENARIOS.filter((one) => one.name.includes(options.only));
	const withMemory = "memory".includes(options.only);
	if (scenarios.length === 0 && !withMemory) {
		console.error(`bench: no scenario's name holds '${options.only}'; see --help`);
		process.exitCode = 1;
		return;
	}
	const facts = machineFacts(PROJECT);
	const comparisons = await withServers((servers) => runAll(scenarios, servers, pace));
	const memory = withMemory ? await runMemory(options.quick ? 3_000 : 8_000) : null;
	if (options.against !== undefined) return;
	for (const line of barLines(comparisons, memory)) console.log(line);
	if (options.out === "-") return;
	const file = resolve(PROJECT, options.out);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, markdownReport({ facts, pace, comparisons, memory, rewrite: options.rewrite }));
	console.log(`\nwritten to ${options.out}`);
}

async function runAll(
	scenarios: readonly Scenario[],
	servers: { readonly bare: Child; readonly gateway: Child },
	pace: Pace,
): Promise<Comparison[]> {
	const comparisons: Comparison[] = [];
	const yardstick = options.against === undefined ? "pass-through" : "other build";
	// Code that is still being compiled would make the first scenario look worse than the others.
	for (const one of scenarios.slice(0, 4)) await compare(one, servers, { ...pace, rounds: 1 });
	for (const one of scenarios) {
		const comparison = await compare(one, servers, pace);
		comparisons.push(comparison);
		for (const line of comparisonLines(comparison, yardstick)) console.log(line);
	}
	return comparisons;
}

/** Fresh processes for each server, so that the peak is this load's. */
async function runMemory(ms: number): Promise<{ readonly bare: MemoryFigures; readonly gateway: MemoryFigures }> {
	return withServers(async ({ bare, gateway }) => ({
		bare: await measureMemory(bare, { ...MEMORY, ms }),
		gateway: await measureMemory(gateway, { ...MEMORY, ms }),
	}));
}

/** Starts the three servers, and ends them however `use` ends; Ctrl-C included. */
async function withServers<T>(
	use: (servers: { readonly bare: Child; readonly gateway: Child }) => Promise<T>,
): Promise<T> {
	const children: Child[] = [];
	const closeAll = () => Promise.all(children.map((child) => child.close()));
	const interrupted = () => void closeAll().finally(() => process.exit(130));
	process.on("SIGINT", interrupted);
	process.on("SIGTERM", interrupted);
	try {
		const upstream = await startUpstream({ listeners: 3, cutShare: 0, seed: 1, keepAliveMs: 60_000 });
		children.push(upstream);
		const bare = await startYardstick(upstream.ports);
		children.push(bare);
		const profile = options["cpu-prof"];
		const gateway = await startGatewayChild({
			...gatewayOptions(upstream.ports, options.gateway),
			...(profile === undefined ? {} : { nodeArguments: ["--cpu-prof", `--cpu-prof-dir=${resolve(profile)}`] }),
		});
		children.push(gateway);
		return await use({ bare, gateway });
	} finally {
		process.off("SIGINT", interrupted);
		process.off("SIGTERM", interrupted);
		await closeAll();
	}
}

function startYardstick(upstreamPorts: readonly number[]): Promise<Child> {
	return options.against === undefined
		? startPassThrough({ upstreamPort: upstreamPorts[0] ?? 0 })
		: startGatewayChild(gatewayOptions(upstreamPorts, options.against));
}

function gatewayOptions(upstreamPorts: readonly number[], main: string | undefined): GatewayOptions {
	return {
		upstreamPorts,
		...(main === undefined ? {} : { main: resolve(main) }),
		...(options.rewrite ? { upstreamModel: "claude-opus-5-5-20260601" } : {}),
	};
}
