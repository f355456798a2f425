// Runs once before the whole-path tests: builds the package and gets the real clients they drive.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { installChromium } from "../browser.ts";
import { type ClaudeCodeForm, installClaudeCode } from "./claude-code.ts";
import { installPythonOpenai } from "./python.ts";

declare module "vitest" {
	export interface ProvidedContext {
		/** Forms of Claude Code that can be run here. */
		claudeCode: readonly ClaudeCodeForm[];
		/** A Python with the OpenAI SDK; null where there is none. */
		pythonOpenai: string | null;
		/** Program of a Chromium that can be driven; null = there is none. */
		chromium: string | null;
	}
}

export default async function setup(project: TestProject): Promise<void> {
	await promisify(execFile)("npm", ["run", "build", "--silent"], { timeout: 120_000 });
	project.provide("chromium", installChromium());
	project.provide("claudeCode", await installClaudeCode());
	project.provide("pythonOpenai", await installPythonOpenai());
}
