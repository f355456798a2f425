// The request log and the ledger through real sockets: what the provider counted is what the log says, on SQLite and on Postgres.
import { expect, test } from "vitest";
import type { RequestDetail, RequestView } from "../../src/admin/contract/log.ts";
import { readAnswer } from "../../src/commands/demo/answer.ts";
import { SimulatedAgent } from "../../src/simulator/agent.ts";
import { onEachDatabase } from "../databases.ts";
import { get, MASTER_KEY, startWorld } from "../harness.ts";

type World = Awaited<ReturnType<typeof startWorld>>;

async function turn(world: World, agent: SimulatedAgent) {
	const { body, headers } = agent.request();
	const response = await world.gateway.post("/v1/messages?beta=true", body, { ...headers, "x-api-key": MASTER_KEY });
	const answer = await readAnswer(response);
	agent.answered(answer.content);
	return { id: response.headers.get("x-litellm-call-id") ?? "", ...answer };
}

const NOTHING_USED = { uncached: 0, read: 0, write5m: 0, write1h: 0, output: 0 };

/** Sonnet 5.5: $2 in, $10 out, writes 1.25 and 2 times, reads a twentieth. */
function dollarsOf({ uncached, read, write5m, write1h, output }: typeof NOTHING_USED): number {
	return (uncached * 2 + read * 0.1 + write5m * 2.5 + write1h * 4 + output * 10) / 1e6;
}

/** Of the blocks that the prompt map marks as read. */
function tokensRead({ prompt }: RequestDetail): number {
	const read = (prompt ?? []).filter(({ cache_outcome }) => cache_outcome === "read");
	return read.reduce((sum, { tokens }) => sum + tokens, 0);
}

onEachDatabase((databases) => {
	test("a conversation's rows say what the provider counted, and sum up to the ledger", async () => {
		await using database = await databases.open();
		await using world = await startWorld({ deployments: ["a", "b", "c"], gateway: { database } });
		const agent = new SimulatedAgent({ model: "claude-code", seed: 1, project: 1, session: "session-1" });
		const answers: Awaited<ReturnType<typeof turn>>[] = [];
		while (answers.length < 4) answers.push(await turn(world, agent));
		await world.gateway.requestLog?.flush();

		const { requests } = await get<{ requests: RequestView[] }>(world, "/api/requests?session=session-1");
		expect(requests.map(({ id }) => id)).toEqual(answers.map(({ id }) => id).reverse());
		const recorded = world.messages();
		for (const [at, row] of [...requests].reverse().entries()) {
			const usage = recorded[at]?.usage ?? NOTHING_USED;
			expect(row).toMatchObject({
				outcome: "served",
				status: 200,
				model: "claude-code",
				model_id: recorded[at]?.deployment,
				input_tokens: usage.uncached,
				cache_read_tokens: usage.read,
				cache_write_5m_tokens: usage.write5m,
				cache_write_1h_tokens: usage.write1h,
				output_tokens: usage.output,
				session_id: "session-1",
				client_format: "anthropic",
				provider: "anthropic",
				attempts: 1,
				miss_cause: null,
			});
			expect(row.cost).toBeCloseTo(dollarsOf(usage), 9);
		}
		const spent = requests.reduce((sum, { cost }) => sum + (cost ?? 0), 0);
		const random = requests.reduce((sum, { cost_random_routing }) => sum + (cost_random_routing ?? 0), 0);
		// Three deployments: random routing would find the prefix once in three times.
		expect(random).toBeGreaterThan(spent);

		const overview = await get<{ totals: Record<string, number> }>(world, "/api/overview");
		expect(overview.totals["requests"]).toBe(4);
		expect(overview.totals["cost"]).toBeCloseTo(spent, 9);
		expect(overview.totals["cost_random_routing"]).toBeCloseTo(random, 9);
		const { session, turns } = await get<{ session: { measures: Record<string, number> }; turns: RequestView[] }>(
			world,
			"/api/sessions/session-1",
		);
		expect(session.measures["cost"]).toBeCloseTo(spent, 9);
		expect(turns.map(({ id }) => id)).toEqual(answers.map(({ id }) => id));

		const spend = await get<Record<string, unknown>[]>(world, `/spend/logs?request_id=${answers[3]?.id}`);
		expect(spend[0]).toMatchObject({
			model_id: recorded[3]?.deployment,
			cache_read_input_tokens: recorded[3]?.usage?.read,
			completion_tokens: recorded[3]?.usage?.output,
			custom_llm_provider: "anthropic",
		});
		const detail = await get<RequestDetail>(world, `/api/requests/${answers[2]?.id}`);
		expect(detail).toMatchObject({ previous: answers[1]?.id, following: answers[3]?.id });
		expect(detail.candidates).toHaveLength(3);
		expect(Math.abs(tokensRead(detail) - (recorded[2]?.usage?.read ?? 0))).toBeLessThan(5);
	});

	test("rejected, failed, broken and aborted requests have rows too", async () => {
		await using database = await databases.open();
		await using world = await startWorld({ deployments: ["a"], gateway: { database } });
		const { simulator, gateway } = world;
		const agent = new SimulatedAgent({ model: "claude-code", seed: 1, project: 1, session: "session-1" });
		const { body, headers } = agent.request();
		const send = (extra: Readonly<Record<string, string>> = {}) =>
			gateway.post("/v1/messages", body, { ...headers, ...extra });

		expect((await gateway.post("/v1/messages", JSON.stringify({ model: "nobody", messages: [] }))).status).toBe(404);
		expect((await send({ "x-api-key": "sk-wrong" })).status).toBe(401);
		simulator.faults.add({ kind: "status", status: 400 });
		expect((await send()).status).toBe(400);
		simulator.faults.add({ kind: "cut", afterDeltas: 2 });
		await (await send()).text();
		simulator.faults.add({ kind: "stall", at: "mid-content", ms: "forever" });
		const leave = new AbortController();
		const left = await fetch(`${gateway.url}/v1/messages`, {
			method: "POST",
			headers: { "content-type": "application/json", "x-api-key": MASTER_KEY, ...headers },
			body,
			signal: leave.signal,
		});
		await left.body?.getReader().read();
		leave.abort();
		await expect.poll(() => gateway.requestLog?.stats()).toMatchObject({ lost: 0 });
		await expect
			.poll(async () => {
				await gateway.requestLog?.flush();
				const { requests } = await get<{ requests: RequestView[] }>(world, "/api/requests");
				return requests.map(({ outcome, status, error }) => [outcome, status, error]);
			})
			.toEqual([
				["aborted", 499, null],
				["broke", 200, expect.any(String)],
				["failed", 400, expect.any(String)],
				["rejected", 401, "invalid_credentials"],
				["rejected", 404, "unknown_model"],
			]);
		const { requests } = await get<{ requests: RequestView[] }>(world, "/api/requests?status=error");
		expect(requests.map(({ status }) => status)).toEqual([499, 400, 401, 404]);
		// What had been reported of tokens before the break is kept.
		const broken = await get<{ requests: RequestView[] }>(world, "/api/requests?status=200");
		expect(broken.requests[0]?.cache_write_5m_tokens).toBeGreaterThan(0);
	});

	test("a turn that had to go elsewhere says why it missed, and what that cost", async () => {
		await using database = await databases.open();
		await using world = await startWorld({ deployments: ["a", "b"], gateway: { database } });
		const agent = new SimulatedAgent({ model: "claude-code", seed: 1, project: 1, session: "session-1" });
		const first = await turn(world, agent);
		world.simulator.faults.add({ kind: "status", status: 529, deployment: first.deployment, times: "always" });
		const second = await turn(world, agent);
		world.simulator.faults.clear();
		expect(second.deployment).not.toBe(first.deployment);
		await world.gateway.requestLog?.flush();
		const detail = await get<RequestDetail>(world, `/api/requests/${second.id}`);
		expect(detail.miss).toMatchObject({ reason: "moved" });
		expect(detail.miss?.detail).toContain(
			`from ${first.deployment} to ${second.deployment} (${first.deployment} failed: 529`,
		);
		expect(detail.attempts.map(({ model_id, outcome, status }) => [model_id, outcome, status]).at(-1)).toEqual([
			second.deployment,
			"served",
			200,
		]);
		const { requests } = await get<{ requests: RequestView[] }>(world, "/api/requests?miss=moved");
		expect(requests.map(({ id }) => id)).toEqual([second.id]);
	});

	test("what a client changed between two turns is named, is filtered by, and no prompt is kept for it", async () => {
		await using database = await databases.open();
		await using world = await startWorld({ deployments: ["a"], gateway: { database } });
		interface Body {
			tools: { description: string }[];
			system: { text: string }[];
			messages: { content: string | { text?: string }[] }[];
			tool_choice?: object;
		}
		const changes: readonly [string, RegExp, (body: Body) => void][] = [
			[
				"tools_changed",
				/^tools\[0\] differs/,
				({ tools: [tool] }) => Object.assign(tool ?? {}, { description: "other" }),
			],
			[
				"system_changed",
				/^system\[\d\] differs/,
				({ system }) => Object.assign(system.at(-1) ?? {}, { text: "other" }),
			],
			[
				"history_edited",
				/^messages\[0\] differs/,
				({ messages: [first] }) => Object.assign(first ?? {}, { content: "an edited question" }),
			],
			["settings_changed", /^tool_choice/, (body) => Object.assign(body, { tool_choice: { type: "any" } })],
		];
		for (const [at, [reason, detail, change]] of changes.entries()) {
			const agent = new SimulatedAgent({
				model: "claude-code",
				seed: at + 1,
				project: at + 1,
				session: `session-${at}`,
			});
			await turn(world, agent);
			const { body, headers } = agent.request();
			const changed = JSON.parse(body.toString()) as Body;
			change(changed);
			const answer = await world.gateway.post("/v1/messages?beta=true", JSON.stringify(changed), {
				...headers,
				"x-api-key": MASTER_KEY,
			});
			expect(answer.status, await answer.text()).toBe(200);
			await world.gateway.requestLog?.flush();
			const id = answer.headers.get("x-litellm-call-id");
			const found = await get<RequestDetail>(world, `/api/requests/${id}`);
			expect(found.miss).toEqual({ reason, detail: expect.stringMatching(detail), tokens: expect.any(Number) });
			expect(found.bodies).toBeNull();
			const { requests } = await get<{ requests: RequestView[] }>(world, `/api/requests?miss=${reason}`);
			expect(requests.map((each) => each.id)).toEqual([id]);
		}
		const rows = await database.query.selectFrom("requests").selectAll().execute();
		const kept = JSON.stringify(rows);
		expect(kept).toContain("session-1");
		expect(kept).not.toContain("an edited question");
	});

	test("why a turn missed is known from stored fingerprints when its gateway has never seen the turn before", async () => {
		await using database = await databases.open();
		const agent = new SimulatedAgent({ model: "claude-code", seed: 1, project: 1, session: "session-1" });
		{
			await using before = await startWorld({ deployments: ["a"], gateway: { database } });
			await turn(before, agent);
			await before.gateway.requestLog?.flush();
		}
		// A provider that knows nothing of the first turn either.
		await using after = await startWorld({ deployments: ["a"], gateway: { database } });
		// It has read by now what it logged before.
		await after.gateway.requestLog?.flush();
		const { id } = await turn(after, agent);
		await after.gateway.requestLog?.flush();
		const { miss } = await get<RequestDetail>(after, `/api/requests/${id}`);
		expect(miss).toMatchObject({ reason: "lost", detail: expect.stringContaining("no longer had the entry") });
		expect(miss?.tokens).toBeGreaterThan(0);
		const { requests } = await get<{ requests: RequestView[] }>(after, "/api/requests?miss=lost");
		expect(requests.map((request) => request.id)).toEqual([id]);
		const { sums } = await get<{ sums: { measures: { misses: number } }[] }>(after, "/api/ledger");
		expect(sums[0]?.measures.misses).toBe(1);
	});

	test("why a turn missed is found on reading too, where another gateway served the turn before and this one never saw it", async () => {
		await using database = await databases.open();
		const agent = new SimulatedAgent({ model: "claude-code", seed: 1, project: 1, session: "session-1" });
		await using one = await startWorld({ deployments: ["a"], gateway: { database } });
		await using other = await startWorld({ deployments: ["a"], gateway: { database } });
		await other.gateway.requestLog?.flush();
		await turn(one, agent);
		await one.gateway.requestLog?.flush();
		const { id } = await turn(other, agent);
		await other.gateway.requestLog?.flush();
		expect((await get<RequestDetail>(other, `/api/requests/${id}`)).miss).toMatchObject({ reason: "lost" });
	});

	test("bodies are kept only when asked for, without credentials", async () => {
		const secret = "sk-ant-REDACTED";
		const ask = (world: World) =>
			world.gateway.post(
				"/v1/messages",
				JSON.stringify({
					model: "claude-code",
					max_tokens: 10,
					messages: [{ role: "user", content: `my key is ${secret}` }],
				}),
			);
		for (const stored of [false, true]) {
			await using database = await databases.open();
			await using world = await startWorld({ deployments: ["a"], gateway: { database } });
			const { config } = world;
			await world.gateway.reload({ ...config, requestLog: { ...config.requestLog, storeBodies: stored } });
			const response = await ask(world);
			const answer = await response.text();
			await world.gateway.requestLog?.flush();
			const detail = await get<RequestDetail>(world, `/api/requests/${response.headers.get("x-litellm-call-id")}`);
			if (stored) {
				expect(detail.bodies?.request).toContain("my key is ***");
				expect(detail.bodies?.response).toBe(answer);
			} else expect(detail.bodies).toBeNull();
		}
	});

	test("a virtual key that may use the control plane sees its own rows and sums, and no deployments", async () => {
		await using database = await databases.open();
		await using world = await startWorld({ deployments: ["a"], gateway: { database } });
		const { gateway } = world;
		const made = await gateway.post("/key/generate", JSON.stringify({ key_alias: "laptop", user_id: "someone" }));
		const { key } = (await made.json()) as { key: string };
		const body = JSON.stringify({
			model: "claude-code",
			max_tokens: 5,
			messages: [{ role: "user", content: "hello" }],
		});
		const own = await gateway.post("/v1/messages", body, { "x-api-key": key });
		const other = await gateway.post("/v1/messages", body);
		await Promise.all([own.arrayBuffer(), other.arrayBuffer()]);
		await gateway.requestLog?.flush();
		const [ownId, otherId] = [own, other].map((answer) => answer.headers.get("x-litellm-call-id"));
		const as = async (path: string) => {
			const response = await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${key}` } });
			return { status: response.status, body: (await response.json()) as Record<string, never> };
		};
		const { requests } = (await as("/api/requests")).body as unknown as { requests: RequestView[] };
		expect(requests.map(({ id, key_alias }) => [id, key_alias])).toEqual([[ownId, "laptop"]]);
		expect((await as(`/api/requests/${ownId}`)).status).toBe(200);
		expect((await as(`/api/requests/${otherId}`)).status).toBe(404);
		const overview = (await as("/api/overview")).body as unknown as { totals: { requests: number } };
		expect(overview.totals.requests).toBe(1);
		expect((await as(`/spend/logs?request_id=${otherId}`)).body).toEqual([]);
		expect((await as("/api/deployments")).status).toBe(403);
		expect((await get<{ requests: RequestView[] }>(world, "/api/requests")).requests).toHaveLength(2);
	});

	test("filters that are none are refused, and the document describes those that are", async () => {
		await using database = await databases.open();
		await using world = await startWorld({ deployments: ["a"], gateway: { database } });
		const refused = await get<{ error: { message: string } }>(world, "/api/requests?modelname=x", 400);
		expect(refused.error.message).toBe("modelname: is not a filter of this endpoint");
		expect(
			(await get<{ error: { message: string } }>(world, "/api/requests?status=maybe", 400)).error.message,
		).toContain("status:");
		for (const path of ["/api/requests", "/api/sessions", "/api/sessions/s"]) {
			for (const cursor of ["nonsense", Buffer.from(`${"9".repeat(40)}.1`).toString("base64url")]) {
				const none = await get<{ error: { message: string } }>(world, `${path}?cursor=${cursor}`, 400);
				expect(none.error.message).toBe("cursor: is not one that a page gave");
			}
		}
		const ofHours = Buffer.from(JSON.stringify([["hour", 1]])).toString("base64url");
		for (const asked of ["by=hour&cursor=nonsense", `cursor=${ofHours}`, `by=model&cursor=${ofHours}`]) {
			const none = await get<{ error: { message: string } }>(world, `/api/ledger?${asked}`, 400);
			expect(none.error.message).toBe("cursor: is not one that a page of this `by` gave");
		}
		expect(await get(world, `/api/ledger?by=hour&cursor=${ofHours}`)).toMatchObject({ sums: [], next: null });
		const minutes = await get<{ error: { message: string } }>(world, "/api/ledger?by=minute,key_id", 400);
		expect(minutes.error.message).toContain("by: minutes are not kept by key or team");
		const document = await get<{ paths: Record<string, { get: { parameters: { name: string }[] } }> }>(
			world,
			"/openapi.json",
		);
		const names = document.paths["/api/requests"]?.get.parameters.map(({ name }) => name);
		expect(names).toEqual(expect.arrayContaining(["model", "model_id", "status", "miss", "q", "cursor"]));
	});
});

test("without a database requests are served and the log says what it needs", async () => {
	await using world = await startWorld({ deployments: ["a"] });
	const body = JSON.stringify({ model: "claude-code", max_tokens: 5, messages: [{ role: "user", content: "hello" }] });
	expect((await world.gateway.post("/v1/messages", body)).status).toBe(200);
	const refused = await get<{ error: { message: string } }>(world, "/api/requests", 503);
	expect(refused.error.message).toContain("needs a database");
	const { deployments } = await get<{ deployments: { model_id: string; state: string }[] }>(world, "/api/deployments");
	expect(deployments).toMatchObject([{ model_id: "a", state: "ready" }]);
});
