// What is asked of the request log, as two things: values that a chunk must list to be looked into, and a condition on its rows. Leaves
// looking to db/scan.
import type { Chunk } from "./chunk.ts";
import { type Examined, POSITION } from "./columns.ts";
import { ANY, type Listed, NO_KEY, timesOfIds } from "./listing.ts";

/** All given conditions hold together. Times are ms since epoch; `from` is included, `to` is not. */
export interface RequestFilter {
	readonly from?: number | undefined;
	readonly to?: number | undefined;
	/** As asked for. */
	readonly model?: string | undefined;
	/** Deployment. */
	readonly modelId?: string | undefined;
	/** "" = of no virtual key, as the ledger has it. */
	readonly keyId?: string | undefined;
	readonly teamId?: string | undefined;
	readonly userId?: string | undefined;
	readonly endUser?: string | undefined;
	readonly session?: string | undefined;
	/** "" = of no subagent. */
	readonly agent?: string | undefined;
	readonly operation?: string | undefined;
	/** A number, `4xx`, `5xx`, `error` (400 and above), `success`, `aborted` or `rejected`. */
	readonly status?: string | undefined;
	readonly reason?: string | undefined;
	readonly affinity?: string | undefined;
	/** Why it missed; `any` = it missed at all. */
	readonly miss?: string | undefined;
	/** Beginning of a request's, session's, deployment's, key's or team's id, or of a model's name. */
	readonly text?: string | undefined;
	/** Rows of this key or of this user: what its owner may see. */
	readonly scope?: { readonly keyHash: string | null; readonly userId: string | null } | undefined;
	/** A whole id. */
	readonly id?: string | undefined;
	/** true = answered; false = not. */
	readonly served?: boolean | undefined;
	/** Dollars, both included. A request of unknown price counts as 0. */
	readonly minCost?: number | undefined;
	readonly maxCost?: number | undefined;
}

/** A row, as `Chunk.examine` gives it. */
type Test = (codes: Float64Array) => boolean;

/** Values of which a chunk must list at least one, the fewest chunks first. Empty = no chunk can have such rows. */
export type AnyOf = readonly Listed[];

/** What a chunk must list: at least one value of each list. The text and the id are left to those who look chunks up. */
export function listedBy(filter: RequestFilter): readonly AnyOf[] {
	const all: (AnyOf | null)[] = [
		one("session", filter.session),
		one("end_user", filter.endUser),
		one("miss", filter.miss),
		failureOf(filter.status),
		scopeOf(filter.scope),
		one("user_id", filter.userId),
		one("key_id", filter.keyId),
		one("team_id", filter.teamId),
		one("reason", filter.reason),
		one("model_id", filter.modelId),
		one("model", filter.model),
	];
	return all.filter((each) => each !== null);
}

function one(kind: Listed["kind"], value: string | undefined): AnyOf | null {
	return value === undefined ? null : [{ kind, value }];
}

function failureOf(status: string | undefined): AnyOf | null {
	if (status === undefined || status === "success") return null;
	if (status === "error") return [{ kind: "failure", value: ANY }];
	const isListed = !/^\d+$/.test(status) || Number(status) >= 400;
	return isListed ? [{ kind: "failure", value: status }] : null;
}

function scopeOf(scope: RequestFilter["scope"]): AnyOf | null {
	if (scope === undefined) return null;
	const { keyHash, userId } = scope;
	return [
		...(keyHash === null ? [] : [{ kind: "key_id", value: keyHash } as const]),
		...(userId === null ? [] : [{ kind: "user_id", value: userId } as const]),
	];
}

/** Whether rows of this chunk are meant; null = none of them can be. */
export function testFor(chunk: Chunk, filter: RequestFilter): Test | null {
	const tests: (Test | null)[] = [];
	const equal = (column: Examined, value: string | undefined) => {
		if (value !== undefined) tests.push(isWord(chunk, column, value));
	};
	if (filter.id !== undefined) tests.push(isId(chunk, filter.id));
	equal("session", filter.session);
	equal("operation", filter.operation);
	equal("end_user", filter.endUser);
	equal("user_id", filter.userId);
	equal("team_id", filter.teamId);
	equal("reason", filter.reason);
	equal("affinity", filter.affinity);
	equal("model_id", filter.modelId);
	equal("model", filter.model);
	if (filter.keyId === NO_KEY) tests.push(isNull("key_id"));
	else equal("key_id", filter.keyId);
	if (filter.agent === "") tests.push(isNull("agent"));
	else equal("agent", filter.agent);
	if (filter.miss === ANY) tests.push(isNot(isNull("miss")));
	else equal("miss", filter.miss);
	if (filter.status !== undefined) tests.push(...statusTests(chunk, filter.status));
	if (filter.served !== undefined) {
		const isServed = isWord(chunk, "outcome", "served") ?? NEVER;
		tests.push(filter.served ? isServed : isNot(isServed));
	}
	if (filter.scope !== undefined) tests.push(scopeTest(chunk, filter.scope));
	const text = filter.text?.trim() ?? "";
	if (text !== "") tests.push(textTest(chunk, text));
	const { from, to, minCost, maxCost } = filter;
	if (from !== undefined) tests.push((codes) => (codes[POSITION.started_at] as number) >= from);
	if (to !== undefined) tests.push((codes) => (codes[POSITION.started_at] as number) < to);
	if (minCost !== undefined) tests.push((codes) => costIn(codes) >= minCost);
	if (maxCost !== undefined) tests.push((codes) => costIn(codes) <= maxCost);
	const known = tests.filter((test) => test !== null);
	return known.length < tests.length ? null : (codes) => known.every((test) => test(codes));
}

const NEVER: Test = () => false;

/** Null where no row of the chunk has the word. */
function isWord(chunk: Chunk, column: Examined, value: string): Test | null {
	const at = POSITION[column];
	const place = chunk.words.indexOf(value);
	if (place === -1) return null;
	// Ids may be listed beside words that say the same.
	const again = chunk.words.indexOf(value, place + 1);
	if (again === -1) return (codes) => codes[at] === place;
	return (codes) => chunk.word(codes, column) === value;
}

/** Ids are words of chunks where they are no UUIDs. */
function isId(chunk: Chunk, id: string): Test {
	return (codes) => chunk.word(codes, "id") === id;
}

function isNull(column: Examined): Test {
	const at = POSITION[column];
	return (codes) => Number.isNaN(codes[at]);
}

function isNot(test: Test): Test {
	return (codes) => !test(codes);
}

function statusTests(chunk: Chunk, status: string): (Test | null)[] {
	const between =
		(from: number, to: number): Test =>
		(codes) => {
			const value = codes[POSITION.status] as number;
			return value >= from && value < to;
		};
	switch (status) {
		case "success":
			return [between(0, 400), isWord(chunk, "outcome", "served")];
		case "error":
			return [between(400, Number.POSITIVE_INFINITY)];
		case "aborted":
			return [between(499, 500)];
		case "rejected":
			return [between(400, Number.POSITIVE_INFINITY), isWord(chunk, "outcome", "rejected")];
		case "4xx":
			return [between(400, 500)];
		case "5xx":
			return [between(500, Number.POSITIVE_INFINITY)];
		default:
			return [between(Number(status), Number(status) + 1)];
	}
}

function scopeTest(chunk: Chunk, { keyHash, userId }: NonNullable<RequestFilter["scope"]>): Test | null {
	const own = [
		keyHash === null ? null : isWord(chunk, "key_id", keyHash),
		userId === null ? null : isWord(chunk, "user_id", userId),
	].filter((test) => test !== null);
	return own.length === 0 ? null : (codes) => own.some((test) => test(codes));
}

const SEARCHED = ["id", "session", "model_id", "key_id", "team_id", "model"] as const;

function textTest(chunk: Chunk, text: string): Test | null {
	const begin = new Set<number>();
	for (const [place, word] of chunk.words.entries()) if (word.startsWith(text)) begin.add(place);
	const isWord: Test = (codes) => SEARCHED.some((column) => begin.has(codes[POSITION[column]] as number));
	if (timesOfIds(text) === null) return begin.size === 0 ? null : isWord;
	return (codes) => isWord(codes) || chunk.word(codes, "id")?.startsWith(text) === true;
}

function costIn(codes: Float64Array): number {
	const cost = codes[POSITION.cost] as number;
	return Number.isNaN(cost) ? 0 : cost;
}
