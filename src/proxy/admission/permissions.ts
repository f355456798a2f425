// What a caller may ask for: models, cache domains, explanations. Counts nothing; leaves limits and budgets to proxy/admission/admission.
import type { Directory } from "../../access/directory.ts";
import type { AccessRecord } from "../../access/fields.ts";
import { matchesModel } from "../../access/limits.ts";
import { resolveGroup, spellings } from "../../config/model-name.ts";
import type { Config } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import type { Caller } from "./authenticate.ts";

const ANYWHERE: readonly string[] = [];
/** LiteLLM's names for lists that are none: everything, and what the team may use. */
const EVERYTHING = new Set(["*", "all-proxy-models"]);
const TEAMS = "all-team-models";
const NOTHING = "no-default-models";
const MOST_NAMED = 20;

/** Whose models a list names. */
interface ModelList {
	readonly kind: string;
	readonly name: string;
	readonly models: readonly string[];
}

export class Permissions {
	readonly #directory: Directory;

	constructor(directory: Directory) {
		this.#directory = directory;
	}

	/** The name that the key's or its team's `aliases` put in the place of what the client asked for. */
	rename({ key, teamId }: Caller, model: string): string {
		if (key === null) return model;
		const own = key.fields.aliases;
		if (Object.hasOwn(own, model)) return own[model] ?? model;
		const teams = teamId === null ? undefined : this.#directory.get("team", teamId)?.fields.model_aliases;
		return teams !== undefined && Object.hasOwn(teams, model) ? (teams[model] ?? model) : model;
	}

	/** Throws model_not_allowed, and key_type_refused for keys of the control plane. */
	authorise(caller: Caller, model: string, config: Config): void {
		const { key } = caller;
		if (key === null) return;
		if (key.fields.key_type === "management" || key.fields.key_type === "read_only") {
			throw new GatewayError("key_type_refused", {
				name: key.fields.key_alias ?? key.id,
				type: key.fields.key_type,
			});
		}
		const refused = this.#refusedBy(caller, model, config);
		if (refused === null) return;
		const allowed = refused.models.filter((name) => name !== NOTHING).slice(0, MOST_NAMED);
		const { kind, name } = refused;
		throw new GatewayError("model_not_allowed", { kind, name, model, allowed: allowed.join(", ") || "nothing" });
	}

	/** Whether a name should be listed for this caller. */
	mayUse(caller: Caller, model: string, config: Config): boolean {
		return this.#refusedBy(caller, model, config) === null;
	}

	/**
	 * Throws forbidden for callers who may not see decisions before they are made: those name deployments and tell what others have
	 * warm. The master key may, and keys of users who may read the control plane.
	 */
	authoriseExplain(caller: Caller): void {
		if (caller.key === null) return;
		const role = userOf(this.#directory, caller)?.fields.user_role;
		if (role !== "proxy_admin" && role !== "proxy_admin_viewer")
			throw new GatewayError("forbidden", { role: "viewer" });
	}

	/** Cache domains the caller is confined to; empty = any. */
	allowedDomains(caller: Caller): readonly string[] {
		const own = caller.key?.fields.allowed_domains ?? ANYWHERE;
		const teams = teamOf(this.#directory, caller)?.fields.allowed_domains ?? ANYWHERE;
		if (own.length === 0 || teams.length === 0) return own.length === 0 ? teams : own;
		const both = own.filter((domain) => teams.includes(domain));
		// An empty list would mean anywhere.
		return both.length === 0 ? [""] : both;
	}

	/** Whose list does not hold the model; null = all do. */
	#refusedBy(caller: Caller, model: string, config: Config): ModelList | null {
		if (caller.key === null) return null;
		const names = [...spellings(model)];
		const group = resolveGroup(config, model)?.group.name;
		if (group !== undefined && !group.includes("*")) names.push(group);
		for (const list of this.#lists(caller)) if (!listHolds(list.models, names)) return list;
		return null;
	}

	/** Everybody whose list of models must hold the model, the key first. */
	*#lists(caller: Caller): Generator<ModelList> {
		const { key } = caller;
		if (key === null) return;
		yield { kind: "key", name: key.fields.key_alias ?? key.id, models: key.fields.models };
		const team = teamOf(this.#directory, caller);
		if (team !== undefined) yield { kind: "team", name: team.fields.team_alias ?? team.id, models: team.fields.models };
		// As in LiteLLM, a team's key does not bring in what its user may do.
		const user = userOf(this.#directory, caller);
		if (user !== undefined && key.fields.team_id === null)
			yield { kind: "user", name: user.id, models: user.fields.models };
	}
}

export function teamOf(directory: Directory, { teamId }: Caller): AccessRecord<"team"> | undefined {
	return teamId === null ? undefined : directory.get("team", teamId);
}

export function userOf(directory: Directory, { userId }: Caller): AccessRecord<"user"> | undefined {
	return userId === null ? undefined : directory.get("user", userId);
}

/** An empty list is no list. */
function listHolds(models: readonly string[], names: readonly string[]): boolean {
	if (models.length === 0) return true;
	return models.some(
		(each) => EVERYTHING.has(each) || each === TEAMS || (each !== NOTHING && matchesModel(each, names)),
	);
}
