// The control plane's own endpoints: log, sessions, ledger, overview, deployments. Leaves keys and teams to
// their files, LiteLLM's `/spend/logs` to admin/log/spend, and who may ask to admin/session/auth.
import { Hono } from "hono";
import { validator } from "hono/validator";
import type * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { readSumCursor } from "../../requestlog/cursor.ts";
import type { Details } from "../../requestlog/details.ts";
import { findSessions, type LedgerFilter, listSessions, pageLedger } from "../../requestlog/ledger.ts";
import type { RequestFilter, RequestRecord } from "../../requestlog/requests.ts";
import { findRequest, listRequests } from "../../requestlog/requests.ts";
import type { LiveRouter } from "../../routing/router.ts";
import {
	ledgerQuery,
	type RequestDetail,
	rangeQuery,
	requestQuery,
	sessionQuery,
	sessionTurnsQuery,
} from "../contract/schemas.ts";
import { deploymentsOf } from "../operate/deployments.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import { type Principal, scopeOf } from "../session/roles.ts";
import { overviewOf } from "./overview.ts";
import { promptMapOf } from "./prompt-map.ts";
import { type LogSource, readLog } from "./source.ts";

export interface ApiDeps {
	/** Null where the log is off. */
	readonly log: LogSource | null;
	readonly router: LiveRouter;
	/** There is a database for what is drained. */
	readonly drainsKept: boolean;
	/** ms since epoch, by the wall clock. */
	readonly now: () => number;
	/** By the clock that the router goes by. */
	readonly routerNow: () => number;
}

const DAY_MS = 86_400_000;

/** Checks a query by its schema. Throws invalid_field. */
export function query<Schema extends z.ZodType>(schema: Schema) {
	return validator("query", (value): z.output<Schema> => {
		const parsed = schema.safeParse(value);
		if (parsed.success) return parsed.data;
		const [issue] = parsed.error.issues;
		const unknown = issue?.code === "unrecognized_keys" ? issue.keys.join(", ") : null;
		throw new GatewayError("invalid_field", {
			field: unknown ?? (issue?.path.join(".") || "query"),
			reason: unknown === null ? (issue?.message ?? "is not valid") : "is not a filter of this endpoint",
		});
	});
}

/** The routes; the type is what the UI's client is made from. */
export function apiRoutes(deps: ApiDeps, requireRole: RequireRole) {
	const { now } = deps;
	return new Hono<AdminEnv>()
		.get("/api/requests", requireRole("owner"), query(requestQuery), async (c) => {
			const { limit, cursor, ...asked } = c.req.valid("query");
			const filter = filterOf(asked, c.get("principal"));
			return c.json(await readLog(deps.log, ({ database }) => listRequests(database, filter, { limit, cursor })));
		})
		.get("/api/requests/:id", requireRole("owner"), async (c) => {
			const id = c.req.param("id");
			const record = await readLog(deps.log, ({ database }) => findRequest(database, id));
			if (record === null || !isVisible(record, c.get("principal")))
				throw new GatewayError("record_not_found", { kind: "request", id });
			return c.json(detailOf(record));
		})
		.get("/api/sessions", requireRole("owner"), query(sessionQuery), async (c) => {
			const { limit, cursor, from, to, key, team, q } = c.req.valid("query");
			const filter = { from, to, keyId: ownKey(c.get("principal"), key), teamId: team, text: q };
			return c.json(await readLog(deps.log, ({ database }) => listSessions(database, filter, { limit, cursor })));
		})
		.get("/api/sessions/:id", requireRole("owner"), query(sessionTurnsQuery), async (c) => {
			const id = c.req.param("id");
			const { limit, cursor, key } = c.req.valid("query");
			const wanted = ownKey(c.get("principal"), key);
			return c.json(
				await readLog(deps.log, async ({ database }) => {
					const found = await findSessions(database, id);
					const session = found.find((one) => wanted === undefined || one.key_id === wanted);
					if (session === undefined) throw new GatewayError("record_not_found", { kind: "session", id });
					const filter = { session: id, keyId: session.key_id };
					const { requests, next } = await listRequests(database, filter, { limit, cursor });
					return { session, turns: [...requests].reverse(), next };
				}),
			);
		})
		.get("/api/ledger", requireRole("owner"), query(ledgerQuery), async (c) => {
			const { by, limit, cursor, ...asked } = c.req.valid("query");
			if (cursor !== undefined && cursor !== "" && readSumCursor(cursor, by) === null)
				throw new GatewayError("invalid_field", {
					field: "cursor",
					reason: "is not one that a page of this `by` gave",
				});
			const filter = rangeOf(asked, c.get("principal"), now());
			const ofKeys =
				filter.keyId !== undefined || filter.teamId !== undefined || by.some((name) => /^(key|team)_id$/.test(name));
			if (by.includes("minute") && ofKeys)
				throw new GatewayError("invalid_field", {
					field: "by",
					reason: "minutes are not kept by key or team; use hour",
				});
			const page = await readLog(deps.log, ({ database }) => pageLedger(database, filter, { by, limit, cursor }));
			return c.json({ from: filter.from, to: filter.to, ...page });
		})
		.get("/api/overview", requireRole("owner"), query(rangeQuery), async (c) => {
			const filter = rangeOf(c.req.valid("query"), c.get("principal"), now());
			return c.json(
				await readLog(deps.log, (source) => {
					const times = { now: now(), routerNow: deps.routerNow() };
					return overviewOf(source, filter, { router: deps.router, ...times });
				}),
			);
		})
		.get("/api/deployments", requireRole("viewer"), async (c) => c.json(await deploymentsOf(deps)));
}

function filterOf(asked: Omit<z.output<typeof requestQuery>, "limit" | "cursor">, principal: Principal): RequestFilter {
	const { key, team, user, end_user, model_id, q, ...rest } = asked;
	const own = scopeOf(principal);
	return {
		...rest,
		modelId: model_id,
		keyId: key,
		teamId: team,
		userId: user,
		endUser: end_user,
		text: q,
		scope: own === null ? undefined : { keyHash: own.keyHash, userId: own.userId },
	};
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

function isVisible({ request }: RequestRecord, principal: Principal): boolean {
	const own = scopeOf(principal);
	if (own === null) return true;
	return (
		(own.keyHash !== null && request.key_id === own.keyHash) || (own.userId !== null && request.user_id === own.userId)
	);
}

function billedOf(billed: Details["billed"]): RequestDetail["billed"] {
	if (billed === null) return null;
	const { estimated, iterations, server_tools: tools, ...rest } = billed;
	return { ...rest, estimated: [...estimated], iterations: [...iterations], server_tools: { ...tools } };
}

function detailOf({ request, details, miss, previous, following, bodies }: RequestRecord): RequestDetail {
	return {
		request: { ...request, tags: [...request.tags] },
		error_message: details.error_message,
		attempts: [...details.attempts],
		candidates: [...details.candidates],
		excluded: [...details.excluded],
		diverted: details.diverted,
		prompt_tokens: details.prompt_tokens,
		max_tokens: details.max_tokens,
		request_class: details.request_class,
		betas: details.turn?.betas ?? null,
		team_alias: details.team_alias,
		user_agent: details.user_agent,
		metadata: details.metadata,
		billed: billedOf(details.billed),
		miss,
		prompt: promptMapOf(details),
		previous,
		following,
		bodies,
	};
}
