// The name a client asks for → the group of deployments that serves it. Leaves who may use the group to proxy/admission/authenticate.
import type { DeploymentConfig } from "./sections/deployment.ts";
import { didYouMean, nearest } from "./suggest.ts";

/** The deployments behind one `model_name`. */
export interface ModelGroup {
	/** `model_name`, maybe a pattern with one `*`. */
	readonly name: string;
	readonly deployments: readonly DeploymentConfig[];
}

export interface ModelAlias {
	readonly alias: string;
	/** Name of the group it stands for. */
	readonly model: string;
	/** true = not listed by GET /v1/models. */
	readonly hidden: boolean;
}

/** The names a configuration knows. */
export interface ModelNames {
	/** By `model_name`, in file order. */
	readonly groups: ReadonlyMap<string, ModelGroup>;
	readonly aliases: ReadonlyMap<string, ModelAlias>;
}

/** The group that serves a name. */
export interface ResolvedModel {
	readonly group: ModelGroup;
	/** What the group's `*` matched; fills the `*` of its deployments' upstream models. null when the name is not a pattern. */
	readonly wildcard: string | null;
}

/** What GET /v1/models puts before names that Claude Code would not list otherwise. */
const DISCOVERY_PREFIX = "anthropic/";
const MAX_LISTED = 20;

/** By this suffix Claude Code means a model with its long context; it is no part of the name (claude-code §10; decolua/9router #2531). */
const LONG_CONTEXT = /\[1m\]$/i;

/** Whether a name asks for the model with its long context. */
export function asksLongContext(name: string): boolean {
	return name.endsWith("]") && LONG_CONTEXT.test(name);
}

/** The name without the suffix for a long context. */
export function baseName(name: string): string {
	return asksLongContext(name) ? name.replace(LONG_CONTEXT, "") : name;
}

/**
 * Tries the name as it is, without a leading `anthropic/`, and (for `claude-…`) with it. A group or alias of one of these names wins over
 * any pattern, a group over an alias, and of patterns the one with the longest literal part. A name with the suffix for a long context is
 * that of its base where no group or alias has it. null = not configured.
 */
export function resolveGroup(config: ModelNames, model: string): ResolvedModel | null {
	const names = spellings(model);
	for (const name of names) {
		const group = namedGroup(config, name);
		if (group !== null) return { group, wildcard: null };
	}
	for (const name of names) {
		// An alias may stand for a name that only a pattern knows.
		const matched = matchPattern(config, baseName(config.aliases.get(name)?.model ?? name));
		if (matched !== null) return matched;
	}
	return null;
}

/** The forms of a name that are looked up, the written one first. */
export function spellings(model: string): readonly string[] {
	const base = baseName(model);
	return base === model ? spellingsOf(model) : [...spellingsOf(model), ...spellingsOf(base)];
}

function spellingsOf(model: string): readonly string[] {
	if (model.startsWith(DISCOVERY_PREFIX)) return [model, model.slice(DISCOVERY_PREFIX.length)];
	return model.startsWith("claude-") ? [model, DISCOVERY_PREFIX + model] : [model];
}

/** The group of exactly this name or of its alias. A pattern's own text cannot be asked for: nothing could be filled in for its `*`. */
function namedGroup(config: ModelNames, name: string): ModelGroup | null {
	const target = config.groups.has(name) ? name : (config.aliases.get(name)?.model ?? name);
	return isPattern(target) ? null : (config.groups.get(target) ?? config.groups.get(baseName(target)) ?? null);
}

function matchPattern(config: ModelNames, name: string): ResolvedModel | null {
	for (const { pattern, group } of patternsOf(config)) {
		const wildcard = matchedBy(pattern, name);
		if (wildcard !== null) return { group, wildcard };
	}
	return null;
}

/** What the `*` of a pattern stands for in `name`; null where the pattern does not match, or is none. */
export function matchedBy(pattern: string, name: string): string | null {
	const star = pattern.indexOf("*");
	if (star === -1 || name.length < pattern.length - 1) return null;
	const tail = pattern.slice(star + 1);
	if (!name.startsWith(pattern.slice(0, star)) || !name.endsWith(tail)) return null;
	return name.slice(star, name.length - tail.length);
}

/** True for a `model_name` that stands for many names. */
export function isPattern(name: string): boolean {
	return name.includes("*");
}

/** The upstream model of a deployment, its `*` filled in. */
export function fillWildcard(upstreamModel: string, wildcard: string | null): string {
	// A function, because `$&` in what the client sent must stay as it is.
	return wildcard === null ? upstreamModel : upstreamModel.replace("*", () => wildcard);
}

/** What to say of a name that is none of a group: the nearest, or the groups there are. */
export function groupHint(name: string, names: Iterable<string>, { groups }: Pick<ModelNames, "groups">): string {
	return didYouMean(name, names) || `Groups: ${[...groups.keys()].join(", ")}.`;
}

/** What to tell somebody who asked for a model that is not configured: the nearest name, and the names there are. */
export function suggestModel(config: ModelNames, model: string): string {
	const visible = [...config.aliases.values()].filter((alias) => !alias.hidden).map((alias) => alias.alias);
	const names = [...new Set([...config.groups.keys(), ...visible])];
	const meant = nearest(
		model,
		names.filter((name) => !isPattern(name)),
	);
	const shown = names.slice(0, MAX_LISTED).join(", ");
	const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
	return `${meant === null ? "" : `Did you mean '${meant}'? `}Configured models: ${shown}${more}.`;
}

interface Pattern {
	/** The group's name. */
	readonly pattern: string;
	readonly group: ModelGroup;
}

const patterns = new WeakMap<ModelNames, readonly Pattern[]>();

/** Most specific first. A configuration never changes, so they are worked out once. */
function patternsOf(config: ModelNames): readonly Pattern[] {
	const known = patterns.get(config);
	if (known !== undefined) return known;
	const found: Pattern[] = [];
	for (const group of config.groups.values()) if (isPattern(group.name)) found.push({ pattern: group.name, group });
	const head = ({ pattern }: Pattern): number => pattern.indexOf("*");
	found.sort((a, b) => b.pattern.length - a.pattern.length || head(b) - head(a));
	patterns.set(config, found);
	return found;
}
