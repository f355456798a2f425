// @ts-check
// A gateway whose request log, or a heavy filter of it, is switched on and off while it runs, so that nothing else differs: two processes
// of one program are several percent apart for as long as they live. Plain JavaScript, because it must run the build as Node runs it. Forked by log.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [dist = "", config = "", file = ""] = process.argv.slice(2);
/** @param {string} path */
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { startGateway } = await load("gateway.js");
const { parseConfig } = await load("config/load.js");
const { numberedRequests } = await load("requestlog/requests-numbered.js");
const { openDatabase } = await load("db/open.js");

const parsed = parseConfig(config, { path: "bench.yaml", env: {} });
if (!parsed.ok) throw new Error(`the bench's configuration is refused: ${JSON.stringify(parsed)}`);
const database = await openDatabase({ kind: "sqlite", path: file });
const listen = { host: "127.0.0.1", port: 0 };
const gateway = await startGateway({ ...parsed.config, listen }, { database });
const { recorder } = gateway.serving();
const { requests } = recorder;

let turn = "off";
let scanMs = 0;
/** @type {Promise<void>} */
let asking = Promise.resolve();

/** A least cost that nothing has: no index helps, and every row is read. */
async function ask() {
	while (turn === "filter") {
		const before = performance.now();
		await numberedRequests({ query: database.pages }, { minCost: 1e9 }, { page: 1, size: 50 });
		scanMs = performance.now() - before;
	}
}

const report = () => process.send?.({ port: gateway.port, scanMs, ...gateway.requestLog.stats() });

process.on("message", async (message) => {
	turn = String(message);
	recorder.requests = turn === "log" ? requests : null;
	// The one that still runs must not run into the next turn.
	await asking;
	asking = ask();
	report();
});
process.on("disconnect", async () => {
	await gateway.close();
	await database.close();
});
report();
