// LiteLLM's `/user/*`: people, their role and what they may spend by keys that are no team's. Leaves keys to admin/records/keys.
import { Hono } from "hono";
import type { AccessRecord } from "../../access/fields.ts";
import { GatewayError } from "../../errors.ts";
import { bodyOf } from "../http/body.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import { createKey, keyView } from "./keys.ts";
import {
	change,
	create,
	datesOf,
	existing,
	idOf,
	pageOf,
	type RecordDeps,
	removeAll,
	removeKeys,
	spendOf,
	textsOf,
	withoutId,
} from "./stored.ts";

function userView(deps: RecordDeps, user: AccessRecord<"user">) {
	return { user_id: user.id, ...user.fields, ...spendOf(deps, user), ...datesOf(user) };
}

/** The endpoints. */
export function userRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const { directory } = deps.access;
	const admin = requireRole("admin");
	const anyone = requireRole("owner");
	const keysOf = (id: string) => directory.list("key").filter((key) => key.fields.user_id === id);

	return new Hono<AdminEnv>()
		.post("/user/new", admin, async (c) => {
			const { duration, key_alias: alias, ...body } = await bodyOf(c);
			const about = { kind: "user", id: idOf(body, "user_id") } as const;
			const user = await create(deps, about, withoutId(body, "user_id"));
			const view = userView(deps, user);
			// LiteLLM makes a key along with the user unless it is told not to.
			if (body["auto_create_key"] === false) return c.json({ ...view, key: null });
			const key = await createKey(deps, { user_id: user.id, duration, key_alias: alias }, c.get("principal").id);
			return c.json({ ...view, key: key.key, token: key.token, expires: key.expires });
		})
		.get("/user/info", anyone, (c) => {
			const { role, userId } = c.get("principal");
			const id = c.req.query("user_id") ?? userId ?? "";
			if (role === "owner" && id !== userId) throw new GatewayError("record_not_found", { kind: "user", id });
			const user = existing(deps, "user", id);
			return c.json({
				user_id: id,
				user_info: userView(deps, user),
				keys: keysOf(id).map((key) => keyView(deps, key)),
			});
		})
		.get("/user/list", requireRole("viewer"), (c) => {
			const role = c.req.query("role");
			const email = c.req.query("user_email")?.toLowerCase();
			const users = directory.list("user").filter(({ fields }) => {
				const matches = email === undefined || fields.user_email?.toLowerCase().includes(email) === true;
				return matches && (role === undefined || fields.user_role === role);
			});
			const { items, ...page } = pageOf(users, (name) => c.req.query(name));
			return c.json({ users: items.map((user) => userView(deps, user)), ...page });
		})
		.post("/user/update", admin, async (c) => {
			return c.json(userView(deps, await change(deps, { kind: "user", idField: "user_id" }, await bodyOf(c))));
		})
		.post("/user/delete", admin, async (c) => {
			const ids = textsOf(await bodyOf(c), "user_ids");
			for (const id of ids) existing(deps, "user", id);
			const keys = await removeKeys(deps, ({ fields }) => ids.includes(fields.user_id ?? ""));
			await removeAll(deps, "user", ids);
			return c.json({ deleted_users: ids, deleted_keys: keys });
		});
}
