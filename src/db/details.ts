// What a log row keeps as JSON: how a request was decided and tried, and its prompt's summary. Leaves the flat columns to db/tables.
import type { Turn } from "../cache/miss.ts";
import { readSummary, type StoredSummary } from "../cache/summary.ts";
import { type JsonBytes, storable } from "./json-bytes.ts";

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
 * Details as `writeDetails` keeps them: without names, which would be more than half of the log. Rows of the first versions have an object
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

/** Writes details as they are kept, without what databases refuse. */
export function writeDetails(json: JsonBytes, details: NewDetails): void {
	const { diverted, metadata, miss, turn } = details;
	json.raw("[");
	json.string(details.error_message);
	json.raw(",");
	json.list(details.attempts, writeAttempt);
	json.raw(",");
	json.list(details.candidates, writeCandidate);
	json.raw(",");
	json.list(details.excluded, writeExcluded);
	json.raw(diverted === null ? ",null," : ",[");
	if (diverted !== null) {
		json.string(diverted.model_id);
		json.raw(",");
		json.string(diverted.why);
		json.raw("],");
	}
	json.number(details.prompt_tokens);
	json.raw(",");
	json.number(details.max_tokens);
	json.raw(",");
	json.string(details.request_class);
	json.raw(",");
	json.string(details.team_alias);
	json.raw(",");
	json.strings(details.tags);
	json.raw(",");
	json.json(metadata === null ? "null" : storable(JSON.stringify(metadata)));
	json.raw(miss === null ? ",null," : ",[");
	if (miss !== null) {
		json.string(miss.detail);
		json.raw(",");
		json.number(miss.tokens);
		json.raw("],");
	}
	if (turn === null) json.raw("null");
	else writeTurn(json, turn);
	json.raw("]");
}

function writeAttempt(json: JsonBytes, attempt: Details["attempts"][number]): void {
	json.raw("[");
	json.string(attempt.model_id);
	json.raw(",");
	json.string(attempt.outcome);
	json.raw(",");
	json.number(attempt.status);
	json.raw(",");
	json.string(attempt.error);
	json.numbers([attempt.started_at, attempt.ms]);
	json.raw("]");
}

function writeCandidate(json: JsonBytes, candidate: Details["candidates"][number]): void {
	json.raw("[");
	json.string(candidate.model_id);
	json.raw(",");
	json.string(candidate.reason);
	json.numbers([candidate.predicted_read_tokens, candidate.expected_dollars]);
	json.raw(candidate.thinking_at_risk ? ",true]" : ",false]");
}

function writeExcluded(json: JsonBytes, { model_id, why, until }: Details["excluded"][number]): void {
	json.raw("[");
	json.string(model_id);
	json.raw(",");
	json.string(why);
	json.numbers([until]);
	json.raw("]");
}

function writeTurn(json: JsonBytes, turn: Turn): void {
	const { settings, summary } = turn;
	json.raw("[");
	json.number(turn.startedAt);
	json.numbers([turn.firstByteAt]);
	json.raw(",");
	json.string(turn.model);
	json.raw(",");
	json.string(turn.place);
	json.raw(",");
	json.string(turn.modelId);
	json.raw(",");
	json.string(turn.betas);
	json.raw(",");
	json.string(turn.variant);
	json.raw(",[");
	json.number(settings.toolChoice);
	json.numbers([settings.thinking, settings.effort, settings.format, settings.images]);
	json.raw("],");
	writeSummary(json, summary);
	json.numbers([turn.inputTokens, turn.readTokens, turn.writeTokens, turn.minimumTokens]);
	json.raw(turn.collapseRuns ? ",true," : ",false,");
	json.string(turn.route);
	json.raw(",");
	json.string(turn.diagnosis);
	json.raw("]");
}

function writeSummary(json: JsonBytes, summary: Turn["summary"]): void {
	const { bytes, marks, words, messageBlocks } = summary;
	json.raw("[");
	json.number(summary.tools);
	json.numbers([summary.system, summary.messages]);
	json.raw(",[");
	json.number(bytes[0]);
	json.numbers([bytes[1], bytes[2]]);
	json.raw("],");
	json.list(marks, writeMark);
	json.raw(",");
	json.base64(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
	json.raw(",");
	json.base64(messageBlocks);
	json.raw("]");
}

function writeMark(json: JsonBytes, { block, ttl, bytes }: Turn["summary"]["marks"][number]): void {
	json.raw("[");
	json.number(block);
	json.raw(",");
	json.string(ttl);
	json.numbers([bytes]);
	json.raw("]");
}
