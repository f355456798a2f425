import { expect, test } from "vitest";
import { canonicalModel } from "../cache/semantics.ts";
import { currentModels } from "./model-ids.ts";
import { plainConditions, priceOf } from "./prices.ts";

const AT = Date.parse("2026-11-30");

test.each(["anthropic", "anthropic_aws", "anthropic_google_cloud", "foundry", "bedrock", "vertex"] as const)(
	"every id that is listed for %s is a model whose price is known, and each model is listed once",
	(provider) => {
		const ids = currentModels(provider);
		const models = ids.map(canonicalModel);
		expect(new Set(models).size).toBe(ids.length);
		expect(models).toEqual(currentModels("anthropic").map(canonicalModel));
		for (const model of models) expect([model, priceOf(model, plainConditions(AT)) !== null]).toEqual([model, true]);
	},
);

test("nothing is listed for servers whose models nobody knows", () => {
	expect(currentModels("openai")).toEqual([]);
});
