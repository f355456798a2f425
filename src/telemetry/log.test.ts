import { spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { expect, test } from "vitest";

/** Always out of space (Linux, FreeBSD, NetBSD). */
const FULL = "/dev/full";

function programOf(format: "human" | "json"): string {
	return `
		import { createLogger } from ${JSON.stringify(new URL("./log.ts", import.meta.url).href)};
		const log = createLogger({ level: "info", format: "${format}" });
		let lines = 0;
		const timer = setInterval(() => {
			log.info("x".repeat(2000));
			lines += 1;
			if (lines < 20) return;
			clearInterval(timer);
			process.stderr.write("still here");
		}, 10);
	`;
}

test.skipIf(!existsSync(FULL)).each(["json", "human"] as const)(
	"a full disk under standard output loses lines, not the process (%s)",
	async (format) => {
		const child = spawn(process.execPath, ["--import", "tsx/esm", "--input-type=module", "--eval", programOf(format)], {
			stdio: ["ignore", openSync(FULL, "w"), "pipe"],
		});
		let errors = "";
		child.stderr?.on("data", (chunk: Buffer) => {
			errors += chunk.toString();
		});
		const code = await new Promise((resolve) => child.once("close", resolve));
		expect([code, errors]).toEqual([0, "still here"]);
	},
	20_000,
);
