// The process log: pino, human-readable on a terminal and JSON lines otherwise. Leaves what is worth saying to the callers; no prompt text, no secrets.
import { Writable } from "node:stream";
import { styleText } from "node:util";
import { type DestinationStream, type Logger, pino } from "pino";
import { batchedOutput } from "./standard-output.ts";

export type { Logger } from "pino";

export interface LogOptions {
	readonly level: "debug" | "info" | "warn" | "error" | "silent";
	/** auto = human on a terminal, JSON otherwise. */
	readonly format: "auto" | "human" | "json";
}

/** A logger that writes to standard output, or to `destination`. Writing never throws and never waits for a slow reader. */
export function createLogger(options: LogOptions, destination?: NodeJS.WritableStream): Logger {
	const terminal = destination === undefined && process.stdout.isTTY === true;
	const human = options.format === "human" || (options.format === "auto" && terminal);
	const target = destination ?? standardOutput(human);
	const sink = human ? humanStream(target as NodeJS.WritableStream, terminal) : target;
	return pino(
		{
			level: options.level,
			base: null,
			timestamp: cachedTime,
			formatters: { level: (label) => ({ level: label }) },
		},
		sink as pino.DestinationStream,
	);
}

/** What cannot be written is lost: a full disk or a reader that went away must not end the process. */
function standardOutput(human: boolean): NodeJS.WritableStream | DestinationStream {
	if (!process.stdout.listeners("error").includes(loseLines)) process.stdout.on("error", loseLines);
	if (human) return process.stdout;
	return batchedOutput();
}

function loseLines(): void {}

const COLOURS = { debug: "gray", info: "cyan", warn: "yellow", error: "red" } as const;

let stampedAt = 0;
let stamp = "";

/** ISO time, made once a millisecond. */
function cachedTime(): string {
	const now = Date.now();
	if (now !== stampedAt) {
		stampedAt = now;
		stamp = `,"time":"${new Date(now).toISOString()}"`;
	}
	return stamp;
}

/** Turns pino's JSON lines into `12:34:56 INFO  message key=value`. */
function humanStream(target: NodeJS.WritableStream, colour: boolean): Writable {
	return new Writable({
		write(line: Buffer | string, _encoding, done) {
			target.write(`${humanLine(String(line), colour)}\n`);
			done();
		},
	});
}

function humanLine(line: string, colour: boolean): string {
	let entry: Record<string, unknown>;
	try {
		entry = JSON.parse(line) as Record<string, unknown>;
	} catch {
		return line.trimEnd();
	}
	const { level, time, msg, ...rest } = entry;
	const name = String(level);
	const label = name.toUpperCase().padEnd(5);
	const paint = name in COLOURS ? COLOURS[name as keyof typeof COLOURS] : "white";
	const details = Object.entries(rest).map(
		([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
	);
	const tail = details.length === 0 ? "" : ` ${details.join(" ")}`;
	const clock = String(time).slice(11, 19);
	if (!colour) return `${clock} ${label} ${String(msg)}${tail}`;
	return `${styleText("gray", clock)} ${styleText(paint, label)} ${String(msg)}${styleText("gray", tail)}`;
}
