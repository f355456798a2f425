// The trace format of block ids in runs: Claude Code sessions, Mooncake and mini-swe-agent recordings. Leaves files to replay/trace.
import type { TraceFormat, TraceHeader, TraceRequest } from "./trace-format.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Header: `trace`, `source`, `block` (tokens a block), `models` by index, `time` ("relative …" = since the session's start).
 * Lines: `t` seconds, `i` and `o` tokens, `b` [[first id, count], …], and where recorded `s` session, `a` agent, `m` model,
 * `d` seconds, `tl` and `sy` leading blocks of tools and of tools + system.
 */
export const blockRuns: TraceFormat = {
	header(line) {
		if (typeof line["trace"] !== "string") return null;
		if ("fields" in line) throw new Error("this trace has arrivals only, no prompts: there is no cache to replay");
		const blockTokens = count(line, "block");
		if (blockTokens === 0) throw new Error("'block' must be at least 1 token");
		const models = fieldsOf(line["models"] ?? {}, "'models'");
		const time = line["time"];
		return {
			name: line["trace"],
			source: typeof line["source"] === "string" ? line["source"] : "",
			blockTokens,
			clock: typeof time === "string" && time.startsWith("relative") ? "relative" : "one",
			requestOf: (value) => requestOf(fieldsOf(value, "a request"), { blockTokens, models }),
		} satisfies TraceHeader;
	},
};

function requestOf(line: Fields, header: { readonly blockTokens: number; readonly models: Fields }): TraceRequest {
	const runs = runsOf(line["b"]);
	let blocks = 0;
	for (let at = 1; at < runs.length; at += 2) blocks += runs[at] ?? 0;
	const promptTokens = count(line, "i");
	if (promptTokens < blocks * header.blockTokens) {
		throw new Error(`'i' is ${promptTokens} tokens but 'b' has ${blocks} blocks of ${header.blockTokens}`);
	}
	const systemBlocks = Math.min(blocks, "sy" in line ? count(line, "sy") : 0);
	return {
		at: Math.round(amount(line, "t") * 1000),
		session: "s" in line ? count(line, "s") : null,
		agent: "a" in line ? count(line, "a") : 0,
		model: "m" in line ? modelOf(line["m"], header.models) : null,
		runs,
		promptTokens,
		outputTokens: count(line, "o"),
		durationMs: "d" in line ? Math.round(amount(line, "d") * 1000) : null,
		toolsBlocks: Math.min(systemBlocks, "tl" in line ? count(line, "tl") : 0),
		systemBlocks,
	};
}

function runsOf(value: unknown): Float64Array {
	if (!Array.isArray(value)) throw new Error("'b' must be a list of [first id, count]");
	const runs = new Float64Array(value.length * 2);
	for (const [at, run] of value.entries()) {
		const [first, length] = Array.isArray(run) ? (run as readonly unknown[]) : [];
		if (!isCount(first) || !isCount(length) || length === 0) {
			throw new Error(`'b' has ${JSON.stringify(run)}; a run is [first id, count], two whole numbers`);
		}
		runs[2 * at] = first;
		runs[2 * at + 1] = length;
	}
	return runs;
}

function modelOf(index: unknown, models: Fields): string {
	const model = models[String(index)];
	if (typeof model !== "string") throw new Error(`'m' is ${JSON.stringify(index)}, which the header's 'models' lacks`);
	return model;
}

function fieldsOf(value: unknown, what: string): Fields {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
	throw new Error(`${what} must be a JSON object`);
}

function amount(line: Fields, name: string): number {
	const value = line[name];
	if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
	throw new Error(`'${name}' must be a number of 0 or more, not ${JSON.stringify(value) ?? "absent"}`);
}

function count(line: Fields, name: string): number {
	const value = line[name];
	if (isCount(value)) return value;
	throw new Error(`'${name}' must be a whole number of 0 or more, not ${JSON.stringify(value) ?? "absent"}`);
}

function isCount(value: unknown): value is number {
	return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
