// What the options of the request log amount to, LiteLLM's names for them included. Leaves the options to config/request-log.
import type * as z from "zod";
import { firstGiven, isGiven } from "./precedence.ts";
import type { Report } from "./report.ts";
import { MEGABYTE, type RequestLogConfig, type requestLogSchema } from "./request-log.ts";

/** LiteLLM's names for the same things; ours win. */
export interface SpendLogOptions {
	readonly disable_spend_logs?: boolean | undefined;
	readonly maximum_spend_logs_retention_period?: number | null | undefined;
	readonly store_prompts_in_spend_logs: boolean;
}

export function readRequestLog(
	own: z.output<typeof requestLogSchema>,
	general: SpendLogOptions,
	report: Report,
): RequestLogConfig {
	const agePath = ["warmpath", "request_log", "max_age"];
	const litellmAge = general.maximum_spend_logs_retention_period;
	const maxAge = firstGiven(
		[
			{ path: agePath, value: isGiven(report, agePath) ? { ms: own.max_age } : undefined },
			{
				path: ["general_settings", "maximum_spend_logs_retention_period"],
				value: litellmAge === undefined ? undefined : { ms: litellmAge },
			},
		],
		report,
	);
	const { max_size_mb: megabytes } = own;
	return {
		enabled: own.enabled ?? general.disable_spend_logs !== true,
		maxAgeMs: maxAge === null ? own.max_age : maxAge.value.ms,
		maxBytes: typeof megabytes === "number" ? Math.floor(megabytes * MEGABYTE) : null,
		maxQueued: own.queue,
		storeBodies: general.store_prompts_in_spend_logs,
	};
}
