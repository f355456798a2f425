// What a log row keeps as JSON: how a request was decided and tried, and its prompt's summary. Leaves the flat columns to db/tables.
import type { Turn } from "../cache/miss.ts";
import { readSummary, type StoredSummary } from "../cache/summary.ts";
import { type Packer, storable } from "./packing.ts";

/** Times are ms since epoch. */
export interface Details {
	/** What the caller was told, where something went wrong. */
	readonly error_message: string | null;
	readonly attempts: readonly {
		readonly model_id: string;
		readonly outcome: string;
		readonly status: number | null;
		readonly error: string;
		readonly started_at: number;
		readonly ms: number;
	}[];
	readonly candidates: readonly {
		readonly model_id: string;
		readonly reason: string;
		readonly predicted_read_tokens: number;
		/** Input side; null = the price is unknown. */
		readonly expected_dollars: number | null;
		readonly thinking_at_risk: boolean;
	}[];
	readonly excluded: readonly { readonly model_id: string; readonly why: string; readonly until: number | null }[];
	readonly diverted: { readonly model_id: string; readonly why: string } | null;
	/** As estimated before it was sent. */
	readonly prompt_tokens: number | null;
	readonly max_tokens: number | null;
	readonly request_class: string | null;
	readonly team_alias: string | null;
	readonly tags: readonly string[];
	/** The caller's own data about the request (`x-litellm-spend-logs-metadata`). */
	readonly metadata: Readonly<Record<string, unknown>> | null;
	readonly miss: { readonly detail: string; readonly tokens: number } | null;
	/** Null where the request marked nothing for caching, or no usage was reported. */
	readonly turn: StoredTurn | null;
}

/** The same before it is JSON. */
export type NewDetails = Omit<Details, "turn"> & { readonly turn: Turn | null };

/** A turn as JSON keeps it. */
export type StoredTurn = Omit<Turn, "summary"> & { readonly summary: StoredSummary };

export function readTurn({ summary, ...rest }: StoredTurn): Turn {
	return { ...rest, summary: readSummary(summary) };
}

/** A row's details. Text that is not theirs gives null: one damaged row must not hide a page. */
export function readDetails(text: string): Details | null {
	try {
		const parsed: unknown = JSON.parse(text);
		if (Array.isArray(parsed)) return detailsOf(parsed as unknown as Packed);
		return typeof parsed === "object" && parsed !== null && "attempts" in parsed ? (parsed as Details) : null;
	} catch {
		return null;
	}
}

/**
 * Details as they are kept since then: without names, which would be more than half of the log. Rows of the first versions have an object
 * instead. Only ever add at the end.
 */
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

function turnOf(packed: PackedTurn): StoredTurn {
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
		summary: {
			tools,
			system,
			messages,
			bytes,
			marks: marks.map(([block, ttl, upTo]) => ({ block, ttl, bytes: upTo })),
			words,
			message_blocks,
		},
		inputTokens,
		readTokens,
		writeTokens,
		minimumTokens,
		collapseRuns,
		route,
		diagnosis,
	};
}

/** Appends details in the order in which `Packed` has them; db/unpacking makes that of them. */
export function packDetails(packer: Packer, details: NewDetails): void {
	const { diverted, metadata, miss, turn } = details;
	packer.word(details.error_message);
	packer.number(details.attempts.length);
	for (const attempt of details.attempts) {
		packer.word(attempt.model_id);
		packer.word(attempt.outcome);
		packer.number(attempt.status);
		packer.word(attempt.error);
		packer.number(attempt.started_at);
		packer.number(attempt.ms);
	}
	packer.number(details.candidates.length);
	for (const candidate of details.candidates) {
		packer.word(candidate.model_id);
		packer.word(candidate.reason);
		packer.number(candidate.predicted_read_tokens);
		packer.number(candidate.expected_dollars);
		packer.flag(candidate.thinking_at_risk);
	}
	packer.number(details.excluded.length);
	for (const { model_id, why, until } of details.excluded) {
		packer.word(model_id);
		packer.word(why);
		packer.number(until);
	}
	packer.flag(diverted !== null);
	if (diverted !== null) {
		packer.word(diverted.model_id);
		packer.word(diverted.why);
	}
	packer.number(details.prompt_tokens);
	packer.number(details.max_tokens);
	packer.word(details.request_class);
	packer.word(details.team_alias);
	packer.number(details.tags.length);
	for (const tag of details.tags) packer.word(tag);
	packer.word(metadata === null ? null : storable(JSON.stringify(metadata)));
	packer.flag(miss !== null);
	if (miss !== null) {
		packer.word(miss.detail);
		packer.number(miss.tokens);
	}
	packer.flag(turn !== null);
	if (turn !== null) packTurn(packer, turn);
}

function packTurn(packer: Packer, turn: Turn): void {
	const { settings, summary } = turn;
	packer.number(turn.startedAt);
	packer.number(turn.firstByteAt);
	packer.word(turn.model);
	packer.word(turn.place);
	packer.word(turn.modelId);
	packer.word(turn.betas);
	packer.word(turn.variant);
	packer.number(settings.toolChoice);
	packer.number(settings.thinking);
	packer.number(settings.effort);
	packer.number(settings.format);
	packer.number(settings.images);
	packSummary(packer, summary);
	packer.number(turn.inputTokens);
	packer.number(turn.readTokens);
	packer.number(turn.writeTokens);
	packer.number(turn.minimumTokens);
	packer.flag(turn.collapseRuns);
	packer.word(turn.route);
	packer.word(turn.diagnosis);
}

function packSummary(packer: Packer, summary: Turn["summary"]): void {
	const { bytes } = summary;
	packer.number(summary.tools);
	packer.number(summary.system);
	packer.number(summary.messages);
	packer.number(bytes[0]);
	packer.number(bytes[1]);
	packer.number(bytes[2]);
	packer.number(summary.marks.length);
	for (const mark of summary.marks) {
		packer.number(mark.block);
		packer.word(mark.ttl);
		packer.number(mark.bytes);
	}
	packer.numbers(summary.words);
	packer.numbers(summary.messageBlocks);
}
