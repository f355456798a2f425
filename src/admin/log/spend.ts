// LiteLLM's `GET /spend/logs` with its field names (litellm §5), out of our request log. What it has no name for is in admin/log/api, numbered
// pages are in admin/log/spend-pages.
import { Hono } from "hono";
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { readCursor } from "../../requestlog/cursor.ts";
import { type LedgerSums, sumLedger } from "../../requestlog/ledger.ts";
import { isCostUnknown } from "../../requestlog/measures.ts";
import { findRequest, listRequests, type RequestFilter, type RequestSummary } from "../../requestlog/requests.ts";
import { cursorOf } from "../contract/schemas.ts";
import type { AdminEnv, RequireRole } from "../session/auth.ts";
import { type Principal, scopeOf } from "../session/roles.ts";
import { query } from "./api.ts";
import { type LogSource, readLog } from "./source.ts";

const DAY_MS = 86_400_000;
const MOST_ROWS = 1_000;

export const spendQuery = z.strictObject({
	api_key: z.string().max(512).optional(),
	user_id: z.string().max(512).optional(),
	request_id: z.string().max(512).optional(),
	team_id: z.string().max(512).optional(),
	model: z.string().max(512).optional(),
	model_id: z.string().max(512).optional(),
	start_date: z.string().optional(),
	end_date: z.string().optional(),
	summarize: z.enum(["true", "false"]).optional(),
	limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(100),
	cursor: cursorOf(readCursor),
});

/** Routes of LiteLLM's spend log. The next page's cursor is in the header `x-next-cursor`: LiteLLM's answer has no place for it. */
export function spendRoutes(
	deps: { readonly log: LogSource | null; readonly hash: (key: string) => string },
	requireRole: RequireRole,
) {
	return new Hono<AdminEnv>().get("/spend/logs", requireRole("owner"), query(spendQuery), async (c) => {
		const asked = c.req.valid("query");
		const principal = c.get("principal");
		const own = scopeOf(principal);
		const key = asked.api_key?.startsWith("sk-") ? deps.hash(asked.api_key) : asked.api_key;
		const from = dateOf(asked.start_date);
		const to = endOf(asked.end_date);
		return readLog(deps.log, async ({ database }) => {
			if (asked.request_id !== undefined) {
				const found = await findRequest(database, asked.request_id);
				return c.json(found === null || !isOwn(found.request, principal) ? [] : [spendRow(found.request)]);
			}
			if (from !== undefined && to !== undefined && asked.summarize !== "false") {
				if (asked.user_id !== undefined)
					throw new GatewayError("invalid_field", {
						field: "user_id",
						reason: "daily sums are not kept by user; add summarize=false for the single requests",
					});
				const keyId = own === null ? key : (own.keyHash ?? "");
				const filter = { from, to, keyId, teamId: asked.team_id, model: asked.model, modelId: asked.model_id };
				return c.json(daysOf(await sumLedger(database, filter, ["hour", "key_id", "model"])));
			}
			const filter: RequestFilter = {
				from,
				to,
				keyId: key,
				userId: asked.user_id,
				teamId: asked.team_id,
				model: asked.model,
				modelId: asked.model_id,
				scope: own === null ? undefined : { keyHash: own.keyHash, userId: own.userId },
			};
			const { requests, next } = await listRequests(database, filter, { limit: asked.limit, cursor: asked.cursor });
			if (next !== null) c.header("x-next-cursor", next);
			return c.json(requests.map(spendRow));
		});
	});
}

/** A row in LiteLLM's names. `prompt_tokens` is the whole prompt, as LiteLLM counts it. */
export function spendRow(row: RequestSummary) {
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
		metadata: {
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
		},
	};
}

interface Day {
	spend: number;
	unpriced_requests: number;
	readonly users: Record<string, number>;
	readonly models: Record<string, number>;
}

/** LiteLLM's daily form: spend of each day by key and by model, and how many requests it leaves out because their cost is unknown. */
function daysOf(sums: readonly LedgerSums[]) {
	const days = new Map<number, Day>();
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

function callTypeOf({ operation, client_format: format }: RequestSummary): string {
	if (operation === "count_tokens") return "count_tokens";
	if (format === "openai-chat") return "acompletion";
	return format === "openai-responses" ? "aresponses" : "anthropic_messages";
}

function isOwn(row: RequestSummary, principal: Principal): boolean {
	const own = scopeOf(principal);
	return own === null || (own.keyHash !== null && row.key_id === own.keyHash);
}

const WITHOUT_ZONE = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(:\d{2}(\.\d+)?)?)$/;

/** A date or time as LiteLLM's clients write it: UTC where it names no zone. ms since epoch; undefined = it is none. */
export function dateOf(text: string | undefined): number | undefined {
	const at = text === undefined ? Number.NaN : Date.parse(text.replace(WITHOUT_ZONE, "$1T$2Z"));
	return Number.isNaN(at) ? undefined : at;
}

/** A day without a time means its end. */
function endOf(text: string | undefined): number | undefined {
	const at = dateOf(text);
	return at !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text ?? "") ? at + DAY_MS : at;
}

function isoTime(ms: number): string {
	return new Date(ms).toISOString();
}
