// GET /v1/models, GET /v1/models/{id} and Bedrock's GET /inference-profiles: the names a client may ask for. Leaves resolving a name to config.

import { fillWildcard, isPattern, matchedBy, resolveGroup } from "../config/model-name.ts";
import type { Config, ModelGroup } from "../config/schema.ts";
import { currentModels } from "../pricing/model-ids.ts";
import { modelEntry, modelPage } from "../protocol/anthropic.ts";
import { profileIds } from "./platform-models.ts";

/** Also the default: clients of the OpenAI format never page. */
const MAX_LIMIT = 1000;

/** What stands before an id where a client insists on an ARN; the gateway sees through it. */
const OWN_ARN = "arn:aws:bedrock:::inference-profile/";

/** Claude Code's discovery drops other ids (claude-code §2). */
const DISCOVERABLE = /claude|anthropic/i;

/** Whether the caller may ask for a name. */
export type MayUse = (model: string) => boolean;

const everybody: MayUse = () => true;

/**
 * Ids a client may use: groups, then aliases that are not hidden. Of a group whose name is a pattern those that its deployments' platforms
 * are known to have. A name that Claude Code's discovery would drop is listed a second time behind `anthropic/`, which the gateway resolves
 * to the same group.
 */
function listedModels(config: Config, mayUse: MayUse = everybody): string[] {
	const names = [...config.groups.values()].flatMap((group) => (isPattern(group.name) ? [] : [group.name]));
	for (const { alias, hidden } of config.aliases.values()) if (!hidden) names.push(alias);
	for (const group of config.groups.values()) names.push(...namesOfPattern(config, group));
	const ids = new Set<string>();
	for (const name of names.filter(mayUse)) {
		ids.add(name);
		if (!DISCOVERABLE.test(name)) ids.add(`anthropic/${name}`);
	}
	return [...ids];
}

/** Names that a pattern matches and that one of its deployments serves; those that a more specific group takes are that group's. */
function namesOfPattern(config: Config, group: ModelGroup): string[] {
	if (!isPattern(group.name)) return [];
	const names = new Set<string>();
	for (const { provider, upstreamModel } of group.deployments) {
		// Where the upstream's model is fixed, any name that fits will do: Claude Code knows Claude's own ones.
		const written = isPattern(upstreamModel) ? upstreamModel : group.name;
		const ids = isPattern(upstreamModel) ? currentModels(provider) : currentModels("anthropic");
		for (const id of ids) {
			const part = matchedBy(written, id);
			if (part !== null) names.add(fillWildcard(group.name, part));
		}
	}
	return [...names].filter((name) => resolveGroup(config, name)?.group === group);
}

/** Whether a name may be asked for, by the caller too: its entry in the list, else null. */
export function modelEntryOf(config: Config, model: string, mayUse: MayUse = everybody): Buffer | null {
	if (resolveGroup(config, model) === null || !mayUse(model)) return null;
	return Buffer.from(JSON.stringify(modelEntry(model)));
}

/** The page that the query asks for (`limit`, `after_id`, `before_id`). An unusable limit counts as not given. */
export function modelList(config: Config, query: URLSearchParams, mayUse: MayUse = everybody): Buffer {
	const asked = Number(query.get("limit") ?? MAX_LIMIT);
	const limit = Number.isInteger(asked) && asked >= 1 ? Math.min(asked, MAX_LIMIT) : MAX_LIMIT;
	const page = modelPage(listedModels(config, mayUse), {
		limit,
		afterId: query.get("after_id"),
		beforeId: query.get("before_id"),
	});
	return Buffer.from(JSON.stringify(page));
}

/**
 * Bedrock's ListInferenceProfiles: every name as a system-defined profile of its own. Clients look here for the ids they may call.
 * Application profiles, which only an AWS account has, are none.
 */
export function profileList(config: Config, query: URLSearchParams, mayUse: MayUse = everybody): Buffer {
	const ids = query.get("type") === "APPLICATION" ? [] : profileIds(config).filter(mayUse);
	const inferenceProfileSummaries = ids.map((id) => ({
		inferenceProfileId: id,
		inferenceProfileName: id,
		inferenceProfileArn: id.startsWith("arn:") ? id : `${OWN_ARN}${id}`,
		models: [],
		description: "Served by warmpath",
		status: "ACTIVE",
		type: "SYSTEM_DEFINED",
	}));
	return Buffer.from(JSON.stringify({ inferenceProfileSummaries }));
}
