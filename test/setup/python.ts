// A Python with the official OpenAI SDK for the tests, in a venv under .cache/python. Leaves what it runs to the tests.
import { execFile } from "node:child_process";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The release the tests know. */
const PYTHON_OPENAI_VERSION = "3.54.0";

const HOME = join(import.meta.dirname, "..", "..", ".cache", "python", `openai-${PYTHON_OPENAI_VERSION}`);
const PYTHON = join(HOME, "bin", "python");
/** Written last, so that a venv without it is known to be unfinished. */
const DONE = join(HOME, "installed");
const TIMEOUT = { timeout: 300_000 };

/** The venv's interpreter; null where there is no Python, or no pip. With CI=true a Python that cannot be set up is an error. */
export async function installPythonOpenai(): Promise<string | null> {
	if (await exists(DONE)) return PYTHON;
	try {
		await run("python3", ["--version"]);
	} catch {
		skipped("there is no python3");
		return null;
	}
	try {
		await install();
		return PYTHON;
	} catch (error) {
		const why = error instanceof Error ? error.message.trim().split("\n").at(-1) : String(error);
		if (process.env["CI"] === "true") throw new Error(`Python's openai ${PYTHON_OPENAI_VERSION} is needed: ${why}`);
		skipped(String(why));
		return null;
	}
}

async function install(): Promise<void> {
	process.stderr.write(
		`installing Python's openai ${PYTHON_OPENAI_VERSION} from pip for the tests (once, into .cache) …\n`,
	);
	await rm(HOME, { recursive: true, force: true });
	await mkdir(HOME, { recursive: true });
	await createVenv();
	const flags = ["--quiet", "--disable-pip-version-check", "--no-input"];
	await run(PYTHON, ["-m", "pip", "install", ...flags, `openai==${PYTHON_OPENAI_VERSION}`], TIMEOUT);
	await writeFile(DONE, "");
}

/** Debian keeps what a venv needs in a package of its own. */
async function createVenv(): Promise<void> {
	try {
		await run("python3", ["-m", "venv", HOME], TIMEOUT);
	} catch (error) {
		if (process.getuid?.() !== 0 || !(await exists("/usr/bin/apt-get"))) throw error;
		await run("apt-get", ["update", "-qq"], TIMEOUT);
		await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "python3-venv"], TIMEOUT);
		await run("python3", ["-m", "venv", "--clear", HOME], TIMEOUT);
	}
}

function skipped(why: string): void {
	process.stderr.write(`\n*** SKIPPED: tests with Python's openai ${PYTHON_OPENAI_VERSION} (${why}) ***\n\n`);
}

function exists(path: string): Promise<boolean> {
	return access(path).then(
		() => true,
		() => false,
	);
}
