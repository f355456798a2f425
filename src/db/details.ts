// What the log keeps of a request beside its flat columns: how it was decided and tried, and its prompt's summary. Leaves the columns to
// db/columns and where both stand to db/chunk.
import type { Turn } from "../cache/miss.ts";
import type { Ttl } from "../cache/semantics.ts";
import { type PrefixSummary, summaryOf } from "../cache/summary.ts";
import type { Packer, Unpacker } from "./packing.ts";

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
	readonly turn: Turn | null;
}

/** Nothing is known. */
export const NO_DETAILS: Details = {
	error_message: null,
	attempts: [],
	candidates: [],
	excluded: [],
	diverted: null,
	prompt_tokens: null,
	max_tokens: null,
	request_class: null,
	team_alias: null,
	tags: [],
	metadata: null,
	miss: null,
	turn: null,
};

interface OfDeployment {
	readonly deployment: { readonly id: string };
}

/** Details of a request that is over. Lists are the router's and the exchange's own: to copy them would take longer than to pack them. */
export interface NewDetails extends Omit<Details, "attempts" | "candidates" | "excluded" | "diverted"> {
	readonly attempts: readonly (OfDeployment & {
		readonly outcome: string;
		readonly status: number | null;
		readonly error: string;
		readonly startedAt: number;
		readonly endedAt: number;
	})[];
	readonly candidates: readonly (OfDeployment & {
		readonly reason: string;
		readonly predictedReadTokens: number;
		readonly expectedDollars: number | null;
		readonly thinkingAtRisk: boolean;
	})[];
	readonly excluded: readonly (OfDeployment & { readonly why: string; readonly until: number | null })[];
	readonly diverted: (OfDeployment & { readonly why: string }) | null;
}

/** Details that were kept before, to be kept anew. */
export function renewedDetails(details: Details): NewDetails {
	const { attempts, candidates, excluded, diverted } = details;
	const of = (id: string) => ({ deployment: { id } });
	return {
		...details,
		attempts: attempts.map(({ model_id, started_at, ms, ...rest }) => {
			return { ...of(model_id), ...rest, startedAt: started_at, endedAt: started_at + ms };
		}),
		candidates: candidates.map((candidate) => ({
			...of(candidate.model_id),
			reason: candidate.reason,
			predictedReadTokens: candidate.predicted_read_tokens,
			expectedDollars: candidate.expected_dollars,
			thinkingAtRisk: candidate.thinking_at_risk,
		})),
		excluded: excluded.map(({ model_id, ...rest }) => ({ ...of(model_id), ...rest })),
		diverted: diverted === null ? null : { ...of(diverted.model_id), why: diverted.why },
	};
}

/** Attempts, candidates and exclusions that are kept of a request. */
const MOST_LISTED = 16;

/** Appends details; `unpackDetails` reads them. Kept on disk: only ever add at the end. Metadata that JSON cannot say throws. */
export function packDetails(packer: Packer, details: NewDetails): void {
	const { diverted, metadata, miss, turn } = details;
	packer.word(details.error_message);
	packAttempts(packer, details.attempts);
	packCandidates(packer, details.candidates);
	packExcluded(packer, details.excluded);
	packer.flag(diverted !== null);
	if (diverted !== null) {
		packer.word(diverted.deployment.id);
		packer.word(diverted.why);
	}
	packer.number(details.prompt_tokens);
	packer.number(details.max_tokens);
	packer.word(details.request_class);
	packer.word(details.team_alias);
	packer.number(details.tags.length);
	for (const tag of details.tags) packer.word(tag);
	packer.word(metadata === null ? null : JSON.stringify(metadata));
	packer.flag(miss !== null);
	if (miss !== null) {
		packer.word(miss.detail);
		packer.number(miss.tokens);
	}
	packer.flag(turn !== null);
	if (turn !== null) packTurn(packer, turn);
}

function packAttempts(packer: Packer, attempts: NewDetails["attempts"]): void {
	const count = Math.min(attempts.length, MOST_LISTED);
	packer.number(count);
	for (let at = 0; at < count; at += 1) {
		const { deployment, outcome, status, error, startedAt, endedAt } = attempts[at] as NewDetails["attempts"][number];
		packer.word(deployment.id);
		packer.word(outcome);
		packer.number(status);
		packer.word(error);
		packer.number(startedAt);
		packer.number(endedAt - startedAt);
	}
}

function packCandidates(packer: Packer, candidates: NewDetails["candidates"]): void {
	const count = Math.min(candidates.length, MOST_LISTED);
	packer.number(count);
	for (let at = 0; at < count; at += 1) {
		const candidate = candidates[at] as NewDetails["candidates"][number];
		packer.word(candidate.deployment.id);
		packer.word(candidate.reason);
		packer.number(Math.round(candidate.predictedReadTokens));
		packer.number(candidate.expectedDollars);
		packer.flag(candidate.thinkingAtRisk);
	}
}

function packExcluded(packer: Packer, excluded: NewDetails["excluded"]): void {
	const count = Math.min(excluded.length, MOST_LISTED);
	packer.number(count);
	for (let at = 0; at < count; at += 1) {
		const { deployment, why, until } = excluded[at] as NewDetails["excluded"][number];
		packer.word(deployment.id);
		packer.word(why);
		packer.number(until);
	}
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

function packSummary(packer: Packer, summary: PrefixSummary): void {
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

/** What `packDetails` appended. Fields are read in the order in which they stand. */
export function unpackDetails(from: Unpacker): Details {
	return {
		error_message: from.word(),
		attempts: from.list(() => ({
			model_id: from.text(),
			outcome: from.text(),
			status: from.number(),
			error: from.text(),
			started_at: from.count(),
			ms: from.count(),
		})),
		candidates: from.list(() => ({
			model_id: from.text(),
			reason: from.text(),
			predicted_read_tokens: from.count(),
			expected_dollars: from.number(),
			thinking_at_risk: from.flag(),
		})),
		excluded: from.list(() => ({ model_id: from.text(), why: from.text(), until: from.number() })),
		diverted: from.flag() ? { model_id: from.text(), why: from.text() } : null,
		prompt_tokens: from.number(),
		max_tokens: from.number(),
		request_class: from.word(),
		team_alias: from.word(),
		tags: from.list(() => from.text()),
		metadata: unpackMetadata(from.word()),
		miss: from.flag() ? { detail: from.text(), tokens: from.count() } : null,
		turn: from.flag() ? unpackTurn(from) : null,
	};
}

function unpackMetadata(json: string | null): Details["metadata"] {
	return json === null ? null : (JSON.parse(json) as Details["metadata"]);
}

function unpackTurn(from: Unpacker): Turn {
	return {
		startedAt: from.count(),
		firstByteAt: from.number(),
		model: from.text(),
		place: from.text(),
		modelId: from.text(),
		betas: from.text(),
		variant: from.text(),
		settings: {
			toolChoice: from.count(),
			thinking: from.count(),
			effort: from.count(),
			format: from.count(),
			images: from.count(),
		},
		summary: unpackSummary(from),
		inputTokens: from.count(),
		readTokens: from.count(),
		writeTokens: from.count(),
		minimumTokens: from.count(),
		collapseRuns: from.flag(),
		route: from.text(),
		diagnosis: from.word(),
	};
}

function unpackSummary(from: Unpacker): PrefixSummary {
	return summaryOf({
		tools: from.count(),
		system: from.count(),
		messages: from.count(),
		bytes: [from.count(), from.count(), from.count()],
		marks: from.list(() => ({ block: from.count(), ttl: from.text() as Ttl, bytes: from.count() })),
		words: from.words32(),
		messageBlocks: from.bytes8(),
	});
}
