// Near names: slips, completions, and when nothing is near enough.
import { expect, it } from "vitest";
import { didYouMean, nearest } from "./suggest.ts";

const NAMES = ["api_key", "api_base", "timeout", "stream_timeout", "rpm", "tpm", "model_list"];

it.each([
	["api_kye", "api_key"],
	["apikey", "api_key"],
	["apiKey", "api_key"],
	["api-base", "api_base"],
	["timout", "timeout"],
	["tiemout", "timeout"],
	["models_list", "model_list"],
	["model", "model_list"],
	["rpmm", "rpm"],
	["API_KEY", "api_key"],
])("%s → %s", (typed, meant) => {
	expect(nearest(typed, NAMES)).toBe(meant);
});

it.each(["x", "itp", "region", "password", ""])("'%s' is near nothing", (typed) => {
	expect(nearest(typed, NAMES)).toBeNull();
	expect(didYouMean(typed, NAMES)).toBe("");
});
