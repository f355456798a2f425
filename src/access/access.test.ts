import { expect, test, vi } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import type { Database } from "../db/database.ts";
import { Access } from "./access.ts";
import { FIELDS } from "./fields.ts";

const DAY = 86_400_000;

function accessOf(database: Database | null, now: () => number = () => 1_000_000, troubles: string[] = []) {
	return Access.open({
		database,
		keys: [],
		hashSecret: null,
		now,
		onTrouble: (text) => troubles.push(text),
		pollMs: 3_600_000,
	});
}

const key = (fields: object = {}) => FIELDS.key.parse(fields);

onEachDatabase(({ kind, open, server }) => {
	test("a record is there at once where it was made, and elsewhere after the next look", async () => {
		await using database = await open();
		const [here, there] = [await accessOf(database), await accessOf(database)];
		const hash = here.hash("sk-secret");
		expect(there.hash("sk-secret")).toBe(hash);
		const made = await here.insert({ kind: "key", id: "k", hash, fields: key({ key_alias: "a", tags: ["x"] }) });
		expect(here.directory.keyByHash(hash)).toBe(made);
		expect(there.directory.keyByHash(hash)).toBeUndefined();
		await there.sync();
		expect(there.directory.keyByHash(hash)).toEqual(made);
		await there.update("key", "k", ({ fields }) => ({ fields: { ...fields, blocked: true } }));
		await here.sync();
		expect(here.directory.get("key", "k")?.fields).toMatchObject({ blocked: true, tags: ["x"] });
		expect(await here.remove("key", ["k", "none"])).toEqual(["k"]);
		await there.sync();
		expect(there.directory.keyByHash(hash)).toBeUndefined();
		await Promise.all([here.close(), there.close()]);
	});

	test("changes made elsewhere are looked for at least every second unless told otherwise", async () => {
		await using database = await open();
		vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
		try {
			const options = { database, keys: [], hashSecret: null, now: () => 1_000_000, onTrouble: () => {} };
			const [here, there] = [await Access.open(options), await Access.open(options)];
			await here.insert({ kind: "key", id: "k", hash: here.hash("sk-secret"), fields: key() });
			vi.advanceTimersByTime(1_000);
			await expect.poll(() => there.directory.get("key", "k")?.id, { timeout: 10_000 }).toBe("k");
			await Promise.all([here.close(), there.close()]);
		} finally {
			vi.useRealTimers();
		}
	});

	test("ids, aliases and secrets are had by one key only, whoever is first", async () => {
		await using database = await open();
		const [here, there] = [await accessOf(database), await accessOf(database)];
		const make = (access: Access, id: string, alias: string, secret: string) =>
			access.insert({ kind: "key", id, hash: access.hash(secret), fields: key({ key_alias: alias }) });
		const both = await Promise.all([make(here, "1", "a", "sk-1"), make(there, "2", "a", "sk-2")]);
		expect(both.filter((each) => each === null)).toHaveLength(1);
		expect(await make(there, "3", "b", both[0] === null ? "sk-2" : "sk-1")).toBeNull();
		const third = await make(here, "3", "c", "sk-3");
		expect(third?.id).toBe("3");
		expect(await there.update("key", "3", () => ({ fields: key({ key_alias: "a" }) }))).toBe("taken");
		expect(await there.update("key", "none", () => ({ fields: key() }))).toBeNull();
		await Promise.all([here.close(), there.close()]);
	});

	test("parallel changes of one record all count", async () => {
		await using database = await open();
		const all = await Promise.all([accessOf(database), accessOf(database), accessOf(database)]);
		await all[0]?.insert({ kind: "team", id: "t", hash: null, fields: FIELDS.team.parse({}) });
		const tags = Array.from({ length: 12 }, (_, i) => `tag-${i}`);
		await Promise.all(
			tags.map((tag, i) =>
				all[i % 3]?.update("team", "t", ({ fields }) => ({ fields: { ...fields, tags: [...fields.tags, tag] } })),
			),
		);
		await Promise.all(all.map((each) => each.sync()));
		for (const each of all)
			expect([...(each.directory.get("team", "t")?.fields.tags ?? [])].sort()).toEqual([...tags].sort());
		await Promise.all(all.map((each) => each.close()));
	});

	test("spend is the sum of all processes, begins anew with its window, and survives them", async () => {
		await using database = await open();
		let now = 1_000_000;
		const [here, there] = [await accessOf(database, () => now), await accessOf(database, () => now)];
		const subject = { ref: "key:k", anchor: 1_000_000 };
		const day = { label: "1d", span: { ms: DAY } };
		const total = { label: "total", span: null };
		const spend = (access: Access, dollars: number) => {
			for (const budget of [day, total])
				access.spend.settle(access.spend.account(subject, budget, now), 0, { dollars, atLeast: 0 });
		};
		const figures = (access: Access) => [day, total].map((budget) => access.spend.account(subject, budget, now).spent);
		spend(here, 1);
		spend(there, 0.5);
		await Promise.all([here.sync(), there.sync()]);
		await here.sync();
		expect([figures(here), figures(there)]).toEqual([
			[1.5, 1.5],
			[1.5, 1.5],
		]);
		spend(here, 0.25);
		now += DAY;
		spend(there, 2);
		await here.sync();
		await there.sync();
		await here.sync();
		expect([figures(here), figures(there)]).toEqual([
			[2, 3.75],
			[2, 3.75],
		]);
		await Promise.all([here.close(), there.close()]);
		const later = await accessOf(database, () => now);
		expect(figures(later)).toEqual([2, 3.75]);
		await later.close();
	});

	// A file does not go away.
	if (kind === "postgres")
		test("while the database is away keys go on and spend is kept, and both catch up", async () => {
			await using database = await open();
			const troubles: string[] = [];
			const access = await accessOf(database, undefined, troubles);
			const hash = access.hash("sk-1");
			await access.insert({ kind: "key", id: "k", hash, fields: key() });
			await server().kill();
			const account = access.spend.account({ ref: "key:k", anchor: 0 }, { label: "total", span: null }, 1_000_000);
			access.spend.settle(account, 0, { dollars: 1, atLeast: 0 });
			await access.sync();
			await access.sync();
			expect(access.directory.keyByHash(hash)?.id).toBe("k");
			expect(account.spent).toBe(1);
			await expect(access.update("key", "k", ({ fields }) => ({ fields }))).rejects.toThrow();
			await server().start();
			await expect
				.poll(
					async () => {
						await access.sync();
						return access.spend.pending();
					},
					{ timeout: 20_000 },
				)
				.toEqual([]);
			expect(account.spent).toBe(1);
			expect(troubles.map((text) => text.split(" (")[0])).toEqual([
				"the database of keys and budgets does not answer",
				"the database of keys and budgets is back",
			]);
			await access.close();
		});
});

test("a hash secret makes other hashes of the same keys", async () => {
	const plain = await accessOf(null);
	expect(plain.hash("sk-1")).toMatch(/^[0-9a-f]{64}$/);
	expect((await accessOf(null)).hash("sk-1")).not.toBe(plain.hash("sk-1"));
});

test("keys of the configuration come and go with it", async () => {
	const access = await accessOf(null);
	const secret = { reveal: () => "sk-file" };
	access.setFileKeys([{ id: "config:a", secret, fields: key({ key_alias: "a" }) }]);
	expect(access.directory.keyByHash(access.hash("sk-file"))?.version).toBe(0);
	access.setFileKeys([{ id: "config:a", secret: { reveal: () => "sk-other" }, fields: key({ key_alias: "a" }) }]);
	expect(access.directory.keyByHash(access.hash("sk-file"))).toBeUndefined();
	access.setFileKeys([]);
	expect(access.directory.list("key")).toEqual([]);
});
