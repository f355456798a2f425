// A replay's results as one HTML page that needs nothing else: table, bars, load of each deployment. Leaves figures to replay/policy-figures.

import type { ReplayResult } from "./policy-figures.ts";
import { COLUMNS, LEGEND } from "./report.ts";

/** What was replayed, for the page's head: a name and its value each. */
export type ReportFacts = readonly (readonly [string, string])[];

interface Bar {
	readonly label: string;
	/** Share of the chart's width, 0 to 1. */
	readonly share: number;
	readonly value: string;
	readonly tone: "ours" | "other" | "ceiling";
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --paper: #fcfcfd; --line: #e0e1e6;
	--ours: #c2410c; --other: #8b8d98; --ceiling: #4d7c0f; --track: #f0f0f3; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #b0b4ba; --paper: #111113; --line: #363a3f;
	--ours: #fb923c; --other: #777b84; --ceiling: #a3e635; --track: #212225; } }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.5rem; background: var(--paper); color: var(--ink);
	font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
p, dt { color: var(--soft); } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0; }
dd { margin: 0; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
tr.ours { color: var(--ours); font-weight: 600; }
svg { display: block; width: 100%; height: auto; overflow: visible; } svg text { fill: var(--ink); font-size: 13px; }
svg .value { fill: var(--soft); font-variant-numeric: tabular-nums; } .track { fill: var(--track); }
.bar-ours { fill: var(--ours); } .bar-other { fill: var(--other); } .bar-ceiling { fill: var(--ceiling); }
.mean { stroke: var(--ink); stroke-dasharray: 3 3; }
.loads { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-size: .9rem; margin-bottom: .3rem; }
`;

/** The page. Opens no connection when shown and follows the reader's light or dark setting. */
export function formatHtml(results: readonly ReplayResult[], facts: ReportFacts): string {
	const rows = results.map((result) => {
		const cells = COLUMNS.map(({ text }) => `<td>${escapeHtml(text(result))}</td>`).join("");
		return `<tr${toneOf(result) === "ours" ? ' class="ours"' : ""}>${cells}</tr>`;
	});
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Warmpath replay</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Replay</h1>
<p>What each way of routing would have made of the recorded requests.</p>
<dl>${facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl>
<div class="scroll"><table>
<thead><tr>${COLUMNS.map(({ title }) => `<th>${escapeHtml(title)}</th>`).join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody>
</table></div>
${LEGEND.map((line) => `<p>${escapeHtml(line)}</p>`).join("\n")}
<h2>Prompt tokens read from a cache</h2>
${barChart("Hit ratio by policy", results.map(hitBar))}
<h2>Cost of prompts against no caching</h2>
<p>Shorter is better. Writing to a cache costs more than plain input, so a ratio may exceed 1.</p>
${barChart("Cost ratio by policy", costBars(results))}
<h2>Load of each deployment</h2>
<p>Uncached tokens, which limits count. The dashed line is the mean.</p>
<div class="loads">${results.map(loadFigure).join("\n")}</div>
</body>
</html>
`;
}

function hitBar(result: ReplayResult): Bar {
	const { policy, hitRatio } = result;
	return { label: policy, share: hitRatio, value: `${(hitRatio * 100).toFixed(1)} %`, tone: toneOf(result) };
}

function costBars(results: readonly ReplayResult[]): Bar[] {
	const dearest = Math.max(1, ...results.map(({ costRatio }) => costRatio ?? 0));
	return results.map((result) => {
		const { policy, costRatio, dollars } = result;
		const value = costRatio === null ? "unknown" : `${costRatio.toFixed(3)}  ($${dollars?.toFixed(0) ?? "?"} in all)`;
		return { label: policy, share: (costRatio ?? 0) / dearest, value, tone: toneOf(result) };
	});
}

function toneOf({ policy }: ReplayResult): Bar["tone"] {
	if (policy === "warmpath") return "ours";
	return policy === "single" ? "ceiling" : "other";
}

function barChart(title: string, bars: readonly Bar[]): string {
	const [row, left, width] = [26, 130, 480];
	const drawn = bars.map(({ label, share, value, tone }, at) => {
		const y = at * row;
		return `<text x="0" y="${y + 16}">${escapeHtml(label)}</text>
<rect class="track" x="${left}" y="${y + 4}" width="${width}" height="16" rx="3"/>
<rect class="bar-${tone}" x="${left}" y="${y + 4}" width="${(share * width).toFixed(1)}" height="16" rx="3"/>
<text class="value" x="${left + width + 10}" y="${y + 16}">${escapeHtml(value)}</text>`;
	});
	return `<svg viewBox="0 0 780 ${bars.length * row}" role="img" aria-label="${escapeHtml(title)}">${drawn.join("\n")}</svg>`;
}

function loadFigure(result: ReplayResult): string {
	const [width, height] = [260, 90];
	const loads = result.deployments.map(({ uncachedTokens }) => uncachedTokens);
	const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
	const most = Math.max(1, ...loads);
	const slot = width / loads.length;
	const bars = loads.map((load, at) => {
		const tall = (load / most) * height;
		const place = `x="${(at * slot).toFixed(1)}" y="${(height - tall).toFixed(1)}"`;
		const size = `width="${(slot * 0.8).toFixed(1)}" height="${tall.toFixed(1)}"`;
		return `<rect class="bar-${toneOf(result)}" ${place} ${size}><title>deployment ${at + 1}: ${millions(load)}</title></rect>`;
	});
	const y = (height - (mean / most) * height).toFixed(1);
	const caption = `${result.policy}: ${millions(mean)} on average, the busiest ${millions(Math.max(...loads))}`;
	return `<figure><figcaption>${escapeHtml(caption)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(caption)}">${bars.join("")}
<line class="mean" x1="0" x2="${width}" y1="${y}" y2="${y}"/></svg></figure>`;
}

function millions(tokens: number): string {
	return `${(tokens / 1e6).toFixed(1)} M tokens`;
}

function escapeHtml(text: string): string {
	return text.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
