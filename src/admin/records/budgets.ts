// LiteLLM's `/budget/*`: limits by name, for keys, teams, users and customers that say `budget_id`. Each holder has the whole of it.
import { Hono } from "hono";
import type { AccessRecord } from "../../access/fields.ts";
import { GatewayError } from "../../errors.ts";
import { bodyOf } from "../http/body.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import {
	change,
	create,
	datesOf,
	existing,
	idOf,
	pageOf,
	type RecordDeps,
	removeAll,
	textOf,
	textsOf,
	withoutId,
} from "./stored.ts";

function budgetView(budget: AccessRecord<"budget">) {
	return { budget_id: budget.id, ...budget.fields, ...datesOf(budget) };
}

/** Kinds of records that may name a budget. */
const HOLDERS = ["key", "team", "user", "customer"] as const;

/** The endpoints. */
export function budgetRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const { directory } = deps.access;
	const admin = requireRole("admin");
	const viewer = requireRole("viewer");

	function holderOf(id: string): AccessRecord | undefined {
		for (const kind of HOLDERS) {
			const holder = directory.list(kind).find((record) => record.fields.budget_id === id);
			if (holder !== undefined) return holder;
		}
		return undefined;
	}

	return (
		new Hono<AdminEnv>()
			.post("/budget/new", admin, async (c) => {
				const body = await bodyOf(c);
				const about = { kind: "budget", id: idOf(body, "budget_id") } as const;
				return c.json(budgetView(await create(deps, about, withoutId(body, "budget_id"))));
			})
			// LiteLLM asks by POST; it changes nothing, but what is not GET takes an admin.
			.post("/budget/info", admin, async (c) => {
				const ids = textsOf(await bodyOf(c), "budgets");
				return c.json(ids.map((id) => budgetView(existing(deps, "budget", id))));
			})
			.get("/budget/info", viewer, (c) => c.json(budgetView(existing(deps, "budget", c.req.query("budget_id") ?? ""))))
			.get("/budget/list", viewer, (c) => {
				const { items, ...page } = pageOf(directory.list("budget"), (name) => c.req.query(name));
				return c.json({ budgets: items.map(budgetView), ...page });
			})
			.post("/budget/update", admin, async (c) => {
				return c.json(budgetView(await change(deps, { kind: "budget", idField: "budget_id" }, await bodyOf(c))));
			})
			.post("/budget/delete", admin, async (c) => {
				const id = textOf(await bodyOf(c), "id");
				existing(deps, "budget", id);
				const holder = holderOf(id);
				if (holder !== undefined) {
					const reason = `the ${holder.kind} '${holder.id}' still names it; change that first`;
					throw new GatewayError("invalid_field", { field: "id", reason });
				}
				await removeAll(deps, "budget", [id]);
				return c.json({ deleted: id });
			})
	);
}
