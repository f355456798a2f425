// What the simulated provider knows about each model: cache minimum, window, which old thinking it keeps. Leaves prices to others.

/** Rules of one model. Token counts throughout. */
export interface ModelRules {
	readonly id: string;
	readonly displayName: string;
	readonly createdAt: string;
	/** Models of one class share an organization's rate limits (providers §1). */
	readonly limitClass: string;
	/** Shorter prefixes are never cached (prices-and-minimums §1, prompt-caching R9). */
	readonly minTokens: number;
	readonly contextTokens: number;
	readonly maxOutputTokens: number;
	/** False: thinking of earlier turns is dropped at the next user prompt (prompt-caching §4). */
	readonly keepsThinking: boolean;
	/** True: thinking blocks of another organization are dropped (prompt-caching §5). */
	readonly bindsThinking: boolean;
	/** Whether messages may have the role `system` (prompt-caching §4). */
	readonly systemRole: boolean;
}

interface Row {
	readonly id: string;
	readonly since: string;
	readonly min: number;
	/** Letters: k keeps thinking, b binds thinking to its organization, s takes system messages. */
	readonly flags: string;
	readonly window?: number;
	readonly output?: number;
}

const WINDOW = 1_000_000;
const SMALL_WINDOW = 200_000;
const OUTPUT = 128_000;

// Minimums from prices-and-minimums §1. Windows and output limits are ours where the provider's page was not at hand.
const ROWS: readonly Row[] = [
	{ id: "claude-fable-5-2", since: "2026-11-09", min: 512, flags: "kbs" },
	{ id: "claude-mythos-5-2", since: "2026-11-09", min: 512, flags: "kbs" },
	{ id: "claude-haiku-5-5", since: "2026-10-07", min: 512, flags: "kbs" },
	{ id: "claude-sonnet-5-5", since: "2026-09-28", min: 512, flags: "kbs" },
	{ id: "claude-opus-5-5", since: "2026-09-22", min: 512, flags: "kbs" },
	{ id: "claude-fable-5-1", since: "2026-09-01", min: 512, flags: "kbs" },
	{ id: "claude-mythos-5-1", since: "2026-09-01", min: 512, flags: "kbs" },
	{ id: "claude-fable-5", since: "2026-06-01", min: 512, flags: "ks" },
	{ id: "claude-mythos-5", since: "2026-06-01", min: 512, flags: "ks" },
	{ id: "claude-sonnet-5", since: "2026-06-01", min: 1024, flags: "k" },
	{ id: "claude-opus-5", since: "2026-05-01", min: 512, flags: "ks" },
	{ id: "claude-opus-4-8", since: "2026-04-01", min: 1024, flags: "ks" },
	{ id: "claude-opus-4-7", since: "2026-03-01", min: 2048, flags: "k" },
	{ id: "claude-sonnet-4-6", since: "2026-02-17", min: 1024, flags: "k" },
	{ id: "claude-opus-4-6", since: "2026-02-05", min: 4096, flags: "k" },
	{ id: "claude-opus-4-5", since: "2025-11-24", min: 4096, flags: "k", window: SMALL_WINDOW, output: 64_000 },
	{ id: "claude-haiku-4-5", since: "2025-10-15", min: 4096, flags: "", window: SMALL_WINDOW, output: 64_000 },
	{ id: "claude-sonnet-4-5", since: "2025-09-29", min: 1024, flags: "", window: SMALL_WINDOW, output: 64_000 },
	{ id: "claude-opus-4-1", since: "2025-08-05", min: 1024, flags: "", window: SMALL_WINDOW, output: 32_000 },
	{ id: "claude-opus-4", since: "2025-05-22", min: 1024, flags: "", window: SMALL_WINDOW, output: 32_000 },
	{ id: "claude-sonnet-4", since: "2025-05-22", min: 1024, flags: "", window: SMALL_WINDOW, output: 64_000 },
	{ id: "claude-haiku-3-5", since: "2024-10-22", min: 2048, flags: "", window: SMALL_WINDOW, output: 8_192 },
];

/** Every model the simulator lists, newest first. */
export const MODELS: readonly ModelRules[] = ROWS.map(rulesOf);

const BY_ID = new Map(MODELS.map((model) => [model.id, model]));

/**
 * The rules of a model as a client may spell it: dated, `-latest`, `[1m]`, Bedrock and Vertex forms are the same model. An id
 * that holds `claude` and is not in the table counts as a current model; null when it does not hold `claude`.
 */
export function findModel(name: string): ModelRules | null {
	const start = name.indexOf("claude");
	if (start < 0) return null;
	const id = name
		.slice(start)
		.replace(/\[1m\]$/, "")
		.replace(/-v\d+(:\d+)?$/, "")
		.replace(/(@|-)(\d{8}|default|latest)$/, "");
	return BY_ID.get(id) ?? rulesOf({ id, since: "2026-01-01", min: 1024, flags: "ks" });
}

function rulesOf(row: Row): ModelRules {
	return {
		id: row.id,
		displayName: displayNameOf(row.id),
		createdAt: `${row.since}T00:00:00Z`,
		limitClass: limitClassOf(row.id),
		minTokens: row.min,
		contextTokens: row.window ?? WINDOW,
		maxOutputTokens: row.output ?? OUTPUT,
		keepsThinking: row.flags.includes("k"),
		bindsThinking: row.flags.includes("b"),
		systemRole: row.flags.includes("s"),
	};
}

function displayNameOf(id: string): string {
	const [brand = "", family = "", ...version] = id.split("-");
	return [capital(brand), capital(family), version.join(".")].filter((part) => part !== "").join(" ");
}

function capital(word: string): string {
	return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function limitClassOf(id: string): string {
	return id.split("-").slice(1, 3).join("-");
}
