// Mock upstream, a process of its own: reads each body and answers from prebuilt buffers, as cheaply as node:http can.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Sent to the process by IPC to begin; it answers with `{ports}`. */
export interface UpstreamOptions {
	/** How many addresses to listen on, each with a workspace of its own. */
	readonly listeners: number;
	/** Share of requests whose connection is cut: half before the head, half in the middle of the answer. */
	readonly cutShare: number;
	/** Of the random cuts. */
	readonly seed: number;
	/** Idle connections are closed after this long. */
	readonly keepAliveMs: number;
}

const DELTAS = 40;
const WORDS = " and then the reader moves on to the next block of the prompt";

interface Answer {
	readonly json: Buffer;
	readonly events: readonly Buffer[];
}

/** By number of prompt tokens: bodies of one size share one answer. */
const answers = new Map<string, Answer>();

function answerFor(tokens: string): Answer {
	const known = answers.get(tokens);
	if (known !== undefined) return known;
	const answer = buildAnswer(Number(tokens));
	answers.set(tokens, answer);
	return answer;
}

/** Claims that all of the prompt but its end was read from the cache. */
function buildAnswer(tokens: number): Answer {
	const uncached = Math.min(tokens, 12);
	const usage = {
		input_tokens: uncached,
		cache_creation_input_tokens: 0,
		cache_read_input_tokens: tokens - uncached,
		cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
		output_tokens: 1,
		service_tier: "standard",
	};
	const message = {
		id: "msg_01BenchBenchBenchBenchBench",
		type: "message",
		role: "assistant",
		model: "claude-opus-5-5",
		content: [] as unknown[],
		stop_reason: null,
		stop_sequence: null,
		usage,
	};
	const events: Buffer[] = [
		event("message_start", { message }),
		event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
		event("ping", {}),
	];
	for (let i = 0; i < DELTAS; i++) {
		events.push(event("content_block_delta", { index: 0, delta: { type: "text_delta", text: WORDS } }));
	}
	const output = { output_tokens: DELTAS * 12 };
	events.push(
		event("content_block_stop", { index: 0 }),
		event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { ...usage, ...output } }),
		event("message_stop", {}),
	);
	const whole = {
		...message,
		content: [{ type: "text", text: WORDS.repeat(9) }],
		stop_reason: "end_turn",
		usage: { ...usage, ...output },
	};
	return { json: Buffer.from(JSON.stringify(whole)), events };
}

function event(type: string, data: Record<string, unknown>): Buffer {
	return Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
}

/** What every answer of one listener carries; the figures are far from any limit. */
function commonHeaders(listener: number): string[] {
	const headers = [
		["request-id", "req_011CBenchBenchBenchBench"],
		["anthropic-organization-id", "0b5e55ed-0000-4000-8000-000000000000"],
		["anthropic-workspace-id", `wrkspc_bench${listener}`],
		["anthropic-ratelimit-requests-limit", "1000000"],
		["anthropic-ratelimit-requests-remaining", "999999"],
		["anthropic-ratelimit-requests-reset", "2027-01-01T00:00:00Z"],
		["anthropic-ratelimit-input-tokens-limit", "1000000000"],
		["anthropic-ratelimit-input-tokens-remaining", "999999000"],
		["anthropic-ratelimit-input-tokens-reset", "2027-01-01T00:00:00Z"],
	];
	return headers.flat();
}

type Cut = "none" | "before" | "middle";

function serve(options: UpstreamOptions, listener: number, random: () => number) {
	const common = commonHeaders(listener);
	const streamHeaders = [...common, "content-type", "text/event-stream; charset=utf-8", "cache-control", "no-cache"];
	const jsonHeaders = [...common, "content-type", "application/json"];
	return (request: IncomingMessage, response: ServerResponse): void => {
		request.on("error", () => {});
		response.on("error", () => {});
		request.on("end", () => {
			const delay = request.headers["x-bench-delay-ms"];
			if (delay === undefined) answer(request, response);
			else setTimeout(answer, Number(delay), request, response);
		});
		request.resume();
	};

	function answer(request: IncomingMessage, response: ServerResponse): void {
		const cut = drawCut();
		if (cut === "before") {
			request.socket.destroy();
			return;
		}
		const { json, events } = answerFor(String(request.headers["x-bench-tokens"] ?? "100"));
		switch (request.headers["x-bench-answer"]) {
			case "sse":
				response.writeHead(200, streamHeaders);
				if (cut === "middle") writePaced(response, events.slice(0, events.length >> 1), "cut");
				else {
					for (const part of events) response.write(part);
					response.end();
				}
				break;
			case "sse-paced":
				response.writeHead(200, streamHeaders);
				if (cut === "middle") writePaced(response, events.slice(0, events.length >> 1), "cut");
				else writePaced(response, events, "end");
				break;
			default:
				response.writeHead(200, [...jsonHeaders, "content-length", String(json.length)]);
				if (cut === "middle") writePaced(response, [json.subarray(0, json.length >> 1)], "cut");
				else response.end(json);
		}
	}

	function drawCut(): Cut {
		if (options.cutShare === 0 || random() >= options.cutShare) return "none";
		return random() < 0.5 ? "before" : "middle";
	}
}

/** One event per turn of the event loop, so that each travels alone. */
function writePaced(response: ServerResponse, events: readonly Buffer[], then: "end" | "cut"): void {
	let next = 0;
	step();
	function step(): void {
		if (response.destroyed) return;
		const part = events[next++];
		if (part !== undefined) {
			response.write(part);
			setImmediate(step);
		} else if (then === "end") response.end();
		else response.destroy();
	}
}

/** Small seeded generator (mulberry32). */
export function seededRandom(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

async function listen(options: UpstreamOptions): Promise<void> {
	const random = seededRandom(options.seed);
	const ports = Array.from({ length: options.listeners }, (_, index) => {
		const server = createServer(
			{ noDelay: true, keepAliveTimeout: options.keepAliveMs },
			serve(options, index, random),
		);
		return new Promise<number>((resolve, reject) => {
			server.on("error", reject);
			server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
		});
	});
	process.send?.({ ports: await Promise.all(ports) });
}

// Only as a child process: it lives as long as its parent's IPC channel.
if (process.send !== undefined && process.argv[2] === "--child") {
	process.once("message", (options: UpstreamOptions) => void listen(options));
	process.once("disconnect", () => process.exit(0));
	process.on("SIGINT", () => {});
}
