// Sections other than model_list → resolved settings; says which of two options for the same thing wins. Leaves deployments alone.
import { type Affinity, readAffinity } from "./affinity.ts";
import { type Environment, isUnresolved } from "./environment.ts";
import { fileSchema, warmpathSchema } from "./file.ts";
import type { AliasEntries } from "./model-groups.ts";
import type { Report } from "./report.ts";
import {
	DEFAULTS,
	type LimitsConfig,
	type ListenConfig,
	type LogConfig,
	type RoutingConfig,
	type TimeoutsConfig,
} from "./schema.ts";
import { Secret } from "./secret.ts";
import type { Path } from "./source.ts";
import { validate } from "./validate.ts";

/** Everything of the file but the deployments. */
export interface Settings {
	readonly listen: ListenConfig;
	readonly masterKey: Secret | null;
	readonly limits: LimitsConfig;
	readonly timeouts: TimeoutsConfig;
	readonly routing: RoutingConfig;
	readonly log: LogConfig;
	readonly aliases: AliasEntries;
	/** `router_settings.stream_timeout`: what deployments have that name none. */
	readonly streamTimeoutMs: number | null;
	/** See `Config.origins`. */
	readonly origins: Readonly<Record<string, string>>;
}

const WEAK_KEY = "sk-1234";
const MASTER_KEY_VARIABLES = ["WARMPATH_MASTER_KEY", "LITELLM_MASTER_KEY"];
const HEADER_SAFE = /^[\x21-\x7e]+$/;
const MEGABYTE = 1024 * 1024;

/** Reads and validates the sections. Faults and warnings are reported; where a section is unusable its defaults stand in. */
export function readSettings(report: Report, environment: Environment): Settings {
	const { shape } = fileSchema;
	const router = validate(shape.router_settings, ["router_settings"], report) ?? shape.router_settings.parse({});
	const litellm = validate(shape.litellm_settings, ["litellm_settings"], report) ?? shape.litellm_settings.parse({});
	const general = validate(shape.general_settings, ["general_settings"], report) ?? shape.general_settings.parse({});
	const callbacks = validate(shape.callbacks, ["callbacks"], report) ?? [];
	const own = validate(shape.warmpath, ["warmpath"], report) ?? warmpathSchema.parse({});

	const affinity = readAffinity(
		{
			checks: router.optional_pre_call_checks,
			callbacks,
			litellmCallbacks: litellm.callbacks,
			explicit: own.routing.affinity,
			fallback: DEFAULTS.routing.affinity,
		},
		report,
	);
	const master = readMasterKey(general.master_key, report, environment);
	const ours = (path: Path, value: number, others: readonly Other[]): number =>
		preferOwn({ path, value }, others, report);
	const megabytes = general.max_request_size_mb;
	return {
		listen: own.listen,
		masterKey: master.key,
		limits: {
			maxBodyBytes: ours(["warmpath", "limits", "max_body_bytes"], own.limits.max_body_bytes, [
				{
					path: ["general_settings", "max_request_size_mb"],
					value: megabytes === undefined ? undefined : Math.floor(megabytes * MEGABYTE),
				},
			]),
			maxJsonDepth: own.limits.max_json_depth,
		},
		timeouts: {
			connectMs: own.timeouts.connect,
			firstByteMs: own.timeouts.first_byte,
			idleMs: own.timeouts.idle,
			totalMs: ours(["warmpath", "timeouts", "total"], own.timeouts.total, [
				{ path: ["router_settings", "timeout"], value: router.timeout },
				{ path: ["litellm_settings", "request_timeout"], value: litellm.request_timeout },
			]),
			holdMs: own.timeouts.hold,
		},
		routing: {
			affinity: affinity.on,
			maxEntries: own.routing.max_entries,
			cooldownMs: ours(["warmpath", "routing", "cooldown"], own.routing.cooldown, [
				{ path: ["router_settings", "cooldown_time"], value: router.cooldown_time },
			]),
			loadHalfLifeMs: own.routing.load_half_life,
		},
		log: {
			level:
				given(report, ["warmpath", "log", "level"]) || !(litellm.set_verbose || router.set_verbose)
					? own.log.level
					: "debug",
			format: given(report, ["warmpath", "log", "format"]) || !litellm.json_logs ? own.log.format : "json",
		},
		aliases: router.model_group_alias,
		streamTimeoutMs: router.stream_timeout ?? null,
		origins: originsOf(affinity, master.origin, report),
	};
}

function given(report: Report, path: Path): boolean {
	return report.value(path) !== undefined;
}

/** A LiteLLM option for what an own option also says. */
interface Other {
	readonly path: Path;
	readonly value: number | undefined;
}

/** The own option if it is given, else the first of LiteLLM's that is; a second one is a warning. */
function preferOwn(own: { path: Path; value: number }, others: readonly Other[], report: Report): number {
	const candidates = [...(given(report, own.path) ? [own] : []), ...others.filter(({ value }) => value !== undefined)];
	const [winner, ...losers] = candidates;
	if (winner === undefined) return own.value;
	for (const loser of losers) {
		report.warn({
			path: loser.path,
			at: "key",
			message: `has no effect: ${winner.path.join(".")} is given too and wins`,
		});
	}
	return winner.value ?? own.value;
}

interface MasterKey {
	readonly key: Secret | null;
	readonly origin: string;
}

function readMasterKey(written: string | undefined, report: Report, environment: Environment): MasterKey {
	const path = ["general_settings", "master_key"];
	if (isUnresolved(written)) return { key: null, origin: "" };
	const variable = written === undefined ? environment.findFirst(MASTER_KEY_VARIABLES) : null;
	const value = (written ?? variable?.value)?.trim();
	if (value === undefined) return { key: null, origin: "none" };
	const container = report.value(["general_settings"]);
	const reference =
		typeof container === "object" && container !== null ? report.sources.origin(container, "master_key") : null;
	const origin = variable?.origin ?? reference ?? report.placeText(path);
	const subject = variable === null ? "the key" : `the key of ${variable.origin}`;
	if (!HEADER_SAFE.test(value)) {
		report.fault({
			path,
			message: `${subject} is empty, or holds a space or a character that cannot be sent in a header`,
		});
	} else if (!value.startsWith("sk-")) {
		report.warn({ path, message: `${subject} does not begin with sk-, as LiteLLM demands: accepted here` });
	} else if (value === WEAK_KEY) {
		report.warn({ path, message: `${subject} is the one of the documentation's examples: anybody can guess it` });
	}
	return { key: new Secret(value), origin };
}

function originsOf(affinity: Affinity, masterKey: string, report: Report): Record<string, string> {
	const origins: Record<string, string> = {
		"warmpath.routing.affinity": affinity.reason,
		"general_settings.master_key": masterKey,
	};
	for (const name of ["host", "port"]) {
		const path = ["warmpath", "listen", name];
		origins[path.join(".")] = given(report, path) ? report.placeText(path) : "default";
	}
	return origins;
}
