// `npm run soak`: thousands of requests with clients that hang up and upstreams that break, then a look at what the gateway kept.
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type AnswerKind, buildRequests, digitsOf } from "./bodies.ts";
import { type GatewayChild, startGatewayChild, startUpstream } from "./children.ts";
import { Connection, type Reply } from "./load.ts";
import { processFigures } from "./process-figures.ts";
import { seededRandom } from "./upstream.ts";

export interface SoakOptions {
	readonly requests: number;
	readonly concurrency: number;
	/** Share of requests whose client hangs up: while sending, before the answer or in the middle of it. */
	readonly abortShare: number;
	/** Share of upstream answers that are cut: before the head or in the middle. */
	readonly cutShare: number;
	/** The gateway's `main.js`; default: this project's build. */
	readonly main?: string;
	/** Of all that is random. */
	readonly seed: number;
	/** Memory at the first look after so many requests is what later looks are compared with; 0 = after half of them. */
	readonly settleAfter: number;
	/** How often memory is looked at. */
	readonly looks: number;
	/** Most that memory may grow from then on, MB. */
	readonly maxGrowthMb: number;
}

export const SOAK_DEFAULTS: SoakOptions = {
	requests: 10_000,
	concurrency: 32,
	abortShare: 0.05,
	cutShare: 0.05,
	seed: 20_261_121,
	settleAfter: 0,
	looks: 5,
	maxGrowthMb: 64,
};

/** How the requests ended, seen from the client. */
export interface SoakOutcomes {
	/** Complete answers. */
	served: number;
	/** Streams that the gateway ended with an `error` event. */
	endedWithError: number;
	/** Answers that broke off without one, as a JSON answer must. */
	cut: number;
	/** Gateway errors before any content, by status. */
	readonly refused: Record<string, number>;
	/** The client hung up. */
	aborted: number;
}

/** Memory when idle, after so many requests, MB. */
export interface MemoryLook {
	readonly requests: number;
	readonly rssMb: number;
	readonly anonymousMb: number;
	/** What the last full collection left; null = there was none. */
	readonly heapMb: number | null;
}

export interface SoakReport {
	readonly outcomes: SoakOutcomes;
	readonly seconds: number;
	readonly alive: boolean;
	/** What the gateway wrote to standard error, at most its beginning. */
	readonly stderr: string;
	/** Log lines of level error, at most a few. */
	readonly errorLines: readonly string[];
	/** Open files and sockets before the load and after it, when idle again; null where the system does not say. */
	readonly openFilesBefore: number | null;
	readonly openFilesAfter: number | null;
	readonly memory: readonly MemoryLook[];
	/** From the first look at or after `settleAfter` to the last. */
	readonly growthMb: number | null;
	/** What must not be; empty = passed. */
	readonly violations: readonly string[];
}

/** Sizes and kinds as a busy gateway sees them, in shares of the requests. */
const MIX: readonly { readonly bytes: number; readonly answer: AnswerKind; readonly share: number }[] = [
	{ bytes: 1_800, answer: "json", share: 0.2 },
	{ bytes: 1_800, answer: "sse-paced", share: 0.2 },
	{ bytes: 54_000, answer: "sse", share: 0.2 },
	{ bytes: 54_000, answer: "sse-paced", share: 0.25 },
	{ bytes: 799_000, answer: "sse-paced", share: 0.1 },
	{ bytes: 799_000, answer: "json", share: 0.05 },
];

const CONVERSATIONS = 8;
/** Conversations go on for so many requests each, and are then followed by others. */
const REQUESTS_A_CONVERSATION = 40;
const LIVE_CONVERSATIONS = 50;
const KEEP_ALIVE_MS = 3_000;

/** Runs the whole soak against a gateway of its own. Rejects only when it cannot be started. */
export async function runSoak(wanted: Partial<SoakOptions> = {}): Promise<SoakReport> {
	const options = { ...SOAK_DEFAULTS, ...wanted };
	const upstream = await startUpstream({
		listeners: 3,
		cutShare: options.cutShare,
		seed: options.seed,
		keepAliveMs: KEEP_ALIVE_MS,
	});
	try {
		const gateway = await startGatewayChild({
			upstreamPorts: upstream.ports,
			cooldown: "0s",
			nodeArguments: ["--trace-gc"],
			...(options.main === undefined ? {} : { main: options.main }),
		});
		try {
			return await soak(gateway, options);
		} finally {
			await gateway.close();
		}
	} finally {
		await upstream.close();
	}
}

async function soak(gateway: GatewayChild, options: SoakOptions): Promise<SoakReport> {
	const startedAt = performance.now();
	const clients = new Clients(gateway.ports[0] ?? 0, options);
	// A first request opens what is opened once and stays.
	await clients.run(1);
	clients.hangUpAll();
	const openFilesBefore = await idleOpenFiles(gateway, null);
	const memory: MemoryLook[] = [];
	const stretch = Math.ceil(options.requests / options.looks);
	while (clients.sent < options.requests && gateway.alive()) {
		await clients.run(Math.min(stretch, options.requests - clients.sent));
		await sleep(300);
		const figures = processFigures(gateway.pid);
		if (figures === null) continue;
		const { rssMb, anonymousMb } = figures;
		memory.push({ requests: clients.sent, rssMb, anonymousMb, heapMb: liveHeapMb(gateway.log()) });
	}
	clients.hangUpAll();
	const openFilesAfter = await idleOpenFiles(gateway, openFilesBefore);
	const settleAfter = options.settleAfter === 0 ? options.requests / 2 : options.settleAfter;
	const settled = memory.find((look) => look.requests >= Math.min(settleAfter, options.requests));
	const last = memory.at(-1);
	const report = {
		outcomes: clients.outcomes,
		seconds: (performance.now() - startedAt) / 1000,
		alive: gateway.alive(),
		stderr: gateway.stderr().slice(0, 4_000),
		errorLines: errorLines(gateway.log()),
		openFilesBefore,
		openFilesAfter,
		memory,
		growthMb: settled === undefined || last === undefined ? null : last.anonymousMb - settled.anonymousMb,
	};
	return { ...report, violations: violations(report, options) };
}

function violations(report: Omit<SoakReport, "violations">, options: SoakOptions): string[] {
	const found: string[] = [];
	const { outcomes, openFilesBefore, openFilesAfter, growthMb } = report;
	if (!report.alive) found.push("the gateway ended");
	if (report.stderr.trim() !== "") found.push("the gateway wrote to standard error");
	if (report.errorLines.length > 0) found.push("the gateway logged errors of its own");
	const refused = Object.values(outcomes.refused).reduce((sum, count) => sum + count, 0);
	const ended = outcomes.served + outcomes.endedWithError + outcomes.cut + outcomes.aborted + refused;
	if (ended < options.requests) found.push(`only ${ended} of ${options.requests} requests came to an end`);
	if (outcomes.refused["500"] !== undefined) found.push(`${outcomes.refused["500"]} answers had status 500`);
	if (openFilesBefore !== null && openFilesAfter !== null && openFilesAfter > openFilesBefore) {
		found.push(`${openFilesAfter - openFilesBefore} more open files than before the load`);
	}
	if (growthMb !== null && growthMb > options.maxGrowthMb) {
		found.push(`memory grew by ${Math.round(growthMb)} MB after it should have settled`);
	}
	return found;
}

/** Of the last full collection that `--trace-gc` reported. */
function liveHeapMb(log: string): number | null {
	const found = [...log.slice(-4_000_000).matchAll(/Mark-Compact[^\n]*-> ([\d.]+) \(/g)].at(-1);
	return found === undefined ? null : Number(found[1]);
}

/** Lines of level error; the routing lines at `info` are what the log mostly holds. */
function errorLines(log: string): string[] {
	return log
		.split("\n")
		.filter((line) => line.includes('"level":"error"') || /unhandled|uncaught/i.test(line))
		.slice(0, 5);
}

/** Open files once they have come down to `target` (or stopped falling), after at most 15 s. */
async function idleOpenFiles(gateway: GatewayChild, target: number | null): Promise<number | null> {
	let lowest = Number.POSITIVE_INFINITY;
	// Without a target: long enough for the upstream's connections to be closed as idle.
	const longest = target === null ? KEEP_ALIVE_MS + 1_500 : 15_000;
	for (let waited = 0; waited < longest; waited += 250) {
		await sleep(250);
		const figures = processFigures(gateway.pid);
		if (figures === null) return null;
		lowest = Math.min(lowest, figures.openFiles);
		if (target !== null && lowest <= target) break;
	}
	return lowest;
}

/** A request, and where it names its conversation. */
interface Template {
	readonly bytes: Buffer;
	readonly places: readonly number[];
}

function templateOf(bytes: Buffer, index: number): Template {
	const digits = digitsOf(index % CONVERSATIONS);
	const places: number[] = [];
	for (let at = bytes.indexOf(digits); at !== -1; at = bytes.indexOf(digits, at + 1)) places.push(at);
	return { bytes, places };
}

/** The request as another conversation sends it. */
function fill({ bytes, places }: Template, conversation: number): Buffer {
	const filled = Buffer.from(bytes);
	for (const at of places) filled.write(digitsOf(conversation), at, "latin1");
	return filled;
}

/** The load: connections that take one request after another out of the mix, some hanging up on the way. */
class Clients {
	readonly outcomes: SoakOutcomes = { served: 0, endedWithError: 0, cut: 0, refused: {}, aborted: 0 };
	sent = 0;
	readonly #connections: readonly Connection[];
	readonly #mix: readonly { readonly requests: readonly Template[]; readonly share: number }[];
	readonly #random: () => number;
	readonly #abortShare: number;

	constructor(port: number, options: SoakOptions) {
		this.#connections = Array.from({ length: options.concurrency }, () => new Connection(port));
		this.#mix = MIX.map((kind) => ({
			requests: buildRequests({ ...kind, conversations: CONVERSATIONS }).map((bytes, at) => templateOf(bytes, at)),
			share: kind.share,
		}));
		this.#random = seededRandom(options.seed);
		this.#abortShare = options.abortShare;
	}

	/** Sends `count` requests and waits for the end of each. */
	async run(count: number): Promise<void> {
		const until = this.sent + count;
		const drive = async (connection: Connection) => {
			while (this.sent < until) {
				this.sent++;
				await this.#one(connection);
			}
		};
		await Promise.all(this.#connections.map(drive));
	}

	hangUpAll(): void {
		for (const connection of this.#connections) connection.close();
	}

	async #one(connection: Connection): Promise<void> {
		const request = this.#pick();
		if (this.#random() >= this.#abortShare) {
			this.#account(await connection.send(request));
			return;
		}
		// While sending, right after sending, or after a few pieces of the answer.
		const point = this.#random();
		const sending = point < 0.25 ? request.subarray(0, Math.ceil(request.length * this.#random())) : request;
		const pieces = point < 0.5 ? 0 : 1 + Math.floor(this.#random() * 20);
		const timer = pieces === 0 ? setTimeout(() => connection.close(), this.#random() * 20) : undefined;
		await connection.send(sending, (seen) => pieces > 0 && seen >= pieces);
		clearTimeout(timer);
		connection.close();
		this.outcomes.aborted++;
	}

	#pick(): Buffer {
		let rest = this.#random();
		let kind = this.#mix[0];
		for (const one of this.#mix) {
			kind = one;
			rest -= one.share;
			if (rest < 0) break;
		}
		const requests = kind?.requests ?? [];
		const template = requests[Math.floor(this.#random() * requests.length)];
		const oldest = Math.floor(this.sent / REQUESTS_A_CONVERSATION);
		const conversation = oldest + Math.floor(this.#random() * LIVE_CONVERSATIONS);
		return template === undefined ? Buffer.alloc(0) : fill(template, conversation);
	}

	#account(reply: Reply): void {
		const { outcomes } = this;
		if (reply.status !== 200 && reply.complete) {
			outcomes.refused[reply.status] = (outcomes.refused[reply.status] ?? 0) + 1;
		} else if (!reply.complete) outcomes.cut++;
		else if (reply.ending.includes("event: error\n")) outcomes.endedWithError++;
		else outcomes.served++;
	}
}

function printReport(report: SoakReport): void {
	const { outcomes, memory } = report;
	const sum = Object.values(outcomes.refused).reduce((total, count) => total + count, 0);
	console.log(
		`served ${outcomes.served} · ended with an error event ${outcomes.endedWithError} · cut ${outcomes.cut} · ` +
			`refused ${sum} ${sum === 0 ? "" : `${JSON.stringify(outcomes.refused)} `}· client hung up ${outcomes.aborted}`,
	);
	console.log(`${report.seconds.toFixed(1)} s · open files ${report.openFilesBefore} → ${report.openFilesAfter}`);
	console.log("requests   resident   anonymous   live heap, MB");
	for (const { requests, rssMb, anonymousMb, heapMb } of memory) {
		const figures = [rssMb, anonymousMb, heapMb].map((mb) => (mb === null ? "–" : mb.toFixed(0)).padStart(10));
		console.log(`${String(requests).padStart(8)} ${figures.join(" ")}`);
	}
	if (report.stderr.trim() !== "") console.log(`standard error of the gateway:\n${report.stderr}`);
	for (const line of report.errorLines) console.log(`log: ${line}`);
	for (const violation of report.violations) console.log(`✗ ${violation}`);
	if (report.violations.length === 0) console.log("✓ alive, quiet, nothing left open, memory flat");
}

const HELP = `npm run soak [-- options]

Sends requests through the built gateway while clients hang up and upstreams break; ends with 1 when the gateway
crashed, complained, kept sockets open or kept growing.

  --requests <n>      how many (default ${SOAK_DEFAULTS.requests})
  --concurrency <n>   connections (default ${SOAK_DEFAULTS.concurrency})
  --aborts <share>    clients that hang up (default ${SOAK_DEFAULTS.abortShare})
  --cuts <share>      upstream answers that break (default ${SOAK_DEFAULTS.cutShare})
  --looks <n>         how often memory is looked at (default ${SOAK_DEFAULTS.looks})
  --gateway <file>    build to test (default dist/main.js)
  --seed <n>          for the same run again
  --help`;

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			requests: { type: "string" },
			concurrency: { type: "string" },
			aborts: { type: "string" },
			cuts: { type: "string" },
			seed: { type: "string" },
			looks: { type: "string" },
			gateway: { type: "string" },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help) {
		console.log(HELP);
		return;
	}
	const report = await runSoak({
		requests: Number(values.requests ?? SOAK_DEFAULTS.requests),
		concurrency: Number(values.concurrency ?? SOAK_DEFAULTS.concurrency),
		abortShare: Number(values.aborts ?? SOAK_DEFAULTS.abortShare),
		cutShare: Number(values.cuts ?? SOAK_DEFAULTS.cutShare),
		seed: Number(values.seed ?? SOAK_DEFAULTS.seed),
		looks: Number(values.looks ?? SOAK_DEFAULTS.looks),
		...(values.gateway === undefined ? {} : { main: resolve(values.gateway) }),
	});
	printReport(report);
	process.exitCode = report.violations.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
