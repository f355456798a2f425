// The `warmpath` section of the file as it is written: Warmpath's own options. Leaves LiteLLM's to config/file, and what
// these amount to to config/settings and its neighbours.
import * as z from "zod";
import { duration, flag, integer, number, numberOrOff, text } from "./fields.ts";
import { keySchema, keySettingsSchema } from "./keys.ts";
import { requestLogSchema } from "./request-log.ts";
import { DEFAULTS } from "./schema.ts";
import { stateSchema } from "./state.ts";

const price = (fallback: number) => number({ min: 0, max: 1_000_000 }).default(fallback);

const { listen, limits, timeouts, routing, failures, log } = DEFAULTS;

export const warmpathSchema = z.strictObject({
	listen: z
		.strictObject({
			host: text().default(listen.host).describe("Address to listen on. Other than loopback needs a master_key."),
			port: integer({ min: 0, max: 65_535 }).default(listen.port).describe("Port to listen on; 0 takes a free one."),
			keep_alive: duration()
				.default(listen.keepAliveMs)
				.describe("How long a connection without requests is kept. Longer than the load balancer in front keeps it."),
		})
		.prefault({})
		.describe("Where the gateway listens."),
	limits: z
		.strictObject({
			max_body_bytes: integer({ min: 1024, max: 2 ** 30 })
				.default(limits.maxBodyBytes)
				.describe("Largest request body, bytes."),
			max_json_depth: integer({ min: 8, max: 10_000 })
				.default(limits.maxJsonDepth)
				.describe("Deepest nesting of a request."),
		})
		.prefault({})
		.describe("What a client may send."),
	timeouts: z
		.strictObject({
			connect: duration().default(timeouts.connectMs).describe("Until a connection to the provider stands."),
			first_byte: duration()
				.default(timeouts.firstByteMs)
				.describe("From the end of the request to the answer's head."),
			idle: duration().default(timeouts.idleMs).describe("Silence between two pieces of an answer."),
			total: duration().default(timeouts.totalMs).describe("The whole call."),
			hold: duration("zero")
				.default(timeouts.holdMs)
				.describe("How long a stream's opening is held back to see whether it fails."),
		})
		.prefault({})
		.describe("How long to wait for what."),
	routing: z
		.strictObject({
			affinity: flag().optional().describe("Send requests where their prompt is cached. Default: true."),
			max_entries: integer({ min: 1, max: 100_000_000 })
				.default(routing.maxEntries)
				.describe("Most prefixes remembered."),
			cooldown: duration("zero")
				.default(routing.cooldownMs)
				.describe("Pause after a failure, where the provider names none."),
			load_half_life: duration()
				.default(routing.loadHalfLifeMs)
				.describe("How fast recent load is forgotten when placing new conversations."),
			max_affinity_wait: duration("zero")
				.default(routing.maxAffinityWaitMs)
				.describe("Longest wait for the deployment that holds the prompt, when it is at its limit."),
			burst_gate: z
				.strictObject({
					enabled: flag()
						.default(routing.burstGate.enabled)
						.describe("Parallel requests with one new prefix wait until the first has written it."),
					max_wait: duration("zero").default(routing.burstGate.maxWaitMs).describe("Longest wait."),
				})
				.prefault({})
				.describe("What becomes of parallel requests with one new prefix."),
			wait_dollars_per_hour: price(routing.waitDollarsPerHour).describe("Price of an hour of a user's waiting."),
			uncached_token_price: price(routing.uncachedTokenPrice).describe(
				"What a million uncached tokens cost in limits, dollars, on top of their price.",
			),
			thinking_loss_dollars: price(routing.thinkingLossDollars).describe(
				"Price of the thinking that is lost when a conversation changes account.",
			),
			slow_factor: numberOrOff({ min: 1, max: 1_000_000 })
				.default(failures.slowFactor)
				.describe("A deployment this many times slower than its group counts as slow; off: none does."),
		})
		.prefault({})
		.describe("How deployments are chosen."),
	keys: z.array(keySchema).default([]).describe("Virtual keys that need no database."),
	state: stateSchema.prefault({}).describe("What several gateways of one configuration share."),
	request_log: requestLogSchema.prefault({}).describe("What of requests is kept."),
	key_settings: keySettingsSchema.prefault({}).describe("What holds for all virtual keys."),
	log: z
		.strictObject({
			level: z
				.enum(["debug", "info", "warn", "error"])
				.default(log.level)
				.describe("Least severe messages that are written."),
			format: z
				.enum(["auto", "human", "json"])
				.default(log.format)
				.describe("auto: human on a terminal, json otherwise."),
		})
		.prefault({})
		.describe("The gateway's own log."),
});
