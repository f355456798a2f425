// Goes through the request log in the order of time: finds the chunks that may hold what is asked for, and gives their rows that do. Leaves
// what a filter means to db/filter and pages to db/requests.
import { type RawBuilder, type SqlBool, sql } from "kysely";
import { Chunk, ChunkDetails, readPacked } from "./chunk.ts";
import { POSITION } from "./columns.ts";
import type { Cursor } from "./cursor.ts";
import type { Database } from "./database.ts";
import { type Details, NO_DETAILS } from "./details.ts";
import { type AnyOf, listedBy, type RequestFilter, testFor } from "./filter.ts";
import { KIND, type Kind, type Listed, timeOfId, timesOfIds } from "./listing.ts";

/** A row that is meant. */
export interface Match {
	readonly chunk: Chunk;
	readonly row: number;
	/** When it started, ms since epoch; then `seq` decides. */
	readonly at: number;
	readonly seq: number;
}

export type Order = "latest first" | "oldest first";

type Query = Database["query"];

/** Where chunks are looked for. */
type Source =
	| { readonly from: "all" }
	| ({ readonly from: "value" } & Listed)
	/** Values that begin with a text. */
	| { readonly from: "values"; readonly kind: Kind; readonly text: string }
	/** Chunks with rows that started, or may have started, between two times. */
	| { readonly from: "time"; readonly first: number; readonly last: number };

/** A chunk that is not read yet. */
export interface Head {
	readonly seq: number;
	readonly last_at: number;
	readonly rows: number;
}

/** Chunks that are looked up at once: few are enough for a page, unless few rows are meant or chunks are small. */
const FIRST_HEADS = 16;
const MOST_HEADS = 512;
/** Rows that are gone through at once: a few milliseconds, in which no request is served. */
const ROWS_AT_ONCE = 2_000;
const CHUNKS_AT_ONCE = 64;
/** Deployments, keys or teams that a text may begin; more of them would match almost everything. */
const MOST_VALUES = 20;

/** All rows that are meant and stand behind `after`, some at a time, in order. */
export async function* scan(
	query: Query,
	filter: RequestFilter,
	{ order, after }: { readonly order: Order; readonly after: Cursor | null },
): AsyncGenerator<readonly Match[], void, void> {
	const { sources, conditions } = await planOf(query, filter);
	if (sources.length === 0) return;
	const span = await longestSpan(query);
	const isLatestFirst = order === "latest first";
	const low = Math.max(filter.from ?? 0, isLatestFirst ? 0 : (after?.at ?? 0));
	const high = Math.min(filter.to ?? MOST_TIME, isLatestFirst ? (after?.at ?? MOST_TIME) : MOST_TIME);
	const range: Range = { order, low, high, span, conditions };
	let waiting: Match[] = [];
	let position: Head | null = null;
	for (let most = FIRST_HEADS; ; most = Math.min(most * 4, MOST_HEADS)) {
		const heads: readonly Head[] = await nextHeads(query, sources, { ...range, most, position });
		for (let from = 0; from < heads.length; ) {
			const group = groupOf(heads, from);
			from += group.length;
			const last = group.at(-1) as Head;
			const chunks = await chunksOf(query, group);
			waiting = inOrder([...waiting, ...chunks.flatMap((chunk) => matchesIn(chunk, filter, range, after))], order);
			// Chunks to come may hold rows of this time and beyond.
			const bound = isLatestFirst ? last.last_at : last.last_at - span;
			const ready = waiting.findIndex(({ at }) => (isLatestFirst ? at <= bound : at >= bound));
			const count = ready === -1 ? waiting.length : ready;
			if (count > 0) yield waiting.slice(0, count);
			waiting = waiting.slice(count);
		}
		if (heads.length < most) {
			if (waiting.length > 0) yield waiting;
			return;
		}
		position = heads.at(-1) as Head;
	}
}

/** Later than any row. */
const MOST_TIME = 2 ** 52;

interface Range {
	readonly order: Order;
	/** Times that are meant, both included; the test of a row is narrower. */
	readonly low: number;
	readonly high: number;
	/** Between the first and the last row of any chunk, ms. */
	readonly span: number;
	readonly conditions: readonly AnyOf[];
}

interface Step extends Range {
	readonly most: number;
	/** Behind which head. */
	readonly position: Head | null;
}

/** Where to look, and what else must be listed. No source = there is nothing. */
async function planOf(
	query: Query,
	filter: RequestFilter,
): Promise<{ readonly sources: readonly Source[]; readonly conditions: readonly AnyOf[] }> {
	const listed = listedBy(filter);
	if (listed.some((anyOf) => anyOf.length === 0)) return { sources: [], conditions: [] };
	if (filter.id !== undefined) return { sources: sourcesOfId(filter.id), conditions: listed };
	const text = filter.text?.trim() ?? "";
	if (text !== "") return { sources: await sourcesOfText(query, text), conditions: listed };
	const [first, ...conditions] = listed;
	if (first === undefined) return { sources: [{ from: "all" }], conditions };
	return { sources: first.map((value) => ({ from: "value", ...value })), conditions };
}

function sourcesOfId(id: string): readonly Source[] {
	const time = timeOfId(id);
	const listed: Source = { from: "value", kind: "id", value: id };
	return time === null ? [listed] : [listed, { from: "time", first: time, last: time }];
}

async function sourcesOfText(query: Query, text: string): Promise<readonly Source[]> {
	const times = timesOfIds(text);
	const few = await Promise.all(
		(["model_id", "key_id", "team_id", "model"] as const).map(async (kind) => {
			const values = await valuesBeginning(query, kind, text);
			return values.map((value): Source => ({ from: "value", kind, value }));
		}),
	);
	return [
		{ from: "values", kind: "id", text },
		{ from: "values", kind: "session", text },
		...(times === null ? [] : [{ from: "time", first: times.from, last: times.to } as const]),
		...few.flat(),
	];
}

/** Jumps from value to value on the index. */
async function valuesBeginning(query: Query, kind: Kind, text: string): Promise<readonly string[]> {
	const found: string[] = [];
	while (found.length < MOST_VALUES) {
		const last = found.at(-1);
		const next = await query
			.selectFrom("request_values")
			.select("value")
			.where("kind", "=", KIND[kind])
			.where("value", last === undefined ? ">=" : ">", last ?? text)
			.where("value", "<", endOf(text))
			.orderBy("value", "asc")
			.limit(1)
			.executeTakeFirst();
		if (next === undefined) break;
		found.push(next.value);
	}
	return found;
}

/** Behind every text that begins with this one. */
function endOf(text: string): string {
	return `${text}\u{10ffff}`;
}

async function longestSpan(query: Query): Promise<number> {
	const found = await query
		.selectFrom("request_chunks")
		.select("span")
		.orderBy("span", "desc")
		.limit(1)
		.executeTakeFirst();
	return found?.span ?? 0;
}

/** The next chunks of all sources, each once, in order; fewer than `most` = there are no more. */
async function nextHeads(query: Query, sources: readonly Source[], step: Step): Promise<readonly Head[]> {
	const found = await Promise.all(sources.map((source) => headsOf(query, source, step)));
	const distinct = new Map(found.flat().map((head) => [head.seq, head]));
	const sign = step.order === "latest first" ? -1 : 1;
	return [...distinct.values()]
		.sort((left, right) => sign * (left.last_at - right.last_at || left.seq - right.seq))
		.slice(0, step.most);
}

async function headsOf(query: Query, source: Source, step: Step): Promise<readonly Head[]> {
	const { low, high, span, most } = step;
	const conditions = step.conditions.map(isListed);
	const direction = sql.raw(step.order === "latest first" ? "desc" : "asc");
	const where = (at: string, seq: string, more: readonly RawBuilder<SqlBool>[]) => {
		const [time, number] = [sql.ref(at), sql.ref(seq)];
		const behind = sql.raw(step.order === "latest first" ? "<" : ">");
		const { position } = step;
		const begin =
			position === null ? [] : [sql<SqlBool>`(${time}, ${number}) ${behind} (${position.last_at}, ${position.seq})`];
		const window = [
			sql<SqlBool>`${time} >= ${low}`,
			sql<SqlBool>`${time} <= ${high + span}`,
			sql<SqlBool>`c.first_at <= ${high}`,
		];
		return sql`where ${sql.join([...more, ...begin, ...window, ...conditions], sql` and `)}
			order by ${time} ${direction}, ${number} ${direction} limit ${sql.lit(most)}`;
	};
	const statement = (() => {
		switch (source.from) {
			case "all":
				return sql<Head>`select c.seq, c.last_at, c.rows from request_chunks as c ${where("c.last_at", "c.seq", [])}`;
			case "time": {
				const { first, last } = source;
				const times = [
					sql<SqlBool>`c.last_at >= ${first}`,
					sql<SqlBool>`c.last_at <= ${last + span}`,
					sql<SqlBool>`c.first_at <= ${last}`,
				];
				return sql<Head>`select c.seq, c.last_at, c.rows from request_chunks as c ${where("c.last_at", "c.seq", times)}`;
			}
			case "value":
				return sql<Head>`select c.seq, c.last_at, c.rows from request_values as v join request_chunks as c on c.seq = v.chunk
					${where("v.last_at", "v.chunk", [isValue("v", source)])}`;
			case "values":
				// Found first and put in order then: a planner that hopes to meet them on the way through time reads the whole index when
				// it does not.
				return sql<Head>`with found as materialized (
						select distinct v.chunk from request_values as v where v.kind = ${sql.lit(KIND[source.kind])}
							and v.value >= ${source.text} and v.value < ${endOf(source.text)})
					select c.seq, c.last_at, c.rows from request_chunks as c
					${where("c.last_at", "c.seq", [sql<SqlBool>`c.seq in (select chunk from found)`])}`;
		}
	})();
	return (await statement.execute(query)).rows;
}

function isValue(table: string, { kind, value }: Listed): RawBuilder<SqlBool> {
	return sql<SqlBool>`${sql.ref(`${table}.kind`)} = ${sql.lit(KIND[kind])} and ${sql.ref(`${table}.value`)} = ${value}`;
}

function isListed(anyOf: AnyOf): RawBuilder<SqlBool> {
	const each = anyOf.map(
		(value) => sql`exists (select 1 from request_values as w
			where ${isValue("w", value)} and w.last_at = c.last_at and w.chunk = c.seq)`,
	);
	return sql<SqlBool>`(${sql.join(each, sql` or `)})`;
}

/** As many of these as may be read and gone through at once. */
export function groupOf(heads: readonly Head[], from: number): readonly Head[] {
	let to = from;
	let rows = 0;
	while (to < heads.length && to - from < CHUNKS_AT_ONCE && (to === from || rows < ROWS_AT_ONCE)) {
		rows += heads[to]?.rows ?? 0;
		to += 1;
	}
	return heads.slice(from, to);
}

/** These chunks, in any order. */
export async function chunksOf(query: Query, heads: readonly Head[]): Promise<readonly Chunk[]> {
	const numbers = heads.map(({ seq }) => seq);
	const found = await query.selectFrom("request_chunks").select(["seq", "data"]).where("seq", "in", numbers).execute();
	return found.map(({ seq, data }) => new Chunk(seq, readPacked(data)));
}

/** The details of these rows, in their order. */
export async function detailsOf(query: Query, matches: readonly Match[]): Promise<readonly Details[]> {
	const numbers = [...new Set(matches.map(({ chunk }) => chunk.number))];
	if (numbers.length === 0) return [];
	const found = await query
		.selectFrom("request_chunks")
		.select(["seq", "details"])
		.where("seq", "in", numbers)
		.execute();
	const chunks = new Map(found.map(({ seq, details }) => [seq, new ChunkDetails(readPacked(details))]));
	// A chunk that has gone meanwhile was too old.
	return matches.map(({ chunk, row }) => chunks.get(chunk.number)?.of(row) ?? NO_DETAILS);
}

function matchesIn(chunk: Chunk, filter: RequestFilter, { order }: Range, after: Cursor | null): Match[] {
	const isMeant = testFor(chunk, filter);
	const matches: Match[] = [];
	if (isMeant === null) return matches;
	const sign = order === "latest first" ? -1 : 1;
	for (let row = 0; row < chunk.count; row += 1) {
		const codes = chunk.examine(row);
		if (!isMeant(codes)) continue;
		const at = codes[POSITION.started_at] as number;
		const seq = chunk.seq(row);
		if (after !== null && sign * (at - after.at || seq - after.seq) <= 0) continue;
		matches.push({ chunk, row, at, seq });
	}
	return matches;
}

function inOrder(matches: Match[], order: Order): Match[] {
	const sign = order === "latest first" ? -1 : 1;
	return matches.sort((left, right) => sign * (left.at - right.at || left.seq - right.seq));
}
