// Answers the contract's LOG: requests, conversations, sums, the overview. Leaves LiteLLM's form of the log to log/spend, and reading to
// requestlog/.
import type * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { readSumCursor } from "../../requestlog/cursor.ts";
import { findSessions, type LedgerFilter, listSessions, pageLedger } from "../../requestlog/ledger.ts";
import { findRequest, listRequests, type RequestFilter, type RequestRecord } from "../../requestlog/requests.ts";
import type { LiveRouter } from "../../routing/router.ts";
import type { QueryOf } from "../contract/endpoint.ts";
import { LOG, type RequestDetail, type rangeQuery, type requestQuery } from "../contract/log.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import { isVisible, type Principal, rowsOf, scopeOf } from "../session/roles.ts";
import { overviewOf } from "./overview.ts";
import { promptMapOf } from "./prompt-map.ts";
import { type LogSource, readLog } from "./source.ts";

export interface LogDeps {
	/** Null where the log is off. */
	readonly log: LogSource | null;
	readonly router: LiveRouter;
	/** ms since epoch, by the wall clock. */
	readonly now: () => number;
	/** By the clock that the router goes by. */
	readonly routerNow: () => number;
}

const DAY_MS = 86_400_000;

/** The routes. */
export function logRoutes(deps: LogDeps, requireRole: RequireRole) {
	const { log, router, now } = deps;
	return routes(requireRole, LOG, {
		"GET /api/requests": ({ query: { limit, cursor, ...asked }, principal }) => {
			const filter = filterOf(asked, principal);
			return readLog(log, ({ database }) => listRequests(database, filter, { limit, cursor }));
		},
		"GET /api/requests/{id}": async ({ params: { id }, principal }) => {
			const record = await readLog(log, ({ database }) => findRequest(database, id));
			if (record !== null && isVisible(record.request, principal)) return detailOf(record);
			throw new GatewayError("record_not_found", { kind: "request", id });
		},
		"GET /api/sessions": ({ query: { limit, cursor, from, to, key, team, q }, principal }) => {
			const filter = { from, to, keyId: ownKey(principal, key), teamId: team, text: q };
			return readLog(log, ({ database }) => listSessions(database, filter, { limit, cursor }));
		},
		"GET /api/sessions/{id}": ({ params: { id }, query: { limit, cursor, key }, principal }) => {
			const wanted = ownKey(principal, key);
			return readLog(log, async ({ database }) => {
				const found = await findSessions(database, id);
				const session = found.find((one) => wanted === undefined || one.key_id === wanted);
				if (session === undefined) throw new GatewayError("record_not_found", { kind: "session", id });
				const filter = { session: id, keyId: session.key_id };
				const { requests, next } = await listRequests(database, filter, { limit, cursor });
				return { session, turns: [...requests].reverse(), next };
			});
		},
		"GET /api/ledger": async ({ query, principal }) => {
			const filter = rangeOf(query, principal, now());
			refuseUnknownSums(query, filter);
			const page = await readLog(log, ({ database }) => pageLedger(database, filter, query));
			return { from: filter.from, to: filter.to, ...page };
		},
		"GET /api/overview": ({ query, principal }) => {
			const about = { router, now: now(), routerNow: deps.routerNow() };
			const filter = rangeOf(query, principal, about.now);
			return readLog(log, (source) => overviewOf(source, filter, about));
		},
	});
}

function filterOf(asked: Omit<z.output<typeof requestQuery>, "limit" | "cursor">, principal: Principal): RequestFilter {
	const { key, team, user, end_user, model_id, q, ...rest } = asked;
	const scope = rowsOf(principal);
	return { ...rest, modelId: model_id, keyId: key, teamId: team, userId: user, endUser: end_user, text: q, scope };
}

/** Sums that are not kept, and pages of other sums. */
function refuseUnknownSums(
	{ by, cursor }: QueryOf<(typeof LOG)["GET /api/ledger"]>,
	{ keyId, teamId }: LedgerFilter,
): void {
	if (cursor !== undefined && cursor !== "" && readSumCursor(cursor, by) === null) {
		throw new GatewayError("invalid_field", { field: "cursor", reason: "is not one that a page of this `by` gave" });
	}
	const ofKeys = keyId !== undefined || teamId !== undefined || by.some((name) => /^(key|team)_id$/.test(name));
	if (by.includes("minute") && ofKeys) {
		throw new GatewayError("invalid_field", {
			field: "by",
			reason: "minutes are not kept by key or team; use hour",
		});
	}
}

/** An owner sees the sums of its own key only. */
function ownKey(principal: Principal, key: string | undefined): string | undefined {
	const own = scopeOf(principal);
	return own === null ? key : (own.keyHash ?? "");
}

function rangeOf(asked: z.output<typeof rangeQuery>, principal: Principal, now: number): LedgerFilter {
	const to = asked.to ?? now;
	const from = Math.min(asked.from ?? to - DAY_MS, to);
	const { team, model, model_id } = asked;
	return { from, to, keyId: ownKey(principal, asked.key), teamId: team, model, modelId: model_id };
}

function detailOf({ request, details, ...rest }: RequestRecord): RequestDetail {
	const { turn, miss: _, ...known } = details;
	return { request, ...known, betas: turn?.betas ?? null, prompt: promptMapOf(details), ...rest };
}
