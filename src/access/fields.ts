// What a key, team, user, customer or budget may say: LiteLLM's field names, one schema each, used by the API, the database and the
// configuration file alike. Leaves what follows from them to access/limits and proxy/admission/admission.
import * as z from "zod";
import { parseSpan } from "./budgets-window.ts";

/** A dollar amount. */
const dollars = () => z.number().finite().min(0);
const count = () => z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const name = () => z.string().min(1).max(256);

/** `30s`, `30m`, `24h`, `30d`, `1w`, `1mo`: how long a budget runs until it starts anew, or a key lives. */
const span = () =>
	z.string().refine((text) => parseSpan(text) !== null, "expected a duration such as 30m, 24h, 30d or 1mo");

const windowSchema = z.strictObject({ budget_duration: span(), max_budget: dollars() });

/** `{max_budget, budget_duration}`; also LiteLLM's older `{budget_limit, time_period}` and a bare number. */
const modelBudget = z
	.union([
		dollars(),
		z.strictObject({
			max_budget: dollars().optional(),
			budget_limit: dollars().optional(),
			budget_duration: span().nullish(),
			time_period: span().nullish(),
		}),
	])
	.transform((value, context) => {
		if (typeof value === "number") return { max_budget: value, budget_duration: null };
		const max = value.max_budget ?? value.budget_limit;
		if (max === undefined) {
			context.addIssue({ code: "custom", message: "expected max_budget" });
			return z.NEVER;
		}
		return { max_budget: max, budget_duration: value.budget_duration ?? value.time_period ?? null };
	})
	.pipe(z.strictObject({ max_budget: dollars(), budget_duration: span().nullable() }));

/** Free data of the operator's; bounded, since every key is kept in memory. */
const metadata = z
	.record(z.string(), z.unknown())
	.refine((value) => JSON.stringify(value).length <= 16_384, "must be at most 16 KB")
	.default({});

/** What every kind but a budget's own name may limit. null = no limit of its own; then its `budget_id`'s holds. */
const limits = {
	max_budget: dollars().nullable().default(null),
	soft_budget: dollars().nullable().default(null),
	budget_duration: span().nullable().default(null),
	budget_limits: z.array(windowSchema).max(10).default([]),
	tpm_limit: count().nullable().default(null),
	rpm_limit: count().nullable().default(null),
	max_parallel_requests: count().nullable().default(null),
	model_tpm_limit: z.record(z.string(), count()).default({}),
	model_rpm_limit: z.record(z.string(), count()).default({}),
	model_max_budget: z.record(z.string(), modelBudget).default({}),
};

const holder = {
	...limits,
	budget_id: name().nullable().default(null),
	blocked: z.boolean().default(false),
	metadata,
};

const models = z.array(name()).max(1000).default([]);
const tags = z.array(name()).max(100).default([]);
/** Cache domains a tenant is confined to: `model_info.cache_domain`, or the learned name of a domain. Empty = anywhere. */
const allowedDomains = z.array(name()).max(100).default([]);

/**
 * default: data plane and its own figures · llm_api: data plane only, the form for service tokens · management: control plane only ·
 * read_only: control plane, reading only.
 */
const KEY_TYPES = ["default", "llm_api", "management", "read_only"] as const;

/** LiteLLM's roles of users; what they mean here is admin/session/roles' business. */
const USER_ROLES = ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"] as const;

/** The fields of each kind. Durations stay text; `expires` is an ISO date. */
export const FIELDS = {
	key: z.strictObject({
		...holder,
		key_alias: name().nullable().default(null),
		key_type: z.enum(KEY_TYPES).default("default"),
		models,
		aliases: z.record(z.string(), name()).default({}),
		expires: z.iso.datetime({ offset: true }).nullable().default(null),
		team_id: name().nullable().default(null),
		user_id: name().nullable().default(null),
		service_account_id: name().nullable().default(null),
		tags,
		allowed_domains: allowedDomains,
		/** The first and last characters, for people to tell keys apart. Set by the gateway. */
		key_name: z.string().max(64).default(""),
		created_by: z.string().max(256).nullable().default(null),
	}),
	team: z.strictObject({
		...holder,
		team_alias: name().nullable().default(null),
		models,
		model_aliases: z.record(z.string(), name()).default({}),
		tags,
		allowed_domains: allowedDomains,
		members_with_roles: z
			.array(
				z.strictObject({
					user_id: name(),
					role: z.enum(["admin", "user"]).default("user"),
					/** Dollars that the team's keys of this user may spend in each budget_duration. */
					max_budget_in_team: dollars().nullish(),
					budget_duration: span().nullish(),
				}),
			)
			.max(10_000)
			.default([]),
	}),
	user: z.strictObject({
		...holder,
		user_alias: name().nullable().default(null),
		user_email: z.string().max(320).nullable().default(null),
		user_role: z.enum(USER_ROLES).default("internal_user"),
		models,
		teams: z.array(name()).max(1000).default([]),
	}),
	customer: z.strictObject({ ...holder, alias: name().nullable().default(null) }),
	budget: z.strictObject({ ...limits }),
	/** What the operator wants of a deployment; its id is the deployment's, and the rest stands in the configuration. */
	deployment: z.strictObject({ draining: z.boolean().default(false) }),
} as const;

export type Kind = keyof typeof FIELDS;
export const KINDS = Object.keys(FIELDS) as readonly Kind[];

export type FieldsOf = { readonly [K in Kind]: z.output<(typeof FIELDS)[K]> };

/** One key, team, user, customer or budget as it is stored. Immutable: a change makes a new one. */
export interface AccessRecord<K extends Kind = Kind> {
	readonly kind: K;
	/** Stays the same for life, also when a key's secret is replaced. */
	readonly id: string;
	/** Keys only: keyed hash of the secret, which is LiteLLM's `token`. */
	readonly hash: string | null;
	readonly fields: FieldsOf[K];
	/** ms since epoch. */
	readonly createdAt: number;
	readonly updatedAt: number;
	/** Rises with every change of any record. 0 = from the configuration file. */
	readonly version: number;
	/** The version of the last change that ended the sessions it had opened (access/generation). 0 = none yet. */
	readonly generation: number;
}

/** The name people gave it, or null. */
export function aliasOf({ kind, fields }: AccessRecord): string | null {
	switch (kind) {
		case "key":
			return (fields as FieldsOf["key"]).key_alias;
		case "team":
			return (fields as FieldsOf["team"]).team_alias;
		case "user":
			return (fields as FieldsOf["user"]).user_alias;
		case "customer":
			return (fields as FieldsOf["customer"]).alias;
		case "budget":
		case "deployment":
			return null;
	}
}
