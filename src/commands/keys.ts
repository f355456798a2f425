// `warmpath keys`: virtual keys from the command line, by the database itself: it works whether a gateway runs or not, and a running one
// takes a change within a second. Leaves what a key is to admin/records/keys.

import { Access } from "../access/access.ts";
import { blockKey, createKey, deleteKeys, findKey, keyView, regenerateKey } from "../admin/records/keys.ts";
import { loadConfig } from "../config/load.ts";
import { formatDiagnostic } from "../config/report.ts";
import type { Config } from "../config/schema.ts";
import { defaultLocation, parseDatabaseUrl } from "../db/location.ts";
import { openDatabase } from "../db/open.ts";

export interface KeysIo {
	readonly out: (text: string) => void;
	readonly err: (text: string) => void;
	readonly env: Readonly<Record<string, string | undefined>>;
	/** ms since epoch. */
	readonly now: () => number;
	/** json = the API's own answer. */
	readonly format: "text" | "json";
}

/** What to do. Names may be a key's alias, id, hash, or the key itself. */
export type KeysAction =
	| { readonly kind: "create"; readonly fields: Readonly<Record<string, unknown>> }
	| { readonly kind: "list" }
	| { readonly kind: "info" | "block" | "unblock" | "regenerate"; readonly name: string }
	| { readonly kind: "delete"; readonly names: readonly string[] };

/** Runs one action; gives the exit code. `configPath` names the database and the secret of the hashes; null = the defaults. */
export async function keysCommand(action: KeysAction, configPath: string | null, io: KeysIo): Promise<number> {
	const config = configPath === null ? null : read(configPath, io);
	if (configPath !== null && config === null) return 1;
	const url = config?.databaseUrl?.reveal();
	const location = url === undefined ? defaultLocation(io.env) : parseDatabaseUrl(url);
	if (location === null) {
		io.err("general_settings.database_url is no address of a database that warmpath knows\n");
		return 1;
	}
	try {
		await using database = await openDatabase(location);
		const access = await Access.open({
			database,
			keys: [],
			hashSecret: config?.keySettings.hashSecret ?? null,
			now: io.now,
			onTrouble: (message) => io.err(`${message}\n`),
		});
		try {
			const rules = config?.keySettings.generated;
			const master = config?.masterKey?.reveal();
			const about = { access, now: io.now, isMasterKey: (text: string) => text === master };
			await run(action, { ...about, ...(rules === undefined ? {} : { generated: () => rules }) }, io);
		} finally {
			await access.close();
		}
		return 0;
	} catch (error) {
		io.err(`warmpath keys: ${error instanceof Error ? error.message : String(error)}\n`);
		return 1;
	}
}

function read(path: string, io: KeysIo): Config | null {
	const loaded = loadConfig(path, { env: io.env });
	if (loaded.ok) return loaded.config;
	for (const fault of loaded.diagnostics) io.err(`${formatDiagnostic(fault)}\n`);
	return null;
}

async function run(action: KeysAction, deps: Parameters<typeof createKey>[0], io: KeysIo): Promise<void> {
	const { access } = deps;
	const json = (value: unknown) => io.out(`${JSON.stringify(value, null, 2)}\n`);
	const say = (text: string, value: unknown) => (io.format === "json" ? json(value) : io.out(`${text}\n`));
	switch (action.kind) {
		case "create": {
			const made = await createKey(deps, action.fields, "command line");
			say(`${made.key}\n\nThis is the only time the key is shown: only a hash of it is kept.`, made);
			return;
		}
		case "list": {
			const keys = access.directory.list("key").map((key) => keyView(deps, key));
			say(keys.length === 0 ? "No keys yet. Make one: warmpath keys create --alias NAME" : table(keys), keys);
			return;
		}
		case "info":
			json(keyView(deps, findKey(deps, action.name)));
			return;
		case "block":
		case "unblock": {
			const key = await blockKey(deps, action.name, action.kind === "block");
			say(`${key.key_alias ?? key.key_name} is ${key.blocked ? "blocked" : "unblocked"}`, key);
			return;
		}
		case "regenerate": {
			const made = await regenerateKey(deps, action.name);
			say(`${made.key}\n\nThe old key is no longer valid. This is the only time the new one is shown.`, made);
			return;
		}
		case "delete": {
			const deleted = await deleteKeys(deps, action.names);
			say(`${deleted.length} deleted`, { deleted_keys: deleted });
			return;
		}
	}
}

type View = ReturnType<typeof keyView>;

function table(keys: readonly View[]): string {
	const rows = [
		["ALIAS", "KEY", "TEAM", "USER", "SPEND", "BUDGET", "EXPIRES", ""],
		...keys.map((key) => [
			key.key_alias ?? "-",
			key.key_name,
			key.team_id ?? "-",
			key.user_id ?? "-",
			`$${key.spend.toFixed(4)}`,
			key.max_budget === null
				? "-"
				: `$${key.max_budget}${key.budget_duration === null ? "" : `/${key.budget_duration}`}`,
			key.expires?.slice(0, 10) ?? "never",
			key.blocked ? "blocked" : "",
		]),
	];
	const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
	return rows
		.map((row) =>
			row
				.map((cell, at) => cell.padEnd(widths[at] ?? 0))
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}
