import { expect, test } from "vitest";
import { defaultLocation, describeLocation, parseDatabaseUrl } from "./location.ts";

test("WARMPATH_HOME moves the file, else it is where the system keeps programs' data", () => {
	const path = (env: Readonly<Record<string, string>>, platform: NodeJS.Platform = "linux") => {
		const location = defaultLocation(env, { platform, home: "/home/me" });
		return location.kind === "sqlite" ? location.path.replaceAll("\\", "/") : location;
	};
	expect(path({ WARMPATH_HOME: "/data", XDG_DATA_HOME: "/xdg" })).toBe("/data/warmpath.db");
	expect(path({ WARMPATH_HOME: "/data" }, "darwin")).toBe("/data/warmpath.db");
	expect(path({ WARMPATH_HOME: "" })).toBe("/home/me/.local/share/warmpath/warmpath.db");
	expect(path({ XDG_DATA_HOME: "/xdg" })).toBe("/xdg/warmpath/warmpath.db");
	expect(path({ XDG_DATA_HOME: "relative" })).toBe("/home/me/.local/share/warmpath/warmpath.db");
	expect(path({}, "darwin")).toBe("/home/me/Library/Application Support/warmpath/warmpath.db");
	expect(path({ LOCALAPPDATA: "/local" }, "win32")).toBe("/local/warmpath/warmpath.db");
});

test("an address is a Postgres or an absolute file; anything else is none", () => {
	expect(parseDatabaseUrl("postgresql://u:p@h/db")).toEqual({ kind: "postgres", url: "postgresql://u:p@h/db" });
	expect(parseDatabaseUrl("sqlite:/var/lib/w.db")).toEqual({ kind: "sqlite", path: "/var/lib/w.db" });
	expect(parseDatabaseUrl("file:///var/lib/w.db")).toEqual({ kind: "sqlite", path: "/var/lib/w.db" });
	for (const none of ["sqlite:relative.db", "mysql://h/db", "postgres://[", "", "/var/lib/w.db"])
		expect([none, parseDatabaseUrl(none)]).toEqual([none, null]);
});

test("a server is described without user and password", () => {
	expect(describeLocation({ kind: "postgres", url: "postgres://me:secret@db.example:5433/log?sslmode=require" })).toBe(
		"postgres://db.example:5433/log",
	);
});
