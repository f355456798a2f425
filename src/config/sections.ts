// The file's sections other than model_list, validated one by one. Leaves what they amount to to config/settings and its neighbours.
import type * as z from "zod";
import { fileSchema, generalSettingsSchema, litellmSettingsSchema, routerSettingsSchema } from "./file.ts";
import { warmpathSchema } from "./own-section.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { validate } from "./validate.ts";

/** What the sections hold, defaults filled in. */
export interface Sections {
	readonly router: z.output<typeof routerSettingsSchema>;
	readonly litellm: z.output<typeof litellmSettingsSchema>;
	readonly general: z.output<typeof generalSettingsSchema>;
	readonly callbacks: readonly string[];
	/** `warmpath`. */
	readonly own: z.output<typeof warmpathSchema>;
}

/** Reports every fault; where a section is unusable its defaults stand in. */
export function readSections(report: Report): Sections {
	const { shape } = fileSchema;
	return {
		router: validate(shape.router_settings, ["router_settings"], report) ?? routerSettingsSchema.parse({}),
		litellm: validate(shape.litellm_settings, ["litellm_settings"], report) ?? litellmSettingsSchema.parse({}),
		general: validate(shape.general_settings, ["general_settings"], report) ?? generalSettingsSchema.parse({}),
		callbacks: validate(shape.callbacks, ["callbacks"], report) ?? [],
		own: validate(shape.warmpath, ["warmpath"], report) ?? warmpathSchema.parse({}),
	};
}

/** Options that router_settings and litellm_settings both have. */
type SharedOption = keyof Sections["router"] & keyof Sections["litellm"];

/** Both places of an option, the winner first. */
export function bothPlaces<Option extends SharedOption>({ router, litellm }: Sections, option: Option) {
	return [
		{ path: ["router_settings", option] as Path, value: router[option] as Sections["litellm"][Option] },
		{ path: ["litellm_settings", option] as Path, value: litellm[option] },
	];
}
