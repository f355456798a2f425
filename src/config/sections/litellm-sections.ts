// LiteLLM's sections of the file together, for the sections of ours that their options are other names for.
import type { GivenOption } from "../precedence.ts";
import type { GeneralSettings } from "./general-settings.ts";
import type { LitellmSettings } from "./litellm-settings.ts";
import type { RouterSettings } from "./router-settings.ts";

/** As they are written, defaults filled in. */
export interface LitellmSections {
	readonly router: RouterSettings;
	readonly litellm: LitellmSettings;
	readonly general: GeneralSettings;
	/** The top level's. */
	readonly callbacks: readonly string[];
}

type SharedOption = keyof RouterSettings & keyof LitellmSettings;
type Given<Option extends SharedOption> = Exclude<LitellmSettings[Option], undefined>;

/** Both places of an option that router_settings and litellm_settings have, the winner first. */
export function bothPlaces<Option extends SharedOption>(
	{ router, litellm }: LitellmSections,
	option: Option,
): GivenOption<Given<Option>>[] {
	const sections = { router_settings: router, litellm_settings: litellm };
	return Object.entries(sections).map(([section, options]) => ({
		path: [section, option],
		value: options[option] as Given<Option> | undefined,
	}));
}
