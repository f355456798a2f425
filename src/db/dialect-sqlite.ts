// Kysely over a SQLite database that a worker thread owns. Leaves the pragmas and statements themselves to db/sqlite-worker.
import { Worker } from "node:worker_threads";
import {
	CompiledQuery,
	type DatabaseConnection,
	type Dialect,
	type Driver,
	type QueryResult,
	SqliteAdapter,
	SqliteIntrospector,
	SqliteQueryCompiler,
} from "kysely";

/** One statement that is run for many parameter lists, or for one. */
export type BulkStep = JsonStep | ValuesStep;

interface JsonStep {
	readonly sql: string;
	/** A JSON array of parameter lists. */
	readonly rows: string;
	/** One more parameter for each of them, behind the others: long texts need not be JSON within JSON. */
	readonly texts?: readonly string[];
}

/** For values that JSON has no way to say. */
interface ValuesStep {
	readonly sql: string;
	readonly values: readonly (string | number | Uint8Array)[];
}

/** A failure that SQLite reported. */
export class SqliteFailure extends Error {
	/** Such as SQLITE_BUSY; null where the driver gave none. */
	readonly code: string | null;

	constructor(message: string, code: string | null) {
		super(message);
		this.name = "SqliteFailure";
		this.code = code;
	}
}

interface Answer {
	readonly id: number;
	readonly rows: unknown[];
	readonly changes?: number;
	readonly lastInsertRowid?: number;
	readonly error?: string;
	readonly code?: string | null;
}

interface Waiting {
	readonly resolve: (answer: Answer) => void;
	readonly reject: (error: Error) => void;
}

/** The worker and who waits for its answers. One at a time uses the connection: SQLite's transactions belong to it. */
export class SqliteThread {
	readonly #worker: Worker;
	readonly #waiting = new Map<number, Waiting>();
	#next = 1;
	#lock: Promise<void> = Promise.resolve();
	#broken: Error | null = null;

	private constructor(worker: Worker) {
		this.#worker = worker;
		worker.on("message", (answer: Answer) => this.#settle(answer));
		worker.on("error", (error) => this.#break(error));
		worker.on("exit", () => this.#break(new SqliteFailure("the database is closed", "CLOSED")));
	}

	/**
	 * Opens or makes the file. Rejects when that fails; its folder must exist. The thread does not keep the process alive. Of several threads
	 * with one file those that only read hold up nobody, and see what was committed before they were asked.
	 */
	static async open(path: string, use: "write" | "read"): Promise<SqliteThread> {
		const worker = new Worker(new URL("./sqlite-worker.js", import.meta.url), { workerData: { path, use } });
		const thread = new SqliteThread(worker);
		await new Promise<void>((resolve, reject) => {
			thread.#waiting.set(0, { resolve: () => resolve(), reject });
		});
		worker.unref();
		return thread;
	}

	/** Waits its turn; call what it gives when done. */
	async acquire(): Promise<() => void> {
		let release = () => {};
		const before = this.#lock;
		this.#lock = new Promise((resolve) => {
			release = resolve;
		});
		await before;
		return release;
	}

	query(sql: string, parameters: readonly unknown[]): Promise<Answer> {
		return this.#ask({ kind: "query", sql, parameters });
	}

	/**
	 * All steps in one transaction of their own. Bytes are copied on the way: to give their memory to the other thread would detach it, and
	 * from the first detached buffer on V8 makes every access to typed arrays slower, in the whole process.
	 */
	async bulk(steps: readonly BulkStep[]): Promise<void> {
		const release = await this.acquire();
		try {
			await this.#ask({ kind: "bulk", steps });
		} finally {
			release();
		}
	}

	async close(): Promise<void> {
		if (this.#broken !== null) return;
		const release = await this.acquire();
		await this.#ask({ kind: "close" }).catch(() => {});
		release();
		await this.#worker.terminate();
	}

	#ask(message: object): Promise<Answer> {
		if (this.#broken !== null) return Promise.reject(this.#broken);
		const id = this.#next;
		this.#next += 1;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			// While somebody waits for an answer the process must not end.
			this.#worker.ref();
			this.#worker.postMessage({ id, ...message });
		});
	}

	#settle(answer: Answer): void {
		const waiting = this.#waiting.get(answer.id);
		this.#waiting.delete(answer.id);
		if (this.#waiting.size === 0) this.#worker.unref();
		if (answer.error === undefined) waiting?.resolve(answer);
		else waiting?.reject(new SqliteFailure(answer.error, answer.code ?? null));
	}

	#break(error: Error): void {
		this.#broken ??= error;
		for (const { reject } of this.#waiting.values()) reject(error);
		this.#waiting.clear();
	}
}

/** The dialect over a thread that is opened at the first query, and closed by `kysely.destroy()`. */
export function sqliteDialect(open: () => Promise<SqliteThread>): Dialect {
	return {
		createAdapter: () => new SqliteAdapter(),
		createDriver: () => new SqliteThreadDriver(open),
		createIntrospector: (kysely) => new SqliteIntrospector(kysely),
		createQueryCompiler: () => new SqliteQueryCompiler(),
	};
}

class SqliteThreadDriver implements Driver {
	readonly #open: () => Promise<SqliteThread>;
	readonly #releases = new WeakMap<DatabaseConnection, () => void>();
	#thread: SqliteThread | null = null;

	constructor(open: () => Promise<SqliteThread>) {
		this.#open = open;
	}

	async init(): Promise<void> {
		this.#thread = await this.#open();
	}

	async acquireConnection(): Promise<DatabaseConnection> {
		const thread = this.#thread;
		if (thread === null) throw new SqliteFailure("the database is not open", "CLOSED");
		const release = await thread.acquire();
		const connection = new SqliteThreadConnection(thread);
		this.#releases.set(connection, release);
		return connection;
	}

	async beginTransaction(connection: DatabaseConnection): Promise<void> {
		// A transaction that only becomes a writer later can fail where another process writes: take the lock at once.
		await connection.executeQuery(CompiledQuery.raw("begin immediate"));
	}

	async commitTransaction(connection: DatabaseConnection): Promise<void> {
		await connection.executeQuery(CompiledQuery.raw("commit"));
	}

	async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
		await connection.executeQuery(CompiledQuery.raw("rollback"));
	}

	async releaseConnection(connection: DatabaseConnection): Promise<void> {
		this.#releases.get(connection)?.();
	}

	async destroy(): Promise<void> {
		await this.#thread?.close();
	}
}

class SqliteThreadConnection implements DatabaseConnection {
	readonly #thread: SqliteThread;

	constructor(thread: SqliteThread) {
		this.#thread = thread;
	}

	async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
		const { rows, changes, lastInsertRowid } = await this.#thread.query(sql, parameters);
		return {
			rows: rows as Row[],
			...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
			...(lastInsertRowid === undefined ? {} : { insertId: BigInt(lastInsertRowid) }),
		};
	}

	async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
		yield await Promise.reject(new Error("rows are read page by page here, not streamed"));
	}
}
