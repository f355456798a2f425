// The contract of LiteLLM's spend log with its field names (litellm §5): `/spend/logs` and `/spend/logs/ui`. Leaves answering to
// admin/log/spend.
import * as z from "zod";
import { readCursor } from "../../requestlog/cursor.ts";
import { cursorOf, endpoints, instant, nullableNumber, nullableText, read, type View } from "./endpoint.ts";

const MOST_ROWS = 1_000;
const WITHOUT_ZONE = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(:\d{2}(\.\d+)?)?)$/;

/** As LiteLLM's clients write it: UTC where it names no zone. */
const dateOf = (text: string) => Date.parse(text.replace(WITHOUT_ZONE, "$1T$2Z"));
const time = (read: (text: string) => number) => instant(read, "2026-11-20 12:00:00 (UTC)");
const DAY_MS = 86_400_000;
const endOfDay = (text: string) => dateOf(text) + (/^\d{4}-\d{2}-\d{2}$/.test(text) ? DAY_MS : 0);

const id = () => z.string().max(512).optional();

const filters = {
	api_key: id().describe("The key or its hash."),
	user_id: id(),
	request_id: id(),
	team_id: id(),
	model: id().describe("As the client asked for it."),
	model_id: id().describe("Deployment."),
};

const logQuery = z.strictObject({
	...filters,
	start_date: time(dateOf).optional(),
	end_date: time(endOfDay).optional().describe("A day without a time means its end."),
	summarize: z.enum(["true", "false"]).optional().describe("false = single requests even where both dates are given."),
	limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(100),
	cursor: cursorOf(readCursor).describe("The header `x-next-cursor` of the page before."),
});

/** LiteLLM's parameters; both dates are asked for, as there. */
const pageQuery = z.strictObject({
	...filters,
	start_date: time(dateOf).describe("UTC, such as 2026-11-20 12:00:00."),
	end_date: time((text) => dateOf(text) + 1).describe("Included."),
	page: z.coerce.number().int().min(1).default(1),
	page_size: z.coerce.number().int().min(1).max(100).default(50),
	end_user: id(),
	session_id: id(),
	min_spend: z.coerce.number().optional(),
	max_spend: z.coerce.number().optional(),
	status_filter: z.enum(["success", "failure"]).optional(),
});

const status = z.enum(["success", "failure"]);

const usage = z.object({
	input_tokens: nullableNumber,
	output_tokens: nullableNumber,
	cache_read_input_tokens: z.number(),
	cache_creation_input_tokens: z.number(),
	cache_creation: z.object({ ephemeral_5m_input_tokens: z.number(), ephemeral_1h_input_tokens: z.number() }),
});

const metadata = z.object({
	status,
	user_api_key: nullableText,
	user_api_key_alias: nullableText,
	user_api_key_team_id: nullableText,
	user_api_key_user_id: nullableText,
	usage_object: usage,
	additional_usage_values: usage,
	cost_breakdown: z.object({
		input_cost: nullableNumber,
		output_cost: nullableNumber,
		cache_read_cost: nullableNumber,
		cache_creation_cost: nullableNumber,
		tool_usage_cost: nullableNumber,
		total_cost: nullableNumber,
	}),
	error_information: z.object({ error_code: z.string(), error_class: z.string() }).nullable(),
	attempted_retries: z.number(),
	affinity: nullableText,
	reason: nullableText,
});

const spendRow = z.object({
	request_id: z.string(),
	call_type: z.enum(["anthropic_messages", "acompletion", "aresponses", "count_tokens"]),
	api_key: z.string().describe("Its hash."),
	spend: nullableNumber.describe("null = unknown. A number in LiteLLM, which has 0 for what it does not know."),
	total_tokens: z.number(),
	prompt_tokens: z.number().describe("The whole prompt, as LiteLLM counts it."),
	completion_tokens: z.number(),
	cache_read_input_tokens: z.number(),
	cache_creation_input_tokens: z.number(),
	startTime: z.string(),
	endTime: z.string(),
	completionStartTime: nullableText,
	request_duration_ms: z.number(),
	model: z.string(),
	model_id: z.string(),
	model_group: z.string(),
	custom_llm_provider: z.string(),
	user: z.string(),
	team_id: nullableText,
	end_user: nullableText,
	session_id: nullableText,
	status,
	cache_hit: z.literal("False").describe("LiteLLM's own response cache, which is not the provider's prompt cache."),
	cache_key: z.literal(""),
	request_tags: z.array(z.string()),
	messages: z.object({}),
	response: z.object({}),
	metadata,
});

const spendDay = z.object({
	startTime: z.string().describe("Day."),
	spend: z.number(),
	unpriced_requests: z.number().describe("Requests whose cost is unknown: their spend is in none of these figures."),
	users: z.record(z.string(), z.number()).describe("By key."),
	models: z.record(z.string(), z.number()),
});

export const SPEND = endpoints({
	"GET /spend/logs": read(
		"owner",
		"The request log in LiteLLM's fields; sums by day where both dates are given",
		z.union([z.array(spendRow), z.array(spendDay)]),
		logQuery,
	),
	"GET /spend/logs/ui": read(
		"owner",
		"A numbered page of the request log in LiteLLM's fields",
		z.object({
			data: z.array(spendRow),
			total: z.number().describe("Ends at 100,000: what lies behind is for `/spend/logs` and its cursor."),
			page: z.number(),
			page_size: z.number(),
			total_pages: z.number(),
		}),
		pageQuery,
	),
});

export type SpendLogRow = View<typeof spendRow>;
export type SpendLogDay = View<typeof spendDay>;
