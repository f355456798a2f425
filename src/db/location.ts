// Where the database is: an address out of the configuration, or one file in the user's data folder. Leaves opening it to db/open.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** A database that is not open yet. The URL may hold a password: show `describeLocation`, never the URL. */
export type DatabaseLocation =
	/** `path` is absolute, or `:memory:`, which is gone when it is closed. */
	{ readonly kind: "sqlite"; readonly path: string } | { readonly kind: "postgres"; readonly url: string };

/** The file's name inside the data folder. */
const DATABASE_FILE = "warmpath.db";

/** Kept in memory only: for the demo and for tests, which must leave nothing behind. */
export const IN_MEMORY: DatabaseLocation = Object.freeze({ kind: "sqlite", path: ":memory:" });

/**
 * What `general_settings.database_url` names: `postgres://` or `postgresql://`, or `sqlite:` or `file:` and an absolute path. Null for
 * anything else.
 */
export function parseDatabaseUrl(url: string): DatabaseLocation | null {
	if (/^postgres(?:ql)?:\/\//i.test(url)) return URL.canParse(url) ? { kind: "postgres", url } : null;
	const path = /^(?:sqlite|file):(?:\/\/)?(.+)$/i.exec(url)?.[1];
	if (path === undefined) return null;
	return path === ":memory:" || isAbsolute(path) ? { kind: "sqlite", path } : null;
}

/**
 * The file that is used where no address is configured: `WARMPATH_HOME/warmpath.db`, else in the folder where the system keeps programs'
 * data (`XDG_DATA_HOME` or `~/.local/share`, `~/Library/Application Support`, `%LOCALAPPDATA%`).
 */
export function defaultLocation(
	env: Readonly<Record<string, string | undefined>>,
	system: { readonly platform: NodeJS.Platform; readonly home: string } = {
		platform: process.platform,
		home: homedir(),
	},
): DatabaseLocation {
	return { kind: "sqlite", path: join(dataFolder(env, system), DATABASE_FILE) };
}

/** For people: the file's path, or the server and database without user and password. */
export function describeLocation(location: DatabaseLocation): string {
	if (location.kind === "sqlite") return location.path === ":memory:" ? "memory" : location.path;
	const { hostname, port, pathname } = new URL(location.url);
	return `postgres://${hostname}${port === "" ? "" : `:${port}`}${pathname}`;
}

function dataFolder(
	env: Readonly<Record<string, string | undefined>>,
	{ platform, home }: { readonly platform: NodeJS.Platform; readonly home: string },
): string {
	const own = env["WARMPATH_HOME"];
	if (own !== undefined && own !== "") return own;
	if (platform === "darwin") return join(home, "Library", "Application Support", "warmpath");
	if (platform === "win32") return join(env["LOCALAPPDATA"] ?? join(home, "AppData", "Local"), "warmpath");
	const xdg = env["XDG_DATA_HOME"];
	return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(home, ".local", "share"), "warmpath");
}
