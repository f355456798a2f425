// LiteLLM's `/customer/*` (also `/end_user/*`): end users whom a client names with its requests. Those that are not here have no limits.
import { Hono } from "hono";
import type { AccessRecord } from "../../access/fields.ts";
import { bodyOf } from "../http/body.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import {
	blockRecord,
	change,
	create,
	datesOf,
	existing,
	pageOf,
	type RecordDeps,
	removeAll,
	spendOf,
	textOf,
	textsOf,
	withoutId,
} from "./stored.ts";

function customerView(deps: RecordDeps, customer: AccessRecord<"customer">) {
	return { user_id: customer.id, ...customer.fields, ...spendOf(deps, customer), ...datesOf(customer) };
}

/** The endpoints, under both of LiteLLM's names. */
export function customerRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const routes = new Hono<AdminEnv>();
	return routes.route("/customer", endpoints(deps, requireRole)).route("/end_user", endpoints(deps, requireRole));
}

function endpoints(deps: RecordDeps, requireRole: RequireRole) {
	const admin = requireRole("admin");
	const viewer = requireRole("viewer");

	async function setBlocked(ids: readonly string[], blocked: boolean) {
		const changed = [];
		for (const id of ids) {
			changed.push(await blockRecord(deps, existing(deps, "customer", id), blocked));
		}
		return { blocked_users: changed.map((customer) => customerView(deps, customer)) };
	}

	return new Hono<AdminEnv>()
		.post("/new", admin, async (c) => {
			const body = await bodyOf(c);
			const about = { kind: "customer", id: textOf(body, "user_id") } as const;
			return c.json(customerView(deps, await create(deps, about, withoutId(body, "user_id"))));
		})
		.get("/info", viewer, (c) => {
			const id = c.req.query("end_user_id") ?? c.req.query("user_id") ?? "";
			return c.json(customerView(deps, existing(deps, "customer", id)));
		})
		.get("/list", viewer, (c) => {
			const { items, ...page } = pageOf(deps.access.directory.list("customer"), (name) => c.req.query(name));
			return c.json({ customers: items.map((customer) => customerView(deps, customer)), ...page });
		})
		.post("/update", admin, async (c) => {
			const about = { kind: "customer", idField: "user_id" } as const;
			return c.json(customerView(deps, await change(deps, about, await bodyOf(c))));
		})
		.post("/delete", admin, async (c) => {
			const ids = textsOf(await bodyOf(c), "user_ids");
			await removeAll(deps, "customer", ids);
			return c.json({ deleted_customers: ids });
		})
		.post("/block", admin, async (c) => c.json(await setBlocked(textsOf(await bodyOf(c), "user_ids"), true)))
		.post("/unblock", admin, async (c) => c.json(await setBlocked(textsOf(await bodyOf(c), "user_ids"), false)));
}
