// The configuration as the rest of the gateway reads it. The types of its parts stand with their options in sections/; reading a file is
// left to config/load.
import type { ModelNames } from "./model-name.ts";
import type { Diagnostic } from "./report.ts";
import type { DeploymentConfig } from "./sections/deployment.ts";
import type { FailureConfig } from "./sections/failures.ts";
import type { FallbackConfig } from "./sections/fallbacks.ts";
import type { GeneralConfig } from "./sections/general-settings.ts";
import type { KeyConfig, KeySettings } from "./sections/keys.ts";
import type { LimitsConfig } from "./sections/limits.ts";
import type { ListenConfig } from "./sections/listen.ts";
import type { LogConfig } from "./sections/log.ts";
import type { RequestLogConfig } from "./sections/request-log.ts";
import type { RoutingConfig } from "./sections/routing.ts";
import type { StateConfig } from "./sections/state.ts";
import type { TimeoutsConfig } from "./sections/timeouts.ts";

export type { ModelGroup } from "./model-name.ts";
export type { Diagnostic } from "./report.ts";
export type { DeploymentCredentials, ProviderKind } from "./sections/credential-options.ts";
export type { ServerTakes } from "./sections/deployment.ts";
export type {
	ErrorClass,
	FailureScope,
	RequestClass,
} from "./sections/error-policies.ts";
export type { GeneratedKeys } from "./sections/keys.ts";
export type { MarkingConfig } from "./sections/marking.ts";
export type { RoutingStrategy, TagFilteringConfig } from "./sections/routing.ts";
export type { DeploymentConfig, FailureConfig, KeySettings, RequestLogConfig, RoutingConfig };

/** The whole configuration: frozen, built once per (re)load. */
export interface Config extends ModelNames, GeneralConfig {
	/** Absolute path of the file, or a name such as `<demo>` when built in memory. */
	readonly path: string;
	readonly listen: ListenConfig;
	readonly deployments: readonly DeploymentConfig[];
	readonly limits: LimitsConfig;
	readonly timeouts: TimeoutsConfig;
	readonly routing: RoutingConfig;
	readonly failures: FailureConfig;
	readonly fallbacks: FallbackConfig;
	/** `warmpath.keys`. */
	readonly keys: readonly KeyConfig[];
	readonly keySettings: KeySettings;
	/** `warmpath.state`, or LiteLLM's `router_settings.redis_…`. */
	readonly state: StateConfig;
	/** `warmpath.request_log`. */
	readonly requestLog: RequestLogConfig;
	readonly log: LogConfig;
	/** Why a value is what it is, by dotted path (`warmpath.routing.affinity`), for messages. Absent when built by hand. */
	readonly origins?: Readonly<Record<string, string>>;
	readonly warnings: readonly Diagnostic[];
}
