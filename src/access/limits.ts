// What a record limits, worked out once: its own fields, and where it has none its budget's. Leaves counting to access/budgets and proxy/admission/admission.
import { parseSpan, type Span } from "./budgets-window.ts";
import { type AccessRecord, aliasOf, type FieldsOf, type Kind } from "./fields.ts";

/** A sum of dollars that may be spent in each window. */
export interface BudgetLimit {
	/** Names the window in the database: `total`, `30d`, `model:claude-*:1d`. */
	readonly label: string;
	/** null = the whole life. */
	readonly span: Span | null;
	/** Dollars; null = spend is only counted. */
	readonly max: number | null;
	/** Spend beyond this is warned of; null = not. */
	readonly soft: number | null;
	/** Only what these models cost; null = everything. */
	readonly model: string | null;
}

/** Limits of one model, which may be a pattern. null = none. */
interface ModelLimit {
	readonly model: string;
	readonly rpm: number | null;
	readonly tpm: number | null;
}

/** Whoever is limited as one: a key, a team, a user or a customer. */
export interface Subject {
	/** `key:ID`: what spend and counters are kept under. */
	readonly ref: string;
	readonly kind: Kind;
	/** Its alias, or its id: for messages. */
	readonly name: string;
	/** When its budgets' windows begin to be counted, ms since epoch. */
	readonly anchor: number;
	/** Per minute; null = none. */
	readonly rpm: number | null;
	readonly tpm: number | null;
	readonly parallel: number | null;
	readonly models: readonly ModelLimit[];
	/** The first is always `total`. */
	readonly budgets: readonly BudgetLimit[];
	/** Whether any budget can refuse: then the price of what is asked must be known. */
	readonly budgeted: boolean;
}

const TOTAL = "total";

/** A record's limits; `budget` is the record that its `budget_id` names, or undefined. */
export function subjectOf(record: AccessRecord, budget: AccessRecord<"budget"> | undefined): Subject {
	const own = record.fields as FieldsOf["customer"];
	const shared = budget?.fields;
	const budgets = budgetsOf(own, shared);
	return {
		ref: `${record.kind}:${record.id}`,
		kind: record.kind,
		name: aliasOf(record) ?? record.id,
		// Keys of the configuration file have no birthday: their windows are the calendar's, in UTC.
		anchor: record.version === 0 ? 0 : record.createdAt,
		rpm: own.rpm_limit ?? shared?.rpm_limit ?? null,
		tpm: own.tpm_limit ?? shared?.tpm_limit ?? null,
		parallel: own.max_parallel_requests ?? shared?.max_parallel_requests ?? null,
		models: modelLimits(
			{ ...shared?.model_rpm_limit, ...own.model_rpm_limit },
			{ ...shared?.model_tpm_limit, ...own.model_tpm_limit },
		),
		budgets,
		budgeted: budgets.some((each) => each.max !== null),
	};
}

/** What a team lets one of its members spend in it; null where it does not say. Only a budget: other limits are the team's and the key's. */
export function memberSubject(team: AccessRecord<"team">, userId: string): Subject | null {
	const member = team.fields.members_with_roles.find((each) => each.user_id === userId);
	const max = member?.max_budget_in_team ?? null;
	if (max === null) return null;
	const duration = member?.budget_duration ?? null;
	const total: BudgetLimit = { label: TOTAL, span: null, max: null, soft: null, model: null };
	const limit: BudgetLimit = { ...total, label: mainLabel(duration), span: spanOf(duration), max };
	return {
		// Ids may hold any character; a colon is doubled, so that two pairs never meet.
		ref: `member:${team.id.replaceAll(":", "::")}:${userId}`,
		kind: "team",
		name: `${aliasOf(team) ?? team.id}', member '${userId}`,
		anchor: team.createdAt,
		rpm: null,
		tpm: null,
		parallel: null,
		models: [],
		budgets: duration === null ? [limit] : [total, limit],
		budgeted: true,
	};
}

/** Label of the window that `max_budget` is about. */
export function mainLabel(duration: string | null): string {
	return duration ?? TOTAL;
}

function budgetsOf(own: FieldsOf["budget"], shared: FieldsOf["budget"] | undefined): BudgetLimit[] {
	const main = own.max_budget === null && own.soft_budget === null ? (shared ?? own) : own;
	const byLabel = new Map<string, BudgetLimit>();
	const add = (limit: BudgetLimit) => {
		const known = byLabel.get(limit.label);
		byLabel.set(limit.label, {
			...limit,
			max: smaller(known?.max ?? null, limit.max),
			soft: smaller(known?.soft ?? null, limit.soft),
		});
	};
	add({ label: TOTAL, span: null, max: null, soft: null, model: null });
	add({
		label: mainLabel(main.budget_duration),
		span: spanOf(main.budget_duration),
		max: main.max_budget,
		soft: main.soft_budget,
		model: null,
	});
	for (const { budget_duration, max_budget } of own.budget_limits.length > 0
		? own.budget_limits
		: (shared?.budget_limits ?? [])) {
		add({ label: budget_duration, span: spanOf(budget_duration), max: max_budget, soft: null, model: null });
	}
	for (const [model, limit] of Object.entries({ ...shared?.model_max_budget, ...own.model_max_budget })) {
		add({
			label: `model:${model}:${mainLabel(limit.budget_duration)}`,
			span: spanOf(limit.budget_duration),
			max: limit.max_budget,
			soft: null,
			model,
		});
	}
	return [...byLabel.values()];
}

function smaller(a: number | null, b: number | null): number | null {
	if (a === null || b === null) return a ?? b;
	return Math.min(a, b);
}

function spanOf(duration: string | null): Span | null {
	return duration === null ? null : parseSpan(duration);
}

function modelLimits(rpm: Readonly<Record<string, number>>, tpm: Readonly<Record<string, number>>): ModelLimit[] {
	const models = [...new Set([...Object.keys(rpm), ...Object.keys(tpm)])];
	return models.map((model) => ({ model, rpm: rpm[model] ?? null, tpm: tpm[model] ?? null }));
}

/** Whether a name of a list, maybe with `*`, stands for any of `names`. */
export function matchesModel(pattern: string, names: readonly string[]): boolean {
	if (!pattern.includes("*")) return names.includes(pattern);
	const parts = pattern.split("*");
	return names.some((name) => matchesParts(parts, name));
}

/** Without a regular expression: patterns are the operator's, names the client's, and neither may make this slow. */
function matchesParts(parts: readonly string[], name: string): boolean {
	const head = parts[0] ?? "";
	const tail = parts.at(-1) ?? "";
	if (!name.startsWith(head) || name.length < head.length + tail.length || !name.endsWith(tail)) return false;
	let at = head.length;
	const end = name.length - tail.length;
	for (const part of parts.slice(1, -1)) {
		const found = name.indexOf(part, at);
		if (found === -1 || found + part.length > end) return false;
		at = found + part.length;
	}
	return true;
}
