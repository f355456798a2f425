// Sessions that were logged out before their end: in memory for look-ups, in the database for the other replicas, until they would have
// ended anyway. Leaves when to read and write to access/access.
import { type AccessQuery, tick } from "./keys.ts";

/** One session that is over. */
export interface Logout {
	readonly id: string;
	/** When the session would have ended, ms since epoch. */
	readonly until: number;
}

/** Replicas' clocks may differ: a session that is over by one clock may run on by another. */
const CLOCK_MARGIN_MS = 3_600_000;

export class Logouts {
	readonly #known = new Map<string, number>();
	readonly #pending = new Map<string, number>();

	has(id: string): boolean {
		return this.#known.has(id);
	}

	/** Counts at once; is `pending` until the database has it. */
	add({ id, until }: Logout): void {
		this.#known.set(id, until);
		this.#pending.set(id, until);
	}

	pending(): readonly Logout[] {
		return [...this.#pending].map(([id, until]) => ({ id, until }));
	}

	/** The database has these. */
	stored(logouts: readonly Logout[]): void {
		for (const { id, until } of logouts) {
			this.#known.set(id, until);
			this.#pending.delete(id);
		}
	}

	/** Forgets sessions that have ended by themselves; says whether there were any. */
	expire(now: number): boolean {
		const before = this.#known.size;
		for (const [id, until] of this.#known) {
			if (until + CLOCK_MARGIN_MS > now) continue;
			this.#known.delete(id);
			this.#pending.delete(id);
		}
		return this.#known.size < before;
	}
}

/** Writes them for the other replicas to read. */
export async function addLogouts(query: AccessQuery, logouts: readonly Logout[]): Promise<void> {
	if (logouts.length === 0) return;
	await query.transaction().execute(async (transaction) => {
		const version = await tick(transaction);
		await transaction
			.insertInto("access_logouts")
			.values(logouts.map(({ id, until }) => ({ id, until, version })))
			.onConflict((conflict) => conflict.column("id").doNothing())
			.execute();
	});
}

/** Those written after a version of the clock. */
export async function logoutsSince(query: AccessQuery, since: number): Promise<readonly Logout[]> {
	const rows = await query.selectFrom("access_logouts").select(["id", "until"]).where("version", ">", since).execute();
	return rows.map(({ id, until }) => ({ id, until: Number(until) }));
}

/** Deletes what no replica needs any more. */
export async function deleteExpiredLogouts(query: AccessQuery, now: number): Promise<void> {
	await query
		.deleteFrom("access_logouts")
		.where("until", "<=", now - CLOCK_MARGIN_MS)
		.execute();
}
