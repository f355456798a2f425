// @ts-check
// The thread that owns one SQLite database, so that no query and no commit ever holds up a request. Plain JavaScript, because a worker
// is loaded by Node itself, from src/ and from dist/ alike. Leaves what is asked to db/dialect-sqlite.
import { parentPort, workerData } from "node:worker_threads";
import Database from "libsql";
import { unpackEntries } from "./unpacking.js";

/** How long another process may hold the write lock, ms. */
const BUSY_TIMEOUT_MS = 10_000;
/** Statements kept prepared. */
const MOST_STATEMENTS = 256;

/**
 * Many rows at once mean that requests keep the processors busy: these rows are written in slices, with pauses. The threads of requests get
 * a processor that pauses at once; behind one that works on for 30 ms they wait.
 */
const MANY_ROWS = 512;
const ROWS_AT_ONCE = 32;
const PAUSE_MS = 1;
const never = new Int32Array(new SharedArrayBuffer(4));

function pause() {
	Atomics.wait(never, 0, 0, PAUSE_MS);
}

const port = parentPort;
if (port === null) throw new Error("sqlite-worker is a worker thread's program");

const database = new Database(workerData.path);
database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
if (workerData.path !== ":memory:") database.exec("pragma journal_mode = wal");
database.exec("pragma synchronous = normal");
database.exec("pragma foreign_keys = on");
database.exec("pragma cache_size = -65536");
database.exec("pragma temp_store = memory");
// The same pages change with every batch: fewer checkpoints write them less often.
database.exec("pragma wal_autocheckpoint = 8000");

/** @type {Map<string, import("libsql").Statement>} */
const statements = new Map();

/** @param {string} sql */
function prepared(sql) {
	let statement = statements.get(sql);
	if (statement === undefined) {
		statement = database.prepare(sql);
		if (statements.size >= MOST_STATEMENTS) statements.clear();
		statements.set(sql, statement);
	}
	return statement;
}

/** @param {string} sql @param {readonly unknown[]} parameters */
function run(sql, parameters) {
	const statement = prepared(sql);
	if (statement.reader) return { rows: statement.all(parameters) };
	const { changes, lastInsertRowid } = statement.run(parameters);
	return { rows: [], changes, lastInsertRowid };
}

/**
 * Every statement for every one of its parameter lists, all or nothing.
 * @param {readonly import("./dialect-sqlite.ts").BulkStep[]} steps
 */
function bulk(steps) {
	database.exec("begin immediate");
	try {
		for (const step of steps) {
			if ("entries" in step) insertRows(step.sql, [...unpackEntries(step.entries, step.kinds)]);
			else {
				const statement = prepared(step.sql);
				for (const parameters of JSON.parse(step.rows)) statement.run(parameters);
			}
		}
		database.exec("commit");
	} catch (error) {
		if (database.inTransaction) database.exec("rollback");
		throw error;
	}
	return { rows: [] };
}

/** From so many rows on a statement of their own pays. */
const WORTH_A_STATEMENT = 32;

/** @typedef {string | number | null} Value */

/**
 * What all rows have in common stands in the statement: to hand values over takes half of what an insert takes, and most rows of a batch
 * share two of three.
 * @param {string} sql `insert into … values (?, ?, …)`
 * @param {readonly (readonly Value[])[]} rows
 */
function insertRows(sql, rows) {
	const [first] = rows;
	if (first === undefined || rows.length < WORTH_A_STATEMENT) {
		const statement = prepared(sql);
		for (const row of rows) statement.run(row);
		return;
	}
	const literals = first.map((value, column) => (rows.every((row) => row[column] === value) ? literal(value) : null));
	const differing = literals.flatMap((text, column) => (text === null ? [column] : []));
	const values = literals.map((text) => text ?? "?");
	const statement = database.prepare(`${sql.slice(0, sql.lastIndexOf("("))}(${values.join(", ")})`);
	const isMany = rows.length >= MANY_ROWS;
	for (let at = 0; at < rows.length; at += 1) {
		const row = /** @type {readonly Value[]} */ (rows[at]);
		statement.run(differing.map((column) => row[column]));
		if (isMany && at % ROWS_AT_ONCE === 0) pause();
	}
}

/** Longer texts are handed over. */
const LONGEST_LITERAL = 256;

/**
 * As SQL writes it; null = not at all: fractions could come back with another last bit. Strings have no NUL (see `storableText`).
 * @param {Value} value
 */
function literal(value) {
	if (value === null) return "null";
	if (typeof value === "number") return Number.isSafeInteger(value) ? `${value}` : null;
	return value.length <= LONGEST_LITERAL ? `'${value.replaceAll("'", "''")}'` : null;
}

port.on("message", (message) => {
	if (message.kind === "close") {
		statements.clear();
		if (workerData.path !== ":memory:") {
			try {
				database.exec("pragma optimize");
			} catch {
				// The file may be locked or gone: closing goes on.
			}
		}
		database.close();
		port.postMessage({ id: message.id, rows: [] });
		port.close();
		return;
	}
	try {
		const result = message.kind === "bulk" ? bulk(message.steps) : run(message.sql, message.parameters);
		port.postMessage({ id: message.id, ...result });
	} catch (error) {
		const { message: text, code } = /** @type {Error & { code?: string }} */ (error);
		port.postMessage({ id: message.id, error: text, code: code ?? null });
	}
});

port.postMessage({ id: 0, rows: [] });
