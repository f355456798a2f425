// Which options stay as they were at the start, whatever a reload says.
import type { Config } from "../config/schema.ts";

/** Those of them that differ. */
export function fixedChanges(before: Config, next: Config): readonly string[] {
	const secretOf = (secret: Config["databaseUrl"]) => secret?.reveal() ?? null;
	const changes: readonly (readonly [string, boolean])[] = [
		["warmpath.state", redisOf(before) !== redisOf(next)],
		["general_settings.database_url", secretOf(before.databaseUrl) !== secretOf(next.databaseUrl)],
		[
			"warmpath.key_settings.hash_secret",
			secretOf(before.keySettings.hashSecret) !== secretOf(next.keySettings.hashSecret),
		],
		["warmpath.request_log.enabled", before.requestLog.enabled !== next.requestLog.enabled],
	];
	return changes.filter(([, differs]) => differs).map(([name]) => name);
}

function redisOf(config: Config): string {
	const redis = config.state?.redis ?? null;
	return redis === null ? "" : `${redis.prefix} ${redis.url.reveal()}`;
}
