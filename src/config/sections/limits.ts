// `warmpath.limits`: bounds on what a client may send. Leaves keeping them to proxy/receive.
import type * as z from "zod";
import { integer } from "../fields.ts";
import { oursOr } from "../precedence.ts";
import type { Report } from "../report.ts";
import { option, section } from "../section.ts";
import type { LitellmSections } from "./litellm-sections.ts";

export const limitsSchema = section({
	max_body_bytes: option(integer({ min: 1024, max: 2 ** 30 }), 32 * 1024 * 1024, "Largest request body, bytes."),
	max_json_depth: option(integer({ min: 8, max: 10_000 }), 200, "Deepest nesting of a request."),
});

export type LimitsConfig = z.output<typeof limitsSchema>;

const MEGABYTE = 1024 * 1024;

export function readLimits(own: LimitsConfig, { general }: LitellmSections, report: Report): LimitsConfig {
	const { max_request_size_mb: megabytes } = general;
	const theirs = {
		path: ["general_settings", "max_request_size_mb"],
		value: megabytes === undefined ? undefined : Math.floor(megabytes * MEGABYTE),
	};
	const path = ["warmpath", "limits", "max_body_bytes"];
	return { ...own, maxBodyBytes: oursOr([theirs], { path, value: own.maxBodyBytes }, report) };
}
