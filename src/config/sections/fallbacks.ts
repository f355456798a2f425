// Fallbacks of router_settings and litellm_settings: which models stand in for one that failed, and finding them. Leaves when to the proxy.
import { isUnresolved } from "../environment.ts";
import { groupHint, isPattern, type ModelNames, type ResolvedModel, resolveGroup, spellings } from "../model-name.ts";
import { firstGiven } from "../precedence.ts";
import type { Report } from "../report.ts";
import type { Path } from "../source.ts";
import { bothPlaces, type LitellmSections } from "./litellm-sections.ts";

/**
 * Which groups stand in for one that failed. Names are as written, each one that `resolveGroup` of config/model-name finds;
 * `fallbacksFor` looks them up. Chains may be circular: `maxFallbacks` ends them.
 */
export interface FallbackConfig {
	/** `fallbacks`: after any failure, its retries spent. An empty list means none, not even the default. */
	readonly general: ReadonlyMap<string, readonly string[]>;
	/** `context_window_fallbacks`: for prompts that are too long. The key `*` is for every group without one. */
	readonly contextWindow: ReadonlyMap<string, readonly string[]>;
	/** `content_policy_fallbacks`: for answers the provider refuses. The key `*` is for every group without one. */
	readonly contentPolicy: ReadonlyMap<string, readonly string[]>;
	/** `default_fallbacks`, or the key `*` of `fallbacks`: for groups without an entry in `general`, and for unknown models. */
	readonly default: readonly string[];
	/** Most groups tried after the first. */
	readonly maxFallbacks: number;
}

/** Why another model is asked: any failure, a prompt that is too long, an answer the provider refuses. */
export type FallbackKind = "general" | "contextWindow" | "contentPolicy";

/** Stands for every model without an entry of its own. */
const ANY = "*";

/**
 * The models to ask, in order, where the one the client asked for failed. The most specific entry counts: that of the name
 * as it was asked for, of what its alias stands for, of its group; else the default. Never the model itself.
 * Empty = none. Fallbacks of fallbacks are the caller's business, within `maxFallbacks`.
 */
export function fallbacksFor(
	config: ModelNames & { readonly fallbacks: FallbackConfig },
	model: string,
	kind: FallbackKind,
): readonly string[] {
	const asked = resolveGroup(config, model);
	const aliased = spellings(model).flatMap((name) => config.aliases.get(name)?.model ?? []);
	const names = [...spellings(model), ...aliased, ...(asked === null ? [] : [asked.group.name])];
	const entries = config.fallbacks[kind];
	const key = names.find((name) => entries.has(name));
	const found = entries.get(key ?? ANY) ?? (kind === "general" ? config.fallbacks.default : []);
	return found.filter((name) => !isSame(resolveGroup(config, name), asked));
}

function isSame(a: ResolvedModel | null, b: ResolvedModel | null): boolean {
	return a !== null && b !== null && a.group.name === b.group.name && a.wildcard === b.wildcard;
}

/** Faults: names that no deployment serves, and a model that is to stand in for itself. */
export function readFallbacks(theirs: LitellmSections, names: ModelNames, report: Report): FallbackConfig {
	const read = (option: ListOption): Map<string, readonly string[]> => {
		const given = firstGiven(bothPlaces(theirs, option), report);
		return given === null ? new Map() : readList(given, names, report);
	};
	const general = read("fallbacks");
	const star = general.get(ANY);
	general.delete(ANY);
	return {
		general,
		contextWindow: read("context_window_fallbacks"),
		contentPolicy: read("content_policy_fallbacks"),
		default: readDefault(theirs, { star, names }, report),
		maxFallbacks: theirs.router.max_fallbacks,
	};
}

type ListOption = "fallbacks" | "context_window_fallbacks" | "content_policy_fallbacks";

interface Default {
	/** The entry `*` of `fallbacks`, checked already. */
	readonly star: readonly string[] | undefined;
	readonly names: ModelNames;
}

function readDefault(theirs: LitellmSections, { star, names }: Default, report: Report): readonly string[] {
	const given = firstGiven(bothPlaces(theirs, "default_fallbacks"), report);
	if (given === null) return star ?? [];
	if (star !== undefined) {
		const section = theirs.router.fallbacks === undefined ? "litellm_settings" : "router_settings";
		report.warn({
			path: [section, "fallbacks"],
			at: "key",
			message: `the entry '*' has no effect: ${given.path.join(".")} is given too and wins`,
		});
	}
	return readTargets({ list: given.value, path: given.path, from: null }, names, report);
}

interface WrittenList {
	readonly path: Path;
	readonly value: readonly Readonly<Record<string, readonly string[]>>[];
}

function readList({ path, value }: WrittenList, names: ModelNames, report: Report): Map<string, readonly string[]> {
	const entries = new Map<string, readonly string[]>();
	for (const [index, item] of value.entries()) {
		for (const [key, list] of Object.entries(item)) {
			const at = [...path, index, key];
			if (key !== ANY && !isServed(key, names)) faultOf({ name: key, path: at, at: "key" }, names, report);
			const targets = readTargets({ list, path: at, from: key }, names, report);
			if (entries.has(key)) {
				report.warn({
					path: at,
					at: "key",
					message: `never used: there is an entry for '${key}' before`,
					hint: "Put all models to try into one list.",
				});
			} else entries.set(key, targets);
		}
	}
	return entries;
}

interface Targets {
	readonly list: readonly string[];
	readonly path: Path;
	/** Whose fallbacks they are; null = anybody's. */
	readonly from: string | null;
}

function readTargets({ list, path, from }: Targets, names: ModelNames, report: Report): readonly string[] {
	const source = from === null ? null : resolveGroup(names, from);
	for (const [index, name] of list.entries()) {
		if (isUnresolved(name)) continue;
		// One name may stand without a list around it.
		const at = Array.isArray(report.value(path)) ? [...path, index] : path;
		if (isPattern(name)) {
			report.fault({
				path: at,
				message: `'${name}' is a pattern, not a model`,
				hint: "Name a model that the pattern matches.",
			});
		} else if (!isServed(name, names)) faultOf({ name, path: at, at: "value" }, names, report);
		else if (from !== null && !isPattern(from) && isSame(resolveGroup(names, name), source)) {
			report.fault({
				path: at,
				message:
					name === from ? `'${from}' falls back to itself` : `'${from}' falls back to itself: '${name}' is the same`,
				hint: "Name another model, or leave it out: the group's other deployments are tried anyway.",
			});
		}
	}
	return list;
}

/** True for a name clients can ask for, and for a group's own pattern. */
function isServed(name: string, names: ModelNames): boolean {
	return names.groups.has(name) || (!isPattern(name) && resolveGroup(names, name) !== null);
}

interface Unknown {
	readonly name: string;
	readonly path: Path;
	readonly at: "key" | "value";
}

function faultOf({ name, path, at }: Unknown, { groups, aliases }: ModelNames, report: Report): void {
	// Without any valid group the cause has been reported.
	if (groups.size === 0 || isUnresolved(name)) return;
	const hint = groupHint(name, [...groups.keys(), ...aliases.keys()], { groups });
	report.fault({ path, at, message: `'${name}' is no model_name`, hint });
}
