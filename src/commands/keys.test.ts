import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onEachDatabase } from "../../test/databases.ts";
import type { DatabaseLocation } from "../db/location.ts";
import { type KeysAction, keysCommand } from "./keys.ts";

/** Keys are in the file in WARMPATH_HOME, or in the Postgres that a configuration names. */
async function home(location: DatabaseLocation) {
	const folder = await mkdtemp(join(tmpdir(), "warmpath-keys-"));
	const named = location.kind === "postgres" ? join(folder, "postgres.yaml") : null;
	if (location.kind === "postgres") {
		const model = "{ model_name: a, litellm_params: { model: anthropic/x, api_key: sk-ant-000000000000 } }";
		await writeFile(
			join(folder, "postgres.yaml"),
			`model_list: [${model}]\ngeneral_settings: { database_url: "${location.url}" }\n`,
		);
	}
	return {
		folder,
		async run(action: KeysAction, options: { readonly format?: "text" | "json"; readonly config?: string } = {}) {
			let out = "";
			let err = "";
			const io = {
				out: (text: string) => {
					out += text;
				},
				err: (text: string) => {
					err += text;
				},
				env: { WARMPATH_HOME: folder },
				now: () => Date.parse("2026-01-01T00:00:00Z"),
				format: options.format ?? ("text" as const),
			};
			const code = await keysCommand(action, options.config ?? named, io);
			return { code, out, err };
		},
		[Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
	};
}

onEachDatabase(({ location }) => {
	test("keys are made, listed, blocked, replaced and deleted without a gateway", async () => {
		await using h = await home(await location());
		expect((await h.run({ kind: "list" })).out).toMatch(/No keys yet/);
		const fields = { key_alias: "laptop", max_budget: 50, budget_duration: "30d", duration: "1mo", models: undefined };
		const made = await h.run({ kind: "create", fields });
		const [secret = ""] = made.out.split("\n");
		expect([made.code, secret]).toEqual([0, expect.stringMatching(/^sk-[\w-]{32}$/)]);
		const list = await h.run({ kind: "list" });
		expect(list.out).toMatch(/laptop +sk-\.\.\..{4} +- +- +\$0\.0000 +\$50\/30d +2026-02-01/);
		expect(list.out).not.toContain(secret);
		expect((await h.run({ kind: "block", name: "laptop" })).out).toBe("laptop is blocked\n");
		expect((await h.run({ kind: "list" })).out).toMatch(/blocked/);
		expect((await h.run({ kind: "unblock", name: secret })).out).toBe("laptop is unblocked\n");
		const again = await h.run({ kind: "regenerate", name: "laptop" }, { format: "json" });
		expect(JSON.parse(again.out)).toMatchObject({
			key_alias: "laptop",
			max_budget: 50,
			key: expect.not.stringMatching(secret),
		});
		expect(JSON.parse((await h.run({ kind: "info", name: "laptop" })).out)).toMatchObject({ key_alias: "laptop" });
		expect((await h.run({ kind: "delete", names: ["laptop"] })).out).toBe("1 deleted\n");
		expect((await h.run({ kind: "info", name: "laptop" })).code).toBe(1);
	});

	test("what is wrong is said in one line, with exit code 1", async () => {
		await using h = await home(await location());
		const wrong = await h.run({ kind: "create", fields: { max_budget: -1 } });
		expect([wrong.code, wrong.err]).toEqual([1, expect.stringMatching(/^warmpath keys: max_budget: .*\n$/)]);
		await h.run({ kind: "create", fields: { key_alias: "a" } });
		expect((await h.run({ kind: "create", fields: { key_alias: "a" } })).err).toMatch(/already is a key 'a'/);
		expect((await h.run({ kind: "block", name: "nobody" })).err).toMatch(/no key 'nobody'/);
		const config = join(h.folder, "config.yaml");
		await writeFile(config, "model_list: 7\n");
		const faulty = await h.run({ kind: "list" }, { config });
		expect([faulty.code, faulty.err]).toEqual([1, expect.stringMatching(/model_list/)]);
	});
});
