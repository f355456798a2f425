// What OpenAI's own models take besides what their server takes: sampling, stop sequences, reasoning effort. A dated table. Leaves servers to
// upstream-dialect.
import { asObject, type JsonObject, numberOf, textOf } from "./json.ts";
import { type Effort, plainModelName } from "./upstream-dialect.ts";

export interface ModelRules {
	/** Levels of `reasoning_effort` that the model takes; empty = the member is refused. */
	readonly efforts: readonly Effort[];
	/** `temperature` and `top_p`. Where newer models take them beside effort `none`, they still are left out. */
	readonly sampling: boolean;
	/** `stop`. */
	readonly stop: boolean;
	/** `parallel_tool_calls`. */
	readonly parallelToolCalls: boolean;
	/** Tools are refused in Chat Completions unless the effort is `none`. */
	readonly toolsNeedNoEffort: boolean;
}

const REASONER = { sampling: false, stop: false, parallelToolCalls: true, toolsNeedNoEffort: false } as const;

/**
 * As of 2026-12-01; the first row that matches. Efforts: measured for every model of the API in enricoros/big-AGI#944 and #1159, and OpenAI's
 * page of each model. No sampling, no `stop`: OpenAI's guide to reasoning models, and the API's own `unsupported_value` errors.
 */
const ROWS: readonly (readonly [RegExp, ModelRules])[] = [
	[/^o1-(mini|preview)/, { ...REASONER, efforts: [], parallelToolCalls: false }],
	[/^o[1-9]\b/, { ...REASONER, efforts: ["low", "medium", "high"], parallelToolCalls: false }],
	// No reasoner: takes sampling (BerriAI/litellm#13781).
	[/^gpt-5-chat/, { ...REASONER, efforts: [], sampling: true, stop: true }],
	[/^gpt-5(\.\d+)?-chat/, { ...REASONER, efforts: [] }],
	[/^gpt-5-pro/, { ...REASONER, efforts: ["high"] }],
	[/^gpt-5\.\d+-pro/, { ...REASONER, efforts: ["medium", "high", "xhigh"] }],
	[/^gpt-5(\.1)?-codex(?!-max)/, { ...REASONER, efforts: ["low", "medium", "high"] }],
	[/^gpt-5\.\d+-codex/, { ...REASONER, efforts: ["low", "medium", "high", "xhigh"] }],
	[/^gpt-5\.1\b/, { ...REASONER, efforts: ["none", "low", "medium", "high"] }],
	// Tools beside an effort: pipecat-ai/pipecat#4043, livekit/agents#5088, BerriAI/litellm#34569 (5.6: even with no effort named).
	[/^gpt-5\.[2-5]\b/, { ...REASONER, efforts: ["none", "low", "medium", "high", "xhigh"], toolsNeedNoEffort: true }],
	[
		/^gpt-(5\.\d+|[6-9])/,
		{ ...REASONER, efforts: ["none", "low", "medium", "high", "xhigh", "max"], toolsNeedNoEffort: true },
	],
	[/^gpt-5/, { ...REASONER, efforts: ["minimal", "low", "medium", "high"] }],
	[/^codex-mini/, { ...REASONER, efforts: ["low", "medium", "high"] }],
	[/^gpt-4o(-mini)?-search/, { ...REASONER, efforts: [], stop: true }],
	[
		/^(gpt-(3|4)|chatgpt-)/,
		{ efforts: [], sampling: true, stop: true, parallelToolCalls: true, toolsNeedNoEffort: false },
	],
];

/** Rules of one of OpenAI's models, by its name; null for everybody else's. */
export function rulesOf(model: string): ModelRules | null {
	const name = plainModelName(model);
	return ROWS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** Its models that reason refuse `max_tokens` too, wherever they are served. */
export function isReasoner(rules: ModelRules | null): boolean {
	return rules !== null && !rules.sampling;
}

const LEVELS: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
/** Most tokens of a thinking budget that a level stands for. */
const BUDGETS: readonly (readonly [number, Effort])[] = [
	[2048, "low"],
	[8192, "medium"],
];

/** What the Messages API's `thinking` and `output_config.effort` ask for; null = nothing was said. */
export function wantedEffort(messages: JsonObject): Effort | null {
	const thinking = asObject(messages["thinking"]);
	if (thinking?.["type"] === "disabled") return "none";
	const effort = textOf(messages["output_config"], "effort");
	if (effort !== null) return LEVELS.find((level) => level === effort) ?? "high";
	if (thinking?.["type"] !== "enabled") return null;
	const budget = numberOf(thinking, "budget_tokens") ?? 0;
	return BUDGETS.find(([most]) => budget <= most)?.[1] ?? "high";
}

/**
 * The level to send: the strongest that is taken and no stronger than `wanted`, else the weakest. No thinking at all has no counterpart where
 * neither `none` nor `minimal` is taken, and nothing is sent.
 */
export function effortFor(wanted: Effort | null, taken: readonly Effort[]): Effort | null {
	if (wanted === null || taken.length === 0) return null;
	if (wanted === "none") return taken.find((level) => level === "none" || level === "minimal") ?? null;
	const most = LEVELS.indexOf(wanted);
	const levels = taken.filter((level) => level !== "none");
	return levels.findLast((level) => LEVELS.indexOf(level) <= most) ?? levels[0] ?? null;
}
