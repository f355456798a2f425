// LiteLLM's `/team/*`: whoever shares limits, a budget and a list of models. Leaves keys to admin/records/keys.
import { Hono } from "hono";
import type { AccessRecord, FieldsOf } from "../../access/fields.ts";
import { GatewayError } from "../../errors.ts";
import { bodyOf } from "../http/body.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import type { Principal } from "../session/roles.ts";
import { keyView } from "./keys.ts";
import {
	blockRecord,
	change,
	create,
	datesOf,
	existing,
	idOf,
	pageOf,
	type RecordDeps,
	readFields,
	removeAll,
	removeKeys,
	spendOf,
	textOf,
	textsOf,
	update,
	withoutId,
} from "./stored.ts";

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
		return teamView(deps, await blockRecord(deps, existing(deps, "team", id), blocked));
	}

	return new Hono<AdminEnv>()
		.post("/team/new", admin, async (c) => {
			const body = await bodyOf(c);
			const about = { kind: "team", id: idOf(body, "team_id") } as const;
			return c.json(teamView(deps, await create(deps, about, withoutId(body, "team_id"))));
		})
		.get("/team/info", anyone, (c) => {
			const id = c.req.query("team_id") ?? "";
			if (!isVisible(c.get("principal"), id)) throw new GatewayError("record_not_found", { kind: "team", id });
			const team = existing(deps, "team", id);
			const own = c.get("principal").role === "owner";
			const keys = own ? [] : directory.list("key").filter((key) => key.fields.team_id === id);
			return c.json({
				team_id: id,
				team_info: teamView(deps, team),
				keys: keys.map((key) => keyView(deps, key)),
				team_memberships: own ? [] : membershipsOf(deps, team),
			});
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
			return c.json(teamView(deps, await change(deps, { kind: "team", idField: "team_id" }, await bodyOf(c))));
		})
		.post("/team/delete", admin, async (c) => {
			const ids = textsOf(await bodyOf(c), "team_ids");
			for (const id of ids) existing(deps, "team", id);
			// As in LiteLLM its keys go with it: without the team nothing would limit them.
			const keys = await removeKeys(deps, ({ fields }) => ids.includes(fields.team_id ?? ""));
			await removeAll(deps, "team", ids);
			return c.json({ deleted_teams: ids, deleted_keys: keys });
		})
		.post("/team/block", admin, async (c) => c.json(await setBlocked(textOf(await bodyOf(c), "team_id"), true)))
		.post("/team/unblock", admin, async (c) => c.json(await setBlocked(textOf(await bodyOf(c), "team_id"), false)))
		.post("/team/member_add", admin, async (c) => {
			const body = await bodyOf(c);
			const added = membersOf(body);
			const team = await update(deps, existing(deps, "team", textOf(body, "team_id")), ({ fields }) => {
				return {
					fields: withMembers(fields, [
						...without(
							fields,
							added.map((each) => each.user_id),
						),
						...added.map((each) => ({ ...fields.members_with_roles.find(isSame(each)), ...each })),
					]),
				};
			});
			return c.json(teamView(deps, team));
		})
		.post("/team/member_update", admin, async (c) => {
			const body = await bodyOf(c);
			const id = textOf(body, "user_id");
			const { team_id: teamId, user_id: _, ...rest } = body;
			const team = await update(deps, existing(deps, "team", textOf({ teamId }, "teamId")), ({ fields }) => {
				const member = fields.members_with_roles.find((each) => each.user_id === id);
				if (member === undefined) throw new GatewayError("record_not_found", { kind: "member", id });
				const changed = { ...member, ...rest };
				return { fields: readFields("team", { members_with_roles: [...without(fields, [id]), changed] }, fields) };
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

function isVisible({ role, teamIds }: Principal, id: string): boolean {
	return role !== "owner" || teamIds.includes(id);
}

function isSame({ user_id }: Members[number]): (other: Members[number]) => boolean {
	return (other) => other.user_id === user_id;
}

/** Who is added; what the body says beside `member` holds for each. */
function membersOf(body: Readonly<Record<string, unknown>>): Members {
	const { team_id: _, member, ...all } = body;
	const members = [member ?? []].flat().map((each) => (typeof each === "object" ? { ...all, ...each } : each));
	return readFields("team", { members_with_roles: members }).members_with_roles;
}

/** What members with a budget of their own have spent in a team. */
function membershipsOf({ access, now }: RecordDeps, team: Team) {
	return team.fields.members_with_roles.flatMap(({ user_id, max_budget_in_team, budget_duration }) => {
		const subject = access.directory.member(team, user_id);
		const budget = subject?.budgets.at(-1);
		if (subject === null || budget === undefined) return [];
		const { spent, window } = access.spend.account(subject, budget, now());
		return {
			user_id,
			team_id: team.id,
			spend: spent,
			budget_reset_at: Number.isFinite(window.end) ? new Date(window.end).toISOString() : null,
			litellm_budget_table: { max_budget: max_budget_in_team ?? null, budget_duration: budget_duration ?? null },
		};
	});
}

type Members = FieldsOf["team"]["members_with_roles"];

function without({ members_with_roles: members }: FieldsOf["team"], ids: readonly string[]): Members {
	return members.filter((each) => !ids.includes(each.user_id));
}

function withMembers(fields: FieldsOf["team"], members: Members): FieldsOf["team"] {
	return { ...fields, members_with_roles: members };
}
