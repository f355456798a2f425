// What a translation must know of the models behind a name, because Messages API models differ. Leaves finding it out to the caller.
import { GatewayError } from "../../errors.ts";
import { claudeName } from "../claude-models.ts";

/** Traits of all the deployments that may serve a request: what is true here must be true of each of them. */
export interface ModelTraits {
	/** adaptive: `thinking.type: adaptive` with `output_config.effort`; budget: `thinking.type: enabled` with a number of tokens. */
	readonly thinking: "adaptive" | "budget";
	/** `output_config.format` is understood; otherwise a schema is asked for by a tool. */
	readonly schemas: boolean;
	/** `max_tokens` where the client gave none: the Messages API insists on one. null = it goes to none, and none is sent. */
	readonly maxTokens: number | null;
	/**
	 * What the Messages API has no form for is refused; otherwise it is left out, because the client's own bytes go to an upstream that
	 * understands them and the translation only serves routing.
	 */
	readonly refuses: boolean;
}

/** Models whose thinking takes a budget, and which do not know `adaptive`: those before 4.6, and every Haiku up to 4.5. */
const BUDGETED =
	/^claude-(?:3|haiku-3|haiku-4|instant|2)|^claude-(?:opus|sonnet)-4(?:-[015])?$|^claude-\d-\d-(?:haiku|sonnet|opus)/;

/** Models before structured outputs: 3.x, Sonnet 4 and Opus 4. */
const WITHOUT_SCHEMAS =
	/^claude-(?:3|haiku-3|instant|2)|^claude-(?:opus|sonnet)-4$|^claude-\d-\d-(?:haiku|sonnet|opus)/;

/** 3.x models answer with at most this many tokens. */
const OLD_MAX_TOKENS = 8_192;
const OLD = /^claude-(?:3|haiku-3|instant|2)/;
/** `max_tokens` of a request that names none: what Claude Code asks for; every model since 4 allows it. */
export const MAX_TOKENS = 32_000;

/** Traits of one Claude model, by its upstream's id, on a platform that has structured outputs, or has not. */
export function traitsOfModel(upstreamModel: string, structuredOutputs: boolean): ModelTraits {
	const model = claudeName(upstreamModel);
	return {
		thinking: BUDGETED.test(model) ? "budget" : "adaptive",
		schemas: structuredOutputs && !WITHOUT_SCHEMAS.test(model),
		maxTokens: OLD.test(model) ? OLD_MAX_TOKENS : MAX_TOKENS,
		refuses: true,
	};
}

/** Traits of servers that speak Chat Completions themselves. */
export const OPENAI_TRAITS: ModelTraits = { thinking: "adaptive", schemas: true, maxTokens: null, refuses: false };

/** Traits that hold for both. A budget is not understood by the newest models, nor adaptive by the oldest: the newer wins. */
export function bothTraits(a: ModelTraits, b: ModelTraits): ModelTraits {
	return {
		thinking: a.thinking === "budget" && b.thinking === "budget" ? "budget" : "adaptive",
		schemas: a.schemas && b.schemas,
		maxTokens:
			a.maxTokens === null || b.maxTokens === null ? (a.maxTokens ?? b.maxTokens) : Math.min(a.maxTokens, b.maxTokens),
		refuses: a.refuses || b.refuses,
	};
}

/** Refuses what has no form in the Messages API, where `traits` say so; otherwise does nothing. Throws invalid_field. */
export function unsupported(traits: ModelTraits, field: string, reason: string): void {
	if (traits.refuses) refuse(field, reason);
}

/** Throws invalid_field. */
export function refuse(field: string, reason: string): never {
	throw new GatewayError("invalid_field", { field, reason });
}
