// Validated sections → resolved settings. Leaves deployments, retries and fallbacks to config/deployments, failures and fallbacks.
import { type Affinity, readAffinity } from "./affinity.ts";
import { type Environment, isUnresolved } from "./environment.ts";
import { readKeys } from "./keys-read.ts";
import { firstGiven, type GivenOption, isGiven } from "./precedence.ts";
import type { Report } from "./report.ts";
import { readRequestLog } from "./request-log-read.ts";
import {
	DEFAULTS,
	type KeyConfig,
	type KeySettings,
	type LimitsConfig,
	type ListenConfig,
	type LogConfig,
	type PassThroughConfig,
	type RequestLogConfig,
	type RoutingConfig,
	type StateConfig,
	type TimeoutsConfig,
} from "./schema.ts";
import { Secret } from "./secret.ts";
import { bothPlaces, type Sections } from "./sections.ts";
import type { Path } from "./source.ts";
import { readState } from "./state-read.ts";
import { readStrategy } from "./strategy.ts";
import { whyGuessable } from "./weak-key.ts";

/** What the sections say by themselves, without a look at the deployments. */
export interface Settings {
	readonly listen: ListenConfig;
	readonly masterKey: Secret | null;
	readonly limits: LimitsConfig;
	readonly timeouts: TimeoutsConfig;
	readonly routing: RoutingConfig;
	readonly keys: readonly KeyConfig[];
	readonly keySettings: KeySettings;
	readonly passThrough: PassThroughConfig;
	readonly keyHeader: string | null;
	readonly databaseUrl: Secret | null;
	readonly state: StateConfig;
	readonly requestLog: RequestLogConfig;
	readonly log: LogConfig;
	/** See `Config.origins`. */
	readonly origins: Readonly<Record<string, string>>;
}

const STRONG_KEY = "Use random characters: echo sk-$(openssl rand -hex 24)";
const MASTER_KEY_VARIABLES = ["WARMPATH_MASTER_KEY", "LITELLM_MASTER_KEY"];
const HEADER_SAFE = /^[\x21-\x7e]+$/;
const MEGABYTE = 1024 * 1024;

/** Faults and warnings are reported. */
export function readSettings(sections: Sections, report: Report, environment: Environment): Settings {
	const { router, litellm, general, callbacks, own } = sections;
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
	const keys = readKeys(own.keys, report, master.key);
	const ours = (path: Path, value: number, others: readonly GivenOption<number>[]): number => {
		const explicit = { path, value: isGiven(report, path) ? value : undefined };
		return firstGiven([explicit, ...others], report)?.value ?? value;
	};
	const megabytes = general.max_request_size_mb;
	return {
		listen: { host: own.listen.host, port: own.listen.port, keepAliveMs: own.listen.keep_alive },
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
			strategy: readStrategy(sections, report),
			maxEntries: own.routing.max_entries,
			cooldownMs: ours(
				["warmpath", "routing", "cooldown"],
				own.routing.cooldown,
				bothPlaces(sections, "cooldown_time"),
			),
			loadHalfLifeMs: own.routing.load_half_life,
			maxAffinityWaitMs: own.routing.max_affinity_wait,
			burstGate: { enabled: own.routing.burst_gate.enabled, maxWaitMs: own.routing.burst_gate.max_wait },
			waitDollarsPerHour: own.routing.wait_dollars_per_hour,
			uncachedTokenPrice: own.routing.uncached_token_price,
			thinkingLossDollars: own.routing.thinking_loss_dollars,
			tagFiltering: { enabled: router.enable_tag_filtering, matchAny: router.tag_filtering_match_any },
			preCallChecks: router.enable_pre_call_checks,
		},
		keys,
		keySettings: {
			allowUnpriced: own.key_settings.unpriced_models === "allow",
			hashSecret: own.key_settings.hash_secret === undefined ? null : new Secret(own.key_settings.hash_secret),
			tokenType: general.token_rate_limit_type,
			generated: {
				defaults: litellm.default_key_generate_params,
				upperbounds: litellm.upperbound_key_generate_params,
			},
		},
		passThrough: {
			providerAuth: general.forward_llm_provider_auth_headers,
			clientHeaders: general.forward_client_headers_to_llm_api,
		},
		keyHeader: general.litellm_key_header_name ?? null,
		databaseUrl:
			general.database_url === undefined || isUnresolved(general.database_url)
				? null
				: new Secret(general.database_url),
		state: readState(own.state, router, report),
		requestLog: readRequestLog(own.request_log, general, report),
		log: {
			level:
				isGiven(report, ["warmpath", "log", "level"]) || !(litellm.set_verbose || router.set_verbose)
					? own.log.level
					: "debug",
			format: isGiven(report, ["warmpath", "log", "format"]) || !litellm.json_logs ? own.log.format : "json",
		},
		origins: originsOf(affinity, master.origin, report),
	};
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
	} else {
		if (!value.startsWith("sk-"))
			report.warn({ path, message: `${subject} does not begin with sk-, as LiteLLM demands: accepted here` });
		const why = whyGuessable(value);
		if (why !== null) report.warn({ path, message: `${subject} can be guessed: it ${why}`, hint: STRONG_KEY });
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
		origins[path.join(".")] = isGiven(report, path) ? report.placeText(path) : "default";
	}
	const strategy = ["router_settings", "routing_strategy"];
	if (isGiven(report, strategy)) origins[strategy.join(".")] = report.placeText(strategy);
	return origins;
}
