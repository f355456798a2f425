// The sections of a file whose variables are filled in → what the gateway reads: each section by its own file. Leaves reading files to
// config/load.
import type * as z from "zod";
import type { Environment } from "./environment.ts";
import { fileSchema } from "./file.ts";
import { readAliases, readGroups } from "./model-groups.ts";
import { isGiven } from "./precedence.ts";
import type { Report } from "./report.ts";
import type { Config } from "./schema.ts";
import { readFailures } from "./sections/failures.ts";
import { readFallbacks } from "./sections/fallbacks.ts";
import { readGeneral } from "./sections/general-settings.ts";
import { readKeySettings, readKeys } from "./sections/keys.ts";
import { readLimits } from "./sections/limits.ts";
import { readLog } from "./sections/log.ts";
import { readDeployments } from "./sections/model-list.ts";
import { readRequestLog } from "./sections/request-log.ts";
import { readRouting } from "./sections/routing.ts";
import { readState } from "./sections/state.ts";
import { readTimeouts } from "./sections/timeouts.ts";
import { validate } from "./validate.ts";

/** Faults and warnings are reported. */
export function resolveSections(report: Report, environment: Environment): Omit<Config, "path" | "warnings"> {
	const { own, ...theirs } = readSections(report);
	const { router, general } = theirs;
	const { masterKeyOrigin, ...access } = readGeneral(general, report, environment);
	const { routing, affinityReason } = readRouting(own.routing, theirs, report);
	const deployments = readDeployments(report, environment, theirs);
	const groups = readGroups(deployments);
	const names = { groups, aliases: readAliases(router.model_group_alias, groups, report) };
	const { cooldownMs } = routing;
	const { slowFactor } = own.routing;
	return {
		...access,
		...names,
		deployments,
		listen: own.listen,
		limits: readLimits(own.limits, theirs, report),
		timeouts: readTimeouts(own.timeouts, theirs, report),
		routing,
		failures: readFailures(theirs, { names, cooldownMs, slowFactor }, report),
		fallbacks: readFallbacks(theirs, names, report),
		keys: readKeys(own.keys, report, access.masterKey),
		keySettings: readKeySettings(own.keySettings, theirs),
		state: readState(own.state, theirs, report),
		requestLog: readRequestLog(own.requestLog, theirs, report),
		log: readLog(own.log, theirs, report),
		origins: {
			"warmpath.routing.affinity": affinityReason,
			"general_settings.master_key": masterKeyOrigin,
			...placesOf(["warmpath.listen.host", "warmpath.listen.port", "router_settings.routing_strategy"], report),
		},
	};
}

/** All sections but `model_list`, defaults filled in. Where a section is unusable its defaults stand in. */
function readSections(report: Report) {
	const { router_settings, litellm_settings, general_settings, callbacks, warmpath } = fileSchema.shape;
	const read = <Schema extends z.ZodType>(schema: Schema, name: string) =>
		validate(schema, [name], report) ?? schema.parse(undefined);
	return {
		router: read(router_settings, "router_settings"),
		litellm: read(litellm_settings, "litellm_settings"),
		general: read(general_settings, "general_settings"),
		callbacks: read(callbacks, "callbacks"),
		own: read(warmpath, "warmpath"),
	};
}

/** Where options stand in the file. */
function placesOf(options: readonly string[], report: Report): Record<string, string> {
	const given = options.map((option) => ({ option, path: option.split(".") }));
	return Object.fromEntries(
		given.map(({ option, path }) => [option, isGiven(report, path) ? report.placeText(path) : "default"]),
	);
}
