// What everybody has spent, in memory: reserved at admission, settled by what the answer cost. Knows amounts only; leaves whose limits
// they count against to access/limits and the database to access/budgets-store.
import { type Window, windowAt } from "./budgets-window.ts";
import type { BudgetLimit, Subject } from "./limits.ts";

/** Spend of one subject in one kind of window. Read `at(now)` first: it begins the window that is due. */
export class Account {
	readonly subject: string;
	readonly label: string;
	window: Window;
	/** Dollars spent in the window as far as this process knows, all processes together. */
	spent = 0;
	/** Dollars of requests in flight here. */
	reserved = 0;
	/** Of `spent`, what the database does not have yet. */
	pending = 0;
	/** Requests whose cost is not known, and of these what the database does not have yet: unknown is not zero. */
	unpriced = 0;
	pendingUnpriced = 0;
	/** The soft budget has been warned of in this window. */
	warned = false;

	constructor(subject: string, label: string, window: Window) {
		this.subject = subject;
		this.label = label;
		this.window = window;
	}
}

/** A row of the database, or a part of one that is on its way there. */
export interface SpendRow {
	readonly subject: string;
	readonly label: string;
	/** Start of the window, ms since epoch. */
	readonly startedAt: number;
	readonly dollars: number;
	readonly unpriced: number;
}

/** What a request took; dollars null = not known, but `atLeast` so much. */
export interface Spent {
	readonly dollars: number | null;
	readonly atLeast: number;
}

/** All accounts. Synchronous throughout: between a check and its reservation nothing else runs. */
export class SpendBook {
	readonly #accounts = new Map<string, Account>();
	/** From the database, for accounts nobody has asked for yet, or not yet in that window. */
	readonly #stored = new Map<string, SpendRow>();
	/** Sums of the window that an account left last: the clock may be set back into it. */
	readonly #left = new WeakMap<Account, SpendRow>();
	readonly #dirty = new Set<Account>();
	/** What closed windows still owe the database. */
	#owed: SpendRow[] = [];

	/** The account of a subject's budget, its window the one of `now`. */
	account(subject: Pick<Subject, "ref" | "anchor">, budget: Pick<BudgetLimit, "label" | "span">, now: number): Account {
		const key = `${subject.ref}\n${budget.label}`;
		const known = this.#accounts.get(key);
		if (known !== undefined) {
			if (now >= known.window.end || now < known.window.start)
				this.#begin(known, windowAt(budget.span, subject.anchor, now));
			return known;
		}
		const account = new Account(subject.ref, budget.label, windowAt(budget.span, subject.anchor, now));
		this.#takeStored(account);
		this.#accounts.set(key, account);
		return account;
	}

	reserve(account: Account, dollars: number): void {
		account.reserved += dollars;
	}

	/** Ends a reservation: `dollars` were spent, or null where nobody knows; then `atLeast` is charged, and the request counted as unpriced. */
	settle(account: Account, reserved: number, { dollars, atLeast }: Spent): void {
		account.reserved = Math.max(0, account.reserved - reserved);
		if (dollars === 0) return;
		if (dollars === null) {
			account.unpriced += 1;
			account.pendingUnpriced += 1;
		}
		const spent = dollars ?? atLeast;
		account.spent += spent;
		account.pending += spent;
		this.#dirty.add(account);
	}

	/** Sets the spend of a window, as LiteLLM's updates may. */
	set(account: Account, dollars: number): void {
		account.pending += dollars - account.spent;
		account.spent = dollars;
		this.#dirty.add(account);
	}

	/** What the database does not have yet; give it back to `flushed` when it has. */
	pending(): readonly SpendRow[] {
		const rows = [...this.#owed];
		for (const account of this.#dirty) rows.push(pendingRow(account));
		return rows;
	}

	/** The database has taken these rows. */
	flushed(rows: readonly SpendRow[]): void {
		const owed = new Set(this.#owed);
		for (const row of rows) {
			if (owed.delete(row)) continue;
			const account = this.#accounts.get(`${row.subject}\n${row.label}`);
			if (account === undefined) continue;
			if (account.window.start === row.startedAt) {
				account.pending -= row.dollars;
				account.pendingUnpriced -= row.unpriced;
				if (Math.abs(account.pending) < 1e-12 && account.pendingUnpriced === 0) {
					account.pending = 0;
					this.#dirty.delete(account);
				}
			} else {
				// The window closed while it was being written: what was taken is no longer owed.
				const at = [...owed].find((each) => each.subject === row.subject && each.label === row.label);
				if (at === undefined) continue;
				owed.delete(at);
				const rest = { ...at, dollars: at.dollars - row.dollars, unpriced: at.unpriced - row.unpriced };
				if (Math.abs(rest.dollars) > 1e-12 || rest.unpriced > 0) owed.add(rest);
			}
		}
		this.#owed = [...owed];
	}

	/** What the database says now, all processes together. */
	stored(rows: readonly SpendRow[]): void {
		for (const row of rows) {
			const key = `${row.subject}\n${row.label}`;
			const account = this.#accounts.get(key);
			if (account === undefined || row.startedAt > account.window.start) this.#stored.set(key, row);
			else if (account.window.start === row.startedAt) {
				account.spent = row.dollars + account.pending;
				account.unpriced = row.unpriced + account.pendingUnpriced;
			}
		}
	}

	#begin(account: Account, window: Window): void {
		const { subject, label, spent, unpriced } = account;
		const left = { subject, label, startedAt: account.window.start, dollars: spent, unpriced };
		const back = this.#left.get(account);
		this.#left.set(account, left);
		if (account.pending !== 0 || account.pendingUnpriced > 0) this.#owed.push(pendingRow(account));
		this.#dirty.delete(account);
		account.window = window;
		account.spent = 0;
		account.pending = 0;
		account.unpriced = 0;
		account.pendingUnpriced = 0;
		account.warned = false;
		this.#takeStored(account);
		// The clock was ahead for a while, and what was spent before it jumped counts again.
		if (back?.startedAt !== window.start) return;
		account.spent = Math.max(account.spent, back.dollars);
		account.unpriced = Math.max(account.unpriced, back.unpriced);
	}

	/** What others have spent in a window that begins here only now. */
	#takeStored(account: Account): void {
		const key = `${account.subject}\n${account.label}`;
		const row = this.#stored.get(key);
		if (row === undefined || row.startedAt > account.window.start) return;
		this.#stored.delete(key);
		if (row.startedAt !== account.window.start) return;
		account.spent = row.dollars;
		account.unpriced = row.unpriced;
	}
}

function pendingRow({ subject, label, window, pending, pendingUnpriced }: Account): SpendRow {
	return { subject, label, startedAt: window.start, dollars: pending, unpriced: pendingUnpriced };
}
