import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDatabase } from "./open.ts";

test.skipIf(process.platform === "win32")("a new SQLite file is its owner's to read only, wherever it is", async () => {
	const folder = mkdtempSync(join(tmpdir(), "warmpath-db-"));
	try {
		const database = await openDatabase({ kind: "sqlite", path: join(folder, "warmpath.db") });
		const rights = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
		await database.close();
		expect(rights.length).toBeGreaterThan(0);
		expect(new Set(rights)).toEqual(new Set([0o600]));
	} finally {
		rmSync(folder, { recursive: true });
	}
});
