// LiteLLM's `/user/*`: people, their role and what they may spend by keys that are no team's. Leaves keys to records/keys.
import type { AccessRecord } from "../../access/fields.ts";
import { USERS, type UserView } from "../contract/records.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import { createKey, keyView } from "./keys.ts";
import { create, recordRoutes } from "./record-routes.ts";
import type { RecordDeps } from "./stored.ts";
import { datesOf, spendOf } from "./views.ts";

/** The routes. */
export function userRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const view = (user: AccessRecord<"user">): UserView => {
		return { user_id: user.id, ...user.fields, ...spendOf(deps, user), ...datesOf(user) };
	};
	const keysOf = (id: string) => deps.access.directory.list("key").filter((key) => key.fields.user_id === id);
	return routes(requireRole, USERS, {
		...recordRoutes(deps, {
			kind: "user",
			path: "/user",
			id: "user_id",
			view,
			isVisible: ({ id }, { role, userId }) => role !== "owner" || id === userId,
			asked: ({ user_id }, { userId }) => user_id ?? userId,
			info: (user) => ({
				user_id: user.id,
				user_info: view(user),
				keys: keysOf(user.id).map((key) => keyView(deps, key)),
			}),
			matches: ({ fields: { user_role, user_email } }, { role, user_email: part }) => {
				const matches = part === undefined || user_email?.toLowerCase().includes(part.toLowerCase()) === true;
				return matches && (role === undefined || user_role === role);
			},
			list: (users, facts) => ({ users, ...facts }),
			toDelete: ({ user_ids }) => user_ids,
			ownerOf: ({ user_id }) => user_id,
			deleted: (users, keys) => ({ deleted_users: users.map(({ id }) => id), deleted_keys: keys }),
		}),
		"POST /user/new": async ({ body: { duration, key_alias, ...body }, principal }) => {
			const user = await create(deps, { kind: "user", id: "user_id" }, body);
			// LiteLLM makes a key along with the user unless it is told not to.
			if (body.auto_create_key === false) return { ...view(user), key: null };
			const { key, token, expires } = await createKey(deps, { user_id: user.id, duration, key_alias }, principal.id);
			return { ...view(user), key, token, expires };
		},
	});
}
