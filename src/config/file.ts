// The configuration file as a whole: its sections, each of which stands in a file of sections/. Leaves resolving them to config/resolve.
import * as z from "zod";
import { text, texts } from "./fields.ts";
import { option, optional } from "./section.ts";
import { credentialSchema } from "./sections/credential-options.ts";
import { deploymentSchema } from "./sections/deployment.ts";
import { generalSettingsSchema } from "./sections/general-settings.ts";
import { litellmSettingsSchema } from "./sections/litellm-settings.ts";
import { routerSettingsSchema } from "./sections/router-settings.ts";
import { warmpathSchema } from "./sections/warmpath.ts";

const variable = z.union([z.string(), z.number(), z.boolean(), z.null()], { error: "expected text" });

/** Sections are validated one by one, so that a fault in one does not hide those of another. */
export const fileSchema = z.strictObject({
	include: optional(z.array(text()), "Further files, relative to this one. Lists are joined; this file's values win."),
	environment_variables: optional(
		z.record(z.string(), variable),
		"Values for os.environ/NAME where the environment has none.",
	),
	model_list: z.array(deploymentSchema).describe("The deployments. Those with the same model_name form a group."),
	credential_list: optional(z.array(credentialSchema), "Credentials that several deployments use."),
	router_settings: option(routerSettingsSchema, {}, "LiteLLM's router settings."),
	litellm_settings: option(litellmSettingsSchema, {}, "LiteLLM's module settings."),
	general_settings: option(generalSettingsSchema, {}, "LiteLLM's proxy settings."),
	callbacks: option(texts(), [], "The same as litellm_settings.callbacks."),
	warmpath: option(warmpathSchema, {}, "Warmpath's own options."),
});
