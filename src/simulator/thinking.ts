// Signatures of simulated thinking blocks: which organization and model made them. Leaves dropping foreign blocks to prompt.ts.

import type { Fields } from "./body.ts";
import type { ModelRules } from "./model-table.ts";

const MARK = "warmpath-simulator";

/** An opaque signature that names its maker. */
export function signThinking(organization: string, model: string, salt: string): string {
	return Buffer.from(JSON.stringify([MARK, organization, model, salt])).toString("base64");
}

/**
 * Whether a thinking block was signed for another organization, so that a model that binds its thinking drops it silently
 * (prompt-caching §5). Blocks that the simulator did not sign are never foreign.
 */
export function isForeignThinking(block: Fields, organization: string | null, rules: ModelRules): boolean {
	if (organization === null || !rules.bindsThinking) return false;
	const maker = makerOf(block["signature"]);
	return maker !== null && maker !== organization;
}

function makerOf(signature: unknown): string | null {
	if (typeof signature !== "string" || signature === "") return null;
	try {
		const parts: unknown = JSON.parse(Buffer.from(signature, "base64").toString("utf8"));
		return Array.isArray(parts) && parts[0] === MARK ? String(parts[1]) : null;
	} catch {
		return null;
	}
}
