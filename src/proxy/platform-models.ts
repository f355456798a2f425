// A cloud's model id → the name of the group that serves it, for client formats whose URLs carry such ids. Leaves groups to config.
import { baseName, isPattern, resolveGroup } from "../config/model-name.ts";
import type { Config, ModelGroup } from "../config/schema.ts";
import { currentModels } from "../pricing/model-ids.ts";

/** Whose ids a client uses. */
export type CloudPlatform = "bedrock" | "vertex";

/** Cross-region profiles of Bedrock: where requests may be served. */
const PROFILE = /^(us|eu|apac|ap|jp|au|ca|sa|us-gov|global)\./;
/** `-v1:0`: Bedrock's revision of a model. */
const REVISION = /-v\d+(:\d+)?$/;
const NEVER = /(?!)/;
/** The day of a model's release, at the end of its name. */
const RELEASE = /-\d{8}$/;

/**
 * The name under which `id` can be routed: a group or alias of this very name; else the group with a deployment of this upstream id;
 * else the group whose name, or a deployment's upstream id, is the same model in another platform's spelling; else a pattern that
 * matches. The id itself where nothing does. ARNs, cross-region prefixes, escapes and the suffix for a long context are seen through.
 */
export function configuredName(config: Config, id: string, platform: CloudPlatform): string {
	const names = namesOf(config);
	const bare = withoutArn(baseName(id));
	const plain = plainModel(id);
	const exact = names.exact.get(id) ?? names.exact.get(bare) ?? names.plain.get(plain);
	if (exact !== undefined) return exact;
	// A release that was not configured by its day may be so by its family's name, and the other way round.
	const family = names.plain.get(plain.replace(RELEASE, "")) ?? names.families.get(plain);
	if (family !== undefined) return family;
	return patternName(config, { bare, plain, platform }) ?? id;
}

/** Clouds' ids in requests of the Messages API: Claude Code's formats for mantle and for the native endpoints have Bedrock's there. */
const CLOUD_IDS: readonly (readonly [RegExp, CloudPlatform])[] = [
	[/^(?:[a-z-]+\.)?anthropic\.claude/, "bedrock"],
	[/^arn:aws[\w-]*:bedrock:/, "bedrock"],
	[/^claude-[\w.-]+@[\w-]+$/, "vertex"],
];

/** The name by which a request is routed: the format's platform, or the id's own form, says whose id it is. Names of groups stay as they are. */
export function routedName(config: Config, id: string, platform: CloudPlatform | null): string {
	if (platform !== null) return configuredName(config, id, platform);
	const whose = CLOUD_IDS.find(([form]) => form.test(id))?.[1];
	return whose === undefined || resolveGroup(config, id)?.wildcard === null ? id : configuredName(config, id, whose);
}

/** `us.anthropic.claude-x-20250929-v1:0`, `claude-x@20250929` and `anthropic/claude-x-20250929` are all `claude-x-20250929`. */
export function plainModel(id: string): string {
	return withoutArn(baseName(id))
		.replace(/^anthropic\//, "")
		.replace(PROFILE, "")
		.replace(/^anthropic\./, "")
		.replace(id.includes("claude") ? REVISION : NEVER, "")
		.replace(/@(default|latest)$/, "")
		.replace("@", "-");
}

/** An ARN's resource name: what follows its last slash. */
function withoutArn(id: string): string {
	return id.startsWith("arn:") ? id.slice(id.lastIndexOf("/") + 1) : id;
}

/** A pattern fills the `*` of its deployments: with the platform's own id where they are of that platform, else with the plain one. */
function patternName(
	config: Config,
	{ bare, plain, platform }: { readonly bare: string; readonly plain: string; readonly platform: CloudPlatform },
): string | null {
	for (const name of [bare, plain]) {
		const resolved = resolveGroup(config, name);
		if (resolved === null) continue;
		const isOwn = resolved.group.deployments.every((deployment) => deployment.provider === platform);
		if (resolved.wildcard === null || isOwn || name === plain) return name;
	}
	return null;
}

interface Names {
	/** Groups, aliases and upstream ids as they are written → name. */
	readonly exact: ReadonlyMap<string, string>;
	/** The same in plain spelling. */
	readonly plain: ReadonlyMap<string, string>;
	/** Plain names without their day of release. */
	readonly families: ReadonlyMap<string, string>;
}

const known = new WeakMap<Config, Names>();

/** A configuration never changes, so its names are worked out once. */
function namesOf(config: Config): Names {
	const before = known.get(config);
	if (before !== undefined) return before;
	const exact = new Map<string, string>();
	const plain = new Map<string, string>();
	const families = new Map<string, string>();
	const groups = [...config.groups.values()].filter(({ name }) => !name.includes("*"));
	const written = [...groups.map(({ name }) => name), ...[...config.aliases.values()].map(({ alias }) => alias)];
	for (const name of written) {
		addFirst(exact, name, name);
		addFirst(plain, plainModel(name), name);
	}
	for (const [id, name] of upstreamIds(groups)) {
		addFirst(exact, id, name);
		addFirst(plain, plainModel(id), name);
	}
	for (const [id, name] of plain) addFirst(families, id.replace(RELEASE, ""), name);
	const names = { exact, plain, families };
	known.set(config, names);
	return names;
}

function* upstreamIds(groups: readonly ModelGroup[]): Iterable<readonly [string, string]> {
	for (const group of groups) {
		for (const { upstreamModel } of group.deployments) {
			yield [upstreamModel, group.name];
			yield [withoutArn(upstreamModel), group.name];
		}
	}
}

/** In the order of the file the first group that has an id serves it. */
function addFirst(names: Map<string, string>, id: string, name: string): void {
	if (!names.has(id)) names.set(id, name);
}

/** Ids that a Bedrock client may call: names of the configuration, the profile ids behind them, and those of known models that a pattern takes. */
export function profileIds(config: Config): string[] {
	const groups = [...config.groups.values()].filter(({ name }) => !isPattern(name));
	const ids = new Set(groups.map(({ name }) => name));
	for (const { deployments } of groups)
		for (const { provider, upstreamModel } of deployments) if (provider === "bedrock") ids.add(upstreamModel);
	for (const id of currentModels("bedrock")) {
		const resolved = resolveGroup(config, configuredName(config, id, "bedrock"));
		const isClaude = resolved?.group.deployments.some(({ provider }) => provider !== "openai") === true;
		if (isClaude && resolved.wildcard !== null) ids.add(id);
	}
	return [...ids];
}
