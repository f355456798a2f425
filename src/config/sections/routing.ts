// `warmpath.routing`: how deployments are chosen, LiteLLM's switches and strategies included. Leaves the choice to routing/.
import type * as z from "zod";
import { isUnresolved } from "../environment.ts";
import { duration, flag, integer, number, numberOrOff } from "../fields.ts";
import { isGiven, oursOr } from "../precedence.ts";
import type { Report } from "../report.ts";
import { option, section } from "../section.ts";
import type { Path } from "../source.ts";
import { didYouMean } from "../suggest.ts";
import { PRE_CALL_CHECKS } from "../support.ts";
import { bothPlaces, type LitellmSections } from "./litellm-sections.ts";
import type { RouterSettings } from "./router-settings.ts";

const price = () => number({ min: 0, max: 1_000_000 });

const burstGateSchema = section({
	enabled: option(flag(), true, "Parallel requests with one new prefix wait until the first has written it."),
	max_wait: option(duration("zero"), "5s", "Longest wait."),
});

/** Prices weigh the objective of routing-model §5.8 against each other. */
export const routingSchema = section({
	affinity: option(flag(), true, "Send requests where their prompt is cached. Default: true."),
	max_entries: option(integer({ min: 1, max: 100_000_000 }), 1_000_000, "Most prefixes remembered."),
	cooldown: option(duration("zero"), "5s", "Pause after a failure, where the provider names none."),
	load_half_life: option(duration(), "60s", "How fast recent load is forgotten when placing new conversations."),
	max_affinity_wait: option(
		duration("zero"),
		"5s",
		"Longest wait for the deployment that holds the prompt, when it is at its limit.",
	),
	burst_gate: option(burstGateSchema, {}, "What becomes of parallel requests with one new prefix."),
	wait_dollars_per_hour: option(price(), 60, "Price of an hour of a user's waiting."),
	uncached_token_price: option(
		price(),
		0,
		"What a million uncached tokens cost in limits, dollars, on top of their price.",
	),
	thinking_loss_dollars: option(
		price(),
		0.05,
		"Price of the thinking that is lost when a conversation changes account.",
	),
	slow_factor: option(
		numberOrOff({ min: 1, max: 1_000_000 }),
		4,
		"A deployment this many times slower than its group counts as slow; off: none does.",
	),
});

type RoutingOptions = z.output<typeof routingSchema>;

/** LiteLLM's ways to choose among deployments of one group. */
export type RoutingStrategy = Exclude<
	NonNullable<RouterSettings["routing_strategy"]>,
	"usage-based-routing" | "provider-budget-routing"
>;

/** Which deployments serve a request that carries tags. */
export interface TagFilteringConfig {
	/** false: tags mean nothing. */
	readonly enabled: boolean;
	/** One common tag is enough; false = the deployment needs all. */
	readonly matchAny: boolean;
}

/** How a deployment is chosen: our options, and those that only LiteLLM's sections have. `slowFactor` is of the failures. */
export interface RoutingConfig extends Omit<RoutingOptions, "slowFactor"> {
	/** Decides what affinity leaves open, and everything where affinity is off. null = our own load rule, the default. */
	readonly strategy: RoutingStrategy | null;
	readonly tagFiltering: TagFilteringConfig;
	/** Leave out deployments whose `maxInputTokens` the prompt exceeds. */
	readonly preCallChecks: boolean;
}

interface ReadRouting {
	readonly routing: RoutingConfig;
	/** Why affinity is on or off, for people: the option that decided, and where it stands. */
	readonly affinityReason: string;
}

export function readRouting(own: RoutingOptions, theirs: LitellmSections, report: Report): ReadRouting {
	const { router } = theirs;
	const { slowFactor: _, ...options } = own;
	const affinity = readAffinity(own.affinity, theirs, report);
	const cooldown = { path: ["warmpath", "routing", "cooldown"], value: own.cooldownMs };
	const routing: RoutingConfig = {
		...options,
		affinity: affinity.on,
		strategy: readStrategy(router, report),
		cooldownMs: oursOr<number>(bothPlaces(theirs, "cooldown_time"), cooldown, report),
		tagFiltering: { enabled: router.enable_tag_filtering, matchAny: router.tag_filtering_match_any },
		preCallChecks: router.enable_pre_call_checks,
	};
	return { routing, affinityReason: affinity.reason };
}

/** LiteLLM's first usage-based strategy counts as its second; one that Warmpath lacks leaves our own rule. Both are warnings. */
function readStrategy(router: RouterSettings, report: Report): RoutingStrategy | null {
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

const CHECK = "prompt_caching";
const CALLBACK = "prompt_caching_deployment_check";
const OPTION: Path = ["warmpath", "routing", "affinity"];

/** Our own option decides; without it a switch is the reason; without one it is on by default. Odd list entries are reported. */
function readAffinity(own: boolean, { router, litellm, callbacks }: LitellmSections, report: Report) {
	const found = [
		...readChecks(router.optional_pre_call_checks, report),
		...readCallbacks(callbacks, ["callbacks"], report),
		...readCallbacks(litellm.callbacks, ["litellm_settings", "callbacks"], report),
	];
	const [first] = found;
	if (isGiven(report, OPTION)) {
		if (!own && first !== undefined) {
			report.warn({
				path: OPTION,
				message: `prompt-cache routing is off, although ${describe(first, report)} asks for it`,
				hint: "warmpath.routing.affinity wins. Remove one of the two.",
			});
		}
		return { on: own, reason: describe(OPTION, report) };
	}
	if (first !== undefined) return { on: true, reason: describe(first, report) };
	return { on: own, reason: "default" };
}

function describe(path: Path, report: Report): string {
	const names = path.filter((step) => typeof step === "string");
	return `${names.join(".")} at ${report.placeText(path)}`;
}

/** Where `name` stands in a list that may also be written as one text. */
function entryPath(list: Path, name: string, report: Report): Path {
	const written = report.value(list);
	return Array.isArray(written) ? [...list, written.indexOf(name)] : list;
}

function readChecks(checks: readonly string[], report: Report): Path[] {
	const list = ["router_settings", "optional_pre_call_checks"];
	const switches: Path[] = [];
	for (const check of checks) {
		const path = entryPath(list, check, report);
		if (isUnresolved(check)) continue;
		if (check === CHECK) switches.push(path);
		else if (PRE_CALL_CHECKS.includes(check)) {
			report.warn({ path, message: `the check '${check}' is not supported by Warmpath yet: ignored` });
		} else {
			const hint = didYouMean(check, PRE_CALL_CHECKS) || `LiteLLM knows: ${PRE_CALL_CHECKS.join(", ")}.`;
			report.fault({ path, message: `unknown pre-call check '${check}'`, hint });
		}
	}
	return switches;
}

function readCallbacks(callbacks: readonly string[], list: Path, report: Report): Path[] {
	const switches: Path[] = [];
	for (const callback of callbacks) {
		const path = entryPath(list, callback, report);
		if (isUnresolved(callback)) continue;
		// LiteLLM's own wiring has the check's short name; people write it here too.
		if (callback === CALLBACK || callback === CHECK) switches.push(path);
		else if (didYouMean(callback, [CALLBACK]) !== "") {
			report.fault({ path, message: `unknown callback '${callback}'`, hint: didYouMean(callback, [CALLBACK]) });
		} else report.warn({ path, message: `the callback '${callback}' is not supported by Warmpath yet: ignored` });
	}
	return switches;
}
