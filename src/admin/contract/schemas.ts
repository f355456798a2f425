// What the control plane's own endpoints take and give, as schemas: types, checks and the OpenAPI document come from here. Times are ms
// since epoch, money is dollars. Leaves answering to admin/log/api.
import * as z from "zod";
import { MISS_REASONS } from "../../cache/miss.ts";
import { REQUEST_COLUMNS, type RequestColumn } from "../../db/schema/requests.ts";
import { MEASURES } from "../../db/schema/sums.ts";
import { readCursor, readSessionCursor } from "../../requestlog/cursor.ts";

const MOST_ON_PAGE = 200;
const DEFAULT_PAGE = 50;
const id = () => z.string().min(1).max(512);
const nullableText = () => z.string().nullable();
const nullableNumber = () => z.number().nullable();

/** ms since epoch, or anything `Date.parse` understands. */
const time = () =>
	z
		.string()
		.transform((text, context): number => {
			const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
			if (Number.isFinite(ms)) return ms;
			context.addIssue({ code: "custom", message: "expected ms since epoch, or a date such as 2026-11-21T12:00:00Z" });
			return z.NEVER;
		})
		.optional();

/** What a page gave as its end. Anything else is refused: taken for nothing, it would give the first page again, without end. */
export const cursorOf = (read: (text: string) => object | null) =>
	z
		.string()
		.max(4096)
		.refine((text) => text === "" || read(text) !== null, "is not one that a page gave")
		.optional();

const limit = z.coerce.number().int().min(1).max(MOST_ON_PAGE).default(DEFAULT_PAGE);
const page = { limit, cursor: cursorOf(readCursor).describe("`next` of the page before.") };
const pageOfSessions = { limit, cursor: cursorOf(readSessionCursor).describe("`next` of the page before.") };

export const requestQuery = z.strictObject({
	...page,
	from: time().describe("Started then or later."),
	to: time().describe("Started before."),
	model: id().optional().describe("As the client asked for it."),
	model_id: id().optional().describe("Deployment."),
	key: id().optional().describe("Hash of the virtual key."),
	team: id().optional(),
	user: id().optional(),
	end_user: id().optional(),
	session: id().optional(),
	agent: id().optional(),
	status: z
		.string()
		.regex(
			/^(success|error|aborted|rejected|4xx|5xx|\d{3})$/,
			"expected success, error, aborted, rejected, 4xx, 5xx or a number",
		)
		.optional(),
	reason: id().optional().describe("Why it went where it went: prefix, returned, diverted, session, head, cold …"),
	affinity: z.enum(["hit", "new", "miss", "none", "off"]).optional(),
	miss: z
		.enum(["any", ...MISS_REASONS])
		.optional()
		.describe("Why less was read than was cached."),
	q: z.string().max(200).optional().describe("Beginning of a request's, session's, deployment's, key's or team's id."),
});

/** How the API gives what a column holds. */
const COLUMN_VIEWS = {
	text: z.string(),
	"text?": nullableText(),
	time: z.number(),
	count: z.number(),
	"count?": nullableNumber(),
	"dollars?": nullableNumber(),
	flag: z.boolean(),
	list: z.array(z.string()),
} as const;

type ColumnViews = { [Name in RequestColumn]: (typeof COLUMN_VIEWS)[(typeof REQUEST_COLUMNS)[Name]] };

/** A row of the table `requests`. */
const requestView = z
	.object(
		Object.fromEntries(
			Object.entries(REQUEST_COLUMNS).map(([name, type]) => [name, COLUMN_VIEWS[type]]),
		) as ColumnViews,
	)
	.extend({
		saved_by_caching: nullableNumber().describe("Against the same tokens without a cache."),
		saved_by_routing: nullableNumber().describe("The part of it that random routing would not have saved."),
	});

export const requestPage = z.object({ requests: z.array(requestView), next: nullableText() });

const missView = z.object({ reason: z.enum(MISS_REASONS), detail: z.string(), tokens: z.number() });

/** One stretch of a prompt, in the provider's order. */
const promptMapPart = z.object({
	level: z.enum(["tools", "system", "messages"]),
	/** First block and the one after the last, counted over the whole prompt. */
	from: z.number(),
	to: z.number(),
	/** Estimated by the share of bytes. */
	tokens: z.number(),
	cache_outcome: z.enum(["read", "written", "uncached"]),
	/** A breakpoint ends it. */
	breakpoint: z.enum(["5m", "1h"]).nullable(),
});

const billedView = z.object({
	estimated: z
		.array(z.string())
		.describe("Counts the gateway estimated, because the answer was cut off: input, output, server_tools."),
	unknown: nullableText().describe("Why the cost is unknown."),
	iterations: z
		.array(
			z.object({
				kind: z.string(),
				model: nullableText().describe("null = the request's."),
				input_tokens: nullableNumber(),
				output_tokens: nullableNumber(),
				read_tokens: nullableNumber(),
				write_5m_tokens: nullableNumber(),
				write_1h_tokens: nullableNumber(),
			}),
		)
		.describe("Calls to models that the answer was made of, each billed by itself."),
	server_tools: z.record(z.string(), z.number()),
	speed: nullableText(),
	service_tier: nullableText(),
	inference_geo: nullableText(),
});

export const requestDetail = z.object({
	request: requestView,
	error_message: nullableText(),
	attempts: z.array(
		z.object({
			model_id: z.string(),
			outcome: z.string(),
			status: nullableNumber(),
			error: z.string(),
			started_at: z.number(),
			ms: z.number(),
		}),
	),
	candidates: z.array(
		z.object({
			model_id: z.string(),
			reason: z.string(),
			predicted_read_tokens: z.number(),
			expected_dollars: nullableNumber(),
			thinking_at_risk: z.boolean(),
		}),
	),
	excluded: z.array(z.object({ model_id: z.string(), why: z.string(), until: nullableNumber() })),
	diverted: z.object({ model_id: z.string(), why: z.string() }).nullable(),
	prompt_tokens: nullableNumber().describe("As estimated before it was sent."),
	max_tokens: nullableNumber(),
	request_class: nullableText(),
	betas: nullableText().describe("`anthropic-beta` values, sorted, where a turn was kept."),
	team_alias: nullableText(),
	user_agent: nullableText(),
	metadata: z.record(z.string(), z.unknown()).nullable(),
	billed: billedView.nullable().describe("null = its own counts at ordinary prices are its whole bill."),
	miss: missView.nullable(),
	prompt: z
		.array(promptMapPart)
		.nullable()
		.describe("Where the prompt was read, written and uncached; null = not known."),
	previous: nullableText().describe("Id of the conversation's turn before."),
	following: nullableText(),
	bodies: z.object({ request: nullableText(), response: nullableText() }).nullable(),
});

const measuresView = z.object(
	Object.fromEntries(MEASURES.map((name) => [name, z.number()])) as Record<(typeof MEASURES)[number], z.ZodNumber>,
);

export const sessionQuery = z.strictObject({
	...pageOfSessions,
	from: time().describe("Active then or later."),
	to: time().describe("Begun before."),
	key: id().optional(),
	team: id().optional(),
	q: z.string().max(200).optional().describe("Beginning of the session's id."),
});

const sessionView = z.object({
	key_id: z.string(),
	key_alias: z.string(),
	team_id: z.string(),
	session_id: z.string(),
	first_at: z.number(),
	last_at: z.number(),
	model: z.string(),
	model_id: z.string(),
	measures: measuresView,
});

export const sessionPage = z.object({ sessions: z.array(sessionView), next: nullableText() });

export const sessionTurnsQuery = z.strictObject({
	...page,
	key: z.string().max(512).optional().describe("Whose session, where several keys used the same id."),
});

/** A conversation's turns, oldest first. */
export const sessionDetail = z.object({ session: sessionView, turns: z.array(requestView), next: nullableText() });

export const rangeQuery = z.strictObject({
	from: time().describe("Default: a day ago."),
	to: time().describe("Default: now."),
	key: id().optional(),
	team: id().optional(),
	model: id().optional(),
	model_id: id().optional(),
});

const GROUPS = ["hour", "minute", "key_id", "team_id", "model", "model_id"] as const;

/** Sums on a page: small ones, of which a chart needs many. */
const MOST_SUMS = 5_000;

export const ledgerQuery = z.strictObject({
	...rangeQuery.shape,
	limit: z.coerce.number().int().min(1).max(MOST_SUMS).default(1_000),
	cursor: z.string().max(4096).optional().describe("`next` of the page before, with the same `by`."),
	by: z
		.string()
		.default("")
		.transform((text, context) => {
			const names = text.split(",").filter((name) => name !== "");
			const known = names.filter((name): name is (typeof GROUPS)[number] => GROUPS.some((group) => group === name));
			if (known.length === names.length) return known;
			context.addIssue({ code: "custom", message: `expected some of ${GROUPS.join(",")}` });
			return z.NEVER;
		})
		.describe(`What sums are grouped by: some of ${GROUPS.join(",")}, comma-separated. Minutes are kept for a week.`),
});

const sumsView = z.object({
	hour: z.number().optional(),
	minute: z.number().optional(),
	key_id: z.string().optional(),
	team_id: z.string().optional(),
	model: z.string().optional(),
	model_id: z.string().optional(),
	measures: measuresView,
});

export const ledgerView = z.object({
	from: z.number(),
	to: z.number(),
	sums: z.array(sumsView),
	next: nullableText().describe("Cursor of the next page; null = there is none."),
});

const alertView = z.object({
	kind: z.enum(["hit_ratio_dropped", "cooling_down", "unread_writes", "log_loss"]),
	model_id: nullableText(),
	message: z.string(),
});

const logStats = z.object({
	queued: z.number(),
	written: z.number(),
	lost: z.number().describe("Requests that could not be logged since the start."),
	failure: nullableText().describe("Why the database does not take entries now; null = it does."),
});

export const overview = z.object({
	from: z.number(),
	to: z.number(),
	/** Length of a step of the series, ms. */
	step_ms: z.number(),
	totals: measuresView,
	series: z.array(z.object({ at: z.number(), model_id: z.string(), measures: measuresView })),
	alerts: z.array(alertView),
	log: logStats,
});

const levelView = z.object({ limit: z.number(), left: z.number() }).nullable();

export const deploymentsView = z.object({
	now: z.number(),
	drains_kept: z
		.boolean()
		.describe("Draining is kept in the database, for all replicas; false = it is this process's and ends with it."),
	domains: z.array(
		z.object({
			/** Configured or learned; null = not known yet. */
			name: nullableText(),
			model_ids: z.array(z.string()),
			conversations: z.number(),
			warm_tokens: z.number(),
			expiring_tokens: z.number().describe("Warm tokens that run out within a minute."),
			read_back_rate: z.number().describe("Share of predicted reads that were really read of late."),
		}),
	),
	deployments: z.array(
		z.object({
			model_id: z.string(),
			model_group: z.string(),
			provider: z.string(),
			upstream_model: z.string(),
			region: nullableText(),
			domain: nullableText(),
			weight: z.number(),
			order: nullableNumber(),
			state: z.enum(["ready", "trial", "cooling_down", "quarantined"]),
			reason: nullableText(),
			until: nullableNumber(),
			rests: z
				.array(z.object({ part: z.string(), reason: z.string(), until: z.number() }))
				.describe("What of it rests while the rest goes on: a model, long-context requests, fast mode."),
			draining: z.boolean().describe("The operator lets it run empty: it gets no new conversations."),
			in_flight: z.number(),
			max_parallel_requests: nullableNumber(),
			recent_load_tokens: z.number(),
			first_token_ms: nullableNumber(),
			limits: z.object({ requests: levelView, input_tokens: levelView, output_tokens: levelView, tokens: levelView }),
			/** Of the last 24 hours. */
			measures: measuresView,
			prediction_accuracy: nullableNumber().describe("Share of predicted tokens that were read, last 24 hours."),
		}),
	),
});

export type RequestView = z.infer<typeof requestView>;
export type RequestDetail = z.infer<typeof requestDetail>;
export type PromptMapPart = z.infer<typeof promptMapPart>;
export type Overview = z.infer<typeof overview>;
export type Alert = z.infer<typeof alertView>;
export type DeploymentsView = z.infer<typeof deploymentsView>;
