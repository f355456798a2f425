// Why a turn read less from the cache than its conversation had there: from two turns' summaries, never from their text. Pure. Leaves
// remembering turns to cache/turns.
import { LOOK_BACK_POSITIONS, TTL_MS, type Ttl } from "./semantics.ts";
import { blocksOf, commonBlocks, kindOf, levelOf, messageOf, type PrefixSummary, type SummedMark } from "./summary.ts";

/**
 * expired: nobody read it within its lifetime · tools_changed, system_changed, history_edited: the prompt differs before the end of what
 * was cached · settings_changed: tool_choice, thinking, effort, output format or the presence of images · betas_changed,
 * variant_changed (speed, geography), model_changed: another cache by the provider's rules · moved: sent to another cache domain ·
 * below_minimum: too short for the model to cache · look_back: the provider does not look back so far · not_ready: it was still being
 * written · lost: none of these, so the provider no longer had it.
 */
export const MISS_REASONS = [
	"expired",
	"tools_changed",
	"system_changed",
	"history_edited",
	"settings_changed",
	"betas_changed",
	"variant_changed",
	"model_changed",
	"moved",
	"below_minimum",
	"look_back",
	"not_ready",
	"lost",
] as const;
type MissReason = (typeof MISS_REASONS)[number];

export interface Miss {
	readonly reason: MissReason;
	/** One sentence for people: which tool, which block, how long a gap, where to. */
	readonly detail: string;
	/** Tokens the conversation had cached that were not read. */
	readonly tokens: number;
}

/** Hashes of what shapes the messages' rendering, as in prompt's `Settings`. */
interface TurnSettings {
	readonly toolChoice: number;
	readonly thinking: number;
	readonly effort: number;
	readonly format: number;
	readonly images: number;
}

/** A served request, as far as a later one is compared with it. Times are ms since epoch. */
export interface Turn {
	readonly startedAt: number;
	readonly firstByteAt: number | null;
	/** What separates caches by model. */
	readonly model: string;
	/** Cache domain; where it is unknown, the deployment. */
	readonly place: string;
	readonly modelId: string;
	/** Sorted. */
	readonly betas: string;
	/** Geography and speed. */
	readonly variant: string;
	readonly settings: TurnSettings;
	readonly summary: PrefixSummary;
	readonly inputTokens: number;
	readonly readTokens: number;
	readonly writeTokens: number;
	readonly minimumTokens: number;
	/** Whether a run of tool blocks is one look-back position here. */
	readonly collapseRuns: boolean;
	/** Why it went where it went, for people: `diverted: limit`, `cold`. */
	readonly route: string;
	/** `cache_miss_reason.type`, where the client asked the provider for a diagnosis; null = nothing. */
	readonly diagnosis: string | null;
}

/** A read may fall short of what was cached by so much before it counts as missed: counts are rounded here and there. */
const TOLERANCE = 0.01;

/**
 * Why `turn` read less than `earlier`, a turn of the same conversation, had in the cache. Null when it did not, or marked nothing for
 * caching. Without an earlier turn only `below_minimum` can be recognised.
 */
export function whyMissed(turn: Turn, earlier: Turn | null): Miss | null {
	const last = turn.summary.marks.at(-1);
	if (last === undefined) return null;
	const short = belowMinimum(turn, last);
	if (earlier === null) return short;
	const cached = earlier.readTokens + earlier.writeTokens;
	const missed = cached - turn.readTokens;
	if (cached === 0) return short;
	if (missed <= cached * TOLERANCE) return null;
	const missOf = (reason: MissReason, detail: string): Miss => ({ reason, detail, tokens: missed });

	const common = commonBlocks(earlier.summary, turn.summary);
	const changed = changeOf(turn, earlier, common);
	const shared = earlier.summary.marks.filter(({ block }) => block < common);
	const sharedTokens = tokensAt(earlier, shared.at(-1));
	// What was read is all that the two have in common: the change explains the rest.
	if (changed !== null && turn.readTokens >= sharedTokens * (1 - TOLERANCE)) return missOf(...changed);

	const cause = causeOf(turn, earlier, shared.length > 0 ? shared : earlier.summary.marks);
	if (cause !== null) return missOf(...cause);
	if (changed !== null) return missOf(...changed);
	const reported = diagnosed(turn.diagnosis);
	if (reported !== null) return missOf(...reported);
	if (short !== null) return { ...short, tokens: missed };
	return missOf("lost", "nothing changed and it had not expired: the provider no longer had the entry");
}

type Cause = readonly [MissReason, string];

function belowMinimum(turn: Turn, last: SummedMark): Miss | null {
	if (turn.readTokens + turn.writeTokens > 0) return null;
	const all = turn.summary.bytes[2];
	const tokens = all === 0 ? 0 : Math.round((turn.inputTokens * last.bytes) / all);
	if (tokens >= turn.minimumTokens || turn.inputTokens === 0) return null;
	const detail = `about ${tokens} tokens are marked for caching; this model caches from ${turn.minimumTokens}`;
	return { reason: "below_minimum", detail, tokens: 0 };
}

/** What differs between the prompts before the end of what was cached; null = nothing. */
function changeOf(turn: Turn, earlier: Turn, common: number): Cause | null {
	const end = (earlier.summary.marks.at(-1)?.block ?? -1) + 1;
	if (common >= end) return null;
	const before = levelOf(earlier.summary, common);
	const after = common < blocksOf(turn.summary) ? levelOf(turn.summary, common) : null;
	if (before === "tools" || after === "tools") return ["tools_changed", toolsDetail(turn, earlier, common)];
	const { tools, system } = turn.summary;
	if (before === "system" || after === "system") {
		const which = common - tools;
		const kind = before !== "system" ? "was added" : after !== "system" ? "is gone" : "differs";
		return ["system_changed", `system[${which}] ${kind}`];
	}
	const isFirst = common === tools + system;
	const settings = isFirst ? changedSettings(turn.settings, earlier.settings) : [];
	if (settings.length > 0) return ["settings_changed", `${settings.join(", ")} changed: all messages are read anew`];
	if (after === null)
		return ["history_edited", `the history ends before message ${messageOf(earlier.summary, common)}`];
	return ["history_edited", `messages[${messageOf(turn.summary, common)}] differs`];
}

function toolsDetail(turn: Turn, earlier: Turn, common: number): string {
	const { tools } = turn.summary;
	const before = earlier.summary.tools;
	const counts = before === tools ? "" : ` (${before} tools before, ${tools} now)`;
	if (common >= before) return `tools[${common}] was added${counts}`;
	if (common >= tools) return `tools[${common}] is gone${counts}`;
	return `tools[${common}] differs${counts}`;
}

const SETTING_NAMES: Readonly<Record<keyof TurnSettings, string>> = {
	toolChoice: "tool_choice",
	thinking: "thinking",
	effort: "effort",
	format: "output format",
	images: "whether there are images",
};

function changedSettings(now: TurnSettings, before: TurnSettings): string[] {
	return (Object.keys(SETTING_NAMES) as (keyof TurnSettings)[])
		.filter((name) => now[name] !== before[name])
		.map((name) => SETTING_NAMES[name]);
}

/** Why entries at `marks`, which both prompts begin with, were not read; null = no reason known. */
function causeOf(turn: Turn, earlier: Turn, marks: readonly SummedMark[]): Cause | null {
	if (turn.model !== earlier.model) return ["model_changed", `${earlier.model} before, ${turn.model} now`];
	if (turn.betas !== earlier.betas) return ["betas_changed", betasDetail(turn.betas, earlier.betas)];
	if (turn.variant !== earlier.variant) {
		return ["variant_changed", `${earlier.variant || "default"} before, ${turn.variant || "default"} now`];
	}
	if (earlier.firstByteAt === null || earlier.firstByteAt > turn.startedAt)
		return ["not_ready", "it was sent before the request that writes the entry had begun to answer"];
	const gapMs = turn.startedAt - earlier.startedAt;
	const ttl: Ttl = marks.some((mark) => mark.ttl === "1h") ? "1h" : "5m";
	if (gapMs >= TTL_MS[ttl]) return ["expired", `${minutes(gapMs)} since the last turn; entries live ${ttl}`];
	if (turn.place !== earlier.place) {
		return ["moved", `from ${earlier.modelId} to ${turn.modelId}${turn.route === "" ? "" : ` (${turn.route})`}`];
	}
	const target = marks.at(-1);
	const positions = target === undefined ? null : positionsTo(turn, target.block);
	if (positions !== null && positions > LOOK_BACK_POSITIONS) {
		return ["look_back", `${positions} positions before the next breakpoint; ${LOOK_BACK_POSITIONS} are looked at`];
	}
	return null;
}

function betasDetail(now: string, before: string): string {
	const listed = (betas: string) => betas.split(",").filter((beta) => beta !== "");
	const added = listed(now).filter((beta) => !listed(before).includes(beta));
	const gone = listed(before).filter((beta) => !listed(now).includes(beta));
	return [...added.map((beta) => `+${beta}`), ...gone.map((beta) => `-${beta}`)].join(" ");
}

/**
 * Look-back positions from the nearest breakpoint at or after `block` down to it, both counted (prompt-caching R4, R5);
 * null = no such breakpoint.
 */
function positionsTo({ summary, collapseRuns }: Turn, block: number): number | null {
	const from = summary.marks.find((mark) => mark.block >= block)?.block;
	if (from === undefined) return null;
	let positions = 1;
	for (let at = from; at > block; at -= 1) {
		const kind = kindOf(summary, at);
		if (!collapseRuns || kind === 0 || kind !== kindOf(summary, at - 1)) positions += 1;
	}
	return positions;
}

/** Tokens cached up to a mark of a turn, by its share of the bytes. */
function tokensAt({ summary, readTokens, writeTokens }: Turn, mark: SummedMark | undefined): number {
	const last = summary.marks.at(-1);
	if (mark === undefined || last === undefined || last.bytes === 0) return 0;
	return ((readTokens + writeTokens) * mark.bytes) / last.bytes;
}

const DIAGNOSES: Readonly<Record<string, MissReason>> = {
	model_changed: "model_changed",
	system_changed: "system_changed",
	tools_changed: "tools_changed",
	messages_changed: "history_edited",
};

function diagnosed(diagnosis: string | null): Cause | null {
	const reason = diagnosis === null ? undefined : DIAGNOSES[diagnosis];
	return reason === undefined ? null : [reason, `as the provider diagnosed: ${diagnosis}`];
}

function minutes(ms: number): string {
	return ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${(ms / 60_000).toFixed(1)} min`;
}
