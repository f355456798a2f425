// How much a caller may do: requests and tokens a minute, parallel requests, dollars. Checks and counts in one synchronous step, so that
// parallel requests cannot all see the same last place. Leaves what a caller may ask for to proxy/admission/permissions.
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
import { teamOf, userOf } from "./permissions.ts";

/** What a request counts as until it has ended; settle it exactly once. */
interface Admitted {
	/** What the answer's head shows the key's owner about it; empty for callers without a key. */
	readonly headers: Readonly<Record<string, string>>;
	/** The request is over: what was expected becomes what it took. Never throws. */
	settle(exchange: Exchange): void;
}

export interface AdmissionOptions {
	readonly directory: Directory;
	readonly spend: SpendBook;
	readonly log: Logger;
	/** ms since epoch, by the machine's clock: when budgets begin anew. */
	readonly wall: () => number;
	/** ms from any beginning, going forward evenly: limits by the minute. */
	readonly steady: () => number;
}

const UNLIMITED: Admitted = { headers: {}, settle() {} };
/** No client waits longer of its own (claude-code §8). */
const LONGEST_WAIT_S = 60;

/** Keeps its counts over reloads of the configuration. */
export class Admission {
	readonly #options: AdmissionOptions;
	readonly #counters = createLimitCounters();
	readonly #charges = createCharges();

	constructor(options: AdmissionOptions) {
		this.#options = options;
	}

	/**
	 * Counts one request against everybody it belongs to, or against nobody. Throws limit_reached, budget_exceeded, budget_reserved,
	 * unpriced_model or key_blocked (a blocked customer). Ask `Permissions` first.
	 */
	admit(
		exchange: Exchange,
		{ caller, outline, config }: { readonly caller: Caller; readonly outline: Outline; readonly config: Config },
	): Admitted {
		const { directory, wall, steady } = this.#options;
		const customer = customerOf(exchange, outline, directory);
		if (customer?.fields.blocked === true) {
			throw new GatewayError("key_blocked", { kind: "customer", name: customer.id });
		}
		// Counting tokens costs nothing at the provider, and here.
		if (exchange.operation === "count_tokens") return UNLIMITED;
		const subjects = this.#subjectsOf(caller, customer);
		if (subjects.length === 0) return UNLIMITED;
		const at = wall();
		const minuteAt = steady();
		const { model } = outline;
		const resolved = resolveGroup(config, model);
		const names = [...spellings(model), ...(resolved === null ? [] : [resolved.group.name])];
		const expected = this.#charges.expect({
			caller,
			outline,
			resolved,
			tokenType: config.keySettings.tokenType,
			now: at,
		});
		const open = subjects.map((subject) => this.#counters.of(subject, names));
		for (const subject of subjects) {
			if (subject.budgeted && expected.dollars === null && !config.keySettings.allowUnpriced) {
				throw new GatewayError("unpriced_model", { kind: subject.kind, name: subject.name, model });
			}
			this.#checkBudgets(subject, names, at);
		}
		for (const counter of open) checkLimits(counter, { tokens: expected.tokens, at: minuteAt });
		for (const counter of open) counter.begin(expected.tokens, minuteAt);
		const headers = caller.key === null ? {} : this.#headersOf(subjects[0], { counter: open[0], model, at, minuteAt });
		const reserved = subjects.map((subject) => ({
			subject,
			reserved: this.#reserve(subject, { names, expected, at }),
		}));
		return { headers, settle: once((ended) => this.#settle(ended, { expected, counters: open, reserved })) };
	}

	/** Everybody this request counts against. */
	#subjectsOf(caller: Caller, customer: AccessRecord<"customer"> | undefined): Subject[] {
		const { directory } = this.#options;
		const found: Subject[] = [];
		if (caller.key !== null) {
			found.push(directory.subject(caller.key));
			const team = teamOf(directory, caller);
			const user = userOf(directory, caller);
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
	#checkBudgets(subject: Subject, names: readonly string[], at: number): void {
		const { spend } = this.#options;
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

	#warnOfSoftBudgets(subject: Subject, at: number): void {
		const { spend, log } = this.#options;
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

	#settle(exchange: Exchange, open: Open): void {
		const { spend, wall, steady } = this.#options;
		const at = wall();
		const charge = this.#charges.settle(exchange, open.expected);
		for (const counter of open.counters) counter.end(charge.tokens, steady());
		for (const { subject, reserved } of open.reserved) {
			for (const { budget, dollars } of reserved) {
				spend.settle(spend.account(subject, budget, at), dollars, charge);
			}
			this.#warnOfSoftBudgets(subject, at);
		}
	}

	/** The key's own: it comes first. */
	#headersOf(
		key: Subject | undefined,
		about: {
			readonly counter: LimitCounter | undefined;
			readonly model: string;
			readonly at: number;
			readonly minuteAt: number;
		},
	): Readonly<Record<string, string>> {
		const { spend } = this.#options;
		const { counter, model, at, minuteAt } = about;
		const budget = key?.budgets.find(({ max, model: only }) => max !== null && only === null) ?? key?.budgets[0];
		if (key === undefined || counter === undefined || budget === undefined) return {};
		return keyHeaders(key, { spent: spend.account(key, budget, at).spent, counter, model, now: minuteAt });
	}

	#reserve(subject: Subject, about: { names: readonly string[]; expected: Expected; at: number }) {
		const { spend } = this.#options;
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

function checkLimits(counter: LimitCounter, { tokens, at }: { readonly tokens: number; readonly at: number }): void {
	const full = counter.full(tokens, at);
	if (full === null) return;
	const { kind, name } = counter.subject;
	const seconds = Math.min(LONGEST_WAIT_S, Math.max(1, Math.ceil(full.waitMs / 1000)));
	throw limited("limit_reached", { kind, name, limit: full.limit }, seconds);
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

/** `user` of other formats arrives as `metadata.user_id`; Claude Code's names a session and is longer, or JSON. */
const PLAIN_USER = /^(?!user_[0-9a-f]{16})[^{\s]{1,128}$/;

/** The end user that the operator knows; others are nobody's business here. */
function customerOf(exchange: Exchange, outline: Outline, directory: Directory): AccessRecord<"customer"> | undefined {
	const { headers } = exchange.request;
	const named = headerValue(headers, "x-litellm-customer-id") ?? headerValue(headers, "x-litellm-end-user-id");
	const id = named ?? (outline.userId !== null && PLAIN_USER.test(outline.userId) ? outline.userId : null);
	return id === null || id === "" ? undefined : directory.get("customer", id);
}
