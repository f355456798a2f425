// GET /v1/models and Bedrock's GET /inference-profiles: the names a client may ask for. Leaves resolving a name to config.

import type { Config } from "../config/schema.ts";
import { modelPage } from "../protocol/anthropic.ts";
import { profileIds } from "./platform-models.ts";

/** Also the default: clients of the OpenAI format never page. */
const MAX_LIMIT = 1000;

/** What stands before an id where a client insists on an ARN; the gateway sees through it. */
const OWN_ARN = "arn:aws:bedrock:::inference-profile/";

/** Claude Code's discovery drops other ids (claude-code-client §2). */
const DISCOVERABLE = /claude|anthropic/i;

/** Whether the caller may ask for a name. */
export type MayUse = (model: string) => boolean;

const everybody: MayUse = () => true;

/**
 * Ids a client may use: groups, then aliases that are not hidden. Patterns cannot be listed. A name that Claude Code's discovery
 * would drop is listed a second time behind `anthropic/`, which the gateway resolves to the same group.
 */
export function listedModels(config: Config, mayUse: MayUse = everybody): string[] {
	const names = [...config.groups.keys()].filter((name) => !name.includes("*"));
	for (const { alias, hidden } of config.aliases.values()) if (!hidden) names.push(alias);
	const ids = new Set<string>();
	for (const name of names.filter(mayUse)) {
		ids.add(name);
		if (!DISCOVERABLE.test(name)) ids.add(`anthropic/${name}`);
	}
	return [...ids];
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
