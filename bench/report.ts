// Figures as lines for the terminal and as a markdown page, with the bars of routing-model §7 beside them. Leaves judging to the reader.
import { execFileSync } from "node:child_process";
import { availableParallelism, loadavg } from "node:os";
import type { Comparison, Figures, MemoryFigures, Pace } from "./measure.ts";

export interface MachineFacts {
	readonly date: string;
	readonly cores: number;
	readonly node: string;
	readonly platform: string;
	/** One-minute load average when the run began. */
	readonly load: number;
	/** Of the project, short; null outside a repository. `+` = with changes. */
	readonly commit: string | null;
}

export interface MemoryComparison {
	readonly bare: MemoryFigures;
	readonly gateway: MemoryFigures;
}

export interface Results {
	readonly facts: MachineFacts;
	readonly pace: Pace;
	readonly comparisons: readonly Comparison[];
	readonly memory: MemoryComparison | null;
	readonly rewrite: boolean;
}

export function machineFacts(project: string): MachineFacts {
	return {
		date: new Date().toISOString().slice(0, 10),
		cores: availableParallelism(),
		node: process.version,
		platform: `${process.platform} ${process.arch}`,
		load: loadavg()[0] ?? 0,
		commit: commitOf(project),
	};
}

function commitOf(project: string): string | null {
	const git = (...command: string[]) =>
		execFileSync("git", command, { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
	try {
		return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "--", "src") === "" ? "" : "+"}`;
	} catch {
		return null;
	}
}

/** One scenario for the terminal; `yardstick` is what the gateway was measured against. */
export function comparisonLines(comparison: Comparison, yardstick: string): string[] {
	const { scenario, bare, gateway, share, addedP50 } = comparison;
	return [
		`${scenario.name.padEnd(18)} gateway/${yardstick} ${percent(share)}   added p50 ${ms(addedP50)} ms`,
		figuresLine(yardstick, bare),
		figuresLine("gateway", gateway),
		"",
	];
}

function figuresLine(name: string, figures: Figures): string {
	const cells = [
		`${Math.round(figures.perSecond)} req/s`.padStart(12),
		`p50 ${ms(figures.p50)}`.padStart(11),
		`p99 ${ms(figures.p99)}`.padStart(11),
		`first byte ${ms(figures.firstByte)}`.padStart(18),
		`CPU ${optional(figures.cpuPerRequest, ms)}`.padStart(11),
		`RSS ${optional(figures.rssMb, Math.round)} MB`.padStart(11),
		figures.failures === 0 ? "" : `${figures.failures} FAILED`,
	];
	return `  ${name.padEnd(13)}${cells.join("  ")}`.trimEnd();
}

interface Bar {
	readonly what: string;
	readonly bar: string;
	readonly measured: string;
	readonly met: boolean;
}

/** The bars of routing-model §7 that this run has figures for. */
function bars(comparisons: readonly Comparison[], memory: MemoryComparison | null): Bar[] {
	const found: Bar[] = [];
	const shareBar = (size: string, least: number) => {
		for (const { scenario, share } of comparisons) {
			if (!scenario.name.startsWith(`${size}-`) || scenario.concurrency === 1) continue;
			const what = `requests/s, share of the pass-through: ${scenario.name}`;
			found.push({ what, bar: `≥ ${percent(least)}`, measured: percent(share), met: share >= least });
		}
	};
	shareBar("799k", 0.7);
	shareBar("1.8k", 0.5);
	for (const { scenario, addedP50 } of comparisons) {
		if (!scenario.name.startsWith("799k-") || scenario.concurrency !== 1) continue;
		const what = `added p50, one connection: ${scenario.name}`;
		found.push({ what, bar: "≤ 2 ms", measured: `${ms(addedP50)} ms`, met: addedP50 <= 2 });
	}
	const peak = memory?.gateway.peakMb;
	if (peak !== undefined && peak !== null) {
		const what = `peak memory, ${memory?.gateway.concurrency} concurrent 799 KB requests`;
		found.push({ what, bar: "≤ 300 MB", measured: `${Math.round(peak)} MB`, met: peak <= 300 });
	}
	return found;
}

/** The bars for the terminal. */
export function barLines(comparisons: readonly Comparison[], memory: MemoryComparison | null): string[] {
	const lines = bars(comparisons, memory).map(
		({ what, bar, measured, met }) => `${met ? "✓" : "✗"} ${what.padEnd(60)} ${measured.padStart(10)}   bar ${bar}`,
	);
	if (memory !== null) {
		lines.push(`  pass-through: ${memoryText(memory.bare)}`, `  gateway:      ${memoryText(memory.gateway)}`);
	}
	return lines;
}

function memoryText(figures: MemoryFigures): string {
	const mb = (value: number | null) => optional(value, Math.round);
	const failed = figures.failures === 0 ? "" : `, ${figures.failures} FAILED`;
	return `idle ${mb(figures.idleMb)} MB, peak ${mb(figures.peakMb)} MB, after ${mb(figures.afterMb)} MB${failed}`;
}

/** The whole run as a page. */
export function markdownReport({ facts, pace, comparisons, memory, rewrite }: Results): string {
	const lines = [
		"# Gateway beside a bare pass-through",
		"",
		`Measured on ${facts.date} with \`npm run bench\`${facts.commit === null ? "" : ` at commit ${facts.commit}`}: ` +
			`Node ${facts.node}, ${facts.platform}, ${facts.cores} cores, load average ${facts.load.toFixed(2)} at the start. ` +
			"Mock upstream, pass-through, gateway and load generator share the machine, so only the comparison means something.",
		"",
		`The pass-through is node:http + undici and looks at nothing. The gateway is the built command line with affinity on, ` +
			`three deployments and its log at \`info\`${rewrite ? ", and rewrites the model name in every body" : ""}. ` +
			`Both took turns: ${pace.rounds} pairs of ${pace.sliceMs} ms slices a scenario. Bodies are shaped like Claude Code's, ` +
			"from 32 conversations in turn. Share and added p50 are medians over the pairs; CPU is that of the server's process per request.",
		"",
	];
	const met = bars(comparisons, memory);
	if (met.length > 0) {
		lines.push("| | bar | measured | |", "| --- | --- | --- | --- |");
		for (const { what, bar, measured, met: ok } of met)
			lines.push(`| ${what} | ${bar} | ${measured} | ${ok ? "✓" : "✗"} |`);
		lines.push("");
	}
	if (comparisons.length > 0) lines.push(...comparisonTable(comparisons), "");
	if (memory !== null) lines.push(...memoryTable(memory), "");
	return lines.join("\n");
}

function comparisonTable(comparisons: readonly Comparison[]): string[] {
	const lines = [
		"Scenario = body size, kind of answer, connections. Pairs are pass-through / gateway; times in ms.",
		"",
		"| scenario | requests/s | share | p50 | added p50 | p99 | first byte p50 | CPU per request | RSS MB |",
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
	];
	for (const { scenario, bare, gateway, share, addedP50 } of comparisons) {
		const pair = (pick: (figures: Figures) => string | number) => `${pick(bare)} / ${pick(gateway)}`;
		const failures = bare.failures + gateway.failures;
		const cells = [
			`${scenario.name}${failures === 0 ? "" : ` (${failures} failed)`}`,
			pair((figures) => Math.round(figures.perSecond)),
			percent(share),
			pair((figures) => ms(figures.p50)),
			ms(addedP50),
			pair((figures) => ms(figures.p99)),
			pair((figures) => ms(figures.firstByte)),
			pair((figures) => optional(figures.cpuPerRequest, ms)),
			pair((figures) => optional(figures.rssMb, Math.round)),
		];
		lines.push(`| ${cells.join(" | ")} |`);
	}
	return lines;
}

function memoryTable({ bare, gateway }: MemoryComparison): string[] {
	const row = (name: string, figures: MemoryFigures) => {
		const mb = [figures.idleMb, figures.peakMb, figures.afterMb].map((value) => optional(value, Math.round));
		return `| ${name} | ${mb.join(" | ")} |`;
	};
	return [
		`Memory with ${gateway.concurrency} concurrent requests of ${gateway.bytes / 1000} KB, held while the upstream thinks for 300 ms (RSS, MB):`,
		"",
		"| | idle | peak | 2 s after |",
		"| --- | --- | --- | --- |",
		row("pass-through", bare),
		row("gateway", gateway),
	];
}

function percent(share: number): string {
	return `${Math.round(share * 100)} %`;
}

function ms(value: number): string {
	return value.toFixed(Math.abs(value) < 1 ? 3 : Math.abs(value) < 100 ? 2 : 0);
}

function optional(value: number | null, format: (value: number) => string | number): string | number {
	return value === null ? "–" : format(value);
}
