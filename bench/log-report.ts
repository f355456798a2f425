// What the request log's benchmark found, kept part by part, and the page made of it. Leaves measuring to log.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { PROJECT } from "./children.ts";
import type { RowCost } from "./log-cost.ts";
import { QUESTIONS } from "./log-questions.ts";
import { type Comparison, type Figures, median } from "./measure.ts";
import { machineFacts } from "./report.ts";

export interface Timing {
	readonly name: string;
	/** ms. */
	readonly median: number;
	readonly worst: number;
}

/** A log of so many rows, and what each question takes. */
export interface PagesResult {
	readonly rows: number;
	readonly days: number;
	readonly megabytes: number;
	readonly repeats: number;
	readonly timings: readonly Timing[];
}

/** What logging takes from the throughput of one scenario: a comparison for each gateway. */
export interface CostResult {
	readonly scenario: string;
	readonly launches: readonly Comparison[];
}

/** By part; what was not measured yet is absent. */
export interface Results {
	readonly sqlite?: PagesResult;
	readonly postgres?: PagesResult;
	readonly large?: PagesResult;
	/** Rows a second, by database. */
	readonly write?: Readonly<Record<string, number>>;
	readonly row?: RowCost;
	readonly cost?: readonly CostResult[];
	/** Requests without (bare) and with (gateway) the filter beside them. */
	readonly filter?: { readonly rows: number; readonly scanMs: number; readonly launches: readonly Comparison[] };
}

export const PARTS = ["write", "sqlite", "postgres", "large", "row", "cost", "filter"] as const;
export type Part = (typeof PARTS)[number];

interface Kept {
	readonly results: Results;
	/** Programs that wanted to run when a part was measured, as the system averages them over a minute. */
	readonly load: Partial<Record<Part, number>>;
}

const FILE = join(PROJECT, ".cache", "log-bench.json");

function kept(): Kept {
	try {
		return JSON.parse(readFileSync(FILE, "utf8")) as Kept;
	} catch {
		return { results: {}, load: {} };
	}
}

/** `load` as it was before the part: its own is no spoiling. */
export function keep<Name extends Part>(part: Name, result: Results[Name], load: number): void {
	const { results, load: before } = kept();
	mkdirSync(join(PROJECT, ".cache"), { recursive: true });
	const all: Kept = { results: { ...results, [part]: result }, load: { ...before, [part]: load } };
	writeFileSync(FILE, JSON.stringify(all));
}

export function loadNow(): number {
	return loadavg()[0] ?? 0;
}

const PAGE_BARS = { sqlite: 200, postgres: 200, large: 500 } as const;
const TITLES = { sqlite: "SQLite", postgres: "Postgres", large: "Postgres" } as const;

/** The page, of all parts that were measured in this checkout. */
export function logReport(): string {
	const { results, load } = kept();
	const { date, cores, node, platform, commit } = machineFacts(PROJECT);
	const busy = PARTS.filter((part) => (load[part] ?? 0) > availableParallelism() / 2);
	const spoiled =
		busy.length === 0
			? []
			: [
					`**The machine was busy with other work** while ${busy.map((part) => `${part} (load ${load[part]?.toFixed(0)})`).join(", ")} was measured: those figures are too high.`,
					"",
				];
	const lines = [
		"# The request log",
		"",
		`Measured with \`npx tsx bench/log.ts\` on ${date}, ${cores} cores, ${node}, ${platform}, commit ${commit ?? "unknown"}. \`--only ${PARTS.join("|")}\` measures one part anew.`,
		"",
		...spoiled,
		...pagesLines(results),
		...writeLines(results),
		...rowLines(results),
		...costLines(results),
		...filterLines(results),
	];
	return `${lines.join("\n").trimEnd()}\n`;
}

function pagesLines(results: Results): string[] {
	const parts = (["sqlite", "postgres", "large"] as const).filter((part) => results[part] !== undefined);
	if (parts.length === 0) return [];
	const heads = parts.map((part) => `${TITLES[part]}, ${millions(results[part]?.rows ?? 0)} (bar ${PAGE_BARS[part]})`);
	const sizes = parts.map((part) => `${((results[part]?.megabytes ?? 0) / 1000).toFixed(1)} GB`);
	return [
		`## Pages`,
		"",
		`What the control plane waits for its database, ms: median (worst) of ${results[parts[0] ?? "sqlite"]?.repeats}. 200 keys, 8 deployments, fifty turns a conversation, 3 % errors, 3 % misses; ${sizes.join(", ")}.`,
		"",
		`| question | ${heads.join(" | ")} |`,
		`| --- |${parts.map(() => " --- |").join("")}`,
		...QUESTIONS.map(({ name }) => {
			const cells = parts.map((part) => {
				const timing = results[part]?.timings.find((each) => each.name === name);
				return timing === undefined ? "–" : `${timing.median.toFixed(1)} (${timing.worst.toFixed(0)})`;
			});
			return `| ${name} | ${cells.join(" | ")} |`;
		}),
		"",
	];
}

function writeLines({ write }: Results): string[] {
	if (write === undefined) return [];
	const each = Object.entries(write).map(([name, rows]) => `${name} ${Math.round(rows).toLocaleString("en-US")}`);
	return [`**Rows written a second** (bar 5,000): ${each.join(", ")}.`, ""];
}

function rowLines({ row }: Results): string[] {
	if (row === undefined) return [];
	const { record, send, write } = row;
	return [
		`**One row** takes ${(record + send).toFixed(1)} µs of the thread that serves (${record.toFixed(1)} to record it, ${send.toFixed(1)} to hand it over) and ${write.toFixed(1)} µs of the one that owns the SQLite file; best batch of 60.`,
		"",
	];
}

function costLines({ cost }: Results): string[] {
	if (cost === undefined) return [];
	return [
		"**What logging costs**: a gateway whose log, in a SQLite file, is switched on and off in turns of half a second; 16 connections (bar 5 %). Load, upstream and gateway share the machine, so two cores overstate it: the thread that writes takes its time from all of them.",
		"",
		"| scenario | requests/s without / with | share: median of the gateways (range) | CPU a request: serving thread, µs | process, µs |",
		"| --- | --- | --- | --- | --- |",
		...cost.map(costLine),
		"",
	];
}

function costLine({ scenario, launches }: CostResult): string {
	const mid = (figure: (comparison: Comparison) => number) => median(launches.map(figure));
	const perSecond = `${Math.round(mid(({ bare }) => bare.perSecond))} / ${Math.round(mid(({ gateway }) => gateway.perSecond))}`;
	const pair = (figure: (figures: Figures) => number | null) => {
		const side = (name: "bare" | "gateway") => mid((comparison) => (figure(comparison[name]) ?? Number.NaN) * 1_000);
		return Number.isNaN(side("bare")) ? "–" : `${side("bare").toFixed(0)} / ${side("gateway").toFixed(0)}`;
	};
	const cpu = pair(({ cpuPerRequest }) => cpuPerRequest);
	const serving = pair(({ mainThreadPerRequest }) => mainThreadPerRequest);
	const shares = launches.map(({ share }) => share);
	const range = `${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}`;
	return `| ${scenario} | ${perSecond} | ${percent(median(shares))} (${range}) | ${serving} | ${cpu} |`;
}

function filterLines({ filter }: Results): string[] {
	if (filter === undefined) return [];
	const { rows, scanMs, launches } = filter;
	const of = (figure: (figures: Figures) => number) => {
		const side = (name: "bare" | "gateway") => median(launches.map((each) => figure(each[name])));
		return `${side("bare").toFixed(2)} → ${side("gateway").toFixed(2)} ms`;
	};
	return [
		`**Beside the heaviest filter** (a least cost that none of ${millions(rows)} rows on SQLite has: each is read, for ${(scanMs / 1000).toFixed(1)} s, again and again): one 54 KB request at a time, p99 ${of(({ p99 }) => p99)} (bar +2 ms), p50 ${of(({ p50 }) => p50)}.`,
		"",
	];
}

export function percent(share: number): string {
	return `${(share * 100).toFixed(1)} %`;
}

function millions(rows: number): string {
	return rows >= 1e6 ? `${rows / 1e6} M` : rows.toLocaleString("en-US");
}
