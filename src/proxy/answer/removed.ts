// Logs once what a deployment's platform makes us take off requests. The client sees it on every answer (x-warmpath-removed).
import type { Logger } from "../../telemetry/log.ts";

/** Most values remembered a deployment: clients choose beta values, and a log is no place for all of them. */
const MAX_LOGGED = 100;

const logged = new WeakMap<object, Set<string>>();

/** `owner` is what lives as long as the deployment's configuration: its provider. */
export function logRemoved(
	owner: object,
	about: { readonly deployment: string; readonly removed: readonly string[] },
	log: Logger,
): void {
	if (about.removed.length === 0) return;
	const known = logged.get(owner) ?? new Set<string>();
	logged.set(owner, known);
	const fresh = about.removed.filter((each) => !known.has(each));
	if (fresh.length === 0 || known.size >= MAX_LOGGED) return;
	for (const each of fresh) known.add(each);
	log.info(
		{ deployment: about.deployment, removed: fresh },
		`taken off requests to ${about.deployment}, whose platform or model does not take it: ${fresh.join(", ")}`,
	);
}
