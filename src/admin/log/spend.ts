// Answers the contract's SPEND: the request log in LiteLLM's fields, by cursor and by numbered pages. What LiteLLM has no name for is in
// log/requests.
import { GatewayError } from "../../errors.ts";
import { type LedgerSums, sumLedger } from "../../requestlog/ledger.ts";
import { isCostUnknown } from "../../requestlog/measures.ts";
import { findRequest, listRequests, type RequestFilter, type RequestSummary } from "../../requestlog/requests.ts";
import { numberedRequests } from "../../requestlog/requests-numbered.ts";
import type { QueryOf } from "../contract/endpoint.ts";
import { SPEND, type SpendLogDay, type SpendLogRow } from "../contract/spend.ts";
import { type RequireRole, routes } from "../http/routes.ts";
import type { RecordDeps } from "../records/stored.ts";
import { isVisible, type Principal, rowsOf, scopeOf } from "../session/roles.ts";
import { type LogSource, readLog } from "./source.ts";

interface SpendDeps {
	readonly log: LogSource | null;
	readonly records: RecordDeps;
}

type LogQuery = QueryOf<(typeof SPEND)["GET /spend/logs"]>;
type PageQuery = QueryOf<(typeof SPEND)["GET /spend/logs/ui"]>;

const DAY_MS = 86_400_000;

/** The routes. A page's next cursor is in the header `x-next-cursor`: LiteLLM's answer has no place for it. */
export function spendRoutes(deps: SpendDeps, requireRole: RequireRole) {
	return routes(requireRole, SPEND, {
		"GET /spend/logs": async ({ query, principal, c }) => {
			if (query.request_id !== undefined) return oneRow(deps, query.request_id, principal);
			const { start_date: from, end_date: to } = query;
			const filter = { ...filterOf(deps, query, principal), from, to };
			if (from !== undefined && to !== undefined && query.summarize !== "false") {
				return daysIn(deps, { ...filter, from, to }, principal);
			}
			const { requests, next } = await readLog(deps.log, ({ database }) => listRequests(database, filter, query));
			if (next !== null) c.header("x-next-cursor", next);
			return requests.map(spendRow);
		},
		"GET /spend/logs/ui": async ({ query, principal }) => {
			const { page, page_size: size, status_filter: status } = query;
			const filter = {
				...filterOf(deps, query, principal),
				from: query.start_date,
				to: query.end_date,
				id: query.request_id,
				endUser: query.end_user,
				session: query.session_id,
				minCost: query.min_spend,
				maxCost: query.max_spend,
				served: status === undefined ? undefined : status === "success",
			};
			const { requests, total } = await readLog(deps.log, ({ database }) =>
				numberedRequests(database, filter, { page, size }),
			);
			return { data: requests.map(spendRow), total, page, page_size: size, total_pages: Math.ceil(total / size) };
		},
	});
}

function filterOf(deps: SpendDeps, query: LogQuery | PageQuery, principal: Principal): RequestFilter {
	const { api_key: key } = query;
	return {
		keyId: key?.startsWith("sk-") === true ? deps.records.access.hash(key) : key,
		userId: query.user_id,
		teamId: query.team_id,
		model: query.model,
		modelId: query.model_id,
		scope: rowsOf(principal),
	};
}

async function oneRow({ log }: SpendDeps, id: string, principal: Principal): Promise<readonly SpendLogRow[]> {
	const found = await readLog(log, ({ database }) => findRequest(database, id));
	return found !== null && isVisible(found.request, principal) ? [spendRow(found.request)] : [];
}

/** Sums are kept by key, not by user: an owner gets those of its own key. */
function daysIn(
	{ log }: SpendDeps,
	{ userId, ...filter }: RequestFilter & { readonly from: number; readonly to: number },
	principal: Principal,
): Promise<readonly SpendLogDay[]> {
	if (userId !== undefined) {
		throw new GatewayError("invalid_field", {
			field: "user_id",
			reason: "daily sums are not kept by user; add summarize=false for the single requests",
		});
	}
	const own = scopeOf(principal);
	const keyId = own === null ? filter.keyId : (own.keyHash ?? "");
	return readLog(log, async ({ database }) =>
		daysOf(await sumLedger(database, { ...filter, keyId }, ["hour", "key_id", "model"])),
	);
}

/** A row in LiteLLM's names. `prompt_tokens` is the whole prompt, as LiteLLM counts it. */
function spendRow(row: RequestSummary): SpendLogRow {
	const written = (row.cache_write_5m_tokens ?? 0) + (row.cache_write_1h_tokens ?? 0);
	const prompt = (row.input_tokens ?? 0) + (row.cache_read_tokens ?? 0) + written;
	const completion = row.output_tokens ?? 0;
	const usage = {
		input_tokens: row.input_tokens,
		output_tokens: row.output_tokens,
		cache_read_input_tokens: row.cache_read_tokens ?? 0,
		cache_creation_input_tokens: written,
		cache_creation: {
			ephemeral_5m_input_tokens: row.cache_write_5m_tokens ?? 0,
			ephemeral_1h_input_tokens: row.cache_write_1h_tokens ?? 0,
		},
	};
	return {
		request_id: row.id,
		call_type: callTypeOf(row),
		api_key: row.key_id ?? "",
		// A number in LiteLLM, which has 0 for what it does not know.
		spend: isCostUnknown(row) ? null : (row.cost ?? 0),
		total_tokens: prompt + completion,
		prompt_tokens: prompt,
		completion_tokens: completion,
		cache_read_input_tokens: row.cache_read_tokens ?? 0,
		cache_creation_input_tokens: written,
		startTime: isoTime(row.started_at),
		endTime: isoTime(row.started_at + row.duration_ms),
		completionStartTime: row.ttft_ms === null ? null : isoTime(row.started_at + row.ttft_ms),
		request_duration_ms: row.duration_ms,
		model: row.upstream_model ?? row.model ?? "",
		model_id: row.model_id ?? "",
		model_group: row.model_group ?? row.model ?? "",
		custom_llm_provider: row.provider ?? "",
		user: row.user_id ?? "",
		team_id: row.team_id,
		end_user: row.end_user,
		session_id: row.session_id,
		status: row.outcome === "served" ? "success" : "failure",
		// LiteLLM's own response cache, which is not the provider's prompt cache.
		cache_hit: "False",
		cache_key: "",
		request_tags: row.tags,
		messages: {},
		response: {},
		metadata: metadataOf(row, usage),
	};
}

function metadataOf(row: RequestSummary, usage: SpendLogRow["metadata"]["usage_object"]): SpendLogRow["metadata"] {
	return {
		status: row.outcome === "served" ? "success" : "failure",
		user_api_key: row.key_id,
		user_api_key_alias: row.key_alias,
		user_api_key_team_id: row.team_id,
		user_api_key_user_id: row.user_id,
		usage_object: usage,
		additional_usage_values: usage,
		cost_breakdown: {
			input_cost: row.cost_input,
			output_cost: row.cost_output,
			cache_read_cost: row.cost_cache_read,
			cache_creation_cost:
				row.cost_cache_write_5m === null || row.cost_cache_write_1h === null
					? null
					: row.cost_cache_write_5m + row.cost_cache_write_1h,
			tool_usage_cost: row.cost_server_tools,
			total_cost: row.cost,
		},
		error_information: row.error === null ? null : { error_code: String(row.status), error_class: row.error },
		attempted_retries: Math.max(0, row.attempts - 1),
		affinity: row.affinity,
		reason: row.reason,
	};
}

type Costs = Record<string, number>;

/** LiteLLM's daily form: spend of each day by key and by model, and how many requests it leaves out because their cost is unknown. */
function daysOf(sums: readonly LedgerSums[]): readonly SpendLogDay[] {
	const days = new Map<number, { spend: number; unpriced_requests: number; users: Costs; models: Costs }>();
	for (const { hour = 0, key_id = "", model = "", measures } of sums) {
		const at = hour - (hour % DAY_MS);
		const day = days.get(at) ?? { spend: 0, unpriced_requests: 0, users: {}, models: {} };
		days.set(at, day);
		day.spend += measures.cost;
		day.unpriced_requests += measures.unpriced;
		day.users[key_id] = (day.users[key_id] ?? 0) + measures.cost;
		day.models[model] = (day.models[model] ?? 0) + measures.cost;
	}
	return [...days].map(([at, day]) => ({ startTime: isoTime(at).slice(0, 10), ...day }));
}

function callTypeOf({ operation, client_format: format }: RequestSummary): SpendLogRow["call_type"] {
	if (operation === "count_tokens") return "count_tokens";
	if (format === "openai-chat") return "acompletion";
	return format === "openai-responses" ? "aresponses" : "anthropic_messages";
}

function isoTime(ms: number): string {
	return new Date(ms).toISOString();
}
