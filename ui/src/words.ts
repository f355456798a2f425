// What the gateway's words mean, for people: reasons, misses, exclusions, outcomes.

interface Word {
	readonly label: string;
	readonly means: string;
}

/** Why a request went where it went. */
export const REASONS: Readonly<Record<string, Word>> = {
	prefix: { label: "warm prefix", means: "This conversation's prefix is cached there, and going there is cheapest." },
	returned: { label: "returned home", means: "Back at the warm home that it had been diverted from." },
	diverted: { label: "diverted", means: "Its home is warm but could not take it; home stays." },
	session: { label: "last home", means: "Nothing is cached any more; its last home keeps its thinking blocks." },
	head: { label: "warm head", means: "New conversation: placed by load where tools and system are already cached." },
	cold: { label: "cold", means: "New conversation: placed by load, nothing cached anywhere." },
	unmarked: { label: "not cacheable", means: "The request marks nothing for caching: placed by load." },
	load: { label: "load", means: "Plain load balancing: affinity is off." },
	spare: { label: "fallback", means: "Next in line after the first choice." },
	last_resort: { label: "last resort", means: "It had failed or is draining, but nothing else could serve." },
};

/** Why less was read than the conversation had cached. */
export const MISSES: Readonly<Record<string, Word>> = {
	expired: { label: "expired", means: "Nobody read the entry within its lifetime." },
	tools_changed: { label: "tools changed", means: "The tool list differs from the last turn's." },
	system_changed: { label: "system changed", means: "A system block differs from the last turn's." },
	history_edited: { label: "history edited", means: "An earlier message differs from the last turn's." },
	settings_changed: { label: "settings changed", means: "Tool choice, thinking, effort or output format changed." },
	betas_changed: { label: "betas changed", means: "Other anthropic-beta flags have another cache." },
	variant_changed: { label: "speed or geography", means: "Another speed or geography has another cache." },
	model_changed: { label: "model changed", means: "Each model has its own cache." },
	moved: { label: "moved", means: "It was sent to another cache domain." },
	below_minimum: { label: "too short", means: "The model does not cache prompts that short." },
	look_back: { label: "look-back exceeded", means: "The provider looks back only 20 positions from a breakpoint." },
	not_ready: { label: "still being written", means: "It was sent before the entry could be read." },
	lost: { label: "lost by provider", means: "Nothing changed and it had not expired." },
};

/** Why a deployment was no candidate. */
export const EXCLUSIONS: Readonly<Record<string, string>> = {
	limit: "rate limit",
	busy: "all its parallel requests are in flight",
	cooldown: "cooling down after failures",
	quarantine: "credentials refused",
	account: "its account is spent or disabled",
	barred: "its credential may not use this",
	context: "prompt longer than it takes",
	tags: "other tags",
	domain: "the key is confined to other cache domains",
	draining: "draining: takes no new conversations",
	slow: "answers slowly",
};

export const OUTCOMES: Readonly<Record<string, string>> = {
	served: "Served",
	failed: "Failed: no deployment could serve it",
	broke: "Broke off after content had begun",
	aborted: "Aborted by the client",
	rejected: "Rejected by the gateway",
};

export function reasonLabel(reason: string | null): string {
	return reason === null ? "–" : (REASONS[reason]?.label ?? reason);
}

export function missLabel(miss: string): string {
	return MISSES[miss]?.label ?? miss;
}
