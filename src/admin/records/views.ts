// Shows records as LiteLLM does: their spend, when they were made, lists page by page. Leaves which fields each kind has to its file.
import type { AccessRecord, FieldsOf } from "../../access/fields.ts";
import { mainLabel } from "../../access/limits.ts";
import { GatewayError } from "../../errors.ts";
import type { RecordDeps } from "./stored.ts";

/** Spend as LiteLLM shows it: of the running window of `max_budget`, and when that ends. */
export function spendOf({ access, now }: RecordDeps, record: AccessRecord) {
	const subject = access.directory.subject(record);
	const windows = subject.budgets.map((budget) => {
		const { spent: spend, unpriced, window } = access.spend.account(subject, budget, now());
		return { budget, spend, unpriced, reset_at: isoOrNull(window.end) };
	});
	const { budget_duration: duration } = record.fields as FieldsOf["budget"];
	const main = windows.find(({ budget }) => budget.label === mainLabel(duration)) ?? windows[0];
	return {
		spend: main?.spend ?? 0,
		total_spend: windows[0]?.spend ?? 0,
		budget_reset_at: main?.reset_at ?? null,
		unpriced_requests: windows[0]?.unpriced ?? 0,
		budget_windows: windows.flatMap(({ budget: { max, model, label }, spend, reset_at }) => {
			const budget_duration = label === "total" ? null : (label.split(":").at(-1) ?? null);
			return max === null ? [] : [{ budget_duration, model, max_budget: max, spend, reset_at }];
		}),
	};
}

/** null for what never ends. */
export function isoOrNull(ms: number): string | null {
	return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}

/** When a record was made and last changed, ISO. */
export function datesOf({ createdAt, updatedAt }: AccessRecord) {
	return { created_at: new Date(createdAt).toISOString(), updated_at: new Date(updatedAt).toISOString() };
}

/** One page of a list, LiteLLM's `page` and `size` or our `cursor` and `limit`. */
interface Page<T> {
	readonly items: readonly T[];
	readonly total_count: number;
	readonly current_page: number;
	readonly total_pages: number;
	/** Give it as `cursor` for what follows; null = this was the last page. Stable while records come and go. */
	readonly next_cursor: string | null;
}

/** LiteLLM has several names for a page's size. */
interface PageQuery {
	readonly page?: number | undefined;
	readonly size?: number | undefined;
	readonly limit?: number | undefined;
	readonly page_size?: number | undefined;
	readonly cursor?: string | undefined;
}

const MOST_LISTED = 1000;
const LISTED = 100;

/** `records` newest first. Throws invalid_field for a cursor that is none. */
export function pageOf<T extends AccessRecord>(records: readonly T[], query: PageQuery): Page<T> {
	const { page = 1, cursor } = query;
	const size = Math.min(MOST_LISTED, query.size ?? query.limit ?? query.page_size ?? LISTED);
	const from = cursor === undefined ? (page - 1) * size : indexAfter(records, cursor);
	const items = records.slice(from, from + size);
	const last = items.at(-1);
	return {
		items,
		total_count: records.length,
		current_page: Math.floor(from / size) + 1,
		total_pages: Math.ceil(records.length / size),
		next_cursor: last === undefined || from + size >= records.length ? null : cursorOf(last),
	};
}

function cursorOf({ createdAt, id }: AccessRecord): string {
	return Buffer.from(JSON.stringify([createdAt, id])).toString("base64url");
}

function indexAfter(records: readonly AccessRecord[], cursor: string): number {
	let place: unknown;
	try {
		place = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
	} catch {}
	const [at, id] = Array.isArray(place) ? place : [];
	if (typeof at !== "number" || typeof id !== "string") {
		throw new GatewayError("invalid_field", { field: "cursor", reason: "is not one that a list gave" });
	}
	const found = records.findIndex((record) => record.createdAt < at || (record.createdAt === at && record.id > id));
	return found === -1 ? records.length : found;
}
