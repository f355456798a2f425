// Every endpoint of the control plane, for its OpenAPI document. A test compares it with the routes. Leaves the document's form to
// api-openapi, and what records may say to access/fields.
import * as z from "zod";
import { FIELDS, type Kind } from "../../access/fields.ts";
import { spendQuery } from "../log/spend.ts";
import { spendPageQuery } from "../log/spend-pages.ts";
import {
	deploymentsView,
	ledgerQuery,
	ledgerView,
	overview,
	rangeQuery,
	requestDetail,
	requestPage,
	requestQuery,
	sessionDetail,
	sessionPage,
	sessionQuery,
	sessionTurnsQuery,
} from "./schemas.ts";

export interface Endpoint {
	readonly method: "get" | "post";
	/** With `{name}` for what varies. */
	readonly path: string;
	readonly summary: string;
	readonly query?: z.ZodObject;
	readonly body?: z.ZodType;
	/** Absent = not described. */
	readonly answer?: z.ZodType;
}

const text = () => z.string();
const empty = z.object({});

const page = {
	page: text().optional().describe("From 1."),
	size: text().optional().describe("Records on a page, at most 1000."),
	cursor: text().optional().describe("`next_cursor` of the page before; then `page` is not looked at."),
};

/** What a record may say, all of it optional, and what else the endpoint takes. */
function fieldsOf(kind: Kind, more: z.ZodRawShape = {}): z.ZodObject {
	return z.object({ ...FIELDS[kind].partial().shape, ...more });
}

const duration = text().optional().describe("How long a key lives from now on: 30m, 24h, 30d, 1mo; -1 = for ever.");
const spend = z.number().optional().describe("Sets what was spent in the running window.");

const get = (path: string, summary: string, more: Pick<Endpoint, "query" | "answer"> = {}): Endpoint => {
	return { method: "get", path, summary, ...more };
};
const post = (path: string, summary: string, body: z.ZodType, answer?: z.ZodType): Endpoint => {
	return { method: "post", path, summary, body, ...(answer === undefined ? {} : { answer }) };
};

const LOG: readonly Endpoint[] = [
	get("/api/requests", "The request log, latest first", { query: requestQuery, answer: requestPage }),
	get("/api/requests/{id}", "One request with all that is kept of it", { answer: requestDetail }),
	get("/api/sessions", "Conversations, latest first", { query: sessionQuery, answer: sessionPage }),
	get("/api/sessions/{id}", "A conversation's turns; the last page first, each page oldest first", {
		query: sessionTurnsQuery,
		answer: sessionDetail,
	}),
	get("/api/ledger", "Dollars and tokens summed", { query: ledgerQuery, answer: ledgerView }),
	get("/api/overview", "Totals, a series by deployment, alerts", { query: rangeQuery, answer: overview }),
	get("/spend/logs", "The request log in LiteLLM's fields", { query: spendQuery }),
	get("/spend/logs/ui", "A numbered page of the request log in LiteLLM's fields", { query: spendPageQuery }),
];

const OPERATION: readonly Endpoint[] = [
	get("/health", "Which deployments are in use; calls no model"),
	get("/health/liveliness", "The process answers"),
	get("/health/liveness", "The process answers"),
	get("/health/readiness", "The process takes requests"),
	get("/openapi.json", "This document"),
	get("/api/me", "Who asks"),
	get("/api/connect", "What a client needs to know to connect: models, and whether a key is asked for"),
	get("/api/deployments", "Every deployment as it stands now", { answer: deploymentsView }),
	get("/api/deployments/{id}/test", "What a test of it would send and cost at most; sends nothing"),
	post("/api/deployments/{id}/test", "Sends it one smallest request and tells how it went", empty),
	post("/api/deployments/{id}/drain", "Gives it no new conversations; homes move as they expire", empty),
	post("/api/deployments/{id}/resume", "Gives it new conversations again", empty),
	post(
		"/api/explain",
		"Where a request would go now, and why; sends nothing and learns nothing",
		z.object({
			body: text().describe("The request's body, as text."),
			headers: z.record(text(), text()).optional().describe("Session, agent and betas of its sender."),
			key: text().nullish().describe("Hash of the virtual key that sends it; absent = the master key."),
		}),
	),
	post(
		"/api/login",
		"Begins a session of the UI",
		z.object({ key: text().describe("The master key, or a virtual key.") }),
	),
	post("/api/logout", "Ends it", empty),
];

const KEYS: readonly Endpoint[] = [
	post(
		"/key/generate",
		"Makes a virtual key; its secret is answered once",
		fieldsOf("key", { duration, key: text().optional().describe("The secret; left out, one is made.") }),
	),
	post(
		"/key/service-account/generate",
		"Makes a key that is a team's and nobody's",
		fieldsOf("key", { duration, team_id: text() }),
	),
	post(
		"/key/update",
		"Changes a key; null takes a field back to its default",
		fieldsOf("key", { key: named("key"), duration, spend }),
	),
	post(
		"/key/delete",
		"Deletes keys",
		z.object({ keys: z.array(text()).optional(), key_aliases: z.array(text()).optional() }),
	),
	post("/key/block", "Blocks a key", z.object({ key: named("key") })),
	post("/key/unblock", "Unblocks a key", z.object({ key: named("key") })),
	post("/key/regenerate", "Replaces a key's secret", fieldsOf("key", { key: named("key"), duration })),
	post("/key/{key}/regenerate", "Replaces a key's secret", fieldsOf("key", { duration })),
	get("/key/info", "One key", { query: z.object({ key: text().optional().describe("Default: the asking key.") }) }),
	get("/key/list", "Keys, newest first", {
		query: z.object({
			...page,
			user_id: text().optional(),
			team_id: text().optional(),
			key_alias: text().optional().describe("A part of it."),
			key_hash: text().optional(),
			return_full_object: z.enum(["true", "false"]).optional(),
		}),
	}),
];

const inTeam = { max_budget_in_team: z.number().nullish(), budget_duration: text().nullish() };
const member = z.object({ user_id: text(), role: z.enum(["admin", "user"]).optional(), ...inTeam });

const TEAMS: readonly Endpoint[] = [
	post("/team/new", "Makes a team", fieldsOf("team", { team_id: text().optional() })),
	post("/team/update", "Changes a team", fieldsOf("team", { team_id: text(), spend })),
	post("/team/delete", "Deletes teams with their keys", z.object({ team_ids: z.array(text()) })),
	post("/team/block", "Blocks a team: all of its keys are refused", z.object({ team_id: text() })),
	post("/team/unblock", "Unblocks a team", z.object({ team_id: text() })),
	post(
		"/team/member_add",
		"Adds members, or changes their role",
		z.object({ team_id: text(), member: z.union([member, z.array(member)]), ...inTeam }),
	),
	post(
		"/team/member_update",
		"Changes a member's role or budget in the team",
		z.object({ team_id: text(), ...member.shape }),
	),
	post("/team/member_delete", "Removes a member", z.object({ team_id: text(), user_id: text() })),
	get("/team/info", "One team and its keys", { query: z.object({ team_id: text() }) }),
	get("/team/list", "Teams, newest first", {
		query: z.object({ ...page, user_id: text().optional().describe("Only those with this member.") }),
	}),
];

const USERS: readonly Endpoint[] = [
	post(
		"/user/new",
		"Makes a user, and a key for them unless auto_create_key is false",
		fieldsOf("user", {
			user_id: text().optional(),
			auto_create_key: z.boolean().optional(),
			key_alias: text().optional(),
			duration,
		}),
	),
	post("/user/update", "Changes a user", fieldsOf("user", { user_id: text(), spend })),
	post("/user/delete", "Deletes users with their keys", z.object({ user_ids: z.array(text()) })),
	get("/user/info", "One user and their keys", {
		query: z.object({ user_id: text().optional().describe("Default: the asking key's.") }),
	}),
	get("/user/list", "Users, newest first", {
		query: z.object({ ...page, role: text().optional(), user_email: text().optional().describe("A part of it.") }),
	}),
];

const CUSTOMERS: readonly Endpoint[] = ["/customer", "/end_user"].flatMap((base) => [
	post(`${base}/new`, "Makes a customer", fieldsOf("customer", { user_id: text() })),
	post(`${base}/update`, "Changes a customer", fieldsOf("customer", { user_id: text(), spend })),
	post(`${base}/delete`, "Deletes customers", z.object({ user_ids: z.array(text()) })),
	post(`${base}/block`, "Blocks customers", z.object({ user_ids: z.array(text()) })),
	post(`${base}/unblock`, "Unblocks customers", z.object({ user_ids: z.array(text()) })),
	get(`${base}/info`, "One customer", { query: z.object({ end_user_id: text() }) }),
	get(`${base}/list`, "Customers, newest first", { query: z.object(page) }),
]);

const BUDGETS: readonly Endpoint[] = [
	post("/budget/new", "Makes a budget that others name", fieldsOf("budget", { budget_id: text().optional() })),
	post("/budget/update", "Changes a budget", fieldsOf("budget", { budget_id: text() })),
	post("/budget/delete", "Deletes a budget that nobody names", z.object({ id: text() })),
	post("/budget/info", "Some budgets", z.object({ budgets: z.array(text()) })),
	get("/budget/info", "One budget", { query: z.object({ budget_id: text() }) }),
	get("/budget/list", "Budgets, newest first", { query: z.object(page) }),
];

function named(kind: string): z.ZodString {
	return text().describe(`The ${kind}'s secret, hash, id or alias.`);
}

export const ENDPOINTS: readonly Endpoint[] = [
	...LOG,
	...OPERATION,
	...KEYS,
	...TEAMS,
	...USERS,
	...CUSTOMERS,
	...BUDGETS,
];
