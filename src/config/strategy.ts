// router_settings.routing_strategy → the strategy that stands for it here. Leaves carrying it out to routing/.
import type { Report } from "./report.ts";
import type { RoutingStrategy } from "./schema.ts";
import type { Sections } from "./sections.ts";

/** LiteLLM's first usage-based strategy counts as its second; one that Warmpath lacks leaves our own rule. Both are warnings. */
export function readStrategy({ router }: Sections, report: Report): RoutingStrategy | null {
	const path = ["router_settings", "routing_strategy"];
	switch (router.routing_strategy) {
		case undefined:
			return null;
		case "usage-based-routing":
			report.warn({ path, message: "usage-based-routing is carried out as usage-based-routing-v2" });
			return "usage-based-routing-v2";
		case "provider-budget-routing":
			report.warn({
				path,
				message: "the strategy 'provider-budget-routing' is not supported by Warmpath yet: ignored",
				hint: "Requests go where the least recent load is.",
			});
			return null;
		default:
			return router.routing_strategy;
	}
}
