// The `warmpath` section: Warmpath's own options, one file for each of its maps.
import * as z from "zod";
import { option, section } from "../section.ts";
import { keySchema, keySettingsSchema } from "./keys.ts";
import { limitsSchema } from "./limits.ts";
import { listenSchema } from "./listen.ts";
import { logSchema } from "./log.ts";
import { requestLogSchema } from "./request-log.ts";
import { routingSchema } from "./routing.ts";
import { stateSchema } from "./state.ts";
import { timeoutsSchema } from "./timeouts.ts";

export const warmpathSchema = section({
	listen: option(listenSchema, {}, "Where the gateway listens."),
	limits: option(limitsSchema, {}, "What a client may send."),
	timeouts: option(timeoutsSchema, {}, "How long to wait for what."),
	routing: option(routingSchema, {}, "How deployments are chosen."),
	keys: option(z.array(keySchema), [], "Virtual keys that need no database."),
	state: option(stateSchema, {}, "What several gateways of one configuration share."),
	request_log: option(requestLogSchema, {}, "What of requests is kept."),
	key_settings: option(keySettingsSchema, {}, "What holds for all virtual keys."),
	log: option(logSchema, {}, "The gateway's own log."),
});
