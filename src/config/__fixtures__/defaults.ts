// What a file amounts to that says nothing, for tests that build parts of a configuration by hand. Leaves nothing to others.
import type { Config, DeploymentConfig } from "../schema.ts";
import { configOf } from "./parse.ts";

export const DEFAULTS: Config = configOf("");

const [first] = DEFAULTS.deployments;
if (first === undefined) throw new Error("the fixture has no deployment");

/** Without credentials; `id`, `group` and `upstreamModel` are the caller's to give. */
export const PLAIN_DEPLOYMENT: DeploymentConfig = {
	...first,
	credentials: { apiKey: null, apiBase: null, extra: {} },
	source: "test:1:1",
};
