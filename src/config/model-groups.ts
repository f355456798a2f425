// Deployments → groups, and further names for them. Leaves finding the group for a request to config/model-name.
import { isUnresolved } from "./environment.ts";
import { baseName, groupHint, type ModelAlias, type ModelGroup, matchedBy } from "./model-name.ts";
import type { Report } from "./report.ts";
import type { DeploymentConfig } from "./sections/deployment.ts";
import type { RouterSettings } from "./sections/router-settings.ts";

/** Deployments by `model_name`, in file order. */
export function readGroups(deployments: readonly DeploymentConfig[]): Map<string, ModelGroup> {
	const members = new Map<string, DeploymentConfig[]>();
	for (const deployment of deployments) {
		const group = members.get(deployment.group);
		if (group === undefined) members.set(deployment.group, [deployment]);
		else group.push(deployment);
	}
	return new Map([...members].map(([name, list]) => [name, { name, deployments: list }]));
}

/** Checks that every alias stands for a group; one that cannot be reached is a warning. */
export function readAliases(
	entries: RouterSettings["model_group_alias"],
	groups: ReadonlyMap<string, ModelGroup>,
	report: Report,
): Map<string, ModelAlias> {
	const aliases = new Map<string, ModelAlias>();
	const names = [...groups.keys()];
	for (const [alias, { model, hidden }] of Object.entries(entries)) {
		const path = ["router_settings", "model_group_alias", alias];
		if (isUnresolved(model)) continue;
		if (model.includes("*")) {
			report.fault({ path, message: "the alias stands for a pattern", hint: "Name a model that the pattern matches." });
			continue;
		}
		if (!isServed(model, names) && !isServed(baseName(model), names)) {
			const chained = Object.hasOwn(entries, model) ? "An alias of an alias is not followed; name the group." : "";
			const hint = chained || groupHint(model, names, { groups });
			// Without any valid group the cause has been reported.
			if (names.length > 0)
				report.fault({ path, message: `the alias stands for '${model}', which is no model_name`, hint });
			continue;
		}
		if (groups.has(alias)) {
			report.warn({
				path,
				at: "key",
				message: "never used: a group has the same name",
				hint: "The group wins over the alias.",
			});
		}
		aliases.set(alias, { alias, model, hidden });
	}
	return aliases;
}

function isServed(model: string, names: readonly string[]): boolean {
	return names.some((name) => name === model || matchedBy(name, model) !== null);
}
