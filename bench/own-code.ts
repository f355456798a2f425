// `npx tsx bench/own-code.ts`: what our own code takes of a request, without sockets: the built data plane with a client and an upstream of
// the same process. For finding where time goes (`node --cpu-prof`, `--log-maps`); what users feel is `npm run bench`'s to measure.
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate as turnOfTheEventLoop } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { getHeapSpaceStatistics } from "node:v8";
import type * as LoadModule from "../src/config/load.ts";
import type * as OpenModule from "../src/db/open.ts";
import type * as GatewayModule from "../src/gateway.ts";
import type { UpstreamListener } from "../src/proxy/upstream/upstream.ts";
import type { RequestLog } from "../src/requestlog/log.ts";
import type * as LogModule from "../src/telemetry/log.ts";
import { type AnswerKind, BENCH_MODEL, buildRequests } from "./bodies.ts";
import { PROJECT } from "./children.ts";
import { median } from "./measure.ts";
import { processFigures } from "./process-figures.ts";

const HELP = `npx tsx bench/own-code.ts [options]

  --bytes <n>     size of a body (default 1800)
  --answer <kind> json or sse (default json)
  --log           also with the request log in a SQLite file, switched on and off in turns
  --rounds <n>    rounds of 2,000 requests; the best one counts (default 14)
  --dist <dir>    build to measure (default dist), to compare two: name one after the other, several times`;

const { values: options } = parseArgs({
	options: {
		bytes: { type: "string", default: "1800" },
		answer: { type: "string", default: "json" },
		log: { type: "boolean", default: false },
		rounds: { type: "string", default: "14" },
		dist: { type: "string", default: "dist" },
		help: { type: "boolean", default: false },
	},
});

const REQUESTS_A_ROUND = 2_000;
const REQUESTS_A_TURN = 16;
const DEPLOYMENTS = 3;
const DELTAS = 40;

interface PreparedRequest {
	readonly rawHeaders: readonly string[];
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Buffer;
}

async function main(): Promise<void> {
	const dist = resolve(PROJECT, options.dist);
	const load = (file: string) => import(pathToFileURL(join(dist, file)).href);
	const { openGateway } = (await load("gateway.js")) as typeof GatewayModule;
	const { parseConfig } = (await load("config/load.js")) as typeof LoadModule;
	const { createLogger } = (await load("telemetry/log.js")) as typeof LogModule;
	const { openDatabase } = (await load("db/open.js")) as typeof OpenModule;
	const loaded = parseConfig(configText(), { path: "bench.yaml", env: {} });
	if (!loaded.ok) throw new Error(`the bench's configuration is refused: ${JSON.stringify(loaded)}`);
	const folder = mkdtempSync(join(tmpdir(), "warmpath-own-code-"));
	const database = options.log ? await openDatabase({ kind: "sqlite", path: join(folder, "log.db") }) : null;
	const log = createLogger({ level: "info", format: "json" }, new Discard() as unknown as NodeJS.WritableStream);
	const gateway = await openGateway(loaded.config, { log, database });
	const { pools } = gateway.serving();
	const answer = answerOf(options.answer as AnswerKind, Number(options.bytes));
	pools.open = (request, _timeouts, listener) => {
		queueMicrotask(() => answer(request.origin, listener));
		return { pause() {}, resume() {}, abort() {}, release() {} };
	};
	const requests = prepared();
	const one = (request: PreparedRequest) =>
		new Promise<number>((done) => {
			const client = new FakeRequest(request) as unknown as IncomingMessage;
			const response = new FakeResponse(done) as unknown as ServerResponse;
			gateway.offer(client, response, { control: false, probes: false });
		});
	const recorder = gateway.serving().recorder as { requests: RequestLog | null };
	const logged = recorder.requests;
	const sides: Side[] = logged === null ? [newSide(null)] : [newSide(null), newSide(logged)];
	for (let round = 0; round < Number(options.rounds); round += 1) {
		// In turns: what else the machine does changes by the second.
		for (const side of sides) {
			recorder.requests = side.log;
			const old = oldBytes();
			const began = spentMs();
			for (let at = 0; at < REQUESTS_A_ROUND; at += 1) {
				const status = await one(requests[at % requests.length] as PreparedRequest);
				if (status !== 200) throw new Error(`a request was answered with ${status}`);
				// As between requests of sockets, timers fire and the log is handed over.
				if (at % REQUESTS_A_TURN === 0) await turnOfTheEventLoop();
			}
			await gateway.requestLog?.flush();
			const ended = spentMs();
			side.serving.push(((ended.serving - began.serving) * 1000) / REQUESTS_A_ROUND);
			side.others.push(((ended.others - began.others) * 1000) / REQUESTS_A_ROUND);
			side.kept.push((oldBytes() - old) / REQUESTS_A_ROUND);
		}
	}
	for (const side of sides) console.log(lineOf(side));
	await gateway.close();
	await database?.close();
	rmSync(folder, { recursive: true, force: true });
}

/** A request's share in each round, with the log or without. */
interface Side {
	readonly log: RequestLog | null;
	/** CPU µs of the thread that serves, and of all others. */
	readonly serving: number[];
	readonly others: number[];
	/** Bytes that outlived the young generation. */
	readonly kept: number[];
}

function newSide(log: RequestLog | null): Side {
	return { log, serving: [], others: [], kept: [] };
}

function lineOf({ log, serving, others, kept }: Side): string {
	const about = `${options.dist}: ${options.bytes} bytes, ${options.answer}${log === null ? "" : ", logged"}`;
	const cpu = `${Math.min(...serving).toFixed(1)} µs CPU a request at best, median ${median(serving).toFixed(1)}`;
	const beside = `other threads ${Math.min(...others).toFixed(1)}, median ${median(others).toFixed(1)}`;
	// A full collection within a round makes it negative: the median is of the others.
	const keptBytes = median(kept.filter((bytes) => bytes > 0));
	return `${about}: ${cpu}; ${beside}; ${(keptBytes / 1024).toFixed(1)} KB outlived the young generation`;
}

/** CPU time so far, of the thread that serves and of all others: no other program's load is in it. */
function spentMs(): { readonly serving: number; readonly others: number } {
	const figures = processFigures(process.pid);
	if (figures?.mainThreadMs == null) throw new Error("this kernel does not tell a thread's CPU time");
	const { user, system } = process.cpuUsage();
	return { serving: figures.mainThreadMs, others: (user + system) / 1000 - figures.mainThreadMs };
}

/** Size of what has been promoted and not been collected yet. */
function oldBytes(): number {
	return getHeapSpaceStatistics()
		.filter(({ space_name }) => space_name === "old_space" || space_name === "large_object_space")
		.reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}

function configText(): string {
	const deployments = Array.from({ length: DEPLOYMENTS }, (_, index) => ({
		model_name: BENCH_MODEL,
		litellm_params: {
			model: `anthropic/${BENCH_MODEL}`,
			api_base: `http://deployment-${index}.invalid`,
			api_key: `sk-bench-${index}`,
		},
	}));
	// JSON is YAML.
	return JSON.stringify({ model_list: deployments, warmpath: { request_log: { enabled: options.log } } });
}

function prepared(): PreparedRequest[] {
	const about = { bytes: Number(options.bytes), answer: options.answer as AnswerKind, conversations: 32 };
	return buildRequests(about).map((request) => {
		const end = request.indexOf("\r\n\r\n");
		const lines = request.toString("latin1", 0, end).split("\r\n").slice(1);
		const pairs = lines.map((line): [string, string] => {
			const colon = line.indexOf(": ");
			return [line.slice(0, colon), line.slice(colon + 2)];
		});
		const headers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
		return { rawHeaders: pairs.flat(), headers, body: request.subarray(end + 4) };
	});
}

/** Claims, as the bench's upstream does, that all but the end of the prompt was read from the cache. */
function answerOf(kind: AnswerKind, bytes: number): (origin: string, listener: UpstreamListener) => void {
	const usage = {
		input_tokens: 12,
		cache_creation_input_tokens: 0,
		cache_read_input_tokens: Math.max(0, Math.round(bytes / 4) - 12),
		output_tokens: 480,
	};
	const message = { id: "msg_01", type: "message", role: "assistant", model: BENCH_MODEL, stop_reason: "end_turn" };
	const text = " and then the reader moves on to the next block of the prompt";
	const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
	const delta = event("content_block_delta", { index: 0, delta: { type: "text_delta", text } });
	const body =
		kind === "json"
			? JSON.stringify({ ...message, content: [{ type: "text", text }], usage })
			: event("message_start", { message: { ...message, content: [], usage } }) +
				event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }) +
				event("ping", {}) +
				delta.repeat(DELTAS) +
				event("content_block_stop", { index: 0 }) +
				event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage }) +
				event("message_stop", {});
	const sent = Buffer.from(body);
	return (origin, listener) => {
		listener.head(200, {
			"content-type": kind === "json" ? "application/json" : "text/event-stream; charset=utf-8",
			"request-id": "req_01",
			"anthropic-organization-id": "11111111-1111-4111-8111-111111111111",
			"anthropic-workspace-id": origin,
			"anthropic-ratelimit-input-tokens-limit": "4000000",
			"anthropic-ratelimit-input-tokens-remaining": "3999000",
			"anthropic-ratelimit-input-tokens-reset": "2026-11-22T10:00:00Z",
		});
		listener.end(sent);
	};
}

class FakeRequest extends EventEmitter {
	readonly method = "POST";
	readonly url = "/v1/messages?beta=true";
	readonly complete = true;
	readonly httpVersionMajor = 1;
	readonly rawHeaders: readonly string[];
	readonly headers: Readonly<Record<string, string>>;
	readonly #body: Buffer;

	constructor({ rawHeaders, headers, body }: PreparedRequest) {
		super();
		this.rawHeaders = rawHeaders;
		this.headers = headers;
		this.#body = body;
	}

	/** The body comes when the last of its listeners is there. */
	override on(event: string, listener: (...values: unknown[]) => void): this {
		super.on(event, listener);
		if (event === "close") {
			queueMicrotask(() => {
				this.emit("data", this.#body);
				this.emit("end");
			});
		}
		return this;
	}

	pause(): void {}
}

class FakeResponse extends EventEmitter {
	statusCode = 0;
	headersSent = false;
	writableEnded = false;
	writableFinished = false;
	readonly #done: (status: number) => void;

	constructor(done: (status: number) => void) {
		super();
		this.#done = done;
	}

	writeHead(status: number): void {
		this.statusCode = status;
		this.headersSent = true;
	}

	write(): boolean {
		return true;
	}

	end(): void {
		this.writableEnded = true;
		this.writableFinished = true;
		this.#done(this.statusCode);
	}

	flushHeaders(): void {}

	destroy(): void {
		this.#done(0);
	}
}

class Discard {
	write(): boolean {
		return true;
	}
}

if (options.help) console.log(HELP);
else await main();
