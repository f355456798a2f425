// `warmpath.request_log`: what of requests is kept, and for how long. Leaves keeping it to requestlog/.
import * as z from "zod";
import { age, flag, integer, number } from "../fields.ts";
import { firstGiven, isGiven } from "../precedence.ts";
import type { Report } from "../report.ts";
import { option, section } from "../section.ts";
import type { LitellmSections } from "./litellm-sections.ts";

const megabytesOrOff = z.union([number({ min: 1 }), z.literal("off"), z.literal(false)], {
	error: "expected megabytes, or off",
});

export const requestLogSchema = section({
	enabled: option(flag(), true, "Keep a row for each request, and sums. Default: true."),
	max_age: option(age(), "30d", "Older requests are deleted; off: never."),
	max_size_mb: option(
		megabytesOrOff,
		4096,
		"The oldest requests are deleted while the log takes more megabytes; off: any size.",
	),
	queue: option(
		integer({ min: 1, max: 10_000_000 }),
		20_000,
		"Requests that wait in memory while the database is away; more are lost, and counted.",
	),
});

export interface RequestLogConfig {
	/** false = nothing is logged and nothing summed. */
	readonly enabled: boolean;
	/** Requests older than this are deleted; null = never. Sums by hour stay. */
	readonly maxAgeMs: number | null;
	/** The oldest are deleted while the log takes more; null = any size. */
	readonly maxBytes: number | null;
	/** Requests that may wait to be written; what comes beyond is lost, and counted. */
	readonly maxQueued: number;
	/** `general_settings.store_prompts_in_spend_logs`: also keep what was asked and answered. */
	readonly storeBodies: boolean;
}

const MEGABYTE = 1024 * 1024;

/** LiteLLM's names for the same things count where ours are not given. */
export function readRequestLog(
	own: z.output<typeof requestLogSchema>,
	{ general }: LitellmSections,
	report: Report,
): RequestLogConfig {
	const isEnabledHere = isGiven(report, ["warmpath", "request_log", "enabled"]);
	const agePath = ["warmpath", "request_log", "max_age"];
	const theirAge = general.maximum_spend_logs_retention_period;
	const theirPath = ["general_settings", "maximum_spend_logs_retention_period"];
	const maxAge = firstGiven<{ readonly ms: number | null }>(
		[
			{ path: agePath, value: isGiven(report, agePath) ? { ms: own.maxAgeMs } : undefined },
			{ path: theirPath, value: theirAge === undefined ? undefined : { ms: theirAge } },
		],
		report,
	);
	return {
		enabled: isEnabledHere ? own.enabled : general.disable_spend_logs !== true,
		maxAgeMs: maxAge === null ? own.maxAgeMs : maxAge.value.ms,
		maxBytes: typeof own.maxSizeMb === "number" ? Math.floor(own.maxSizeMb * MEGABYTE) : null,
		maxQueued: own.queue,
		storeBodies: general.store_prompts_in_spend_logs,
	};
}
