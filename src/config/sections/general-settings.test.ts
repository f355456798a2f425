// The master key: where it comes from, what is said about it, and where none is needed.
import { describe, expect, it } from "vitest";
import { GROUPS } from "../__fixtures__/parse.ts";
import { parseConfig } from "../load.ts";
import { formatDiagnostic } from "../report.ts";
import type { Config } from "../schema.ts";
import { Secret } from "../secret.ts";
import { listenFault } from "./listen.ts";

function parse(rest: string, env: Record<string, string> = {}): Config {
	const result = parseConfig(GROUPS + rest, { path: "config.yaml", env });
	if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join("\n"));
	return result.config;
}

function warnings(config: Config): string[] {
	return config.warnings.map(formatDiagnostic);
}

describe("the master key", () => {
	it("comes from the file, else from WARMPATH_MASTER_KEY, else from LITELLM_MASTER_KEY", () => {
		const env = { WARMPATH_MASTER_KEY: "sk-own", LITELLM_MASTER_KEY: "sk-theirs" };
		const written = parse(`general_settings: {master_key: sk-written}\n`, env);
		expect(written.masterKey?.reveal()).toBe("sk-written");
		expect(written.origins?.["general_settings.master_key"]).toBe("config.yaml:5:32");
		expect(parse("", env).masterKey?.reveal()).toBe("sk-own");
		const theirs = parse("", { LITELLM_MASTER_KEY: "sk-theirs" });
		expect(theirs.masterKey?.reveal()).toBe("sk-theirs");
		expect(theirs.origins?.["general_settings.master_key"]).toBe("env LITELLM_MASTER_KEY");
	});

	it("is a warning when LiteLLM would not accept it or everybody knows it", () => {
		expect(warnings(parse(`general_settings: {master_key: abcdefgh}\n`))[0]).toContain("does not begin with sk-");
		expect(warnings(parse(`general_settings: {master_key: sk-1234}\n`))[0]).toContain(
			"can be guessed: it has only 4 characters",
		);
	});

	it("is needed to listen where other machines reach", () => {
		const key = new Secret("sk-x");
		expect(listenFault({ host: "127.0.0.1" }, null)).toBeNull();
		expect(listenFault({ host: "::1" }, null)).toBeNull();
		expect(listenFault({ host: "localhost" }, null)).toBeNull();
		expect(listenFault({ host: "0.0.0.0" }, key)).toBeNull();
		for (const host of ["0.0.0.0", "::", "10.1.2.3", "127.evil.example"]) {
			expect(listenFault({ host }, null)).toMatchObject({ severity: "error", path: "warmpath.listen.host" });
		}
	});
});
