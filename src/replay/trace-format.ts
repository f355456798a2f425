// What a trace is, and what a kind of trace file has to know about itself. Leaves files to replay/trace and lines to each format.

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
	/** Null = the line is no request that can be replayed. Throws an Error that says what is wrong with it; the reader adds where. */
	requestOf(line: unknown): TraceRequest | null;
}

/** A kind of trace file: JSON lines, the first of them a header. Another kind needs one of these and a place in `FORMATS`. */
export interface TraceFormat {
	/** Null when the header is of another format. Throws an Error when it is of this one and wrong. */
	header(line: Readonly<Record<string, unknown>>): TraceHeader | null;
}
