// How replicas of one installation meet, and what they derive alike from its master key. Leaves what they publish to routing/.
import { randomUUID } from "node:crypto";
import type { Config } from "../config/schema.ts";
import { derivedSecret } from "../config/stretched-key.ts";
import type { HashSeed } from "../prompt/outline.ts";
import { createRedisState, type RedisState } from "../state/redis.ts";
import type { Logger } from "../telemetry/log.ts";

/**
 * What other replicas are met through; null where none are configured. Only replicas with the same master key meet: others' fingerprints
 * differ.
 */
export function openState(
	config: Config,
	{ log, now, stretched }: { readonly log: Logger; readonly now: () => number; readonly stretched: Buffer },
): RedisState | null {
	const redis = config.state?.redis ?? null;
	if (redis === null) return null;
	return createRedisState({
		url: redis.url.reveal(),
		key: `${redis.prefix}:state:${installationOf(stretched)}`,
		replica: randomUUID(),
		now,
		onChange({ connected, address, reason }) {
			if (connected) log.info(`shared state: connected to Redis at ${address}`);
			else log.warn(`shared state: Redis at ${address} cannot be used (${reason}); going on alone until it can`);
		},
	});
}

/**
 * Seed of the prompt fingerprints: secret where there is a master key, so that nobody can build colliding prompts, and equal on all
 * replicas with that key, so that they agree without talking: those that share Redis need not share a database.
 */
export function fingerprintSeed(stretched: Buffer): HashSeed {
	const digest = derivedSecret(stretched, "fingerprints");
	return { first: digest.readBigUInt64LE(0), second: digest.readBigUInt64LE(8) };
}

/** Under which name replicas with the same master key meet in Redis. */
function installationOf(stretched: Buffer): string {
	return derivedSecret(stretched, "installation").toString("hex").slice(0, 16);
}
