// The configuration's types: what the rest of the gateway reads. Leaves reading YAML to config/load and LiteLLM's spellings to config/litellm.
import type { Secret } from "./secret.ts";

/** Families of upstream APIs that a configuration may name. Which of them are served is providers/index's business. */
export type ProviderKind = "anthropic" | "bedrock" | "vertex" | "foundry" | "openai";

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
	/** Lower is tried first; null = no order. */
	readonly order: number | null;
	readonly rpm: number | null;
	readonly tpm: number | null;
	readonly itpm: number | null;
	readonly otpm: number | null;
	readonly maxParallelRequests: number | null;
	/** Whole call, ms; null = `timeouts.totalMs`. */
	readonly timeoutMs: number | null;
	/** Until the first byte of a stream, ms; null = `timeouts.firstByteMs`. */
	readonly streamTimeoutMs: number | null;
	readonly cooldownMs: number | null;
	readonly tags: readonly string[];
	/** `litellm_params.extra_headers`: added to every upstream request. */
	readonly extraHeaders: Readonly<Record<string, string>>;
	/** `model_info` as written, for display and later use (base_model, prices, mode …). */
	readonly modelInfo: Readonly<Record<string, unknown>>;
	/** Where it stands in the file, for messages: `config.yaml:12:5`. */
	readonly source: string;
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

export interface RoutingConfig {
	/** false = plain load balancing; nothing is remembered. */
	readonly affinity: boolean;
	/** Most prefix entries kept in memory. */
	readonly maxEntries: number;
	/** Cool-down after a retryable failure, ms, where the upstream named none. */
	readonly cooldownMs: number;
	/** Half-life of the recent-load figure that places new conversations, ms. */
	readonly loadHalfLifeMs: number;
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
	readonly log: LogConfig;
	/** Why a value is what it is, by dotted path (`warmpath.routing.affinity`), for messages. Absent when built by hand. */
	readonly origins?: Readonly<Record<string, string>>;
	readonly warnings: readonly Diagnostic[];
}

/** Every default in one place; config.example.yaml shows the same values. */
export const DEFAULTS = {
	listen: { host: "127.0.0.1", port: 4000 },
	limits: { maxBodyBytes: 32 * 1024 * 1024, maxJsonDepth: 200 },
	timeouts: { connectMs: 10_000, firstByteMs: 600_000, idleMs: 300_000, totalMs: 6_000_000, holdMs: 10_000 },
	routing: { affinity: true, maxEntries: 1_000_000, cooldownMs: 5_000, loadHalfLifeMs: 60_000 },
	log: { level: "info", format: "auto" },
	weight: 1,
} as const satisfies {
	listen: ListenConfig;
	limits: LimitsConfig;
	timeouts: TimeoutsConfig;
	routing: RoutingConfig;
	log: LogConfig;
	weight: number;
};
