// LiteLLM's `GET /spend/logs/ui`: numbered pages of the spend log, as its UI and scripts made for it ask for them. Leaves the fields of a
// row to admin/log/spend.
import { Hono } from "hono";
import * as z from "zod";
import { numberedRequests } from "../../requestlog/requests-numbered.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import { scopeOf } from "../session/roles.ts";
import { query } from "./api.ts";
import { type LogSource, readLog } from "./source.ts";
import { dateOf, spendRow } from "./spend.ts";

const time = () =>
	z
		.string()
		.refine((text) => dateOf(text) !== undefined, "expected a time such as 2026-11-20 12:00:00 (UTC)")
		.describe("UTC, such as 2026-11-20 12:00:00.");

const id = () => z.string().max(512).optional();

/** LiteLLM's parameters; both dates are asked for, as there. `model` is the name that clients ask for. */
export const spendPageQuery = z.strictObject({
	start_date: time(),
	end_date: time(),
	page: z.coerce.number().int().min(1).default(1),
	page_size: z.coerce.number().int().min(1).max(100).default(50),
	api_key: id(),
	user_id: id(),
	request_id: id(),
	team_id: id(),
	end_user: id(),
	session_id: id(),
	model: id(),
	model_id: id(),
	min_spend: z.coerce.number().optional(),
	max_spend: z.coerce.number().optional(),
	status_filter: z.enum(["success", "failure"]).optional(),
});

/** The route. `total` ends at 100,000: what lies behind is for `/spend/logs` and its cursor. */
export function spendPageRoutes(
	deps: { readonly log: LogSource | null; readonly hash: (key: string) => string },
	requireRole: RequireRole,
) {
	return new Hono<AdminEnv>().get("/spend/logs/ui", requireRole("owner"), query(spendPageQuery), async (c) => {
		const asked = c.req.valid("query");
		const { page, page_size: size, api_key: key, status_filter: status } = asked;
		const own = scopeOf(c.get("principal"));
		const filter = {
			from: dateOf(asked.start_date),
			// LiteLLM's end is included.
			to: (dateOf(asked.end_date) ?? 0) + 1,
			id: asked.request_id,
			keyId: key?.startsWith("sk-") ? deps.hash(key) : key,
			userId: asked.user_id,
			teamId: asked.team_id,
			endUser: asked.end_user,
			session: asked.session_id,
			model: asked.model,
			modelId: asked.model_id,
			minCost: asked.min_spend,
			maxCost: asked.max_spend,
			served: status === undefined ? undefined : status === "success",
			scope: own === null ? undefined : { keyHash: own.keyHash, userId: own.userId },
		};
		const { requests, total } = await readLog(deps.log, ({ database }) =>
			numberedRequests(database, filter, { page, size }),
		);
		return c.json({
			data: requests.map(spendRow),
			total,
			page,
			page_size: size,
			total_pages: Math.ceil(total / size),
		});
	});
}
