// `warmpath db export`: the request log into a file or a pipe, row after row, with what has been done on standard error. Leaves what a line
// says to requestlog/export.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { Database } from "../db/database.ts";
import { type ExportFormat, LINE_FORMATS } from "../requestlog/export.ts";
import { eachRequest, listRequests, type RequestFilter } from "../requestlog/requests.ts";
import type { DbIo } from "./database.ts";

export interface Export {
	readonly filter: RequestFilter;
	readonly format: ExportFormat;
	/** Null = standard output. */
	readonly file: string | null;
}

/** Lines of a write: a call for each would cost more than making it. */
const TEXT_AT_ONCE = 64 * 1024;
/** Between two reports, ms: on a terminal, where each takes the place of the one before, and in a file. */
const REPORT_MS = { terminal: 500, file: 10_000 } as const;

/** Holds a page of rows in memory at a time, however many there are. */
export async function exportLog(database: Database, { filter, format, file }: Export, io: DbIo): Promise<void> {
	const { hasDetails, header, line } = LINE_FORMATS[format];
	const out = await outputOf(file, io);
	const progress = progressOf(await latestOf(database, filter), io);
	let text = `${header(io.now())}\n`;
	let count = 0;
	for await (const request of eachRequest(database, filter, { details: hasDetails })) {
		text += `${line(request)}\n`;
		count += 1;
		if (text.length < TEXT_AT_ONCE) continue;
		await out.write(text);
		text = "";
		progress.at(count, request.started_at);
	}
	await out.write(text);
	await out.end();
	progress.end();
	const requests = count === 1 ? "1 request" : `${count.toLocaleString("en-US")} requests`;
	io.err(`${requests} exported${file === null ? "" : ` to ${file}`}\n`);
}

interface Output {
	/** Resolves when it is out, so that no more than one text waits in memory. */
	write(text: string): Promise<void>;
	end(): Promise<void>;
}

async function outputOf(file: string | null, io: DbIo): Promise<Output> {
	const stream: NodeJS.WritableStream = file === null ? io.out : createWriteStream(file, { mode: 0o600 });
	// Whoever writes is told; an event that nobody listens for would end the process.
	stream.on("error", () => {});
	if (file !== null) await once(stream, "open");
	return {
		write: (text) =>
			new Promise((resolve, reject) => {
				stream.write(text, (error) => (error ? reject(error) : resolve()));
			}),
		async end() {
			if (file === null) return;
			stream.end();
			await finished(stream);
		},
	};
}

/** When the last request of them came: rows go by time, so it tells how far an export is without counting them. */
async function latestOf(database: Database, filter: RequestFilter): Promise<number | null> {
	const { requests } = await listRequests(database, filter, { limit: 1 });
	return requests[0]?.started_at ?? null;
}

interface Progress {
	/** So many rows are out, the last of which came then. */
	at(count: number, time: number): void;
	end(): void;
}

function progressOf(latest: number | null, { err, now, terminal }: DbIo): Progress {
	let first: number | null = null;
	let reported = now();
	let isShown = false;
	return {
		at(count, time) {
			first ??= time;
			if (latest === null || now() - reported < REPORT_MS[terminal ? "terminal" : "file"]) return;
			reported = now();
			const share = latest <= first ? 1 : (time - first) / (latest - first);
			const day = new Date(time).toISOString().slice(0, 16).replace("T", " ");
			const text = `${count.toLocaleString("en-US")} requests, up to ${day} UTC (${Math.floor(Math.min(1, share) * 100)} %)`;
			err(terminal ? `\r\u001b[K${text}` : `${text}\n`);
			isShown = terminal;
		},
		end() {
			if (isShown) err("\r\u001b[K");
		},
	};
}
