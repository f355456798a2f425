// Options of what replicas share: as written, ours and LiteLLM's. Leaves which of them win to config/state-read.
import * as z from "zod";
import { flag, integer, text } from "./fields.ts";
import type { Secret } from "./secret.ts";

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

export const NO_STATE: StateConfig = { redis: null };

export const DEFAULT_PREFIX = "warmpath";

function redisUrl() {
	return z
		.string()
		.regex(/^rediss?:\/\/[^/\s]/i, { error: "expected redis://HOST:PORT, or rediss:// for TLS" })
		.refine((value) => URL.canParse(value), { error: "expected redis://:PASSWORD@HOST:PORT/DATABASE", abort: true });
}

/** Of `warmpath.state`. */
export const stateSchema = z.strictObject({
	redis: z
		.strictObject({
			url: redisUrl().describe("Redis or Valkey where gateways of one configuration share what they know."),
			prefix: text().default(DEFAULT_PREFIX).describe("Before the names of all its keys."),
		})
		.optional()
		.describe("Default: none, the gateway is alone."),
});

/** LiteLLM's, of `router_settings`. */
export const redisOptions = {
	redis_url: redisUrl().optional().describe("The same as warmpath.state.redis.url, which wins."),
	redis_host: text().optional().describe("Its host, where no URL is given."),
	redis_port: integer({ min: 1, max: 65_535 }).optional().describe("Its port. Default: 6379."),
	redis_password: text().optional().describe("Its password."),
	redis_db: integer({ min: 0, max: 1_000_000 }).optional().describe("Its database number. Default: 0."),
	redis_ssl: flag().optional().describe("true: TLS."),
};
