// What single Claude models refuse of a request that others take, by the model's name: one table. Leaves changing requests to those who
// send them, and what platforms refuse to providers/platform-rules.

/** What a model does with a request that other models take. */
export interface ClaudeModel {
	/** Values other than the default of `temperature`, `top_p` and `top_k` are a 400. */
	readonly refusesSampling: boolean;
	/** `temperature` and `top_p` in one request are a 400. */
	readonly refusesBoth: boolean;
	/** A conversation that ends with words of the assistant is a 400. */
	readonly refusesPrefill: boolean;
	/** The long context is had by a beta value only. */
	readonly longContextBeta: boolean;
}

/** Generations as numbers, so that they can be compared: 4.7 is 407, 5 is 500. */
interface Named {
	readonly family: string;
	readonly generation: number;
}

interface Rule {
	readonly family: RegExp;
	readonly from: number;
	readonly to: number;
}

const NEVER_ENDS = Number.POSITIVE_INFINITY;
const ANY = /^/;

const RULES: Readonly<Record<keyof ClaudeModel, readonly Rule[]>> = {
	// Platform docs, "What's new in Claude Opus 4.7" (2026-04): sampling parameters removed; the same on every later model
	// (RooCodeInc/Roo-Code #12162, The-PR-Agent/pr-agent #2456, BerriAI/litellm #26444).
	refusesSampling: [
		{ family: /^opus$/, from: 407, to: NEVER_ENDS },
		{ family: ANY, from: 500, to: NEVER_ENDS },
	],
	// Platform docs, migration guide (2025-09): from 4.1 on one of the two.
	refusesBoth: [{ family: ANY, from: 401, to: NEVER_ENDS }],
	// Platform docs, migration guide (2026-02): prefill removed on 4.6 models (Kilo-Org/kilocode #8260, vybestack/llxprt-code #3695).
	refusesPrefill: [{ family: ANY, from: 406, to: NEVER_ENDS }],
	// claude-code §10: sent for Sonnet 4.5, for no later model; context windows in the platform docs (2025-09).
	longContextBeta: [{ family: /^sonnet$/, from: 400, to: 405 }],
};

/** The beta value of `longContextBeta`. */
export const LONG_CONTEXT_BETA = "context-1m-2025-08-07";

const known = new Map<string, ClaudeModel | null>();
/** Names come from the configuration and, through patterns, from clients. */
const MOST_KNOWN = 256;

/** What is known of the model behind an upstream's id; null for a name that does not say which Claude it is. */
export function claudeModel(upstreamModel: string): ClaudeModel | null {
	let model = known.get(upstreamModel);
	if (model === undefined) {
		model = readModel(upstreamModel);
		if (known.size < MOST_KNOWN) known.set(upstreamModel, model);
	}
	return model;
}

function readModel(upstreamModel: string): ClaudeModel | null {
	const named = namedModel(upstreamModel);
	if (named === null) return null;
	const holds = (rules: readonly Rule[]): boolean =>
		rules.some(({ family, from, to }) => {
			return family.test(named.family) && named.generation >= from && named.generation <= to;
		});
	return {
		refusesSampling: holds(RULES.refusesSampling),
		refusesBoth: holds(RULES.refusesBoth),
		refusesPrefill: holds(RULES.refusesPrefill),
		longContextBeta: holds(RULES.longContextBeta),
	};
}

/** Of an upstream's id what names the model: `claude-sonnet-4-5` of `us.anthropic.claude-sonnet-4-5-20250929-v1:0`. */
export function claudeName(upstreamModel: string): string {
	const name = /claude-[\w.-]+/.exec(upstreamModel.toLowerCase())?.[0] ?? upstreamModel;
	return name.replace(/-v\d+$/, "").replace(/-(?:\d{8}|latest)$/, "");
}

/** `claude-opus-4-7`, `claude-opus-4.7`, `claude-4.7-opus` and `claude-3-5-sonnet` alike. */
function namedModel(upstreamModel: string): Named | null {
	const name = claudeName(upstreamModel);
	const later = /^claude-([a-z]+)-(\d{1,2})(?:[-.](\d{1,2}))?(?![\d])/.exec(name);
	if (later !== null) return { family: later[1] ?? "", generation: generationOf(later[2], later[3]) };
	const earlier = /^claude-(\d)(?:[-.](\d))?-([a-z]+)/.exec(name);
	if (earlier !== null) return { family: earlier[3] ?? "", generation: generationOf(earlier[1], earlier[2]) };
	// The previews came without a number, with what holds from 5 on.
	const bare = /^claude-(mythos|fable)\b/.exec(name);
	return bare === null ? null : { family: bare[1] ?? "", generation: 500 };
}

function generationOf(major: string | undefined, minor: string | undefined): number {
	return Number(major) * 100 + Number(minor ?? 0);
}
