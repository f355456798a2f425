// What the control plane asks of the request log: every page of the UI with each of its filters, and LiteLLM's numbered pages. Leaves how
// long it takes to log.
import { overviewOf } from "../src/admin/log/overview.ts";
import { deploymentsOf } from "../src/admin/operate/deployments.ts";
import { parseConfig } from "../src/config/load.ts";
import type { Database } from "../src/db/database.ts";
import { findSessions, listSessions, sumLedger } from "../src/requestlog/ledger.ts";
import { findRequest, listRequests, type RequestFilter } from "../src/requestlog/requests.ts";
import { numberedRequests } from "../src/requestlog/requests-numbered.ts";
import type { LogService } from "../src/requestlog/service.ts";
import { createRouter } from "../src/routing/router.ts";
import { DAY_MS, DEPLOYMENTS, idPrefix } from "./log-rows.ts";

/** When the last row was. */
export const END = Date.parse("2026-11-21T12:00:00Z");

/** One answer of the control plane. */
export interface Question {
	readonly name: string;
	readonly ask: (database: Database) => Promise<unknown>;
}

const page = (filter: RequestFilter) => (database: Database) => listRequests(database, filter, { limit: 50 });
const rareSession = "00001000-aaaa-4bbb-8ccc-dddddddddddd";
const rareKey = `${(7).toString(16).padStart(4, "0")}${"f".repeat(60)}`;
const lastDay = { from: END - DAY_MS, to: END };

export const QUESTIONS: readonly Question[] = [
	{ name: "log, no filter", ask: page({}) },
	{ name: "log, model (common)", ask: page({ model: "claude-code" }) },
	{ name: "log, model (rare)", ask: page({ model: "claude-fable" }) },
	{ name: "log, model that is none", ask: page({ model: "nothing" }) },
	{ name: "log, model id (common)", ask: page({ modelId: "deployment-1" }) },
	{ name: "log, model id (rare)", ask: page({ modelId: "deployment-8" }) },
	{ name: "log, key", ask: page({ keyId: rareKey }) },
	{ name: "log, team", ask: page({ teamId: "team-7" }) },
	{ name: "log, session", ask: page({ session: rareSession }) },
	{ name: "log, status success", ask: page({ status: "success" }) },
	{ name: "log, status error", ask: page({ status: "error" }) },
	{ name: "log, status 5xx", ask: page({ status: "5xx" }) },
	{ name: "log, status rejected", ask: page({ status: "rejected" }) },
	{ name: "log, status 401", ask: page({ status: "401" }) },
	{ name: "log, reason (common)", ask: page({ reason: "prefix" }) },
	{ name: "log, reason (rare)", ask: page({ reason: "returned" }) },
	{ name: "log, missed at all", ask: page({ miss: "any" }) },
	{ name: "log, missed: lost", ask: page({ miss: "lost" }) },
	{ name: "log, one hour four days ago", ask: page({ from: END - 4 * DAY_MS, to: END - 4 * DAY_MS + 3_600_000 }) },
	{ name: "log, text: begin of a request id", ask: page({ text: idPrefix(END - 2 * DAY_MS).slice(0, 8) }) },
	{ name: "log, text: begin of a session id", ask: page({ text: "000010" }) },
	{ name: "log, text: begin of a deployment", ask: page({ text: "deployment-3" }) },
	{ name: "log, text that is nowhere", ask: page({ text: "zzz" }) },
	{ name: "log, affinity that is rare", ask: page({ affinity: "off" }) },
	{ name: "log, agent that is none", ask: page({ agent: "nobody" }) },
	{ name: "log, own rows of a key's owner", ask: page({ scope: { keyHash: rareKey, userId: null } }) },
	{
		name: "log, page in the middle",
		ask: (database) => listRequests(database, { to: END - 2 * DAY_MS }, { limit: 50 }),
	},
	{
		name: "LiteLLM's page of a day, counted",
		ask: (database) => numberedRequests(database, lastDay, { page: 1, size: 50 }),
	},
	{
		name: "LiteLLM's page of a day and a user, counted",
		ask: (database) => numberedRequests(database, { ...lastDay, userId: "user-7" }, { page: 1, size: 50 }),
	},
	{
		name: "one request with its neighbours",
		ask: async (database) => {
			const { requests } = await listRequests(database, { session: rareSession }, { limit: 1 });
			return findRequest(database, requests[0]?.id ?? "");
		},
	},
	{ name: "sessions, first page", ask: (database) => listSessions(database, {}, { limit: 50 }) },
	{ name: "one session", ask: (database) => findSessions(database, rareSession) },
	{ name: "day's sums", ask: (database) => sumLedger(database, lastDay, []) },
	{ name: "day's sums by hour and deployment", ask: (database) => sumLedger(database, lastDay, ["hour", "model_id"]) },
	{ name: "day's sums by key", ask: (database) => sumLedger(database, lastDay, ["key_id"]) },
	{ name: "day's sums by team and model", ask: (database) => sumLedger(database, lastDay, ["team_id", "model"]) },
	{
		name: "last hour by minute",
		ask: (database) => sumLedger(database, { from: END - 3_600_000, to: END }, ["minute"]),
	},
	{
		name: "overview of a day",
		ask: (database) => overviewOf({ database, service: IDLE }, lastDay, { router: ROUTER, now: END, routerNow: END }),
	},
	{
		name: "deployments",
		ask: (database) =>
			deploymentsOf({
				log: { database, service: IDLE },
				router: ROUTER,
				drainsKept: true,
				now: () => END,
				routerNow: () => END,
			}),
	},
];

const IDLE = {
	stats: () => ({ queued: 0, written: 0, lost: 0, failure: null }),
	warmth: () => new Map(),
} as unknown as LogService;

const ROUTER = createRouter(configOfDeployments());

function configOfDeployments() {
	const entries = DEPLOYMENTS.map(
		(id) =>
			`  - { model_name: claude-code, litellm_params: { model: anthropic/claude-sonnet-5-5, api_key: sk-ant-${id}-0000 }, model_info: { id: ${id} } }`,
	);
	const parsed = parseConfig(`model_list:\n${entries.join("\n")}\n`, { path: "bench.yaml", env: {} });
	if (!parsed.ok) throw new Error("the benchmark's own configuration is wrong");
	return parsed.config;
}
