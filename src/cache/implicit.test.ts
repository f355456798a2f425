import { expect, test } from "vitest";
import { implicitBreakpoints, implicitRules, implicitUsage } from "./implicit.ts";
import { MESSAGES_LEVEL, type Prefixes } from "./index.ts";

/** A prompt of so many tools, system and message blocks. */
function promptOf(tools: number, system: number, messages: number): Prefixes {
	const level = Uint8Array.from([
		...Array<number>(tools).fill(0),
		...Array<number>(system).fill(1),
		...Array<number>(messages).fill(MESSAGES_LEVEL),
	]);
	const numbers = Float64Array.from(level.keys());
	return {
		count: level.length,
		high: numbers,
		low: numbers,
		level,
		kind: new Uint8Array(level.length),
		bytes: numbers,
	};
}

test("the ends of tools and system and the last blocks are remembered", () => {
	const marks = implicitBreakpoints(promptOf(3, 2, 100), "5m").map(({ block }) => block);
	expect(marks.slice(0, 3)).toEqual([2, 4, 41]);
	expect(marks.at(-1)).toBe(104);
	expect(marks.length).toBe(66);
});

test("a short prompt is remembered whole, an empty one not at all", () => {
	expect(implicitBreakpoints(promptOf(1, 1, 2), "1h").map(({ block }) => block)).toEqual([0, 1, 2, 3]);
	expect(implicitBreakpoints(promptOf(0, 0, 0), "1h")).toEqual([]);
});

test("OpenAI caches from 1,024 tokens for minutes, one's own server from few and for longer", () => {
	expect(implicitRules(null)).toEqual({ ttl: "5m", minimumTokens: 1024 });
	expect(implicitRules("https://eu.api.openai.com/v1").ttl).toBe("5m");
	const gemini = "https://generativelanguage.googleapis.com/v1beta/openai";
	expect(implicitRules(gemini)).toEqual({ ttl: "5m", minimumTokens: 4096 });
	expect(implicitRules("http://gpu-1:8000/v1").ttl).toBe("1h");
	expect(implicitRules("http://openai.com.example/v1").ttl).toBe("1h");
});

test("what was not read was written; without a report the prediction stands", () => {
	const usage = { inputTokens: 900, cacheReadTokens: 0, cacheWriteTokens: 0 };
	const silent = implicitUsage(usage, { reports: false, predictedReadTokens: 600 });
	expect(silent).toEqual({ inputTokens: 0, cacheReadTokens: 600, cacheWriteTokens: 300 });
	const counted = implicitUsage(usage, { reports: true, predictedReadTokens: 600 });
	expect(counted).toEqual({ inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 900 });
});
