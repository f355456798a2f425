// The contract of the request log and its sums: `/api/requests`, `/api/sessions`, `/api/ledger`, `/api/overview`. Times are ms since epoch,
// money is dollars. Leaves LiteLLM's form of the log to contract/spend, and answering to admin/log.
import * as z from "zod";
import { MISS_REASONS } from "../../cache/miss.ts";
import { REQUEST_COLUMNS, type RequestColumn } from "../../db/schema/requests.ts";
import { MEASURES } from "../../db/schema/sums.ts";
import { readCursor, readSessionCursor } from "../../requestlog/cursor.ts";
import { cursorOf, endpoints, instant, nullableNumber, nullableText, read, type View } from "./endpoint.ts";

const MOST_ON_PAGE = 200;
const DEFAULT_PAGE = 50;
const id = () => z.string().min(1).max(512);

/** ms since epoch, or anything `Date.parse` understands. */
const time = () =>
	instant(
		(text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)),
		"2026-11-21T12:00:00Z, or ms since epoch",
	).optional();

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
	"text?": nullableText,
	time: z.number(),
	count: z.number(),
	"count?": nullableNumber,
	"dollars?": nullableNumber,
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
		saved_by_caching: nullableNumber.describe("Against the same tokens without a cache."),
		saved_by_routing: nullableNumber.describe("The part of it that random routing would not have saved."),
	});

const requestPage = z.object({ requests: z.array(requestView), next: nullableText });

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
	unknown: nullableText.describe("Why the cost is unknown."),
	iterations: z
		.array(
			z.object({
				kind: z.string(),
				model: nullableText.describe("null = the request's."),
				input_tokens: nullableNumber,
				output_tokens: nullableNumber,
				read_tokens: nullableNumber,
				write_5m_tokens: nullableNumber,
				write_1h_tokens: nullableNumber,
			}),
		)
		.describe("Calls to models that the answer was made of, each billed by itself."),
	server_tools: z.record(z.string(), z.number()),
	speed: nullableText,
	service_tier: nullableText,
	inference_geo: nullableText,
});

/** One deployment that was asked. */
export const attemptView = z.object({
	model_id: z.string(),
	outcome: z.string(),
	status: nullableNumber,
	error: z.string(),
	ms: z.number(),
});

/** One deployment that could serve. */
export const candidateView = z.object({
	model_id: z.string(),
	reason: z.string(),
	predicted_read_tokens: z.number(),
	expected_dollars: nullableNumber.describe("Input side; null = the price is unknown."),
	thinking_at_risk: z.boolean(),
});

const requestDetail = z.object({
	request: requestView,
	error_message: nullableText,
	attempts: z.array(attemptView.extend({ started_at: z.number() })),
	candidates: z.array(candidateView),
	excluded: z.array(z.object({ model_id: z.string(), why: z.string(), until: nullableNumber })),
	diverted: z.object({ model_id: z.string(), why: z.string() }).nullable(),
	prompt_tokens: nullableNumber.describe("As estimated before it was sent."),
	max_tokens: nullableNumber,
	request_class: nullableText,
	betas: nullableText.describe("`anthropic-beta` values, sorted, where a turn was kept."),
	team_alias: nullableText,
	user_agent: nullableText,
	metadata: z.record(z.string(), z.unknown()).nullable(),
	billed: billedView.nullable().describe("null = its own counts at ordinary prices are its whole bill."),
	miss: missView.nullable(),
	prompt: z
		.array(promptMapPart)
		.nullable()
		.describe("Where the prompt was read, written and uncached; null = not known."),
	previous: nullableText.describe("Id of the conversation's turn before."),
	following: nullableText,
	bodies: z.object({ request: nullableText, response: nullableText }).nullable(),
});

export const measuresView = z.object(
	Object.fromEntries(MEASURES.map((name) => [name, z.number()])) as Record<(typeof MEASURES)[number], z.ZodNumber>,
);

const sessionQuery = z.strictObject({
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

const sessionPage = z.object({ sessions: z.array(sessionView), next: nullableText });

const sessionTurnsQuery = z.strictObject({
	...page,
	key: z.string().max(512).optional().describe("Whose session, where several keys used the same id."),
});

/** A conversation's turns, oldest first. */
const sessionDetail = z.object({ session: sessionView, turns: z.array(requestView), next: nullableText });

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

const ledgerQuery = z.strictObject({
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

const ledgerView = z.object({
	from: z.number(),
	to: z.number(),
	sums: z.array(sumsView),
	next: nullableText.describe("Cursor of the next page; null = there is none."),
});

const alertView = z.object({
	kind: z.enum(["hit_ratio_dropped", "cooling_down", "unread_writes", "log_loss"]),
	model_id: nullableText,
	message: z.string(),
});

const logStats = z.object({
	queued: z.number(),
	written: z.number(),
	lost: z.number().describe("Requests that could not be logged since the start."),
	failure: nullableText.describe("Why the database does not take entries now; null = it does."),
});

const overview = z.object({
	from: z.number(),
	to: z.number(),
	/** Length of a step of the series, ms. */
	step_ms: z.number(),
	totals: measuresView,
	series: z.array(z.object({ at: z.number(), model_id: z.string(), measures: measuresView })),
	alerts: z.array(alertView),
	log: logStats,
});

export const LOG = endpoints({
	"GET /api/requests": read("owner", "The request log, latest first", requestPage, requestQuery),
	"GET /api/requests/{id}": read("owner", "One request with all that is kept of it", requestDetail),
	"GET /api/sessions": read("owner", "Conversations, latest first", sessionPage, sessionQuery),
	"GET /api/sessions/{id}": read(
		"owner",
		"A conversation's turns; the last page first, each page oldest first",
		sessionDetail,
		sessionTurnsQuery,
	),
	"GET /api/ledger": read("owner", "Dollars and tokens summed", ledgerView, ledgerQuery),
	"GET /api/overview": read("owner", "Totals, a series by deployment, alerts", overview, rangeQuery),
});

export type MeasuresView = View<typeof measuresView>;
export type RequestView = View<typeof requestView>;
export type RequestDetail = View<typeof requestDetail>;
export type PromptMapPart = View<typeof promptMapPart>;
export type SessionView = View<typeof sessionView>;
export type Overview = View<typeof overview>;
export type Alert = View<typeof alertView>;
