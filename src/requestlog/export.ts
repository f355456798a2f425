// The request log as text for other programs, a line a request: JSON with all that is known, or CSV with the columns. Leaves selecting
// rows to requestlog/requests and where the text goes to commands/export.
import { COMPUTED_COLUMNS, REQUEST_COLUMN_NAMES, REQUEST_COLUMNS, storedTime } from "../db/schema/requests.ts";
import type { ExportedRequest, RequestSummary } from "./requests.ts";

export const EXPORT_FORMATS = ["jsonl", "csv"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

interface LineFormat {
	/** Whether its lines hold the details: they are most of a row. */
	readonly hasDetails: boolean;
	/** The first line. `now` is ms since epoch. */
	readonly header: (now: number) => string;
	readonly line: (request: ExportedRequest) => string;
}

type Column = keyof RequestSummary;
const COLUMNS: readonly Column[] = [...REQUEST_COLUMN_NAMES, ...(Object.keys(COMPUTED_COLUMNS) as Column[])];
const TIMES: ReadonlySet<Column> = new Set(REQUEST_COLUMN_NAMES.filter((name) => REQUEST_COLUMNS[name] === "time"));

export const LINE_FORMATS: Readonly<Record<ExportFormat, LineFormat>> = {
	// What `warmpath replay` reads (replay/request-log): times are ms since epoch.
	jsonl: {
		hasDetails: true,
		header: (now) => JSON.stringify({ warmpath_log: 1, exported_at: new Date(now).toISOString() }),
		line: (request) => JSON.stringify(request),
	},
	// RFC 4180: what Postgres' COPY, DuckDB, pandas and spreadsheets read.
	csv: {
		hasDetails: false,
		header: () => COLUMNS.join(","),
		line: (request) => COLUMNS.map((name) => cellOf(name, request[name])).join(","),
	},
};

/** Times are ISO 8601 and UTC; null is nothing, and an empty text is in quotes. */
function cellOf(name: Column, value: RequestSummary[Column]): string {
	if (value === null) return "";
	if (TIMES.has(name)) return storedTime(Number(value));
	if (typeof value === "number" || typeof value === "boolean") return String(value);
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
