// The details of a row as they stood in `requests.details`: JSON of three kinds, by age. Leaves moving them to 0020_request_chunks.
import type { Turn } from "../../cache/miss.ts";
import { readSummary, type StoredSummary } from "../../cache/summary.ts";
import { type Details, NO_DETAILS } from "../details.ts";

/** As the first rows have them. */
type Named = Omit<Details, "turn"> & {
	readonly turn: (Omit<Turn, "summary"> & { readonly summary: StoredSummary }) | null;
};

/** A row's details; of text that is not theirs there are none: one damaged row must not hold up the others. */
export function readDetails(text: string): Details {
	try {
		const parsed: unknown = JSON.parse(text);
		if (Array.isArray(parsed)) return detailsOf(parsed as unknown as Packed);
		const isNamed = typeof parsed === "object" && parsed !== null && "attempts" in parsed;
		return isNamed ? ofNames(parsed as Named) : NO_DETAILS;
	} catch {
		return NO_DETAILS;
	}
}

function ofNames({ turn, ...rest }: Named): Details {
	return { ...NO_DETAILS, ...rest, turn: turn === null ? null : { ...turn, summary: readSummary(turn.summary) } };
}

/** Details without names. The first rows have an object instead. */
type Packed = readonly [
	errorMessage: Details["error_message"],
	attempts: readonly (readonly [string, string, number | null, string, number, number])[],
	candidates: readonly (readonly [string, string, number, number | null, boolean])[],
	excluded: readonly (readonly [string, string, number | null])[],
	diverted: readonly [string, string] | null,
	promptTokens: number | null,
	maxTokens: number | null,
	requestClass: string | null,
	teamAlias: string | null,
	tags: readonly string[],
	metadata: Details["metadata"],
	miss: readonly [string, number] | null,
	turn: PackedTurn | null,
];

type PackedTurn = readonly [
	startedAt: number,
	firstByteAt: number | null,
	model: string,
	place: string,
	modelId: string,
	betas: string,
	variant: string,
	settings: readonly [number, number, number, number, number],
	summary: PackedSummary,
	inputTokens: number,
	readTokens: number,
	writeTokens: number,
	minimumTokens: number,
	collapseRuns: boolean,
	route: string,
	diagnosis: string | null,
];

type PackedSummary = readonly [
	tools: number,
	system: number,
	messages: number,
	bytes: readonly [number, number, number],
	marks: readonly (readonly [number, Turn["summary"]["marks"][number]["ttl"], number])[],
	words: string,
	messageBlocks: string,
];

function detailsOf(packed: Packed): Details {
	const [error_message, attempts, candidates, excluded, diverted, prompt_tokens, max_tokens, ...rest] = packed;
	const [request_class, team_alias, tags, metadata, miss, turn] = rest;
	return {
		error_message,
		attempts: attempts.map(([model_id, outcome, status, error, started_at, ms]) => {
			return { model_id, outcome, status, error, started_at, ms };
		}),
		candidates: candidates.map(([model_id, reason, predicted_read_tokens, expected_dollars, thinking_at_risk]) => {
			return { model_id, reason, predicted_read_tokens, expected_dollars, thinking_at_risk };
		}),
		excluded: excluded.map(([model_id, why, until]) => ({ model_id, why, until })),
		diverted: diverted === null ? null : { model_id: diverted[0], why: diverted[1] },
		prompt_tokens,
		max_tokens,
		request_class,
		team_alias,
		tags,
		metadata,
		miss: miss === null ? null : { detail: miss[0], tokens: miss[1] },
		turn: turn === null ? null : turnOf(turn),
	};
}

function turnOf(packed: PackedTurn): Turn {
	const [startedAt, firstByteAt, model, place, modelId, betas, variant, settings, summary, ...rest] = packed;
	const [inputTokens, readTokens, writeTokens, minimumTokens, collapseRuns, route, diagnosis] = rest;
	const [toolChoice, thinking, effort, format, images] = settings;
	const [tools, system, messages, bytes, marks, words, message_blocks] = summary;
	return {
		startedAt,
		firstByteAt,
		model,
		place,
		modelId,
		betas,
		variant,
		settings: { toolChoice, thinking, effort, format, images },
		summary: readSummary({
			tools,
			system,
			messages,
			bytes,
			marks: marks.map(([block, ttl, upTo]) => ({ block, ttl, bytes: upTo })),
			words,
			message_blocks,
		}),
		inputTokens,
		readTokens,
		writeTokens,
		minimumTokens,
		collapseRuns,
		route,
		diagnosis,
	};
}
