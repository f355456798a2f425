// Options of the database and the request log: as written, and with their defaults. Leaves what they amount to
// to config/request-log-read.
import * as z from "zod";
import { age, flag, integer, number } from "./fields.ts";

/** What of requests is kept, and for how long. */
export interface RequestLogConfig {
	/** false = nothing is logged and nothing summed. */
	readonly enabled: boolean;
	/** Requests older than this are deleted, ms; null = never. Sums by hour stay. */
	readonly maxAgeMs: number | null;
	/** The oldest are deleted while the log takes more, bytes; null = any size. */
	readonly maxBytes: number | null;
	/** Requests that may wait to be written; what comes beyond is lost, and counted. */
	readonly maxQueued: number;
	/** `general_settings.store_prompts_in_spend_logs`: also keep what was asked and answered. */
	readonly storeBodies: boolean;
}

export const MEGABYTE = 1024 * 1024;
const DAY_MS = 86_400_000;

export const REQUEST_LOG_DEFAULTS: RequestLogConfig = {
	enabled: true,
	maxAgeMs: 30 * DAY_MS,
	maxBytes: 4096 * MEGABYTE,
	maxQueued: 20_000,
	storeBodies: false,
};

export const requestLogSchema = z.strictObject({
	enabled: flag().optional().describe("Keep a row for each request, and sums. Default: true."),
	max_age: age().default(REQUEST_LOG_DEFAULTS.maxAgeMs).describe("Older requests are deleted; off: never."),
	max_size_mb: z
		.union([number({ min: 1 }), z.literal("off"), z.literal(false)], { error: "expected megabytes, or off" })
		.default((REQUEST_LOG_DEFAULTS.maxBytes ?? 0) / MEGABYTE)
		.describe("The oldest requests are deleted while the log takes more megabytes; off: any size."),
	queue: integer({ min: 1, max: 10_000_000 })
		.default(REQUEST_LOG_DEFAULTS.maxQueued)
		.describe("Requests that wait in memory while the database is away; more are lost, and counted."),
});
