// When models of Claude were or will be retired on the platforms that Anthropic runs. Bedrock and Vertex have schedules of their own. Leaves
// telling it to commands/check.

interface Retirement {
	/** Names without a date or with it. */
	readonly models: RegExp;
	/** ISO date; requests fail from then on. */
	readonly on: string;
	readonly instead: string;
}

/**
 * platform.claude.com/docs/en/about-claude/model-deprecations, as of 2026-11-30: "The dates on this page apply to Anthropic-operated
 * platforms". Models without a row have no date that we know of.
 */
const RETIREMENTS: readonly Retirement[] = [
	{ models: /^claude-(1|instant-1)(\.\d)?$/, on: "2024-11-06", instead: "claude-haiku-4-5" },
	{ models: /^claude-2(\.\d)?$/, on: "2025-07-21", instead: "claude-sonnet-5-5" },
	{ models: /^claude-3-sonnet(-\d{8}|-latest)?$/, on: "2025-07-21", instead: "claude-sonnet-5-5" },
	{ models: /^claude-3-5-sonnet(-\d{8}|-latest)?$/, on: "2025-10-28", instead: "claude-sonnet-5-5" },
	{ models: /^claude-3-opus(-\d{8}|-latest)?$/, on: "2026-01-05", instead: "claude-opus-5-5" },
	{ models: /^claude-3-7-sonnet(-\d{8}|-latest)?$/, on: "2026-02-19", instead: "claude-sonnet-5-5" },
	{ models: /^claude-3-5-haiku(-\d{8}|-latest)?$/, on: "2026-02-19", instead: "claude-haiku-4-5" },
	{ models: /^claude-3-haiku(-\d{8}|-latest)?$/, on: "2026-04-20", instead: "claude-haiku-4-5" },
	{ models: /^claude-sonnet-4(-0|-\d{8})?$/, on: "2026-06-15", instead: "claude-sonnet-5-5" },
	{ models: /^claude-opus-4(-0|-\d{8})?$/, on: "2026-06-15", instead: "claude-opus-5-5" },
	{ models: /^claude-mythos-preview$/, on: "2026-06-30", instead: "claude-mythos-5" },
	{ models: /^claude-opus-4-1(-\d{8})?$/, on: "2026-08-05", instead: "claude-opus-5-5" },
	{ models: /^claude-sonnet-4-5(-\d{8})?$/, on: "2026-11-30", instead: "claude-sonnet-5-5" },
	// Announced 2026-11-23, as a tentative date.
	{ models: /^claude-opus-4-5(-\d{8})?$/, on: "2027-01-22", instead: "claude-opus-5-5" },
];

const RUN_BY_ANTHROPIC: ReadonlySet<string> = new Set([
	"anthropic",
	"anthropic_aws",
	"anthropic_google_cloud",
	"foundry",
]);
/** How long before its day a retirement is announced. */
const NOTICE_MS = 60 * 86_400_000;

/** What is to be said about a deployment's model at that time, ms since epoch; null = nothing. */
export function retirementOf(
	{ provider, upstreamModel }: { readonly provider: string; readonly upstreamModel: string },
	now: number,
): { readonly message: string; readonly hint: string } | null {
	if (!RUN_BY_ANTHROPIC.has(provider)) return null;
	const name = upstreamModel.replace(/\[1m\]$/, "");
	const found = RETIREMENTS.find(({ models }) => models.test(name));
	if (found === undefined) return null;
	const at = Date.parse(found.on);
	if (now < at - NOTICE_MS) return null;
	const message = `${upstreamModel} ${now < at ? "will be" : "was"} retired on ${found.on}: requests to it ${now < at ? "will fail then" : "fail"}`;
	return { message, hint: `Use ${found.instead}, or another model that is still served.` };
}
