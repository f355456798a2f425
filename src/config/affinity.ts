// Whether prompt-cache routing is on, and why: LiteLLM's switches against our own option. Leaves the routing to routing/.
import { isUnresolved } from "./environment.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { didYouMean } from "./suggest.ts";
import { PRE_CALL_CHECKS } from "./support.ts";

const CHECK = "prompt_caching";
const CALLBACK = "prompt_caching_deployment_check";
const OPTION: Path = ["warmpath", "routing", "affinity"];

export interface Affinity {
	readonly on: boolean;
	/** For people: the option that decided, and where it stands. */
	readonly reason: string;
}

/** The lists that may hold a switch, as they were validated. */
export interface Switches {
	readonly checks: readonly string[];
	readonly callbacks: readonly string[];
	readonly litellmCallbacks: readonly string[];
	/** `warmpath.routing.affinity`, undefined when it is not given. */
	readonly explicit: boolean | undefined;
	/** What holds when nothing is given. */
	readonly fallback: boolean;
}

/** Our own option decides; without it a switch is the reason; without one it is on by default. Odd list entries are reported. */
export function readAffinity(switches: Switches, report: Report): Affinity {
	const found = [
		...readChecks(switches.checks, report),
		...readCallbacks(switches.callbacks, ["callbacks"], report),
		...readCallbacks(switches.litellmCallbacks, ["litellm_settings", "callbacks"], report),
	];
	const [first] = found;
	if (switches.explicit !== undefined) {
		if (!switches.explicit && first !== undefined) {
			report.warn({
				path: OPTION,
				message: `prompt-cache routing is off, although ${describe(first, report)} asks for it`,
				hint: "warmpath.routing.affinity wins. Remove one of the two.",
			});
		}
		return { on: switches.explicit, reason: describe(OPTION, report) };
	}
	if (first !== undefined) return { on: true, reason: describe(first, report) };
	return { on: switches.fallback, reason: "default" };
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
