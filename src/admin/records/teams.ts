// LiteLLM's `/team/*`: whoever shares limits, a budget and a list of models, and its members. Leaves keys to records/keys.
import type { AccessRecord, FieldsOf } from "../../access/fields.ts";
import { GatewayError } from "../../errors.ts";
import { TEAMS, type TeamView } from "../contract/records.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import { keyView } from "./keys.ts";
import { recordRoutes } from "./record-routes.ts";
import { existing, type RecordDeps, readFields, update } from "./stored.ts";
import { datesOf, isoOrNull, spendOf } from "./views.ts";

type Team = AccessRecord<"team">;
type Members = FieldsOf["team"]["members_with_roles"];

function viewOf(deps: RecordDeps, team: Team): TeamView {
	return { team_id: team.id, ...team.fields, ...spendOf(deps, team), ...datesOf(team) };
}

/** The routes. */
export function teamRoutes(deps: RecordDeps, requireRole: RequireRole) {
	const view = (team: Team) => viewOf(deps, team);
	const keysOf = (id: string) => deps.access.directory.list("key").filter((key) => key.fields.team_id === id);
	return routes(requireRole, TEAMS, {
		...recordRoutes(deps, {
			kind: "team",
			path: "/team",
			id: "team_id",
			view,
			isVisible: ({ id }, { role, teamIds }) => role !== "owner" || teamIds.includes(id),
			asked: ({ team_id }) => team_id,
			info: (team, { role }) => ({
				team_id: team.id,
				team_info: view(team),
				keys: role === "owner" ? [] : keysOf(team.id).map((key) => keyView(deps, key)),
				team_memberships: role === "owner" ? [] : membershipsOf(deps, team),
			}),
			matches: ({ fields }, { user_id: id }) => id === undefined || fields.members_with_roles.some(isUser(id)),
			list: (teams, facts) => ({ teams, ...facts }),
			blocking: { named: ({ team_id }) => [team_id], answer: ([team]) => team },
			toDelete: ({ team_ids }) => team_ids,
			// As in LiteLLM its keys go with it: without the team nothing would limit them.
			ownerOf: ({ team_id }) => team_id,
			deleted: (teams, keys) => ({ deleted_teams: teams.map(({ id }) => id), deleted_keys: keys }),
		}),
		"POST /team/member_add": ({ body: { team_id, member, ...all } }) => {
			// What the body says beside `member` holds for each.
			const added = [member].flat().map((each) => ({ ...all, ...each }));
			return changeMembers(deps, team_id, (members) => {
				const kept = members.filter((each) => !added.some(({ user_id }) => user_id === each.user_id));
				return [...kept, ...added.map((each) => ({ ...members.find(isUser(each.user_id)), ...each }))];
			});
		},
		"POST /team/member_update": ({ body: { team_id, user_id: id, ...rest } }) =>
			changeMembers(deps, team_id, (members) => {
				const member = members.find(isUser(id));
				if (member === undefined) throw new GatewayError("record_not_found", { kind: "member", id });
				return [...members.filter((each) => each !== member), { ...member, ...rest }];
			}),
		"POST /team/member_delete": ({ body: { team_id, user_id: id } }) =>
			changeMembers(deps, team_id, (members) => members.filter((each) => each.user_id !== id)),
	});
}

async function changeMembers(
	deps: RecordDeps,
	id: string,
	change: (members: Members) => readonly object[],
): Promise<TeamView> {
	const team = await update(deps, existing(deps, "team", id), ({ fields }) => {
		return { fields: readFields("team", { members_with_roles: change(fields.members_with_roles) }, fields) };
	});
	return viewOf(deps, team);
}

function isUser(id: string): (member: Members[number]) => boolean {
	return ({ user_id }) => user_id === id;
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
			budget_reset_at: isoOrNull(window.end),
			litellm_budget_table: { max_budget: max_budget_in_team ?? null, budget_duration: budget_duration ?? null },
		};
	});
}
