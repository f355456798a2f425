// A replay's results as a table for the terminal and as JSON. Leaves charts to replay/html-report and figures to replay/policy-figures.
import type { ReplayResult } from "./policy-figures.ts";

interface Column {
	readonly title: string;
	readonly align: "left" | "right";
	readonly text: (result: ReplayResult) => string;
}

/** What the table shows; the page of replay/html-report shows the same. */
export const COLUMNS: readonly Column[] = [
	{ title: "policy", align: "left", text: ({ policy }) => policy },
	{ title: "hit ratio", align: "right", text: ({ hitRatio }) => hitRatio.toFixed(4) },
	{ title: "cost", align: "right", text: ({ costRatio }) => (costRatio === null ? "unknown" : costRatio.toFixed(4)) },
	{ title: "dollars", align: "right", text: ({ dollars }) => (dollars === null ? "unknown" : dollars.toFixed(2)) },
	{ title: "429s", align: "right", text: ({ rateLimited }) => String(rateLimited) },
	{ title: "shed", align: "right", text: ({ shed }) => String(shed) },
	{ title: "imbalance", align: "right", text: ({ imbalance }) => imbalance.toFixed(3) },
	{ title: "waits", align: "right", text: waitsOf },
	{ title: "moves", align: "right", text: ({ moves }) => String(moves) },
];

/** One line under the table for each column that its title does not explain. */
export const LEGEND: readonly string[] = [
	"hit ratio: prompt tokens read from a cache, of all served. cost: dollars for prompts against the same without caching.",
	"shed: given up after ten tries. imbalance: uncached tokens of the busiest deployment over the mean.",
	"waits: requests that came through late, and how late on average. moves: turns served elsewhere than the turn before.",
	"single is the ceiling: one deployment without limits.",
];

/** The results as an aligned table, a line each, with what the columns mean. Ends with a newline. */
export function formatTable(results: readonly ReplayResult[]): string {
	const rows = [COLUMNS.map(({ title }) => title), ...results.map((result) => COLUMNS.map(({ text }) => text(result)))];
	const widths = COLUMNS.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
	const lines = rows.map((row) =>
		row
			.map((cell, at) =>
				COLUMNS[at]?.align === "left" ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
			)
			.join("  ")
			.trimEnd(),
	);
	return `${lines.join("\n")}\n\n${LEGEND.join("\n")}\n`;
}

/** The results as JSON with a newline. These names are a promise to scripts; `costRatio` and `dollars` are null for unknown prices. */
export function formatJson(results: readonly ReplayResult[]): string {
	const policies = results.map((result) => ({
		policy: result.policy,
		hitRatio: rounded(result.hitRatio),
		costRatio: result.costRatio === null ? null : rounded(result.costRatio),
		dollars: result.dollars === null ? null : rounded(result.dollars),
		rateLimited: result.rateLimited,
		shed: result.shed,
		requests: result.requests,
		imbalance: rounded(result.imbalance),
		waits: result.waits,
		moves: result.moves,
	}));
	return `${JSON.stringify({ policies })}\n`;
}

function waitsOf({ waits, waitedMs }: ReplayResult): string {
	return waits === 0 ? "0" : `${waits} (${(waitedMs / waits / 1000).toFixed(1)} s)`;
}

function rounded(value: number): number {
	return Math.round(value * 1e6) / 1e6;
}
