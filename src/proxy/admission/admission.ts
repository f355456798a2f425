// What a caller may do: models, requests and tokens a minute, parallel requests, dollars. Checks and counts in one synchronous step, so
// that parallel requests cannot all see the same last place. Leaves who the caller is to proxy/admission/authenticate.

import type { SpendBook } from "../../access/budgets.ts";
import type { Directory } from "../../access/directory.ts";
import type { AccessRecord } from "../../access/fields.ts";
import { matchesModel, type Subject } from "../../access/limits.ts";
import { resolveGroup, spellings } from "../../config/model-name.ts";
import type { Config } from "../../config/schema.ts";
import { GatewayError } from "../../errors.ts";
import type { Outline } from "../../prompt/outline.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Exchange } from "../exchange.ts";
import { headerValue } from "../headers.ts";
import type { Caller } from "./authenticate.ts";
import { type Charges, createCharges, type Expected } from "./charge.ts";
import { keyHeaders } from "./key-headers.ts";
import { createLimitCounters, type LimitCounter } from "./limit-counters.ts";

/** What a request counts as until it has ended; settle it exactly once. */
interface Admitted {
	/** What the answer tells the key's owner about it; empty for callers without a key. */
	readonly headers: Readonly<Record<string, string>>;
	/** The request is over: what was expected becomes what it took. Never throws. */
	settle(exchange: Exchange): void;
}

export interface Admission {
	/** The name that the key's or its team's `aliases` put in the place of what the client asked for. */
	rename(caller: Caller, model: string): string;
	/** Throws model_not_allowed, and key_type_refused for keys of the control plane. */
	authorise(caller: Caller, model: string, config: Config): void;
	/** Whether a name should be listed for this caller. */
	mayUse(caller: Caller, model: string, config: Config): boolean;
	/**
	 * Throws forbidden for callers who may not see decisions before they are made: those name deployments and tell what others have
	 * warm. The master key may, and keys of users who may read the control plane.
	 */
	authoriseExplain(caller: Caller): void;
	/** Cache domains the caller is confined to; empty = any. */
	allowedDomains(caller: Caller): readonly string[];
	/**
	 * Counts one request against everybody it belongs to, or against nobody. Throws limit_reached, budget_exceeded, budget_reserved,
	 * unpriced_model or key_blocked (a blocked customer). Call `authorise` first.
	 */
	admit(
		exchange: Exchange,
		about: { readonly caller: Caller; readonly outline: Outline; readonly config: Config },
	): Admitted;
}

export interface AdmissionOptions {
	readonly directory: Directory;
	readonly spend: SpendBook;
	readonly log: Logger;
	/** ms since epoch, as the machine tells it: when budgets begin anew. */
	readonly wall: () => number;
	/** ms from any beginning, going forward evenly: limits by the minute. */
	readonly steady: () => number;
}

const UNLIMITED: Admitted = { headers: {}, settle() {} };
const ANYWHERE: readonly string[] = [];
/** LiteLLM's names for lists that are none: everything, and what the team may use. */
const EVERYTHING = new Set(["*", "all-proxy-models"]);
const TEAMS = "all-team-models";
const NOTHING = "no-default-models";
const MOST_NAMED = 20;
/** No client waits longer of its own (claude-code §8). */
const LONGEST_WAIT_S = 60;

/** Keeps its counts over reloads of the configuration. */
export function createAdmission({ directory, spend, log, wall, steady }: AdmissionOptions): Admission {
	const counters = createLimitCounters();
	const charges = createCharges();

	/** Everybody whose list of models must hold the model, the key first. */
	function* lists(
		caller: Caller,
	): Generator<{ readonly kind: string; readonly name: string; readonly models: readonly string[] }> {
		const { key } = caller;
		if (key === null) return;
		yield { kind: "key", name: key.fields.key_alias ?? key.id, models: key.fields.models };
		const team = teamOf(caller);
		if (team !== undefined) yield { kind: "team", name: team.fields.team_alias ?? team.id, models: team.fields.models };
		// As in LiteLLM, a team's key does not bring in what its user may do.
		const user = userOf(caller);
		if (user !== undefined && key.fields.team_id === null)
			yield { kind: "user", name: user.id, models: user.fields.models };
	}

	function teamOf({ teamId }: Caller): AccessRecord<"team"> | undefined {
		return teamId === null ? undefined : directory.get("team", teamId);
	}

	function userOf({ userId }: Caller): AccessRecord<"user"> | undefined {
		return userId === null ? undefined : directory.get("user", userId);
	}

	/** Whose list does not hold the model; null = all do. */
	function refusedBy(caller: Caller, model: string, config: Config) {
		if (caller.key === null) return null;
		const names = [...spellings(model)];
		const group = resolveGroup(config, model)?.group.name;
		if (group !== undefined && !group.includes("*")) names.push(group);
		for (const list of lists(caller)) if (!listHolds(list.models, names)) return list;
		return null;
	}

	/** Everybody this request counts against. */
	function subjectsOf(caller: Caller, customer: AccessRecord<"customer"> | undefined): Subject[] {
		const found: Subject[] = [];
		if (caller.key !== null) {
			found.push(directory.subject(caller.key));
			const team = teamOf(caller);
			const user = userOf(caller);
			if (team !== undefined) {
				found.push(directory.subject(team));
				const member = caller.userId === null ? null : directory.member(team, caller.userId);
				if (member !== null) found.push(member);
			} else if (user !== undefined) found.push(directory.subject(user));
		}
		if (customer !== undefined) found.push(directory.subject(customer));
		return found;
	}

	/** Throws where the budget is spent, or promised to requests in flight. */
	function checkBudgets(subject: Subject, names: readonly string[], at: number): void {
		for (const budget of subject.budgets) {
			if (budget.max === null || (budget.model !== null && !matchesModel(budget.model, names))) continue;
			const account = spend.account(subject, budget, at);
			if (account.spent + account.reserved < budget.max) continue;
			const about = { kind: subject.kind, name: subject.name };
			if (account.spent < budget.max) throw limited("budget_reserved", about, 1);
			const waitMs = account.window.end - at;
			const window = `${budget.span === null ? "" : ` in ${budget.label.split(":").at(-1)}`}${budget.model === null ? "" : ` for ${budget.model}`}`;
			const figures = { ...about, spent: `$${account.spent.toFixed(4)}`, max: `$${budget.max}`, window };
			if (!Number.isFinite(waitMs)) {
				const next = "Ask the gateway's operator to raise it.";
				throw new GatewayError("budget_exceeded", { ...figures, next }, { headers: { "x-should-retry": "false" } });
			}
			const seconds = Math.max(1, Math.ceil(waitMs / 1000));
			const next = `It starts anew at ${new Date(account.window.end).toISOString()}.`;
			const headers = {
				"retry-after": String(seconds),
				...(seconds > LONGEST_WAIT_S ? { "x-should-retry": "false" } : {}),
			};
			throw new GatewayError("budget_exceeded", { ...figures, next }, { headers });
		}
	}

	function checkLimits(counter: LimitCounter, { tokens, at }: { readonly tokens: number; readonly at: number }): void {
		const full = counter.full(tokens, at);
		if (full === null) return;
		const { kind, name } = counter.subject;
		const seconds = Math.min(LONGEST_WAIT_S, Math.max(1, Math.ceil(full.waitMs / 1000)));
		throw limited("limit_reached", { kind, name, limit: full.limit }, seconds);
	}

	function warnOfSoftBudgets(subject: Subject, at: number): void {
		for (const budget of subject.budgets) {
			if (budget.soft === null) continue;
			const account = spend.account(subject, budget, at);
			if (account.warned || account.spent < budget.soft) continue;
			account.warned = true;
			log.warn(
				{ kind: subject.kind, name: subject.name, spent: account.spent, soft_budget: budget.soft },
				`soft budget of the ${subject.kind} '${subject.name}' is passed`,
			);
		}
	}

	function settle(exchange: Exchange, open: Open): void {
		const at = wall();
		const charge = charges.settle(exchange, open.expected);
		for (const counter of open.counters) counter.end(charge.tokens, steady());
		for (const { subject, reserved } of open.reserved) {
			for (const { budget, dollars } of reserved) {
				spend.settle(spend.account(subject, budget, at), dollars, charge);
			}
			warnOfSoftBudgets(subject, at);
		}
	}

	return {
		rename({ key, teamId }, model) {
			if (key === null) return model;
			const own = key.fields.aliases;
			if (Object.hasOwn(own, model)) return own[model] ?? model;
			const teams = teamId === null ? undefined : directory.get("team", teamId)?.fields.model_aliases;
			return teams !== undefined && Object.hasOwn(teams, model) ? (teams[model] ?? model) : model;
		},
		authorise(caller, model, config) {
			const { key } = caller;
			if (key === null) return;
			if (key.fields.key_type === "management" || key.fields.key_type === "read_only") {
				throw new GatewayError("key_type_refused", {
					name: key.fields.key_alias ?? key.id,
					type: key.fields.key_type,
				});
			}
			const refused = refusedBy(caller, model, config);
			if (refused === null) return;
			const allowed = refused.models.filter((name) => name !== NOTHING).slice(0, MOST_NAMED);
			const { kind, name } = refused;
			throw new GatewayError("model_not_allowed", { kind, name, model, allowed: allowed.join(", ") || "nothing" });
		},
		authoriseExplain(caller) {
			if (caller.key === null) return;
			const role = userOf(caller)?.fields.user_role;
			if (role !== "proxy_admin" && role !== "proxy_admin_viewer")
				throw new GatewayError("forbidden", { role: "viewer" });
		},
		mayUse: (caller, model, config) => refusedBy(caller, model, config) === null,
		allowedDomains(caller) {
			const own = caller.key?.fields.allowed_domains ?? ANYWHERE;
			const teams = teamOf(caller)?.fields.allowed_domains ?? ANYWHERE;
			if (own.length === 0 || teams.length === 0) return own.length === 0 ? teams : own;
			const both = own.filter((domain) => teams.includes(domain));
			// An empty list would mean anywhere.
			return both.length === 0 ? [""] : both;
		},
		admit(exchange, { caller, outline, config }) {
			const customer = customerOf(exchange, outline, directory);
			if (customer?.fields.blocked === true) {
				throw new GatewayError("key_blocked", { kind: "customer", name: customer.id });
			}
			// Counting tokens costs nothing at the provider, and here.
			if (exchange.operation === "count_tokens") return UNLIMITED;
			const subjects = subjectsOf(caller, customer);
			if (subjects.length === 0) return UNLIMITED;
			const at = wall();
			const minuteAt = steady();
			const { model } = outline;
			const resolved = resolveGroup(config, model);
			const names = [...spellings(model), ...(resolved === null ? [] : [resolved.group.name])];
			const expected = charges.expect({ caller, outline, resolved, tokenType: config.keySettings.tokenType, now: at });
			const open = subjects.map((subject) => counters.of(subject, names));
			for (const subject of subjects) {
				if (subject.budgeted && expected.dollars === null && !config.keySettings.allowUnpriced) {
					throw new GatewayError("unpriced_model", { kind: subject.kind, name: subject.name, model });
				}
				checkBudgets(subject, names, at);
			}
			for (const counter of open) checkLimits(counter, { tokens: expected.tokens, at: minuteAt });
			for (const counter of open) counter.begin(expected.tokens, minuteAt);
			const headers = caller.key === null ? {} : headersOf(subjects[0], { counter: open[0], model, at, minuteAt });
			const reserved = subjects.map((subject) => ({ subject, reserved: reserve(subject, { names, expected, at }) }));
			return { headers, settle: once((ended) => settle(ended, { expected, counters: open, reserved })) };
		},
	};

	/** The key's own: it comes first. */
	function headersOf(
		key: Subject | undefined,
		about: {
			readonly counter: LimitCounter | undefined;
			readonly model: string;
			readonly at: number;
			readonly minuteAt: number;
		},
	): Readonly<Record<string, string>> {
		const { counter, model, at, minuteAt } = about;
		const budget = key?.budgets.find(({ max, model: only }) => max !== null && only === null) ?? key?.budgets[0];
		if (key === undefined || counter === undefined || budget === undefined) return {};
		return keyHeaders(key, { spent: spend.account(key, budget, at).spent, counter, model, now: minuteAt });
	}

	function reserve(subject: Subject, about: { names: readonly string[]; expected: Expected; at: number }) {
		const dollars = about.expected.dollars ?? 0;
		return subject.budgets
			.filter(({ model }) => model === null || matchesModel(model, about.names))
			.map((budget) => {
				spend.reserve(spend.account(subject, budget, about.at), dollars);
				return { budget, dollars };
			});
	}
}

interface Open {
	readonly expected: Parameters<Charges["settle"]>[1];
	readonly counters: readonly LimitCounter[];
	readonly reserved: readonly {
		readonly subject: Subject;
		readonly reserved: readonly { readonly budget: Subject["budgets"][number]; readonly dollars: number }[];
	}[];
}

function once(settle: (exchange: Exchange) => void): (exchange: Exchange) => void {
	let settled = false;
	return (exchange) => {
		if (settled) return;
		settled = true;
		settle(exchange);
	};
}

function limited(
	code: "limit_reached" | "budget_reserved",
	details: Readonly<Record<string, string | number>>,
	seconds: number,
): GatewayError {
	return new GatewayError(code, { ...details, seconds }, { headers: { "retry-after": String(seconds) } });
}

/** An empty list is no list. */
function listHolds(models: readonly string[], names: readonly string[]): boolean {
	if (models.length === 0) return true;
	return models.some(
		(each) => EVERYTHING.has(each) || each === TEAMS || (each !== NOTHING && matchesModel(each, names)),
	);
}

/** `user` of other formats arrives as `metadata.user_id`; Claude Code's names a session and is longer, or JSON. */
const PLAIN_USER = /^(?!user_[0-9a-f]{16})[^{\s]{1,128}$/;

/** The end user that the operator knows; others are nobody's business here. */
function customerOf(exchange: Exchange, outline: Outline, directory: Directory): AccessRecord<"customer"> | undefined {
	const { headers } = exchange.request;
	const named = headerValue(headers, "x-litellm-customer-id") ?? headerValue(headers, "x-litellm-end-user-id");
	const id = named ?? (outline.userId !== null && PLAIN_USER.test(outline.userId) ? outline.userId : null);
	return id === null || id === "" ? undefined : directory.get("customer", id);
}
