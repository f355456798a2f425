// The configuration's types: what the rest of the gateway reads. Leaves reading YAML to config/load and LiteLLM's spellings to config/litellm.
import {
	type ErrorClass,
	type ErrorClassCounts,
	type FailureScope,
	NO_COUNTS,
	type RequestClass,
} from "./failure-classes.ts";
import type { GeneratedKeys, KeyConfig, KeySettings } from "./keys.ts";
import type { InjectionPoint, MarkingConfig } from "./marking-options.ts";
import { REQUEST_LOG_DEFAULTS, type RequestLogConfig } from "./request-log.ts";
import type { Secret } from "./secret.ts";
import type { StateConfig } from "./state.ts";

export type {
	ErrorClass,
	ErrorClassCounts,
	FailureScope,
	GeneratedKeys,
	InjectionPoint,
	KeyConfig,
	KeySettings,
	MarkingConfig,
	RequestClass,
	RequestLogConfig,
	StateConfig,
};
export { NO_COUNTS };

/** Families of upstream APIs that a configuration may name. Which of them are served is providers/index's business. */
export type ProviderKind =
	| "anthropic"
	| "anthropic_aws"
	| "anthropic_google_cloud"
	| "bedrock"
	| "vertex"
	| "foundry"
	| "openai";

/** Credentials and address of a deployment. Every field is optional in the file; a provider says what it needs. */
export interface DeploymentCredentials {
	/** `litellm_params.api_key`. */
	readonly apiKey: Secret | null;
	/** `litellm_params.api_base`, without a trailing slash. null = the provider's public address. */
	readonly apiBase: string | null;
	/** Provider-specific fields (`aws_profile_name`, `vertex_project` …) as written, `os.environ/` resolved; secrets are Secret. */
	readonly extra: Readonly<Record<string, string | Secret>>;
	/** Where each field came from, by its name in the file: `{api_key: "env ANTHROPIC_API_KEY_1"}`. Absent when built by hand. */
	readonly origins?: Readonly<Record<string, string>>;
}

/** One credential + endpoint + upstream model. Immutable; run-time state lives in routing/deployment. */
export interface DeploymentConfig {
	/** `model_info.id`, or a deterministic hash of what the deployment is. Unique in the configuration. */
	readonly id: string;
	/** `model_name`: the group it belongs to; may be a wildcard pattern such as `anthropic/*`. */
	readonly group: string;
	readonly provider: ProviderKind;
	/** Model id the upstream understands, provider prefix removed. May hold one `*`, filled with what the group's `*` matched. */
	readonly upstreamModel: string;
	readonly credentials: DeploymentCredentials;
	/** `model_info.cache_domain`, if the operator named who shares a cache; else null = learned from answers. */
	readonly cacheDomain: string | null;
	/** Share of cold work, 1 = normal. */
	readonly weight: number;
	/** `litellm_params.order`: the lowest order that has a usable deployment is tried first; null = after every order. */
	readonly order: number | null;
	/** `litellm_params.rpm`: requests per minute the upstream admits; null = not known. */
	readonly rpm: number | null;
	/** `litellm_params.tpm`: tokens per minute, input and output together; null = not known. */
	readonly tpm: number | null;
	/** `litellm_params.itpm`: uncached input tokens per minute; null = not known. */
	readonly itpm: number | null;
	/** `litellm_params.otpm`: output tokens per minute; null = not known. */
	readonly otpm: number | null;
	/** `litellm_params.max_parallel_requests`, else `router_settings.default_max_parallel_requests`; null = any number. */
	readonly maxParallelRequests: number | null;
	/** `model_info.max_input_tokens`: longest prompt, tokens; read where `routing.preCallChecks` is on. null = not known. */
	readonly maxInputTokens: number | null;
	/** `litellm_params.num_retries` or `.max_retries`: retries after this deployment failed; null = the group's policy. */
	readonly numRetries: number | null;
	/** Whole call, ms; null = `timeouts.totalMs`. */
	readonly timeoutMs: number | null;
	/** Until the first byte of a stream, ms; null = `timeouts.firstByteMs`. */
	readonly streamTimeoutMs: number | null;
	/** `litellm_params.cooldown_time`, ms; null = `failures.cooldownMs`. */
	readonly cooldownMs: number | null;
	/** `litellm_params.tags`: which requests it serves, where `routing.tagFiltering` is on. `default` = those without a tag. */
	readonly tags: readonly string[];
	/** `litellm_params.extra_headers`: added to every upstream request. */
	readonly extraHeaders: Readonly<Record<string, string>>;
	/**
	 * `litellm_params.remove_billing_block`: takes Claude Code's billing block off where the platform would count it as prompt. Absent when
	 * built by hand = true.
	 */
	readonly removeBillingBlock?: boolean;
	/** What of a prompt the gateway marks for caching; absent or null = nothing. */
	readonly marking?: MarkingConfig | null;
	/** `litellm_params.prompt_cache_key`: session = sent from the conversation where the client sends none. Absent = client. */
	readonly promptCacheKey?: "client" | "session";
	/** `litellm_params.additional_drop_params`: members that are left out of requests to this server. Absent = none. */
	readonly droppedParams?: readonly string[];
	/** `litellm_params.server_takes`. Absent = what the server's host and model tell. */
	readonly serverTakes?: ServerTakes;
	/** `model_info` as written, for display and later use (base_model, prices, mode …). */
	readonly modelInfo: Readonly<Record<string, unknown>>;
	/** Where it stands in the file, for messages: `config.yaml:12:5`. */
	readonly source: string;
}

/** What an OpenAI-compatible server takes, in the operator's words; only what the file names. */
export interface ServerTakes {
	readonly system_anywhere?: boolean | undefined;
	readonly user_after_tool?: boolean | undefined;
	readonly same_role_twice?: boolean | undefined;
	readonly tool_ids?: "any" | "forty" | "nine" | undefined;
	readonly reasoning?: "reasoning_content" | "reasoning" | "none" | undefined;
	readonly no_reasoning?: boolean | undefined;
	readonly cache_control?: boolean | undefined;
	readonly stream_options?: boolean | undefined;
}

/** The deployments behind one `model_name`. */
export interface ModelGroup {
	/** `model_name`, maybe a pattern with one `*`. */
	readonly name: string;
	readonly deployments: readonly DeploymentConfig[];
}

export interface ModelAlias {
	readonly alias: string;
	/** Name of the group it stands for. */
	readonly model: string;
	/** true = not listed by GET /v1/models. */
	readonly hidden: boolean;
}

export interface ListenConfig {
	readonly host: string;
	readonly port: number;
	/** How long a connection without requests is kept, ms. Absent when built by hand = the default. */
	readonly keepAliveMs?: number;
}

/** Bounds on what a client may send. */
export interface LimitsConfig {
	/** Largest request body, bytes. */
	readonly maxBodyBytes: number;
	/** Deepest nesting of a JSON body. */
	readonly maxJsonDepth: number;
}

/** All in ms. Each wait has one owner. */
export interface TimeoutsConfig {
	readonly connectMs: number;
	/** From the request's end to the response head. */
	readonly firstByteMs: number;
	/** Silence between two pieces of a response body. */
	readonly idleMs: number;
	/** The whole call. */
	readonly totalMs: number;
	/** How long a stream's opening is held back to see whether it fails before content. */
	readonly holdMs: number;
}

/** LiteLLM's ways to choose among deployments of one group. */
export type RoutingStrategy =
	| "simple-shuffle"
	| "least-busy"
	| "latency-based-routing"
	| "usage-based-routing-v2"
	| "cost-based-routing";

/** Parallel requests that share a cold prefix: the followers wait until the first has written it. */
interface BurstGateConfig {
	/** `warmpath.routing.burst_gate.enabled`. Default true. */
	readonly enabled: boolean;
	/** `warmpath.routing.burst_gate.max_wait`: longest wait of a follower, ms. Default 5 s. */
	readonly maxWaitMs: number;
}

/** Which deployments serve a request that carries tags. */
export interface TagFilteringConfig {
	/** `router_settings.enable_tag_filtering`. Default false: tags mean nothing. */
	readonly enabled: boolean;
	/** `router_settings.tag_filtering_match_any`: one common tag is enough; false = the deployment needs all. Default true. */
	readonly matchAny: boolean;
}

/** How a deployment is chosen. Prices are dollars; they weigh the objective of routing-model §5.8 against each other. */
export interface RoutingConfig {
	/** false = plain load balancing; nothing is remembered. */
	readonly affinity: boolean;
	/**
	 * `router_settings.routing_strategy`: decides what affinity leaves open, and everything where affinity is off.
	 * null = our own load rule, the default.
	 */
	readonly strategy: RoutingStrategy | null;
	/** Most prefix entries kept in memory. */
	readonly maxEntries: number;
	/** The same as `failures.cooldownMs`, which is the one to read. */
	readonly cooldownMs: number;
	/** Half-life of the recent-load figure that places new conversations, ms. */
	readonly loadHalfLifeMs: number;
	/** `warmpath.routing.max_affinity_wait`: longest wait for a warm home without headroom, ms. Default 5 s; 0 = never wait. */
	readonly maxAffinityWaitMs: number;
	readonly burstGate: BurstGateConfig;
	/** λ, `warmpath.routing.wait_dollars_per_hour`: price of an hour of a user's waiting, dollars. Default 60. */
	readonly waitDollarsPerHour: number;
	/** μ, `warmpath.routing.uncached_token_price`: shadow price of limits, dollars per million uncached tokens. Default 0. */
	readonly uncachedTokenPrice: number;
	/**
	 * κ, `warmpath.routing.thinking_loss_dollars`: price of the thinking that is dropped when a live conversation changes
	 * account, dollars per move. Default 0.05.
	 */
	readonly thinkingLossDollars: number;
	readonly tagFiltering: TagFilteringConfig;
	/** `router_settings.enable_pre_call_checks`: leave out deployments whose `maxInputTokens` the prompt exceeds. Default false. */
	readonly preCallChecks: boolean;
}

/** What follows a failed attempt (routing-model §6). */
export interface FailureConfig {
	/**
	 * `router_settings.num_retries`, else `litellm_settings.num_retries`: attempts after the first in one group. null, the
	 * default: every deployment once, at least three attempts.
	 */
	readonly numRetries: number | null;
	/**
	 * `router_settings.retry_after`: least wait before a retry on the deployment that failed, ms; a longer one that the
	 * upstream names wins. Moving to another deployment waits for nothing. Default 0.
	 */
	readonly retryAfterMs: number;
	/** `router_settings.retry_policy`, by class (`RateLimitErrorRetries` …); wins over `numRetries`. `DefaultRetries` is filled in. */
	readonly retryPolicy: ErrorClassCounts;
	/** `router_settings.model_group_retry_policy`, by `model_name`; a group's replaces `retryPolicy` as a whole. Default empty. */
	readonly groupRetryPolicy: ReadonlyMap<string, ErrorClassCounts>;
	/**
	 * `router_settings.allowed_fails`, else `litellm_settings.allowed_fails`: failures the deployment is to blame for that
	 * it may have within a minute; one more cools it down. null = the first one cools it down, the default (as 0 does).
	 */
	readonly allowedFails: number | null;
	/** `router_settings.allowed_fails_policy`, by class (`TimeoutErrorAllowedFails` …); wins over `allowedFails`. Default: all null. */
	readonly allowedFailsPolicy: ErrorClassCounts;
	/**
	 * Cool-down, ms, where the upstream named none: `warmpath.routing.cooldown`, else `router_settings.cooldown_time`, else
	 * `litellm_settings.cooldown_time`. Default 5 s.
	 */
	readonly cooldownMs: number;
	/** `router_settings.disable_cooldowns`: no failure takes a deployment out. Default false. */
	readonly disableCooldowns: boolean;
	/**
	 * `warmpath.routing.slow_factor`: a deployment counts as slow when its time to first token is this many times the median
	 * of its group. null = never. Default 4.
	 */
	readonly slowFactor: number | null;
}

/**
 * Which groups stand in for one that failed. Names are as written, each one that `resolveGroup` of config/model-name finds;
 * `fallbacksFor` of config/fallbacks looks them up. Chains may be circular: `maxFallbacks` ends them.
 */
export interface FallbackConfig {
	/** `fallbacks`: after any failure, its retries spent. An empty list means none, not even the default. */
	readonly general: ReadonlyMap<string, readonly string[]>;
	/** `context_window_fallbacks`: for prompts that are too long. The key `*` is for every group without one. */
	readonly contextWindow: ReadonlyMap<string, readonly string[]>;
	/** `content_policy_fallbacks`: for answers the provider refuses. The key `*` is for every group without one. */
	readonly contentPolicy: ReadonlyMap<string, readonly string[]>;
	/** `default_fallbacks`, or the key `*` of `fallbacks`: for groups without an entry in `general`, and for unknown models. */
	readonly default: readonly string[];
	/** `router_settings.max_fallbacks`: most groups tried after the first. Default 5. */
	readonly maxFallbacks: number;
}

/** Which of a client's own credentials go upstream in the place of a deployment's. */
export interface PassThroughConfig {
	/** `general_settings.forward_llm_provider_auth_headers`: a provider's key or token of any kind. Default false. */
	readonly providerAuth: boolean;
	/** `general_settings.forward_client_headers_to_llm_api`: the OAuth token of a Claude subscription. Default false. */
	readonly clientHeaders: boolean;
}

export interface LogConfig {
	readonly level: "debug" | "info" | "warn" | "error";
	/** auto = human-readable on a terminal, JSON otherwise. */
	readonly format: "auto" | "human" | "json";
}

/** Something to tell the operator about the file: a fault (serious) or a warning. */
export interface Diagnostic {
	readonly severity: "error" | "warning";
	readonly file: string;
	/** 1-based; 0 when the place is unknown. */
	readonly line: number;
	readonly column: number;
	/** Dotted path, `model_list.0.litellm_params.model`. */
	readonly path: string;
	readonly message: string;
	/** What to do about it; may be empty. */
	readonly hint: string;
}

/** The whole configuration: frozen, built once per (re)load. */
export interface Config {
	/** Absolute path of the file, or a name such as `<demo>` when built in memory. */
	readonly path: string;
	readonly listen: ListenConfig;
	/** null = no key configured: only loopback may be listened on and no credential is asked for. */
	readonly masterKey: Secret | null;
	readonly deployments: readonly DeploymentConfig[];
	/** By `model_name`, in file order. */
	readonly groups: ReadonlyMap<string, ModelGroup>;
	readonly aliases: ReadonlyMap<string, ModelAlias>;
	readonly limits: LimitsConfig;
	readonly timeouts: TimeoutsConfig;
	readonly routing: RoutingConfig;
	readonly failures: FailureConfig;
	readonly fallbacks: FallbackConfig;
	/** `warmpath.keys`. */
	readonly keys: readonly KeyConfig[];
	readonly keySettings: KeySettings;
	readonly passThrough: PassThroughConfig;
	/** `general_settings.litellm_key_header_name`, lower case: a further header that may hold the gateway's key. Absent when built by hand = none. */
	readonly keyHeader?: string | null;
	/** `general_settings.database_url`; null = one SQLite file in the user's data folder. */
	readonly databaseUrl: Secret | null;
	/** `warmpath.state`, or LiteLLM's `router_settings.redis_…`. Absent when built by hand = alone. */
	readonly state?: StateConfig;
	/** `warmpath.request_log`. */
	readonly requestLog: RequestLogConfig;
	readonly log: LogConfig;
	/** Why a value is what it is, by dotted path (`warmpath.routing.affinity`), for messages. Absent when built by hand. */
	readonly origins?: Readonly<Record<string, string>>;
	readonly warnings: readonly Diagnostic[];
}

/** Every default in one place; config.example.yaml shows the same values. */
export const DEFAULTS = {
	listen: { host: "127.0.0.1", port: 4000, keepAliveMs: 620_000 },
	limits: { maxBodyBytes: 32 * 1024 * 1024, maxJsonDepth: 200 },
	timeouts: { connectMs: 10_000, firstByteMs: 600_000, idleMs: 300_000, totalMs: 6_000_000, holdMs: 10_000 },
	routing: {
		affinity: true,
		strategy: null,
		maxEntries: 1_000_000,
		cooldownMs: 5_000,
		loadHalfLifeMs: 60_000,
		maxAffinityWaitMs: 5_000,
		burstGate: { enabled: true, maxWaitMs: 5_000 },
		waitDollarsPerHour: 60,
		uncachedTokenPrice: 0,
		thinkingLossDollars: 0.05,
		tagFiltering: { enabled: false, matchAny: true },
		preCallChecks: false,
	},
	failures: {
		numRetries: null,
		retryAfterMs: 0,
		retryPolicy: NO_COUNTS,
		groupRetryPolicy: new Map<string, ErrorClassCounts>(),
		allowedFails: null,
		allowedFailsPolicy: NO_COUNTS,
		cooldownMs: 5_000,
		disableCooldowns: false,
		slowFactor: 4,
	},
	fallbacks: {
		general: new Map<string, readonly string[]>(),
		contextWindow: new Map<string, readonly string[]>(),
		contentPolicy: new Map<string, readonly string[]>(),
		default: [],
		maxFallbacks: 5,
	},
	requestLog: REQUEST_LOG_DEFAULTS,
	log: { level: "info", format: "auto" },
	weight: 1,
} as const satisfies {
	listen: ListenConfig;
	limits: LimitsConfig;
	timeouts: TimeoutsConfig;
	routing: RoutingConfig;
	failures: FailureConfig;
	fallbacks: FallbackConfig;
	requestLog: RequestLogConfig;
	log: LogConfig;
	weight: number;
};
