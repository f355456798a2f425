// LiteLLM's `/budget/*`: limits by name, for keys, teams, users and customers that say `budget_id`. Each holder has the whole of it.
import type { AccessRecord } from "../../access/fields.ts";
import { GatewayError } from "../../errors.ts";
import { BUDGETS, type BudgetView } from "../contract/records.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import { recordRoutes } from "./record-routes.ts";
import { existing, type RecordDeps } from "./stored.ts";
import { datesOf } from "./views.ts";

/** Kinds of records that may name a budget. */
const HOLDERS = ["key", "team", "user", "customer"] as const;

function view(budget: AccessRecord<"budget">): BudgetView {
	return { budget_id: budget.id, ...budget.fields, ...datesOf(budget) };
}

/** The routes. */
export function budgetRoutes(deps: RecordDeps, requireRole: RequireRole) {
	return routes(requireRole, BUDGETS, {
		...recordRoutes(deps, {
			kind: "budget",
			path: "/budget",
			id: "budget_id",
			view,
			asked: ({ budget_id }) => budget_id,
			info: view,
			list: (budgets, facts) => ({ budgets, ...facts }),
			toDelete: ({ id }) => [id],
			refuseDelete: ({ id }) => refuseHeld(deps, id),
			deleted: ([budget]) => ({ deleted: budget?.id ?? "" }),
		}),
		"POST /budget/info": ({ body }) => body.budgets.map((id) => view(existing(deps, "budget", id))),
	});
}

function refuseHeld({ access }: RecordDeps, id: string): void {
	for (const kind of HOLDERS) {
		const holder = access.directory.list(kind).find((record) => record.fields.budget_id === id);
		if (holder === undefined) continue;
		const reason = `the ${kind} '${holder.id}' still names it; change that first`;
		throw new GatewayError("invalid_field", { field: "id", reason });
	}
}
