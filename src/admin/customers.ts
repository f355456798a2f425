// LiteLLM's `/customer/*` (also `/end_user/*`): end users whom a client names with its requests. Those that are not here have no limits.
import { Hono } from "hono";
import type { AccessRecord } from "../db/keys-fields.ts";
import type { AdminEnv, RequireRole } from "./auth.ts";
import { requireRecords, resetSpend } from "./keys.ts";
import {
	bodyOf,
	datesOf,
	existing,
	insert,
	pageOf,
	type RecordDeps,
	readFields,
	spendOf,
	stored,
	textOf,
	textsOf,
	update,
} from "./keys-records.ts";

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
			const customer = existing(deps, "customer", id);
			changed.push(await update(deps, customer, ({ fields }) => ({ fields: { ...fields, blocked } })));
		}
		return { blocked_users: changed.map((customer) => customerView(deps, customer)) };
	}

	return new Hono<AdminEnv>()
		.post("/new", admin, async (c) => {
			const { user_id: id, ...body } = await bodyOf(c);
			const fields = readFields("customer", body);
			requireRecords(deps, { budget_id: fields.budget_id });
			const named = textOf({ user_id: id }, "user_id");
			return c.json(customerView(deps, await insert(deps, { kind: "customer", id: named, hash: null, fields })));
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
			const { user_id: id, ...body } = await bodyOf(c);
			const before = existing(deps, "customer", textOf({ user_id: id }, "user_id"));
			const customer = await update(deps, before, ({ fields }) => {
				const next = readFields("customer", body, fields);
				requireRecords(deps, { budget_id: next.budget_id });
				return { fields: next };
			});
			if (typeof body["spend"] === "number") resetSpend(deps, customer, body["spend"]);
			return c.json(customerView(deps, customer));
		})
		.post("/delete", admin, async (c) => {
			const ids = textsOf(await bodyOf(c), "user_ids");
			for (const id of ids) existing(deps, "customer", id);
			await stored(deps, () => deps.access.remove("customer", ids));
			return c.json({ deleted_customers: ids });
		})
		.post("/block", admin, async (c) => c.json(await setBlocked(textsOf(await bodyOf(c), "user_ids"), true)))
		.post("/unblock", admin, async (c) => c.json(await setBlocked(textsOf(await bodyOf(c), "user_ids"), false)));
}
