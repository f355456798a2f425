// `warmpath.log`: the gateway's own log. Leaves writing it to telemetry/.
import * as z from "zod";
import { isGiven } from "../precedence.ts";
import type { Report } from "../report.ts";
import { option, section } from "../section.ts";
import type { LitellmSections } from "./litellm-sections.ts";

export const logSchema = section({
	level: option(z.enum(["debug", "info", "warn", "error"]), "info", "Least severe messages that are written."),
	format: option(z.enum(["auto", "human", "json"]), "auto", "auto: human on a terminal, json otherwise."),
});

export type LogConfig = z.output<typeof logSchema>;

/** LiteLLM's flags count where ours is not given. */
export function readLog(own: LogConfig, { router, litellm }: LitellmSections, report: Report): LogConfig {
	const isFree = (name: keyof LogConfig) => !isGiven(report, ["warmpath", "log", name]);
	const isVerbose = litellm.set_verbose || router.set_verbose;
	return {
		level: isVerbose && isFree("level") ? "debug" : own.level,
		format: litellm.json_logs && isFree("format") ? "json" : own.format,
	};
}
