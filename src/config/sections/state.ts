// `warmpath.state`: where replicas meet, out of several spellings. Leaves meeting there to state/.
import * as z from "zod";
import { isUnresolved } from "../environment.ts";
import { redisUrl, text } from "../fields.ts";
import { firstGiven } from "../precedence.ts";
import type { Report } from "../report.ts";
import { Secret } from "../secret.ts";
import { option, optional } from "../section.ts";
import type { LitellmSections } from "./litellm-sections.ts";
import type { RouterSettings } from "./router-settings.ts";

const prefix = option(text(), "warmpath", "Before the names of all its keys.");

export const stateSchema = z.strictObject({
	redis: optional(
		z.strictObject({
			url: redisUrl().describe("Redis or Valkey where gateways of one configuration share what they know."),
			prefix,
		}),
		"Default: none, the gateway is alone.",
	),
});

/** Where replicas of one gateway meet. */
interface RedisConfig {
	/** With user, password and database number as needed. */
	readonly url: Secret;
	/** Before the names of all keys. */
	readonly prefix: string;
}

export interface StateConfig {
	/** null = this gateway is alone. */
	readonly redis: RedisConfig | null;
}

const DEFAULT_PORT = 6379;
/** Mean nothing without a host. */
const WITH_HOST = ["redis_port", "redis_password", "redis_db", "redis_ssl"] as const;

/** `warmpath.state.redis.url` wins over `router_settings.redis_url`, and that over host and port, each with a warning. */
export function readState(own: z.output<typeof stateSchema>, { router }: LitellmSections, report: Report): StateConfig {
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
	if (given === null || isUnresolved(given.value)) return { redis: null };
	const url = given.path.at(-1) === "redis_host" ? urlOf(given.value, router) : given.value;
	return { redis: { url: new Secret(url), prefix: own.redis?.prefix ?? prefix.parse(undefined) } };
}

function urlOf(host: string, options: RouterSettings): string {
	const { redis_port: port, redis_password: password, redis_db: database, redis_ssl: tls } = options;
	const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
	const login = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
	return `${tls === true ? "rediss" : "redis"}://${login}${name}:${port ?? DEFAULT_PORT}/${database ?? 0}`;
}
