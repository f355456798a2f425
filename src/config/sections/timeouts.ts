// `warmpath.timeouts`: how long to wait for what; each wait has one owner. Leaves waiting to proxy/upstream.
import type * as z from "zod";
import { duration } from "../fields.ts";
import { oursOr } from "../precedence.ts";
import type { Report } from "../report.ts";
import { option, section } from "../section.ts";
import type { LitellmSections } from "./litellm-sections.ts";

export const timeoutsSchema = section({
	connect: option(duration(), "10s", "Until a connection to the provider stands."),
	first_byte: option(duration(), "600s", "From the end of the request to the answer's head."),
	idle: option(duration(), "300s", "Silence between two pieces of an answer."),
	total: option(duration(), "6000s", "The whole call."),
	hold: option(duration("zero"), "10s", "How long a stream's opening is held back to see whether it fails."),
});

export type TimeoutsConfig = z.output<typeof timeoutsSchema>;

export function readTimeouts(
	own: TimeoutsConfig,
	{ router, litellm }: LitellmSections,
	report: Report,
): TimeoutsConfig {
	const theirs = [
		{ path: ["router_settings", "timeout"], value: router.timeout },
		{ path: ["litellm_settings", "request_timeout"], value: litellm.request_timeout },
	];
	const path = ["warmpath", "timeouts", "total"];
	return { ...own, totalMs: oursOr<number>(theirs, { path, value: own.totalMs }, report) };
}
