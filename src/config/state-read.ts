// Where replicas meet, out of several spellings. Leaves their kinds to config/state.
import type * as z from "zod";
import { isUnresolved } from "./environment.ts";
import { firstGiven } from "./precedence.ts";
import type { Report } from "./report.ts";
import { Secret } from "./secret.ts";
import { DEFAULT_PREFIX, NO_STATE, type redisOptions, type StateConfig, type stateSchema } from "./state.ts";

type RedisOptions = { readonly [Name in keyof typeof redisOptions]?: z.output<(typeof redisOptions)[Name]> };

const DEFAULT_PORT = 6379;
/** Mean nothing without a host. */
const WITH_HOST = ["redis_port", "redis_password", "redis_db", "redis_ssl"] as const;

/** `warmpath.state.redis.url` wins over `router_settings.redis_url`, and that over host and port, each with a warning. */
export function readState(own: z.output<typeof stateSchema>, router: RedisOptions, report: Report): StateConfig {
	const candidates = [
		{ path: ["warmpath", "state", "redis", "url"], value: own.redis?.url },
		{ path: ["router_settings", "redis_url"], value: router.redis_url },
		{ path: ["router_settings", "redis_host"], value: router.redis_host },
	];
	const given = firstGiven(candidates, report);
	for (const name of WITH_HOST) {
		if (router[name] === undefined || given?.path.at(-1) === "redis_host") continue;
		const message = given === null ? "has no effect without redis_host" : `has no effect: ${given.path.join(".")} wins`;
		report.warn({ path: ["router_settings", name], at: "key", message });
	}
	if (given === null || isUnresolved(given.value)) return NO_STATE;
	const url = given.path.at(-1) === "redis_host" ? urlOf(given.value, router) : given.value;
	return { redis: { url: new Secret(url), prefix: own.redis?.prefix ?? DEFAULT_PREFIX } };
}

function urlOf(host: string, options: RedisOptions): string {
	const { redis_port: port, redis_password: password, redis_db: database, redis_ssl: tls } = options;
	const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
	const login = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
	return `${tls === true ? "rediss" : "redis"}://${login}${name}:${port ?? DEFAULT_PORT}/${database ?? 0}`;
}
