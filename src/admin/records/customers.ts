// LiteLLM's `/customer/*` (also `/end_user/*`): end users whom a client names with its requests. Those that are not here have no limits.
import type { AccessRecord } from "../../access/fields.ts";
import { CUSTOMERS, type CustomerView } from "../contract/records.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import { recordRoutes } from "./record-routes.ts";
import type { RecordDeps } from "./stored.ts";
import { datesOf, spendOf } from "./views.ts";

/** The routes, under both of LiteLLM's names. */
export function customerRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const view = (customer: AccessRecord<"customer">): CustomerView => {
		return { user_id: customer.id, ...customer.fields, ...spendOf(deps, customer), ...datesOf(customer) };
	};
	const at = (path: "/customer" | "/end_user") =>
		recordRoutes(deps, {
			kind: "customer",
			path,
			id: "user_id",
			view,
			asked: ({ end_user_id, user_id }) => end_user_id ?? user_id,
			info: view,
			list: (customers, facts) => ({ customers, ...facts }),
			blocking: { named: ({ user_ids }) => user_ids, answer: (blocked_users) => ({ blocked_users }) },
			toDelete: ({ user_ids }) => user_ids,
			deleted: (customers) => ({ deleted_customers: customers.map(({ id }) => id) }),
		});
	return routes(requireRole, CUSTOMERS, { ...at("/customer"), ...at("/end_user") });
}
