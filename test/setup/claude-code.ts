// Puts real Claude Code binaries where the tests find them: from npm into .cache/claude-code. Leaves driving them to test/claude-code.ts.
import { execFile } from "node:child_process";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The newest release the tests know, and an old form: no billing block, two moving breakpoints, no session header. */
const CLAUDE_CODE_VERSIONS = { current: "2.1.330", old: "2.0.62" } as const;

export type ClaudeCodeForm = keyof typeof CLAUDE_CODE_VERSIONS;

const CACHE = join(import.meta.dirname, "..", "..", ".cache", "claude-code");

/** Program and leading arguments that start a form of Claude Code. */
export function claudeCodeCommand(form: ClaudeCodeForm): readonly string[] {
	const modules = join(CACHE, CLAUDE_CODE_VERSIONS[form], "node_modules", "@anthropic-ai");
	// Up to 2.1.1xx a node script; later a native binary in a package per platform.
	return form === "old"
		? [process.execPath, join(modules, "claude-code", "cli.js")]
		: [join(modules, platformPackage(), "claude")];
}

/** Installs what is missing. Resolves with the forms that can be run here; with CI=true a missing one is an error. */
export async function installClaudeCode(): Promise<readonly ClaudeCodeForm[]> {
	const ready: ClaudeCodeForm[] = [];
	for (const form of Object.keys(CLAUDE_CODE_VERSIONS) as ClaudeCodeForm[]) {
		try {
			await install(form);
			ready.push(form);
		} catch (error) {
			const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
			if (process.env["CI"] === "true") throw new Error(`Claude Code ${CLAUDE_CODE_VERSIONS[form]} is needed: ${why}`);
			process.stderr.write(`\n*** SKIPPED: tests with Claude Code ${CLAUDE_CODE_VERSIONS[form]} (${why}) ***\n\n`);
		}
	}
	return ready;
}

async function install(form: ClaudeCodeForm): Promise<void> {
	const program = claudeCodeCommand(form).at(-1) ?? "";
	const version = CLAUDE_CODE_VERSIONS[form];
	if (await exists(program)) return;
	const name = form === "old" ? "claude-code" : platformPackage();
	process.stderr.write(`installing Claude Code ${version} from npm for the tests (once, into .cache) …\n`);
	const staging = join(CACHE, `${version}.installing-${process.pid}`);
	await mkdir(staging, { recursive: true });
	await writeFile(join(staging, "package.json"), '{"private":true}');
	const flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--force", "--loglevel=error"];
	await run("npm", ["install", ...flags, `@anthropic-ai/${name}@${version}`], { cwd: staging, timeout: 300_000 });
	await rm(join(CACHE, version), { recursive: true, force: true });
	await rename(staging, join(CACHE, version));
	if (!(await exists(program))) throw new Error(`${name}@${version} holds no program for this platform`);
}

function platformPackage(): string {
	return `claude-code-${process.platform}-${process.arch}`;
}

function exists(path: string): Promise<boolean> {
	return access(path).then(
		() => true,
		() => false,
	);
}
