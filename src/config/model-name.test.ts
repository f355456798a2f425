// Which group a requested name means: exact, alias, pattern, and the names Claude Code makes of them.
import { describe, expect, it } from "vitest";
import { parseConfig } from "./load.ts";
import { fillWildcard, resolveGroup, suggestModel } from "./model-name.ts";
import { formatDiagnostic } from "./report.ts";
import type { Config } from "./schema.ts";

function config(models: Record<string, string>, aliases = "{}"): Config {
	const entries = Object.entries(models).map(
		([name, model]) => `  - {model_name: "${name}", litellm_params: {model: "${model}", api_key: sk-ant-0123456789}}\n`,
	);
	const text = `model_list:\n${entries.join("")}router_settings: {model_group_alias: ${aliases}}\n`;
	const result = parseConfig(text, { path: "config.yaml", env: {} });
	if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join("\n"));
	return result.config;
}

/** `group` or `group (wildcard) → upstream model`. */
function resolved(of: Config, model: string): string | null {
	const found = resolveGroup(of, model);
	if (found === null) return null;
	const upstream = fillWildcard(found.group.deployments[0]?.upstreamModel ?? "", found.wildcard);
	return found.wildcard === null ? found.group.name : `${found.group.name} (${found.wildcard}) → ${upstream}`;
}

describe("patterns", () => {
	const patterns = config({
		"*": "anthropic/*",
		"anthropic/*": "anthropic/*",
		"claude-*": "anthropic/claude-*",
		"claude-opus-*": "anthropic/claude-opus-5",
		"*-latest": "anthropic/*",
		"claude-opus-4": "anthropic/claude-opus-4",
	});

	it.each([
		["claude-opus-4", "claude-opus-4"],
		["claude-opus-9", "claude-opus-* (9) → claude-opus-5"],
		["claude-x", "claude-* (x) → claude-x"],
		["claude-", "claude-* () → claude-"],
		["anthropic/claude-x", "anthropic/* (claude-x) → claude-x"],
		["haiku-latest", "*-latest (haiku) → haiku"],
		["gpt", "* (gpt) → gpt"],
	])("%s → %s: the longest literal part wins", (model, expected) => {
		expect(resolved(patterns, model)).toBe(expected);
	});

	it("a captured part is taken literally", () => {
		expect(resolved(patterns, "claude-$&-x")).toBe("claude-* ($&-x) → claude-$&-x");
	});

	it("head and tail must not overlap", () => {
		const overlapping = config({ "ab*ba": "anthropic/*" });
		expect(resolved(overlapping, "aba")).toBeNull();
		expect(resolved(overlapping, "abba")).toBe("ab*ba () → ");
	});
});

describe("aliases", () => {
	const aliased = config(
		{ main: "anthropic/x", "claude-*": "anthropic/claude-*" },
		"{short: main, opus: claude-opus-5, secret: {model: main, hidden: true}}",
	);

	it("stand for a group, or a name a pattern matches", () => {
		expect(resolved(aliased, "short")).toBe("main");
		expect(resolved(aliased, "secret")).toBe("main");
		expect(resolved(aliased, "opus")).toBe("claude-* (opus-5) → claude-opus-5");
		expect(aliased.aliases.get("secret")).toEqual({ alias: "secret", model: "main", hidden: true });
	});

	it("win over patterns, lose against groups, and a useless one is a warning", () => {
		const both = config(
			{ main: "anthropic/x", other: "anthropic/y", "*": "anthropic/*" },
			"{short: main, other: main}",
		);
		expect(resolved(both, "short")).toBe("main");
		expect(resolved(both, "other")).toBe("other");
		expect(both.warnings.map(({ path, message }) => `${path}: ${message}`)).toEqual([
			"router_settings.model_group_alias.other: never used: a group has the same name",
		]);
	});

	it("are followed once", () => {
		expect(() => config({ main: "anthropic/x" }, "{a: main, b: a}")).toThrow(
			"the alias stands for 'a', which is no model_name\n    An alias of an alias is not followed; name the group.",
		);
	});

	it("of nothing are a fault with a suggestion", () => {
		expect(() => config({ main: "anthropic/x" }, "{a: mian}")).toThrow("Did you mean 'main'?");
	});
});

describe("names as Claude Code sends them", () => {
	it("a leading anthropic/, added for its model list, is taken off again", () => {
		const named = config({ "claude-code": "anthropic/x", "team/*": "anthropic/*" }, "{fast: claude-code}");
		expect(resolved(named, "anthropic/claude-code")).toBe("claude-code");
		expect(resolved(named, "anthropic/fast")).toBe("claude-code");
		expect(resolved(named, "anthropic/team/y")).toBe("team/* (y) → y");
		expect(resolved(named, "anthropic/anthropic/claude-code")).toBeNull();
	});

	it("a bare Claude name finds anthropic/*, as in LiteLLM", () => {
		expect(resolved(config({ "anthropic/*": "anthropic/*" }), "claude-x")).toBe("anthropic/* (claude-x) → claude-x");
		expect(resolved(config({ "anthropic/*": "anthropic/*" }), "gpt")).toBeNull();
	});

	it("a pattern's own text is matched like any other name, and no alias can stand for it", () => {
		expect(resolved(config({ "claude-*": "anthropic/fixed" }), "claude-*")).toBe("claude-* (*) → fixed");
		expect(() => config({ "claude-*": "anthropic/claude-*" }, "{a: claude-*}")).toThrow(
			"the alias stands for a pattern",
		);
	});
});

describe("the suggestion for an unknown name", () => {
	it("names the nearest and all visible names", () => {
		const named = config(
			{ "claude-code": "anthropic/x", "team-*": "anthropic/*" },
			"{fast: claude-code, dark: {model: claude-code, hidden: true}}",
		);
		expect(suggestModel(named, "claude-coed")).toBe(
			"Did you mean 'claude-code'? Configured models: claude-code, team-*, fast.",
		);
		expect(suggestModel(named, "zzz")).toBe("Configured models: claude-code, team-*, fast.");
	});

	it("shortens a long list", () => {
		const many = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`group-${index + 10}`, "anthropic/x"]));
		expect(suggestModel(config(many), "zzz")).toMatch(/group-29 and 5 more\.$/);
	});
});

describe("the suffix for a long context", () => {
	const models = config(
		{
			"claude-opus-4-8": "anthropic/claude-opus-4-8",
			"claude-*": "anthropic/claude-*",
			"kept[1m]": "anthropic/claude-opus-5[1M]",
			mine: "anthropic/claude-sonnet-5-5",
		},
		'{big: "claude-opus-4-8[1m]", other: "claude-sonnet-9[1m]", mine-too: mine}',
	);

	it.each([
		["claude-opus-4-8[1m]", "claude-opus-4-8"],
		["claude-opus-4-8[1M]", "claude-opus-4-8"],
		["anthropic/claude-opus-4-8[1m]", "claude-opus-4-8"],
		["claude-sonnet-4-6[1m]", "claude-* (sonnet-4-6) → claude-sonnet-4-6"],
		["big", "claude-opus-4-8"],
		["big[1m]", "claude-opus-4-8"],
		["other", "claude-* (sonnet-9) → claude-sonnet-9"],
		["mine[1m]", "mine"],
		["mine-too[1m]", "mine"],
		["kept[1m]", "kept[1m]"],
		["kept", null],
		["mine[2m]", null],
		["mine[1m]x", null],
		["[1m]", null],
	])("%s → %s: it is no part of the name, unless a group is called so", (model, expected) => {
		expect(resolved(models, model)).toBe(expected);
	});

	it("is taken off an upstream model, which no upstream knows by it", () => {
		expect(models.groups.get("kept[1m]")?.deployments[0]?.upstreamModel).toBe("claude-opus-5");
	});
});
