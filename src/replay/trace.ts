// A recorded workload as requests: what a trace file says, checked line by line. Leaves the line format to the formats and time, density
// and heads to replay/workload.
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { blockRuns } from "./block-runs.ts";
import { requestLog } from "./request-log.ts";
import type { Trace, TraceFormat, TraceHeader, TraceRequest } from "./trace-format.ts";

const FORMATS: readonly TraceFormat[] = [blockRuns, requestLog];

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
			else {
				const request = header.requestOf(value);
				if (request !== null) requests.push(request);
			}
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
	if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "there is no such file";
	return cause instanceof Error ? cause.message : String(cause);
}
