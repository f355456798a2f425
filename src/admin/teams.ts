// LiteLLM's `/team/*`: whoever shares limits, a budget and a list of models. Leaves keys to admin/keys.
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import type { AccessRecord, FieldsOf } from "../db/keys-fields.ts";
import { GatewayError } from "../errors.ts";
import type { AdminEnv, RequireRole } from "./auth.ts";
import { keyView, requireRecords, resetSpend } from "./keys.ts";
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
import type { Principal } from "./roles.ts";

type Team = AccessRecord<"team">;

function teamView(deps: RecordDeps, team: Team) {
	return { team_id: team.id, ...team.fields, ...spendOf(deps, team), ...datesOf(team) };
}

/** The endpoints. */
export function teamRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const { directory } = deps.access;
	const admin = requireRole("admin");
	const anyone = requireRole("owner");

	async function setBlocked(id: string, blocked: boolean) {
		const team = await update(deps, existing(deps, "team", id), ({ fields }) => ({ fields: { ...fields, blocked } }));
		return teamView(deps, team);
	}

	return new Hono<AdminEnv>()
		.post("/team/new", admin, async (c) => {
			const { team_id: id, ...body } = await bodyOf(c);
			const fields = readFields("team", body);
			requireRecords(deps, { budget_id: fields.budget_id });
			const team = await insert(deps, { kind: "team", id: named(id, "team_id"), hash: null, fields });
			return c.json(teamView(deps, team));
		})
		.get("/team/info", anyone, (c) => {
			const id = c.req.query("team_id") ?? "";
			if (!isVisible(c.get("principal"), id)) throw new GatewayError("record_not_found", { kind: "team", id });
			const team = existing(deps, "team", id);
			const own = c.get("principal").role === "owner";
			const keys = own ? [] : directory.list("key").filter((key) => key.fields.team_id === id);
			return c.json({ team_id: id, team_info: teamView(deps, team), keys: keys.map((key) => keyView(deps, key)) });
		})
		.get("/team/list", anyone, (c) => {
			const principal = c.get("principal");
			const wanted = c.req.query("user_id");
			const teams = directory.list("team").filter((team) => {
				const member = team.fields.members_with_roles.some((each) => each.user_id === wanted);
				return isVisible(principal, team.id) && (wanted === undefined || member);
			});
			const { items, ...page } = pageOf(teams, (name) => c.req.query(name));
			return c.json({ teams: items.map((team) => teamView(deps, team)), ...page });
		})
		.post("/team/update", admin, async (c) => {
			const { team_id: id, ...body } = await bodyOf(c);
			const team = await update(deps, existing(deps, "team", textOf({ team_id: id }, "team_id")), (before) => {
				const fields = readFields("team", body, before.fields);
				requireRecords(deps, { budget_id: fields.budget_id });
				return { fields };
			});
			if (typeof body["spend"] === "number") resetSpend(deps, team, body["spend"]);
			return c.json(teamView(deps, team));
		})
		.post("/team/delete", admin, async (c) => {
			const ids = textsOf(await bodyOf(c), "team_ids");
			for (const id of ids) existing(deps, "team", id);
			// As in LiteLLM its keys go with it: without the team nothing would limit them.
			const keys = directory.list("key").filter((key) => key.version !== 0 && ids.includes(key.fields.team_id ?? ""));
			await stored(deps, () =>
				deps.access.remove(
					"key",
					keys.map((key) => key.id),
				),
			);
			await stored(deps, () => deps.access.remove("team", ids));
			return c.json({ deleted_teams: ids, deleted_keys: keys.map((key) => key.hash) });
		})
		.post("/team/block", admin, async (c) => c.json(await setBlocked(textOf(await bodyOf(c), "team_id"), true)))
		.post("/team/unblock", admin, async (c) => c.json(await setBlocked(textOf(await bodyOf(c), "team_id"), false)))
		.post("/team/member_add", admin, async (c) => {
			const body = await bodyOf(c);
			const added = readFields("team", { members_with_roles: [body["member"] ?? []].flat() }).members_with_roles;
			const team = await update(deps, existing(deps, "team", textOf(body, "team_id")), ({ fields }) => {
				return {
					fields: withMembers(fields, [
						...without(
							fields,
							added.map((each) => each.user_id),
						),
						...added,
					]),
				};
			});
			return c.json(teamView(deps, team));
		})
		.post("/team/member_delete", admin, async (c) => {
			const body = await bodyOf(c);
			const gone = textOf(body, "user_id");
			const team = await update(deps, existing(deps, "team", textOf(body, "team_id")), ({ fields }) => {
				return { fields: withMembers(fields, without(fields, [gone])) };
			});
			return c.json(teamView(deps, team));
		});
}

/** The id that a body gives, or a new one. */
export function named(id: unknown, field: string): string {
	return id === undefined || id === null ? randomUUID() : textOf({ [field]: id }, field);
}

function isVisible({ role, teamIds }: Principal, id: string): boolean {
	return role !== "owner" || teamIds.includes(id);
}

type Members = FieldsOf["team"]["members_with_roles"];

function without({ members_with_roles: members }: FieldsOf["team"], ids: readonly string[]): Members {
	return members.filter((each) => !ids.includes(each.user_id));
}

function withMembers(fields: FieldsOf["team"], members: Members): FieldsOf["team"] {
	return { ...fields, members_with_roles: members };
}
