// The page at /_sim: one self-contained document that shows the report. Leaves the numbers to /_sim/report.

/** HTML, styles and script in one; it loads nothing from elsewhere. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Simulated provider</title>
<style>
	:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
	body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
	h1 { font-size: 1.25rem; } h2 { font-size: 1rem; margin-top: 2rem; }
	table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
	th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
	th { font-weight: 600; } th:first-child, td:first-child { text-align: left; }
	.scroll { overflow-x: auto; } .quiet { opacity: .65; }
</style>
</head>
<body>
<h1>Simulated provider</h1>
<p class="quiet" id="state" role="status">Loading…</p>
<h2>Cache domains</h2><div class="scroll"><table id="domains"></table></div>
<h2>Deployments</h2><div class="scroll"><table id="deployments"></table></div>
<h2>Latest requests</h2><div class="scroll"><table id="requests"></table></div>
<script>
const number = (value) => value.toLocaleString("en-US");
const statuses = (sum) => Object.entries(sum.statuses).map(([status, count]) => status + " × " + count).join(", ");
const hitRatio = ({ read, write5m, write1h, uncached }) => {
	const total = read + write5m + write1h + uncached;
	return total === 0 ? "–" : (100 * read / total).toFixed(1) + " %";
};
const sums = (sum) => [number(sum.requests), statuses(sum), hitRatio(sum.tokens), number(sum.tokens.read),
	number(sum.tokens.write5m + sum.tokens.write1h), number(sum.tokens.uncached), number(sum.tokens.output),
	number(sum.limited), number(sum.aborted), number(sum.openStreams)];
const SUMS = ["requests", "statuses", "hit ratio", "read", "written", "uncached", "output", "429s", "aborted", "open"];
function fill(id, head, rows) {
	const table = document.getElementById(id);
	const row = (cells, tag) => {
		const line = document.createElement("tr");
		for (const cell of cells) line.appendChild(document.createElement(tag)).textContent = cell;
		return line;
	};
	table.replaceChildren(row(head, "th"), ...rows.map((cells) => row(cells, "td")));
}
async function refresh() {
	try {
		const report = await (await fetch("/_sim/report?requests=50")).json();
		fill("domains", ["domain", ...SUMS, "entries live"],
			Object.entries(report.domains).map(([name, sum]) => [name, ...sums(sum), number(sum.entriesLive)]));
		fill("deployments", ["deployment", ...SUMS],
			Object.entries(report.deployments).map(([name, sum]) => [name, ...sums(sum)]));
		fill("requests", ["time", "deployment", "path", "model", "status", "read", "written", "uncached", "output", "fault"],
			report.requests.toReversed().map((request) => {
				const usage = request.usage ?? { read: 0, write5m: 0, write1h: 0, uncached: 0, output: 0 };
				return [new Date(request.at).toLocaleTimeString(), request.deployment ?? "–", request.method + " " + request.path,
					request.model ?? "", (request.status ?? "–") + (request.aborted ? " aborted" : ""), number(usage.read),
					number(usage.write5m + usage.write1h), number(usage.uncached), number(usage.output), request.fault ?? ""];
			}));
		document.getElementById("state").textContent = number(report.total.requests) + " requests since " +
			new Date(report.startedAt).toLocaleTimeString();
	} catch (error) {
		document.getElementById("state").textContent = "No answer from the simulator: " + error.message;
	}
}
refresh();
setInterval(refresh, 2000);
</script>
</body>
</html>
`;
