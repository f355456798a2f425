// Every key, team, user, customer and budget in memory, for the request path: look-ups are synchronous and touch no database.
// Leaves keeping it up to date to db/access.
import type { AccessRecord, FieldsOf, Kind } from "./fields.ts";
import { aliasOf, KINDS } from "./fields.ts";
import { memberSubject, type Subject, subjectOf } from "./limits.ts";

/** A key of the configuration file, its secret already hashed. */
export interface FileKey {
	readonly id: string;
	readonly hash: string;
	readonly fields: FieldsOf["key"];
}

/** What is read of it. */
export interface Directory {
	/** Rises with every change. */
	readonly revision: number;
	keyByHash(hash: string): AccessRecord<"key"> | undefined;
	get<K extends Kind>(kind: K, id: string): AccessRecord<K> | undefined;
	/** The record of this id, else the one of this alias. */
	find<K extends Kind>(kind: K, idOrAlias: string): AccessRecord<K> | undefined;
	/** Newest first; records made at the same time by id. */
	list<K extends Kind>(kind: K): readonly AccessRecord<K>[];
	/** Whose limits a record's are. Remembered until the record or its budget changes. */
	subject(record: AccessRecord): Subject;
	/** What a team lets one of its members spend; null = it does not say. Remembered until the team changes. */
	member(team: AccessRecord<"team">, userId: string): Subject | null;
}

type Records = { [K in Kind]: Map<string, AccessRecord<K>> };

/** A directory that takes changes. */
export class MutableDirectory implements Directory {
	#revision = 0;
	readonly #records: Records = {
		key: new Map(),
		team: new Map(),
		user: new Map(),
		customer: new Map(),
		budget: new Map(),
		deployment: new Map(),
	};
	readonly #byHash = new Map<string, AccessRecord<"key">>();
	#fileIds: readonly string[] = [];
	readonly #lists = new Map<Kind, readonly AccessRecord[]>();
	readonly #subjects = new WeakMap<
		AccessRecord,
		{ readonly budget: AccessRecord | undefined; readonly subject: Subject }
	>();

	readonly #members = new WeakMap<AccessRecord, Map<string, Subject | null>>();

	get revision(): number {
		return this.#revision;
	}

	keyByHash(hash: string): AccessRecord<"key"> | undefined {
		return this.#byHash.get(hash);
	}

	get<K extends Kind>(kind: K, id: string): AccessRecord<K> | undefined {
		return this.#of(kind).get(id);
	}

	find<K extends Kind>(kind: K, idOrAlias: string): AccessRecord<K> | undefined {
		return this.get(kind, idOrAlias) ?? this.list(kind).find((record) => aliasOf(record) === idOrAlias);
	}

	list<K extends Kind>(kind: K): readonly AccessRecord<K>[] {
		let list = this.#lists.get(kind);
		if (list === undefined) {
			list = [...this.#of(kind).values()].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
			this.#lists.set(kind, list);
		}
		return list as readonly AccessRecord<K>[];
	}

	subject(record: AccessRecord): Subject {
		const { budget_id: budgetId } = record.fields as FieldsOf["customer"];
		const budget = budgetId === null || budgetId === undefined ? undefined : this.get("budget", budgetId);
		const known = this.#subjects.get(record);
		if (known !== undefined && known.budget === budget) return known.subject;
		const subject = subjectOf(record, budget);
		this.#subjects.set(record, { budget, subject });
		return subject;
	}

	member(team: AccessRecord<"team">, userId: string): Subject | null {
		let members = this.#members.get(team);
		if (members === undefined) {
			members = new Map();
			this.#members.set(team, members);
		}
		let subject = members.get(userId);
		if (subject === undefined) {
			subject = memberSubject(team, userId);
			members.set(userId, subject);
		}
		return subject;
	}

	/** Takes a record in the place of what was there; an older version than the known one is passed over. */
	put<K extends Kind>(record: AccessRecord<K>): void {
		const known = this.get(record.kind, record.id);
		if (known !== undefined && known.version >= record.version && record.version !== 0) return;
		if (known?.hash != null) this.#byHash.delete(known.hash);
		this.#of(record.kind as K).set(record.id, record);
		if (record.hash !== null) this.#byHash.set(record.hash, record as AccessRecord as AccessRecord<"key">);
		this.#changed(record.kind);
	}

	remove(kind: Kind, id: string): void {
		const known = this.get(kind, id);
		if (known === undefined) return;
		if (known.hash !== null) this.#byHash.delete(known.hash);
		this.#of(kind).delete(id);
		this.#changed(kind);
	}

	/** The configuration's keys in the place of those of the configuration before. `now` counts as their creation where they are new. */
	setFileKeys(keys: readonly FileKey[], now: number): void {
		const gone = this.#fileIds.filter((id) => !keys.some((key) => key.id === id));
		for (const id of gone) this.remove("key", id);
		for (const { id, hash, fields } of keys) {
			const createdAt = this.get("key", id)?.createdAt ?? now;
			this.put({ kind: "key", id, hash, fields, createdAt, updatedAt: now, version: 0, generation: 0 });
		}
		this.#fileIds = keys.map((key) => key.id);
	}

	/** How many records there are, by kind. */
	counts(): Readonly<Record<Kind, number>> {
		return Object.fromEntries(KINDS.map((kind) => [kind, this.#of(kind).size])) as Record<Kind, number>;
	}

	#of<K extends Kind>(kind: K): Map<string, AccessRecord<K>> {
		return this.#records[kind] as unknown as Map<string, AccessRecord<K>>;
	}

	#changed(kind: Kind): void {
		this.#revision += 1;
		this.#lists.delete(kind);
	}
}
