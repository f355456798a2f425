// Notes as text on the wire and back, with every bound checked on the way in. Leaves what they mean to state/notes.
import type {
	DomainRef,
	Note,
	NoteBatch,
	SharedAttempt,
	SharedBelief,
	SharedFigures,
	SharedHome,
	SharedLimits,
	SharedSpot,
} from "./notes.ts";

/** Of the wire form. A replica of another version is not understood, and ignored. */
const VERSION = 1;
/** Order is the wire's: append only. */
const KINDS = [
	"coming",
	"held",
	"withdrawn",
	"lost",
	"home",
	"identity",
	"health",
	"recovered",
	"sent",
	"answered",
	"ended",
	"rest",
] as const satisfies readonly Note["kind"][];

/** Bounds of what is accepted. */
const MOST_NOTES = 5_000;
const MOST_NAMES = 10_000;
const LONGEST_NAME = 512;
const LONGEST_BATCH = 4_000_000;
const MOST_TOKENS = 1e9;
const LATEST = 1e14;
const NOTHING = -1;

/** A batch as one line of JSON: texts once, and each note a row of numbers that begins with its kind. */
export function encodeBatch({ from, notes }: NoteBatch): string {
	const writer = new Writer();
	const rows = notes.map((note) => writer.row(note));
	return JSON.stringify([VERSION, from, writer.names, rows]);
}

/** The batch in a text; null when it is none, or of another version. Notes that make no sense are left out. */
export function decodeBatch(text: string): NoteBatch | null {
	if (text.length > LONGEST_BATCH) return null;
	const parsed = parse(text);
	if (!Array.isArray(parsed) || parsed[0] !== VERSION) return null;
	const [, from, names, rows] = parsed as unknown[];
	if (!isName(from) || !Array.isArray(names) || names.length > MOST_NAMES) return null;
	if (!Array.isArray(rows) || rows.length > MOST_NOTES) return null;
	const notes: Note[] = [];
	for (const row of rows) {
		if (!Array.isArray(row)) continue;
		const reader = new Reader(row, names);
		const note = reader.note();
		if (note !== null && !reader.failed) notes.push(note);
	}
	return { from, notes };
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

function isName(value: unknown): value is string {
	return typeof value === "string" && value !== "" && value.length <= LONGEST_NAME;
}

class Writer {
	readonly names: string[] = [];
	readonly #numbers = new Map<string, number>();

	row(note: Note): number[] {
		const kind = KINDS.indexOf(note.kind);
		switch (note.kind) {
			case "coming":
			case "held": {
				const { ttl, tokens, exact, requestedAt } = note.belief;
				return [kind, ...this.#spot(note.spot), ttl === "1h" ? 1 : 0, whole(tokens), Number(exact), requestedAt];
			}
			case "withdrawn":
			case "lost":
				return [kind, ...this.#spot(note.spot)];
			case "home":
				return [kind, note.conversation, ...this.#home(note.home)];
			case "identity":
				return [kind, this.#name(note.deployment), this.#name(note.organization), this.#name(note.workspace)];
			case "health": {
				const { cooldownUntil, limited, onTrial, quarantineUntil, refusals } = note;
				const times = [whole(cooldownUntil), Number(limited), Number(onTrial), whole(quarantineUntil)];
				return [kind, this.#name(note.deployment), ...times, refusals, Number(note.barred), this.#name(note.cause)];
			}
			case "rest": {
				const figures = [whole(note.until), whole(note.tokens), Number(note.limited)];
				return [kind, this.#name(note.deployment), this.#name(note.part), ...figures, this.#name(note.reason || null)];
			}
			case "recovered":
				return [kind, this.#name(note.deployment)];
			case "sent": {
				const { deployment, wildcard, load, inputTokens, outputTokens, usedTokens } = note.sent;
				const counts = [load, inputTokens, outputTokens, usedTokens].map(whole);
				return [kind, note.attempt, this.#name(deployment), this.#name(wildcard), ...counts];
			}
			case "answered":
				return [kind, note.attempt, ...this.#limits(note.limits)];
			case "ended": {
				const { actual, refused } = note;
				const took = actual === null ? [NOTHING, NOTHING] : [actual.inputTokens, actual.outputTokens].map(whole);
				const refusal = refused === null ? [0, NOTHING] : [1, refused.retryAfterMs ?? NOTHING];
				return [kind, note.attempt, whole(note.load), ...took, ...refusal, ...this.#limits(note.limits)];
			}
		}
	}

	#name(text: string | null): number {
		if (text === null) return NOTHING;
		const known = this.#numbers.get(text);
		if (known !== undefined) return known;
		this.#numbers.set(text, this.names.length);
		return this.names.push(text) - 1;
	}

	#domain({ name, deployment }: DomainRef): number[] {
		return [this.#name(name), this.#name(deployment)];
	}

	#spot({ domain, variant, high, low }: SharedSpot): number[] {
		return [...this.#domain(domain), variant, high, low];
	}

	#home(home: SharedHome | null): number[] {
		if (home === null) return [];
		const { domain, at, promptTokens, organization, diversion } = home;
		const diverted = diversion === null ? [] : [...this.#domain(diversion.domain), diversion.since, diversion.turns];
		return [...this.#domain(domain), at, whole(promptTokens), this.#name(organization), ...diverted];
	}

	#limits(limits: SharedLimits | null): number[] {
		if (limits === null) return [];
		const { requests, inputTokens, outputTokens, tokens, unified } = limits;
		const figures = [requests, inputTokens, outputTokens, tokens].flatMap((each) => {
			return each === null ? [NOTHING, 0, 0] : [each.limit, each.remaining, whole(each.resetAt)];
		});
		return [...figures, this.#name(unified?.status ?? null), whole(unified?.resetAt ?? NOTHING)];
	}
}

function whole(value: number): number {
	return Math.round(value);
}

/** Reads a row from its beginning. What does not fit makes it `failed`. */
class Reader {
	failed = false;
	readonly #row: readonly unknown[];
	readonly #names: readonly unknown[];
	#at = 0;

	constructor(row: readonly unknown[], names: readonly unknown[]) {
		this.#row = row;
		this.#names = names;
	}

	note(): Note | null {
		const kind = KINDS[this.#number(0, KINDS.length - 1)];
		if (kind === undefined) return null;
		switch (kind) {
			case "coming":
			case "held":
				return { kind, spot: this.#spot(), belief: this.#belief() };
			case "withdrawn":
			case "lost":
				return { kind, spot: this.#spot() };
			case "home":
				return { kind, conversation: this.#number(0, Number.MAX_SAFE_INTEGER), home: this.#home() };
			case "identity":
				return { kind, deployment: this.#name(), organization: this.#name(), workspace: this.#nameOrNull() };
			case "health":
				return {
					kind,
					deployment: this.#name(),
					cooldownUntil: this.#number(0, LATEST),
					limited: this.#flag(),
					onTrial: this.#flag(),
					quarantineUntil: this.#number(0, LATEST),
					refusals: this.#number(0, 1_000),
					// Replicas of earlier builds do not tell it.
					barred: this.#isOver ? false : this.#flag(),
					cause: this.#isOver ? null : this.#nameOrNull(),
				};
			case "rest":
				return {
					kind,
					deployment: this.#name(),
					part: this.#name(),
					until: this.#number(0, LATEST),
					tokens: this.#tokens(),
					limited: this.#flag(),
					reason: this.#nameOrNull() ?? "",
				};
			case "recovered":
				return { kind, deployment: this.#name() };
			case "sent":
				return { kind, attempt: this.#attempt(), sent: this.#sent() };
			case "answered":
				return { kind, attempt: this.#attempt(), limits: this.#limits() };
			case "ended":
				return {
					kind,
					attempt: this.#attempt(),
					load: this.#number(-MOST_TOKENS, MOST_TOKENS),
					actual: this.#actual(),
					refused: this.#refused(),
					limits: this.#limits(),
				};
		}
	}

	get #isOver(): boolean {
		return this.#at >= this.#row.length;
	}

	#number(least: number, most: number): number {
		const value = this.#row[this.#at];
		this.#at += 1;
		if (typeof value === "number" && Number.isFinite(value) && value >= least && value <= most) return value;
		this.failed = true;
		return least;
	}

	#flag(): boolean {
		return this.#number(0, 1) === 1;
	}

	#tokens(): number {
		return this.#number(0, MOST_TOKENS);
	}

	#attempt(): number {
		return this.#number(0, Number.MAX_SAFE_INTEGER);
	}

	#nameOrNull(): string | null {
		const at = this.#number(NOTHING, MOST_NAMES);
		if (at === NOTHING) return null;
		const name = this.#names[at];
		if (isName(name)) return name;
		this.failed = true;
		return null;
	}

	#name(): string {
		const name = this.#nameOrNull();
		if (name === null) this.failed = true;
		return name ?? "";
	}

	#domain(): DomainRef {
		return { name: this.#nameOrNull(), deployment: this.#name() };
	}

	#spot(): SharedSpot {
		const domain = this.#domain();
		const variant = this.#number(-(2 ** 31), 2 ** 32);
		return { domain, variant, high: this.#number(0, 2 ** 53), low: this.#number(0, 2 ** 53) };
	}

	#belief(): SharedBelief {
		const ttl = this.#flag() ? "1h" : "5m";
		return { ttl, tokens: this.#tokens(), exact: this.#flag(), requestedAt: this.#number(0, LATEST) };
	}

	#home(): SharedHome | null {
		if (this.#isOver) return null;
		return {
			domain: this.#domain(),
			at: this.#number(0, LATEST),
			promptTokens: this.#tokens(),
			organization: this.#nameOrNull(),
			diversion: this.#isOver
				? null
				: { domain: this.#domain(), since: this.#number(0, LATEST), turns: this.#number(0, 1e9) },
		};
	}

	#sent(): SharedAttempt {
		return {
			deployment: this.#name(),
			wildcard: this.#nameOrNull(),
			load: this.#number(-MOST_TOKENS, MOST_TOKENS),
			inputTokens: this.#tokens(),
			outputTokens: this.#tokens(),
			usedTokens: this.#tokens(),
		};
	}

	#actual(): { inputTokens: number; outputTokens: number } | null {
		const inputTokens = this.#number(NOTHING, MOST_TOKENS);
		const outputTokens = this.#number(NOTHING, MOST_TOKENS);
		return inputTokens === NOTHING ? null : { inputTokens, outputTokens };
	}

	#refused(): { retryAfterMs: number | null } | null {
		const refused = this.#flag();
		const retryAfterMs = this.#number(NOTHING, LATEST);
		return refused ? { retryAfterMs: retryAfterMs === NOTHING ? null : retryAfterMs } : null;
	}

	#figures(): SharedFigures | null {
		const limit = this.#number(NOTHING, 1e15);
		const remaining = this.#number(-1e15, 1e15);
		const resetAt = this.#number(0, LATEST);
		return limit === NOTHING ? null : { limit, remaining, resetAt };
	}

	#limits(): SharedLimits | null {
		if (this.#isOver) return null;
		const requests = this.#figures();
		const inputTokens = this.#figures();
		const outputTokens = this.#figures();
		const tokens = this.#figures();
		const status = this.#nameOrNull();
		const resetAt = this.#number(NOTHING, LATEST);
		const unified = status === null ? null : { status, resetAt: resetAt === NOTHING ? null : resetAt };
		return { requests, inputTokens, outputTokens, tokens, unified };
	}
}
