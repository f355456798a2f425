// Two projects: tests beside the code, and whole-path tests that need real clients (installed by their global set-up).
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		// Tests wait for sockets and timers for about half of their time.
		maxWorkers: availableParallelism() + 1,
		projects: [
			{
				test: {
					name: "unit",
					include: ["src/**/*.test.ts", "test/*.test.ts", "test/gateway/**/*.test.ts"],
					testTimeout: 30_000,
				},
			},
			{
				test: {
					name: "e2e",
					include: ["test/e2e/**/*.test.ts"],
					globalSetup: "test/setup/global.ts",
					testTimeout: 180_000,
					hookTimeout: 180_000,
					// Each starts real clients: side by side they would only slow each other down.
					fileParallelism: false,
				},
			},
		],
	},
});
