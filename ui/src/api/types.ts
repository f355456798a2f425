// The control plane's answers, by its own types; those that LiteLLM's endpoints give are described here. Of src/ only types are used.
import type {
	DeploymentsView,
	Overview,
	PromptMapPart,
	RequestDetail,
	RequestView,
} from "../../../src/admin/contract/schemas.ts";
import type { ConnectFacts, Explained, TestEstimate, TestResult } from "../../../src/admin/contract/ui-types.ts";

export type {
	ConnectFacts,
	DeploymentsView,
	Explained,
	Overview,
	PromptMapPart,
	RequestDetail,
	RequestView,
	TestEstimate,
	TestResult,
};

export type Measures = Overview["totals"];
export type DeploymentView = DeploymentsView["deployments"][number];

export interface RequestPage {
	readonly requests: readonly RequestView[];
	readonly next: string | null;
}

export interface SessionSummary {
	readonly key_id: string;
	readonly key_alias: string;
	readonly team_id: string;
	readonly session_id: string;
	readonly first_at: number;
	readonly last_at: number;
	readonly model: string;
	readonly model_id: string;
	readonly measures: Measures;
}

export interface SessionPage {
	readonly sessions: readonly SessionSummary[];
	readonly next: string | null;
}

export interface SessionTurns {
	readonly session: SessionSummary;
	readonly turns: readonly RequestView[];
	readonly next: string | null;
}

/** Who is logged in. */
export interface Me {
	readonly role: "admin" | "viewer" | "owner";
	readonly read_only: boolean;
	readonly id: string;
	readonly key_alias: string | null;
	readonly user_id: string | null;
	readonly teams: readonly string[];
}

interface Limits {
	readonly max_budget: number | null;
	readonly soft_budget: number | null;
	readonly budget_duration: string | null;
	readonly budget_reset_at: string | null;
	readonly spend: number;
	/** Those of unknown cost. */
	readonly unpriced_requests: number;
	readonly tpm_limit: number | null;
	readonly rpm_limit: number | null;
	readonly max_parallel_requests: number | null;
	readonly models: readonly string[];
	readonly tags: readonly string[];
	readonly allowed_domains: readonly string[];
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly blocked: boolean;
	readonly created_at: string;
}

export interface KeyRecord extends Limits {
	/** Its hash: what the log and the other endpoints call it. */
	readonly token: string;
	readonly key_id: string;
	/** First and last characters. */
	readonly key_name: string;
	readonly key_alias: string | null;
	readonly key_type: "default" | "llm_api" | "management" | "read_only";
	readonly team_id: string | null;
	readonly user_id: string | null;
	readonly expires: string | null;
	readonly source: "config" | "database";
}

export interface KeyPage {
	readonly keys: readonly KeyRecord[];
	readonly total_count: number;
	readonly next_cursor: string | null;
}

/** A key right after it was made: the only time its secret is seen. */
export interface NewKey extends KeyRecord {
	readonly key: string;
}

export interface TeamRecord extends Limits {
	readonly team_id: string;
	readonly team_alias: string | null;
	readonly members_with_roles: readonly { readonly user_id: string; readonly role: string }[];
}
