// The contract of running deployments: health, `/api/deployments`, what a client needs to connect, `/api/explain`. Leaves answering to
// admin/operate.
import * as z from "zod";
import { change, endpoints, nullableNumber, nullableText, read, text, type View } from "./endpoint.ts";
import { attemptView, candidateView, measuresView } from "./log.ts";

const healthView = z.object({
	model: z.string(),
	model_id: z.string(),
	provider: z.string(),
	upstream_model: z.string(),
	in_flight: z.number(),
});

const healthAnswer = z.object({
	shared_state: z
		.enum(["connected", "detached"])
		.optional()
		.describe("Whether this replica receives notes of the others; absent where it is alone by configuration."),
	healthy_endpoints: z.array(healthView),
	unhealthy_endpoints: z.array(
		healthView.extend({ reason: z.string(), retry_at: z.string().describe("ISO; when it is used again.") }),
	),
	healthy_count: z.number(),
	unhealthy_count: z.number(),
});

const alive = read(null, "The process answers", z.literal("I'm alive!"));

const levelView = z.object({ limit: z.number(), left: z.number() }).nullable();

const deploymentsView = z.object({
	now: z.number(),
	drains_kept: z
		.boolean()
		.describe("Draining is kept in the database, for all replicas; false = it is this process's and ends with it."),
	domains: z.array(
		z.object({
			/** Configured or learned; null = not known yet. */
			name: nullableText,
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
			region: nullableText,
			domain: nullableText,
			weight: z.number(),
			order: nullableNumber,
			state: z.enum(["ready", "trial", "cooling_down", "quarantined"]),
			reason: nullableText,
			until: nullableNumber,
			rests: z
				.array(z.object({ part: z.string(), reason: z.string(), until: z.number() }))
				.describe("What of it rests while the rest goes on: a model, long-context requests, fast mode."),
			draining: z.boolean().describe("The operator lets it run empty: it gets no new conversations."),
			in_flight: z.number(),
			max_parallel_requests: nullableNumber,
			recent_load_tokens: z.number(),
			first_token_ms: nullableNumber,
			limits: z.object({ requests: levelView, input_tokens: levelView, output_tokens: levelView, tokens: levelView }),
			/** Of the last 24 hours. */
			measures: measuresView,
			prediction_accuracy: nullableNumber.describe("Share of predicted tokens that were read, last 24 hours."),
		}),
	),
});

const connectFacts = z.object({
	version: z.string(),
	key_required: z.boolean().describe("false = no master key is configured: clients send any key."),
	models: z.array(
		z.object({
			name: z.string().describe("`model_name`; may hold a `*`."),
			model_ids: z.array(z.string()),
			providers: z.array(z.string()),
		}),
	),
	log: z.boolean().describe("The request log is kept: requests will be seen."),
});

const drained = z.object({
	model_id: z.string(),
	draining: z.boolean(),
	kept: z
		.boolean()
		.describe(
			"In the database, for all replicas and until it is resumed; false = by this process only, until its end.",
		),
});

const testEstimate = z.object({
	model_id: z.string(),
	upstream_model: z.string(),
	input_tokens: z.number().describe("At most."),
	output_tokens: z.number(),
	dollars: nullableNumber.describe("At most; null = its price is unknown."),
});

const testResult = z.object({
	ok: z.boolean(),
	status: nullableNumber,
	ms: z.number(),
	error: z.string(),
	input_tokens: nullableNumber,
	output_tokens: nullableNumber,
	dollars: nullableNumber,
});

/** A decision, as POST /route/explain gives it. Its times are ISO strings. */
const explained = z.object({
	model: z.string(),
	model_group: z.string(),
	affinity: z.string(),
	reason: nullableText,
	chosen: candidateView.nullable(),
	runner_up: candidateView.nullable(),
	prompt_tokens: z.number(),
	breakpoints: z.number(),
	candidates: z.array(candidateView),
	last_resort: z.array(candidateView).describe("Asked when all candidates have failed, before an error."),
	excluded: z.array(
		z.object({
			model_id: z.string(),
			why: z.string(),
			until: nullableText,
			reason: z.string().optional().describe("What its upstream said."),
		}),
	),
	diverted_from: z.object({ model_id: z.string(), why: z.string() }).nullable(),
	hold: z
		.object({ reason: z.string(), model_id: z.string(), until: z.string() })
		.nullable()
		.describe("It would be held back first."),
	waited_ms: z.number(),
	attempts: z.array(attemptView),
});

const question = z.object({
	body: text.describe("The request's body, as text."),
	headers: z.record(z.string(), z.string()).nullish().describe("Session, agent and betas of its sender."),
	key: z.string().nullish().describe("Hash of the virtual key that sends it; absent = the master key."),
});

export const OPERATE = endpoints({
	"GET /health": read("viewer", "Which deployments are in use; calls no model", healthAnswer),
	"GET /health/liveliness": alive,
	"GET /health/liveness": alive,
	"GET /health/readiness": read(
		null,
		"The process takes requests; 503 while it closes",
		z.object({ status: z.enum(["healthy", "closing"]) }),
	),
	"GET /openapi.json": read(null, "This document", z.looseObject({ openapi: z.string() })),
	"GET /api/connect": read(
		"owner",
		"What a client needs to know to connect: models, and whether a key is asked for",
		connectFacts,
	),
	"GET /api/deployments": read("viewer", "Every deployment as it stands now", deploymentsView),
	"GET /api/deployments/{id}/test": read(
		"admin",
		"What a test of it would send and cost at most; sends nothing",
		testEstimate,
	),
	"POST /api/deployments/{id}/test": change("Sends it one smallest request and tells how it went", testResult),
	"POST /api/deployments/{id}/drain": change("Gives it no new conversations; homes move as they expire", drained),
	"POST /api/deployments/{id}/resume": change("Gives it new conversations again", drained),
	"POST /api/explain": change(
		"Where a request would go now, and why; sends nothing and learns nothing",
		explained,
		question,
	),
});

export type DeploymentsView = View<typeof deploymentsView>;
export type DeploymentView = DeploymentsView["deployments"][number];
export type ConnectFacts = View<typeof connectFacts>;
export type Drained = View<typeof drained>;
export type TestEstimate = View<typeof testEstimate>;
export type Explained = View<typeof explained>;
