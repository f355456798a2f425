// GET /v1/models: the names a client may ask for. Leaves resolving a name to config.

import type { Config } from "../config/schema.ts";
import { modelPage } from "../protocol/anthropic.ts";

/** Also the default: clients of the OpenAI format never page. */
const MAX_LIMIT = 1000;

/** Claude Code's discovery drops other ids (claude-code-client §2). */
const DISCOVERABLE = /claude|anthropic/i;

/**
 * Ids a client may use: groups, then aliases that are not hidden. Patterns cannot be listed. A name that Claude Code's discovery
 * would drop is listed a second time behind `anthropic/`, which the gateway resolves to the same group.
 */
export function listedModels(config: Config): string[] {
	const names = [...config.groups.keys()].filter((name) => !name.includes("*"));
	for (const { alias, hidden } of config.aliases.values()) if (!hidden) names.push(alias);
	const ids = new Set<string>();
	for (const name of names) {
		ids.add(name);
		if (!DISCOVERABLE.test(name)) ids.add(`anthropic/${name}`);
	}
	return [...ids];
}

/** The page that the query asks for (`limit`, `after_id`, `before_id`). An unusable limit counts as not given. */
export function modelList(config: Config, query: URLSearchParams): Buffer {
	const asked = Number(query.get("limit") ?? MAX_LIMIT);
	const limit = Number.isInteger(asked) && asked >= 1 ? Math.min(asked, MAX_LIMIT) : MAX_LIMIT;
	const page = modelPage(listedModels(config), {
		limit,
		afterId: query.get("after_id"),
		beforeId: query.get("before_id"),
	});
	return Buffer.from(JSON.stringify(page));
}
