// Who may use the gateway and what they have spent, kept in memory and in step with the database: changes made here count at once,
// those of other processes within a second. Leaves enforcing it to proxy/ and the API to admin/.
import { createHmac, randomBytes } from "node:crypto";
import type { Database } from "../db/database.ts";
import { SpendBook } from "./budgets.ts";
import { addSpend, spendSince } from "./budgets-store.ts";
import { type Directory, MutableDirectory } from "./directory.ts";
import { type AccessRecord, aliasOf, type FieldsOf, type Kind } from "./fields.ts";
import { keyHasher } from "./hash.ts";
import {
	type AccessQuery,
	type Changed,
	changesSince,
	clockOf,
	insertRecord,
	loadSecret,
	type NewRecord,
	removeRecords,
	updateRecord,
} from "./keys.ts";
import { addLogouts, deleteExpiredLogouts, type Logout, Logouts, logoutsSince } from "./logouts.ts";
import type { AccessTables } from "./tables.ts";

/** A key of the configuration file. */
export interface ConfiguredKey {
	readonly id: string;
	readonly secret: { reveal(): string };
	readonly fields: FieldsOf["key"];
}

export interface AccessOptions {
	/** null = none: keys of the configuration only, and spend is forgotten at the end of the process. */
	readonly database: Pick<Database, "query"> | null;
	readonly keys: readonly ConfiguredKey[];
	/** Mixed into the hashes of keys; null = only the secret that the database keeps. */
	readonly hashSecret: { reveal(): string } | null;
	/** What keys are hashed under where there is no database; absent = a random secret of this process. */
	readonly pepper?: Buffer;
	/** ms since epoch, by the wall clock. */
	readonly now: () => number;
	/** Called when the database fails or is back, and of rows that cannot be read; once each time. */
	readonly onTrouble: (message: string) => void;
	/** Called with the directory whenever other processes' changes, or those of an earlier one, were read. */
	readonly onRead?: (directory: Directory) => void;
	/** How often other processes' changes are looked for, ms. Default 500. */
	readonly pollMs?: number;
}

/** What an update came to. */
export type UpdateOutcome<K extends Kind> = AccessRecord<K> | "taken" | null;

const POLL_MS = 500;

export class Access {
	readonly spend = new SpendBook();
	readonly #directory = new MutableDirectory();
	readonly #options: AccessOptions;
	readonly #query: AccessQuery | null;
	readonly #hash: (secret: string) => string;
	readonly #logouts = new Logouts();
	/** Random, of the database, the same for all who use it; null without one. */
	readonly sessionSecret: Buffer | null;
	#seen = 0;
	#timer: NodeJS.Timeout | null = null;
	#syncing: Promise<void> = Promise.resolve();
	#failing = false;

	private constructor(
		options: AccessOptions,
		query: AccessQuery | null,
		secrets: { readonly pepper: Buffer; readonly sessions: Buffer | null },
	) {
		this.#options = options;
		this.#query = query;
		this.#hash = keyHasher(secrets.pepper);
		this.sessionSecret = secrets.sessions;
		this.setFileKeys(options.keys);
	}

	/** Reads everything once, then starts to look for changes. Rejects when the database cannot be read. */
	static async open(options: AccessOptions): Promise<Access> {
		const query: AccessQuery | null =
			options.database === null ? null : (options.database.query.withTables<AccessTables>() as AccessQuery);
		const stored = query === null ? (options.pepper ?? randomBytes(32)) : await loadSecret(query, "key-hash");
		const sessions = query === null ? null : await loadSecret(query, "sessions");
		const { hashSecret } = options;
		const pepper = hashSecret === null ? stored : createHmac("sha256", hashSecret.reveal()).update(stored).digest();
		const access = new Access(options, query, { pepper, sessions });
		if (query !== null) {
			await access.#read();
			access.#timer = setInterval(() => void access.sync(), options.pollMs ?? POLL_MS);
			access.#timer.unref();
		}
		return access;
	}

	/** Synchronous look-ups, for the request path. */
	get directory(): Directory {
		return this.#directory;
	}

	/** Whether anything can be stored. */
	get durable(): boolean {
		return this.#query !== null;
	}

	/** The keyed hash that stands for a key. */
	hash(secret: string): string {
		return this.#hash(secret);
	}

	/** The keys of a (re)loaded configuration take the place of the earlier ones. */
	setFileKeys(keys: readonly ConfiguredKey[]): void {
		this.#directory.setFileKeys(
			keys.map(({ id, secret, fields }) => ({ id, hash: this.#hash(secret.reveal()), fields })),
			this.#options.now(),
		);
	}

	/** Null when one of this id, or a key of this alias, is there already. Rejects while the database is away. */
	async insert<K extends Kind>(record: NewRecord<K>): Promise<AccessRecord<K> | null> {
		const alias = record.kind === "key" ? (record.fields as FieldsOf["key"]).key_alias : null;
		if (this.#directory.get(record.kind, record.id) !== undefined) return null;
		if (record.hash !== null && this.#directory.keyByHash(record.hash) !== undefined) return null;
		if (alias !== null && this.#directory.list("key").some((key) => aliasOf(key) === alias)) return null;
		const inserted = await insertRecord(this.#database(), record, this.#options.now());
		if (inserted !== null) this.#directory.put(inserted);
		return inserted;
	}

	/** `change` sees the record as it is in the database at that moment. Null = there is none; "taken" = its new alias is another key's. */
	async update<K extends Kind>(
		kind: K,
		id: string,
		change: (before: AccessRecord<K>) => Changed<K>,
	): Promise<UpdateOutcome<K>> {
		const updated = await updateRecord(this.#database(), { kind, id, now: this.#options.now() }, change);
		if (updated !== null && updated !== "taken") this.#directory.put(updated);
		return updated;
	}

	/** Gives the ids that were there. */
	async remove(kind: Kind, ids: readonly string[]): Promise<readonly string[]> {
		const removed = await removeRecords(this.#database(), kind, { ids, now: this.#options.now() });
		for (const id of removed) this.#directory.remove(kind, id);
		return removed;
	}

	/** Ends one session, here at once and on the other replicas within a second; while the database is away, as soon as it is back. */
	async logOut(session: Logout): Promise<void> {
		this.#logouts.expire(this.#options.now());
		this.#logouts.add(session);
		await this.sync();
	}

	isLoggedOut(id: string): boolean {
		return this.#logouts.has(id);
	}

	/** Writes what was spent and reads what others changed. Never rejects; one at a time. */
	sync(): Promise<void> {
		this.#syncing = this.#syncing.then(() => this.#exchange());
		return this.#syncing;
	}

	/** Writes what is left and stops. */
	async close(): Promise<void> {
		if (this.#timer !== null) clearInterval(this.#timer);
		this.#timer = null;
		await this.sync();
	}

	async #exchange(): Promise<void> {
		if (this.#query === null) return;
		try {
			const pending = this.spend.pending();
			if (pending.length > 0) {
				await addSpend(this.#query, pending);
				this.spend.flushed(pending);
			}
			const logouts = this.#logouts.pending();
			await addLogouts(this.#query, logouts);
			this.#logouts.stored(logouts);
			if ((await clockOf(this.#query)) > this.#seen) await this.#read();
			const now = this.#options.now();
			if (this.#logouts.expire(now)) await deleteExpiredLogouts(this.#query, now);
			if (this.#failing) this.#options.onTrouble("the database of keys and budgets is back");
			this.#failing = false;
		} catch (cause) {
			if (!this.#failing) {
				this.#options.onTrouble(
					`the database of keys and budgets does not answer (${cause instanceof Error ? cause.message : String(cause)}): keys known now go on, spend is kept in memory until it is back`,
				);
			}
			this.#failing = true;
		}
	}

	async #read(): Promise<void> {
		const query = this.#database();
		const since = this.#seen;
		const changes = await changesSince(query, since);
		this.spend.stored(await spendSince(query, since));
		this.#logouts.stored(await logoutsSince(query, since));
		for (const { kind, id } of changes.removed) this.#directory.remove(kind, id);
		for (const record of changes.records) this.#directory.put(record);
		for (const name of changes.unreadable)
			this.#options.onTrouble(`the stored ${name} cannot be read and is passed over`);
		this.#seen = changes.version;
		this.#options.onRead?.(this.#directory);
	}

	#database(): AccessQuery {
		if (this.#query === null) throw new Error("no database");
		return this.#query;
	}
}
