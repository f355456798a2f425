// The table of LiteLLM's options agrees with the file's schema.
import { describe, expect, it } from "vitest";
import { fileSchema } from "./file.ts";
import { litellmParamsSchema } from "./sections/deployment.ts";
import { generalSettingsSchema } from "./sections/general-settings.ts";
import { litellmSettingsSchema } from "./sections/litellm-settings.ts";
import { routerSettingsSchema } from "./sections/router-settings.ts";
import { type Section, SUPPORT } from "./support.ts";

const schemas: Record<Exclude<Section, "model_info">, readonly string[]> = {
	root: Object.keys(fileSchema.shape),
	litellm_params: Object.keys(litellmParamsSchema.shape),
	router_settings: Object.keys(routerSettingsSchema.shape),
	litellm_settings: Object.keys(litellmSettingsSchema.shape),
	general_settings: Object.keys(generalSettingsSchema.shape),
};

describe.each(Object.entries(schemas))("%s", (section, options) => {
	const table = [...(SUPPORT.get(section as Section) ?? [])];

	it("what is kept is in the schema, what is ignored is not", () => {
		for (const [option, support] of table)
			expect([option, options.includes(option)]).toEqual([option, support === "kept"]);
	});
});

it("every section has options that are known and not acted upon", () => {
	for (const [section, options] of SUPPORT) expect([section, options.size > 3]).toEqual([section, true]);
});
