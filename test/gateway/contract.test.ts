// What the control plane really answers against its contract: every endpoint, from a running gateway with traffic behind it, on both databases.
import { expect, test } from "vitest";
import { CONTRACT, type EndpointName } from "../../src/admin/contract/index.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import { onEachDatabase } from "../databases.ts";
import { MASTER_KEY } from "../harness.ts";
import { startKeyed } from "../keyed-world.ts";

type World = Awaited<ReturnType<typeof startKeyed>>;

interface Ask {
	readonly params?: Readonly<Record<string, string>>;
	readonly query?: string;
	readonly body?: object;
}

/** The control plane, each of whose answers is compared with the contract. */
class Checked {
	readonly seen = new Set<string>();
	readonly #world: World;

	constructor(world: World) {
		this.#world = world;
	}

	/** The answer is what the contract says, member for member: nothing is missing and nothing is there besides. */
	async ask(name: EndpointName, { params = {}, query = "", body = {} }: Ask = {}): Promise<Record<string, never>> {
		const [method = "", path = ""] = name.split(" ");
		const place = path.replaceAll(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(params[param] ?? ""));
		const response = await fetch(`${this.#world.gateway.url}${place}${query === "" ? "" : `?${query}`}`, {
			method,
			headers: { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" },
			...(method === "GET" ? {} : { body: JSON.stringify(body) }),
		});
		const answer: unknown = await response.json();
		expect([name, response.status, answer]).toEqual([name, 200, expect.anything()]);
		const parsed = CONTRACT[name].answer.safeParse(answer);
		expect([name, parsed.error?.issues]).toEqual([name, undefined]);
		expect([name, parsed.data]).toEqual([name, answer]);
		this.seen.add(name);
		return answer as Record<string, never>;
	}
}

/** Two turns of a conversation, a request that had to be tried twice, one that was refused; all by a key of a team. */
async function talk(world: World, key: string): Promise<void> {
	const agent = new SimulatedAgent({ model: "claude-code", seed: 1, project: 1, session: "talk" });
	for (let turn = 0; turn < 3; turn += 1) {
		if (turn === 2) world.simulator.faults.add({ kind: "status", status: 529 });
		const { body, headers } = agent.request();
		const response = await world.gateway.post("/v1/messages", body, { ...headers, "x-api-key": key });
		expect(response.status).toBe(200);
		await response.text();
	}
	expect((await world.ask(key, { model: "nothing-of-the-kind" })).status).toBe(404);
	await world.gateway.requestLog?.flush();
}

async function makeRecords(api: Checked): Promise<string> {
	const ask: Checked["ask"] = (...asked) => api.ask(...asked);
	await ask("POST /budget/new", { body: { budget_id: "b", max_budget: 9, budget_duration: "30d" } });
	await ask("POST /budget/update", { body: { budget_id: "b", rpm_limit: 1_000 } });
	await ask("POST /budget/info", { body: { budgets: ["b"] } });
	await ask("GET /budget/info", { query: "budget_id=b" });
	await ask("GET /budget/list");
	await ask("POST /team/new", { body: { team_id: "t", budget_id: "b", tags: ["x"], metadata: { a: { b: 1 } } } });
	await ask("POST /team/member_add", { body: { team_id: "t", member: { user_id: "u" }, max_budget_in_team: 3 } });
	await ask("POST /team/member_update", { body: { team_id: "t", user_id: "u", role: "admin" } });
	await ask("POST /team/update", { body: { team_id: "t", model_rpm_limit: { "claude-*": 900 } } });
	await ask("POST /user/new", { body: { user_id: "u", user_email: "u@example.com", teams: ["t"] } });
	await ask("POST /user/new", { body: { auto_create_key: false } });
	await ask("POST /user/update", { body: { user_id: "u", max_budget: 5, spend: 0.5 } });
	const made = await ask("POST /key/generate", {
		body: {
			key_alias: "k",
			team_id: "t",
			user_id: "u",
			duration: "30d",
			model_max_budget: { "claude-*": { budget_limit: 5, time_period: "1d" }, other: 3 },
			budget_limits: [{ budget_duration: "1h", max_budget: 4 }],
			tpm_limit: 1e9,
		},
	});
	await ask("POST /key/update", { body: { key: "k", max_budget: 7, budget_duration: "24h", tags: ["dev"] } });
	await ask("POST /key/service-account/generate", { body: { team_id: "t", key_alias: "service" } });
	for (const base of ["customer", "end_user"] as const) {
		await ask(`POST /${base}/new`, { body: { user_id: base, budget_id: "b" } });
		await ask(`POST /${base}/update`, { body: { user_id: base, alias: "somebody" } });
		await ask(`POST /${base}/block`, { body: { user_ids: [base] } });
		await ask(`POST /${base}/unblock`, { body: { user_ids: [base] } });
		await ask(`GET /${base}/info`, { query: `end_user_id=${base}` });
		await ask(`GET /${base}/list`, { query: "limit=1" });
	}
	return made["key"] ?? "";
}

async function readRecords(api: Checked): Promise<void> {
	await api.ask("GET /key/info", { query: "key=k" });
	await api.ask("GET /key/list", { query: "size=2&page=1" });
	await api.ask("GET /key/list", { query: "return_full_object=false" });
	await api.ask("GET /team/info", { query: "team_id=t" });
	await api.ask("GET /team/list");
	await api.ask("GET /user/info", { query: "user_id=u" });
	await api.ask("GET /user/list", { query: "user_email=EXAMPLE" });
}

async function readLog(api: Checked): Promise<void> {
	const { requests } = await api.ask("GET /api/requests");
	const ids = (requests as unknown as readonly { readonly id: string }[]).map(({ id }) => id);
	expect(ids).toHaveLength(4);
	for (const id of ids) await api.ask("GET /api/requests/{id}", { params: { id } });
	await api.ask("GET /api/requests", { query: "limit=1" });
	await api.ask("GET /api/sessions");
	await api.ask("GET /api/sessions/{id}", { params: { id: "talk" } });
	await api.ask("GET /api/ledger", { query: "by=hour,key_id,team_id,model,model_id" });
	await api.ask("GET /api/ledger", { query: "by=minute&limit=1" });
	await api.ask("GET /api/overview");
	await api.ask("GET /spend/logs");
	await api.ask("GET /spend/logs", { query: "start_date=2000-01-01&end_date=2100-01-01" });
	await api.ask("GET /spend/logs/ui", { query: "start_date=2000-01-01&end_date=2100-01-01" });
}

async function operate(api: Checked): Promise<void> {
	for (const name of ["", "/liveliness", "/liveness", "/readiness"] as const) await api.ask(`GET /health${name}`);
	for (const name of ["connect", "deployments", "me"] as const) await api.ask(`GET /api/${name}`);
	await api.ask("GET /openapi.json");
	await api.ask("POST /api/deployments/{id}/drain", { params: { id: "two" } });
	await api.ask("POST /api/explain", {
		body: {
			body: JSON.stringify({ model: "claude-code", max_tokens: 9, messages: [{ role: "user", content: "hi" }] }),
		},
	});
	await api.ask("POST /api/deployments/{id}/resume", { params: { id: "two" } });
	await api.ask("GET /api/deployments/{id}/test", { params: { id: "one" } });
	await api.ask("POST /api/deployments/{id}/test", { params: { id: "one" } });
	await api.ask("POST /api/login", { body: { key: MASTER_KEY } });
	await api.ask("POST /api/logout");
}

async function removeRecords(api: Checked): Promise<void> {
	for (const name of ["block", "unblock"] as const) {
		await api.ask(`POST /key/${name}`, { body: { key: "k" } });
		await api.ask(`POST /team/${name}`, { body: { team_id: "t" } });
	}
	await api.ask("POST /key/regenerate", { body: { key: "k" } });
	await api.ask("POST /key/{key}/regenerate", { params: { key: "k" }, body: { max_budget: 8 } });
	await api.ask("POST /key/delete", { body: { key_aliases: "k" } });
	await api.ask("POST /team/member_delete", { body: { team_id: "t", user_id: "u" } });
	await api.ask("POST /team/delete", { body: { team_ids: ["t"] } });
	await api.ask("POST /user/delete", { body: { user_ids: ["u"] } });
	await api.ask("POST /customer/delete", { body: { user_ids: ["customer"] } });
	await api.ask("POST /end_user/delete", { body: { user_ids: "end_user" } });
	await api.ask("POST /budget/delete", { body: { id: "b" } });
}

onEachDatabase(({ open }) => {
	test("every endpoint answers what the contract says, with nothing left out and nothing besides", async () => {
		await using database = await open();
		await using world = await startKeyed(database);
		const api = new Checked(world);
		const key = await makeRecords(api);
		await talk(world, key);
		await readRecords(api);
		await readLog(api);
		await operate(api);
		await removeRecords(api);
		expect([...api.seen].sort()).toEqual(Object.keys(CONTRACT).sort());
	});
});
