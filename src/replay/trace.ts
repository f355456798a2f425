// A recorded workload as requests: what a trace file says, checked line by line. Leaves the line format to the formats and time, density
// and heads to replay/workload.
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { blockRuns } from "./block-runs.ts";

/** One recorded request. Prompts are blocks of `Trace.blockTokens` tokens; equal ids mean equal blocks and equal prefixes before them. */
export interface TraceRequest {
	/** Ms since the trace's start, or since its session's start in a relative trace. */
	readonly at: number;
	/** Null where the trace knows no sessions. */
	readonly session: number | null;
	/** 0 = the main loop. */
	readonly agent: number;
	/** As recorded; null where the trace names none. */
	readonly model: string | null;
	/** The prompt's full blocks in order, as runs of consecutive ids: first, count, first, count … */
	readonly runs: Float64Array;
	/** Tokens of the whole prompt, the last partial block included. */
	readonly promptTokens: number;
	readonly outputTokens: number;
	/** How long the upstream's answer took; null where not recorded. */
	readonly durationMs: number | null;
	/** How many of the first blocks are tools. */
	readonly toolsBlocks: number;
	/** How many of the first blocks are tools or system. */
	readonly systemBlocks: number;
}

export interface Trace {
	readonly name: string;
	/** Where the recording comes from, with its licence. */
	readonly source: string;
	readonly blockTokens: number;
	/** one: all requests share a clock · relative: each session starts at 0 and is overlaid at a chosen rate. */
	readonly clock: "one" | "relative";
	readonly requests: readonly TraceRequest[];
}

/** What a format makes of a file's header. Its `requestOf` gives one request for each further line. */
export interface TraceHeader extends Omit<Trace, "requests"> {
	/** Throws an Error that says what is wrong with the line; the reader adds where. */
	requestOf(line: unknown): TraceRequest;
}

/** A kind of trace file: JSON lines, the first of them a header. Another kind needs one of these and a place in `FORMATS`. */
export interface TraceFormat {
	/** Null when the header is of another format. Throws an Error when it is of this one and wrong. */
	header(line: Readonly<Record<string, unknown>>): TraceHeader | null;
}

const FORMATS: readonly TraceFormat[] = [blockRuns];

/** A trace that cannot be replayed: says where (`file:line`) and why. */
export class TraceError extends Error {
	constructor(where: string, reason: string, cause?: unknown) {
		super(`${where}: ${reason}`, cause === undefined ? undefined : { cause });
		this.name = "TraceError";
	}
}

/** Reads a `.jsonl` or `.jsonl.gz` file line by line. Rejects with a TraceError for anything that is not a trace. */
export async function readTrace(path: string): Promise<Trace> {
	return collectTrace(basename(path), linesOf(path));
}

/** The same from lines; `name` stands for the file in messages. Empty lines are passed over. */
export async function collectTrace(name: string, lines: AsyncIterable<string> | Iterable<string>): Promise<Trace> {
	let header: TraceHeader | null = null;
	const requests: TraceRequest[] = [];
	let number = 0;
	try {
		for await (const line of lines) {
			number += 1;
			if (line.trim() === "") continue;
			const value: unknown = JSON.parse(line);
			if (header === null) header = headerOf(value);
			else requests.push(header.requestOf(value));
		}
	} catch (cause) {
		throw new TraceError(number === 0 ? name : `${name}:${number}`, reasonOf(cause), cause);
	}
	if (header === null) throw new TraceError(name, "the file is empty; a trace starts with a header line");
	if (requests.length === 0) throw new TraceError(name, "the trace has a header but no requests");
	return {
		name: header.name,
		source: header.source,
		blockTokens: header.blockTokens,
		clock: header.clock,
		requests,
	};
}

async function* linesOf(path: string): AsyncGenerator<string> {
	const file = createReadStream(path);
	const input = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
	// pipe() does not pass errors on: without this a missing file would be an empty one.
	if (input !== file) file.on("error", (error) => input.destroy(error));
	yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}

function headerOf(value: unknown): TraceHeader {
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		throw new Error('the first line must be a header object, such as {"trace":"name","block":64}');
	}
	for (const format of FORMATS) {
		const header = format.header(value as Readonly<Record<string, unknown>>);
		if (header !== null) return header;
	}
	throw new Error('the header is of no known trace format; expected {"trace":"name","block":TOKENS_PER_BLOCK,…}');
}

function reasonOf(cause: unknown): string {
	if (cause instanceof SyntaxError) return `not JSON: ${cause.message}`;
	return cause instanceof Error ? cause.message : String(cause);
}
