// A short soak with hang-ups and cuts, against the build that the global set-up made; `npm run soak` does ten thousand requests.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("requests with client hang-ups and upstream cuts leave no crash, no unhandled rejection and no open socket", async () => {
	const root = join(import.meta.dirname, "..", "..");
	const soak = await promisify(execFile)(process.execPath, ["--import", "tsx", "bench/soak.ts", "--requests", "2500"], {
		cwd: root,
		timeout: 170_000,
	});
	expect(soak.stdout).toMatch(/✓ alive, quiet, nothing left open/);
	expect(soak.stdout).toMatch(/client hung up [1-9]/);
});
