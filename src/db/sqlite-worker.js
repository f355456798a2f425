// @ts-check
// A thread with a connection of its own to one SQLite database, so that no query and no commit ever holds up a request. Plain JavaScript, because a worker
// is loaded by Node itself, from src/ and from dist/ alike. Leaves what is asked to db/dialect-sqlite.
import { parentPort, workerData } from "node:worker_threads";
import Database from "libsql";

/** How long another process may hold the write lock, ms. */
const BUSY_TIMEOUT_MS = 10_000;
/** Statements kept prepared. */
const MOST_STATEMENTS = 256;

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
if (workerData.use === "read") database.exec("pragma query_only = on");

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
			const statement = prepared(step.sql);
			if ("values" in step) statement.run(step.values);
			else {
				for (const [at, parameters] of JSON.parse(step.rows).entries()) {
					if (step.texts !== undefined) parameters.push(step.texts[at]);
					statement.run(parameters);
				}
			}
		}
		database.exec("commit");
	} catch (error) {
		if (database.inTransaction) database.exec("rollback");
		throw error;
	}
	return { rows: [] };
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
