// Which models stand in for which: LiteLLM's forms of the lists, which of two wins, names that do not resolve, and looking them up.
import { describe, expect, it } from "vitest";
import { configOf, remarksOf } from "../__fixtures__/parse.ts";
import { type FallbackKind, fallbacksFor } from "./fallbacks.ts";

describe("the lists", () => {
	it("are read in LiteLLM's form, from router_settings or litellm_settings", () => {
		const lists = `
  fallbacks: [{a: [b, c-1]}, {b: a}]
  context_window_fallbacks: [{a: [c-1]}, {"*": [b]}]
  content_policy_fallbacks: [{c-*: [a]}]
  default_fallbacks: [b]
`;
		const expected = {
			general: new Map([
				["a", ["b", "c-1"]],
				["b", ["a"]],
			]),
			contextWindow: new Map([
				["a", ["c-1"]],
				["*", ["b"]],
			]),
			contentPolicy: new Map([["c-*", ["a"]]]),
			default: ["b"],
		};
		const router = configOf(`router_settings:${lists}  max_fallbacks: 2\n`);
		expect(router.fallbacks).toEqual({ ...expected, maxFallbacks: 2 });
		expect(router.warnings).toEqual([]);
		expect(configOf(`litellm_settings:${lists}`).fallbacks).toEqual({ ...expected, maxFallbacks: 5 });
	});

	it("router_settings win option by option, with a warning", () => {
		const text = `router_settings: {fallbacks: [{a: [b]}]}
litellm_settings: {fallbacks: [{b: [nowhere]}], default_fallbacks: a}
`;
		const { fallbacks } = configOf(text);
		expect(fallbacks.general).toEqual(new Map([["a", ["b"]]]));
		expect(fallbacks.default).toEqual(["a"]);
		expect(remarksOf(text)).toEqual([
			"config.yaml:6:20 litellm_settings.fallbacks: has no effect: router_settings.fallbacks is given too and wins",
		]);
	});

	it("the entry '*' is the default, unless default_fallbacks is given", () => {
		const star = configOf('router_settings: {fallbacks: [{a: [b]}, {"*": [c-1]}]}\n').fallbacks;
		expect(star).toMatchObject({ general: new Map([["a", ["b"]]]), default: ["c-1"] });
		const both = 'router_settings: {fallbacks: [{"*": [c-1]}], default_fallbacks: [a]}\n';
		expect(configOf(both).fallbacks.default).toEqual(["a"]);
		expect(remarksOf(both)).toEqual([
			"config.yaml:5:19 router_settings.fallbacks: the entry '*' has no effect: router_settings.default_fallbacks is given too and wins",
		]);
	});

	it("a second entry for a model is a warning; groups may stand in for each other", () => {
		const text = "router_settings: {fallbacks: [{a: [b]}, {b: [a]}, {a: [c-1]}]}\n";
		expect(configOf(text).fallbacks.general.get("a")).toEqual(["b"]);
		expect(remarksOf(text)).toEqual([
			"config.yaml:5:52 router_settings.fallbacks.2.a: never used: there is an entry for 'a' before\n    Put all models to try into one list.",
		]);
	});

	it("cannot be changed afterwards", () => {
		const { general } = configOf("router_settings: {fallbacks: [{a: [b]}]}\n").fallbacks;
		expect(() => (general as Map<string, unknown>).clear()).toThrow(TypeError);
		expect(() => (general.get("a") as string[]).push("c")).toThrow(TypeError);
	});
});

describe("faults", () => {
	const aliases = "model_group_alias: {alias: a, deep: c-9}";
	it.each([
		["fallbacks: [{aa: [b]}]", "5:74 router_settings.fallbacks.0.aa: 'aa' is no model_name"],
		["fallbacks: [{alis: [b]}]", "Did you mean 'alias'?"],
		["fallbacks: [{a: [b, nowhere]}]", "5:81 router_settings.fallbacks.0.a.1: 'nowhere' is no model_name"],
		["fallbacks: [{a: [b, nowhere]}]", "Groups: a, b, c-*."],
		["fallbacks: [{a: nowhere}]", "5:77 router_settings.fallbacks.0.a: 'nowhere' is no model_name"],
		["fallbacks: [{a: [c-*]}]", "5:78 router_settings.fallbacks.0.a.0: 'c-*' is a pattern, not a model"],
		["fallbacks: [{d-*: [a]}]", "5:74 router_settings.fallbacks.0.d-*: 'd-*' is no model_name"],
		["fallbacks: [{a: [b, a]}]", "5:81 router_settings.fallbacks.0.a.1: 'a' falls back to itself"],
		["fallbacks: [{a: [alias]}]", "'a' falls back to itself: 'alias' is the same"],
		["fallbacks: [{deep: [c-9]}]", "'deep' falls back to itself: 'c-9' is the same"],
		["default_fallbacks: [a, nowhere]", "5:84 router_settings.default_fallbacks.1: 'nowhere' is no model_name"],
		["context_window_fallbacks: [{a: [bb]}]", "5:93 router_settings.context_window_fallbacks.0.a.0: 'bb' is no"],
		["content_policy_fallbacks: [{a: [a]}]", "5:93 router_settings.content_policy_fallbacks.0.a.0: 'a' falls back"],
		[
			"fallbacks: {a: [b]}",
			"5:72 router_settings.fallbacks: expected a list, found a map\n    Groups that stand in for",
		],
		["fallbacks: [a]", "5:73 router_settings.fallbacks.0: expected a map, found text\n    Write {group: [others]}."],
		["fallbacks: [{a: [7]}]", "router_settings.fallbacks.0.a"],
		["default_fallbacks: {a: b}", "5:80 router_settings.default_fallbacks: expected a list of names"],
	])("%s: %s", (option, expected) => {
		expect(remarksOf(`router_settings: {${aliases}, ${option}}\n`)).toEqual([expect.stringContaining(expected)]);
	});

	it("a variable that is missing is the only fault of its entry", () => {
		expect(
			remarksOf("router_settings: {default_fallbacks: [os.environ/NOPE], fallbacks: [{a: os.environ/NO}]}\n"),
		).toEqual([
			expect.stringContaining("5:39 router_settings.default_fallbacks.0: the environment variable NOPE is not set"),
			expect.stringContaining("5:73 router_settings.fallbacks.0.a: the environment variable NO is not set"),
		]);
	});

	it("a pattern's models may stand in for each other", () => {
		expect(remarksOf("router_settings: {fallbacks: [{c-*: [c-1]}, {c-2: [c-1]}]}\n")).toEqual([]);
	});
});

describe("looking up", () => {
	const config = configOf(`router_settings:
  model_group_alias: {alias: a, deep: c-9, other: b}
  fallbacks: [{a: [b, c-1]}, {other: [a]}, {c-*: [c-1, a]}, {c-9: [b]}, {c-0: []}]
  context_window_fallbacks: [{a: [c-1]}, {"*": [b, a]}]
  default_fallbacks: [b, a]
`);
	it.each<[string, FallbackKind, readonly string[]]>([
		["a", "general", ["b", "c-1"]],
		["alias", "general", ["b", "c-1"]],
		["anthropic/a", "general", ["b", "c-1"]],
		["other", "general", ["a"]],
		["b", "general", ["a"]],
		["c-7", "general", ["c-1", "a"]],
		["c-1", "general", ["a"]],
		["c-9", "general", ["b"]],
		["deep", "general", ["b"]],
		["c-0", "general", []],
		["unknown", "general", ["b", "a"]],
		["a", "contextWindow", ["c-1"]],
		["b", "contextWindow", ["a"]],
		["c-1", "contextWindow", ["b", "a"]],
		["a", "contentPolicy", []],
	])("%s, %s: %j", (model, kind, expected) => {
		expect(fallbacksFor(config, model, kind)).toEqual(expected);
	});
});
