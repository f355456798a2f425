// What is asked of the request log, as SQL conditions on `requests`. Leaves pages to requestlog/requests and searching by text to
// requestlog/search.
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from "kysely";
import { storedTime } from "../db/schema/requests.ts";
import type { Tables } from "../db/schema/tables.ts";
import type { Cursor } from "./cursor.ts";

/** All given conditions hold together. Times are ms since epoch; `from` is included, `to` is not. */
export interface RequestFilter {
	readonly from?: number | undefined;
	readonly to?: number | undefined;
	/** As asked for. */
	readonly model?: string | undefined;
	/** Deployment. */
	readonly modelId?: string | undefined;
	/** "" = of no virtual key, as the ledger has it. */
	readonly keyId?: string | undefined;
	readonly teamId?: string | undefined;
	readonly userId?: string | undefined;
	readonly endUser?: string | undefined;
	readonly session?: string | undefined;
	/** "" = of no subagent. */
	readonly agent?: string | undefined;
	readonly operation?: string | undefined;
	/** A number, `4xx`, `5xx`, `error` (400 and above), `success`, `aborted` or `rejected`. */
	readonly status?: string | undefined;
	readonly reason?: string | undefined;
	readonly affinity?: string | undefined;
	/** Why it missed; `any` = it missed at all. */
	readonly miss?: string | undefined;
	/** Beginning of a request's, session's, deployment's, key's or team's id, or of a model's name. */
	readonly text?: string | undefined;
	/** Rows of this key or of this user: what its owner may see. */
	readonly scope?: { readonly keyHash: string | null; readonly userId: string | null } | undefined;
	/** A whole id. */
	readonly id?: string | undefined;
	/** true = answered; false = not. */
	readonly served?: boolean | undefined;
	/** Dollars, both included. A request of unknown cost counts as 0, as in LiteLLM. */
	readonly minCost?: number | undefined;
	readonly maxCost?: number | undefined;
}

export type Where = ExpressionBuilder<Tables, "requests">;
type Condition = Expression<SqlBool>;

const NOTHING = sql<SqlBool>`1 = 0`;

/** Every condition but `text`. */
export function conditionsOf(where: Where, filter: RequestFilter): Condition[] {
	const { from, to, minCost, maxCost, served, miss } = filter;
	return [
		...equalities(where, filter),
		...(from === undefined ? [] : [where("started_at", ">=", storedTime(from))]),
		...(to === undefined ? [] : [where("started_at", "<", storedTime(to))]),
		...(filter.status === undefined ? [] : statusConditions(where, filter.status)),
		// Written as the partial indexes have it, or they are not used.
		...(miss === undefined ? [] : [sql<SqlBool>`miss_cause is not null`]),
		...(filter.affinity === undefined || filter.affinity === "hit" ? [] : [sql<SqlBool>`affinity <> 'hit'`]),
		...(miss === undefined || miss === "any" ? [] : [where("miss_cause", "=", miss)]),
		...(filter.scope === undefined ? [] : [scopeCondition(where, filter.scope)]),
		...(served === undefined ? [] : [where("outcome", served ? "=" : "<>", "served")]),
		...(minCost === undefined ? [] : [sql<SqlBool>`coalesce(cost, 0) >= ${minCost}`]),
		...(maxCost === undefined ? [] : [sql<SqlBool>`coalesce(cost, 0) <= ${maxCost}`]),
	];
}

function equalities(where: Where, filter: RequestFilter): Condition[] {
	const equal = [
		["id", filter.id],
		["model", filter.model],
		["model_id", filter.modelId],
		["team_id", filter.teamId],
		["user_id", filter.userId],
		["end_user", filter.endUser],
		["session_id", filter.session],
		["operation", filter.operation],
		["reason", filter.reason],
		["affinity", filter.affinity],
		["key_id", filter.keyId],
		["agent_id", filter.agent],
	] as const;
	return equal.flatMap(([column, value]) => {
		if (value === undefined) return [];
		const isNone = value === "" && (column === "key_id" || column === "agent_id");
		return [isNone ? where(column, "is", null) : where(column, "=", value)];
	});
}

function statusConditions(where: Where, status: string): Condition[] {
	// Written out, for the same reason.
	const errors = sql<SqlBool>`status >= 400`;
	switch (status) {
		case "success":
			return [where("status", "<", 400), where("outcome", "=", "served")];
		case "error":
			return [errors];
		case "aborted":
			return [errors, where("status", "=", 499)];
		case "rejected":
			return [errors, where("outcome", "=", "rejected")];
		case "4xx":
			return [errors, where("status", "<", 500)];
		case "5xx":
			return [errors, where("status", ">=", 500)];
		default:
			return [...(Number(status) >= 400 ? [errors] : []), where("status", "=", Number(status))];
	}
}

function scopeCondition(where: Where, { keyHash, userId }: NonNullable<RequestFilter["scope"]>): Condition {
	const own = [
		...(keyHash === null ? [] : [where("key_id", "=", keyHash)]),
		...(userId === null ? [] : [where("user_id", "=", userId)]),
	];
	return own.length === 0 ? NOTHING : where.or(own);
}

/** Rows behind a cursor, in either direction. The first condition is what an index can use, the second what is meant. */
export function beyond(where: Where, { at, id }: Cursor, direction: "earlier" | "later"): Condition {
	const time = storedTime(at);
	const [beside, past] = direction === "earlier" ? (["<=", "<"] as const) : ([">=", ">"] as const);
	const same = where.and([where("started_at", "=", time), where("id", past, id)]);
	return where.and([where("started_at", beside, time), where.or([where("started_at", past, time), same])]);
}
