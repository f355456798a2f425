// Claude on Google Cloud, managed by Anthropic, as an upstream: address, credentials, whose cache it is, and what its refusals mean.
import { describe, expect, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const PROMPT = `rules ${"of the house ".repeat(3000)}`;

function body(text: string, more: object = {}): string {
	const marker = { cache_control: { type: "ephemeral" } };
	return JSON.stringify({
		model: "claude-code",
		max_tokens: 9,
		system: [{ type: "text", text: PROMPT, ...marker }],
		messages: [{ role: "user", content: [{ type: "text", text, ...marker }] }],
		...more,
	});
}

interface Line {
	readonly id: string;
	/** Default claude-code. */
	readonly group?: string;
	readonly params: Readonly<Record<string, unknown>>;
}

function gatewayOf(lines: readonly Line[], env: Readonly<Record<string, string>> = {}) {
	const config = {
		model_list: lines.map(({ id, group = "claude-code", params }) => ({
			model_name: group,
			litellm_params: { model: "anthropic_google_cloud/claude-sonnet-5-5", ...params },
			model_info: { id },
		})),
		general_settings: { master_key: MASTER_KEY },
		warmpath: { listen: { port: 0 } },
	};
	return startTestGateway(configFrom(JSON.stringify(config), env));
}

/** Two projects; the first has two workspaces and two service accounts' worth of deployments. */
async function startClouds() {
	const simulator = await startSimulator({
		google: [{ name: "p1", workspaces: ["wrkspc_a", "wrkspc_b"] }, { name: "p2" }],
	});
	const [first, second] = simulator.google;
	if (first === undefined || second === undefined) throw new Error("two projects were asked for");
	const params = (project: typeof first, workspace: string) => ({
		api_base: simulator.url,
		vertex_project: project.project,
		anthropic_workspace_id: workspace,
		vertex_credentials: project.serviceAccount(),
	});
	return { simulator, first, second, params };
}

/** The same account's key as JSON text: another spelling of the credential. */
const keyFile = (project: Awaited<ReturnType<typeof startClouds>>["first"]) =>
	JSON.stringify(project.serviceAccount(), null, 1);

const answerOf = async (response: Response) => ({
	status: response.status,
	deployment: response.headers.get("x-litellm-model-id"),
	predicted: Number(response.headers.get("x-warmpath-predicted-cached-tokens")),
	usage: ((await response.json()) as { usage?: Record<string, number> }).usage ?? {},
});

test("a conversation stays in its workspace's cache, and what is predicted is read", async () => {
	const { simulator, first, second, params } = await startClouds();
	await using _s = simulator;
	await using gateway = await gatewayOf([
		{ id: "a", params: params(first, "wrkspc_a") },
		{ id: "b", params: params(first, "wrkspc_b") },
		{ id: "c", params: params(second, second.workspaces[0] ?? "") },
	]);
	const headers = { "x-claude-code-session-id": "s-1" };
	const one = await answerOf(await gateway.post("/v1/messages?beta=true", body("first"), headers));
	expect([one.status, one.usage["cache_read_input_tokens"]]).toEqual([200, 0]);
	for (const text of ["first", "first", "first"]) {
		const next = await answerOf(await gateway.post("/v1/messages?beta=true", body(text), headers));
		expect(next.deployment).toBe(one.deployment);
		expect(next.usage["cache_read_input_tokens"]).toBeGreaterThan(3000);
		expect(next.predicted / (next.usage["cache_read_input_tokens"] ?? 0)).toBeCloseTo(1, 1);
	}
	const names = gateway.router.deployments().map(({ id, organization }) => [id, organization]);
	expect(names).toContainEqual([one.deployment, one.deployment === "c" ? "org-p2" : "org-p1"]);
});

test("two credentials of one workspace read each other's cache before anything was learned; two workspaces do not", async () => {
	const { simulator, first, params } = await startClouds();
	await using _s = simulator;
	await using gateway = await gatewayOf([
		{ id: "a1", group: "g1", params: params(first, "wrkspc_a") },
		{ id: "a2", group: "g2", params: { ...params(first, "wrkspc_a"), vertex_credentials: keyFile(first) } },
		{ id: "b", group: "g3", params: params(first, "wrkspc_b") },
	]);
	const ask = async (model: string) => answerOf(await gateway.post("/v1/messages", body("hi", { model })));
	expect((await ask("g1")).usage["cache_read_input_tokens"]).toBe(0);
	const shared = await ask("g2");
	expect(shared.usage["cache_read_input_tokens"]).toBeGreaterThan(3000);
	expect(shared.predicted).toBeGreaterThan(3000);
	const apart = await ask("g3");
	expect([apart.usage["cache_read_input_tokens"], apart.predicted]).toEqual([0, 0]);
});

describe("what goes upstream", () => {
	async function startRecorded(params: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string>> = {}) {
		const simulator = await startSimulator({ google: [{ name: "p1" }] });
		const upstream = await startRecordingUpstream((_request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.end('{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":1}}');
		});
		const account = simulator.google[0]?.serviceAccount();
		const own = { vertex_credentials: account, ...params };
		const gateway = await gatewayOf([{ id: "a", params: { api_base: upstream.url, ...own } }], env);
		return {
			upstream,
			gateway,
			async [Symbol.asyncDispose]() {
				await gateway.close(0);
				await upstream[Symbol.asyncDispose]();
				await simulator.close();
			},
		};
	}

	test("project and workspace stand in the address, the token in authorization, and nothing of the client's account", async () => {
		await using w = await startRecorded({ vertex_project: "p 1", anthropic_workspace_id: "wrkspc_1" });
		const headers = {
			"anthropic-workspace-id": "wrkspc_of_the_client",
			"x-goog-user-project": "of-the-client",
			"anthropic-beta": "a-1,b-2",
		};
		await w.gateway.post("/v1/messages?beta=true", body("hi"), headers);
		await w.gateway.post("/v1/messages/count_tokens", body("hi"), headers);
		const [message, count] = w.upstream.requests;
		const base = "/v1alpha/projects/p%201/locations/global/workspaces/wrkspc_1/invoke/v1/messages";
		expect([message?.url, count?.url]).toEqual([`${base}?beta=true`, `${base}/count_tokens`]);
		expect(message?.headers.authorization).toMatch(/^Bearer ya29\./);
		expect(message?.headers["anthropic-beta"]).toBe("a-1,b-2");
		expect(message?.headers["anthropic-version"]).toBe("2023-06-01");
		expect(JSON.stringify(message?.rawHeaders)).not.toMatch(/of.the.client|x-api-key|workspace-id/);
		expect(message?.body.toString()).toBe(body("hi").replace("claude-code", "claude-sonnet-5-5"));
	});

	test("project, workspace and location may come from the environment, by the SDKs' names", async () => {
		await using w = await startRecorded(
			{},
			{
				ANTHROPIC_GOOGLE_CLOUD_PROJECT: "from-env",
				ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID: "wrkspc_env",
				ANTHROPIC_GOOGLE_CLOUD_LOCATION: "us-east5",
			},
		);
		await w.gateway.post("/v1/messages", body("hi"));
		expect(w.upstream.requests[0]?.url).toBe(
			"/v1alpha/projects/from-env/locations/us-east5/workspaces/wrkspc_env/invoke/v1/messages",
		);
	});
});

describe("refusals", () => {
	test("another deployment serves where Google refuses the project, and the client's own mistakes reach it as they are", async () => {
		const { simulator, first, second, params } = await startClouds();
		await using _s = simulator;
		await using gateway = await gatewayOf([
			{ id: "wrong", params: { ...params(first, "wrkspc_a"), vertex_project: "somebody-elses", order: 1 } },
			{ id: "right", params: { ...params(second, second.workspaces[0] ?? ""), order: 2 } },
		]);
		const served = await answerOf(await gateway.post("/v1/messages", body("hi")));
		expect([served.status, served.deployment]).toEqual([200, "right"]);
		const mistake = await gateway.post("/v1/messages", body("hi", { max_tokens: -1 }));
		expect([mistake.status, ((await mistake.json()) as { type: string }).type]).toEqual([400, "error"]);
	});

	test.each([
		[429, "rate_limit_error"],
		[503, "overloaded_error"],
	])("with status %d in Google's form is shown in the Messages API's", async (status, type) => {
		const simulator = await startSimulator({ google: [{ name: "p1" }] });
		await using _s = simulator;
		await using upstream = await startRecordingUpstream((_request, response) => {
			const name = status === 429 ? "RESOURCE_EXHAUSTED" : "UNAVAILABLE";
			response.writeHead(status, { "content-type": "application/json" });
			response.end(JSON.stringify({ error: { code: status, message: "Try later.", status: name } }));
		});
		await using gateway = await gatewayOf([
			{
				id: "a",
				params: {
					api_base: upstream.url,
					vertex_project: "p",
					anthropic_workspace_id: "w",
					vertex_credentials: simulator.google[0]?.serviceAccount(),
					num_retries: 0,
				},
			},
		]);
		const response = await gateway.post("/v1/messages", body("hi"));
		const answer = (await response.json()) as { error: { type: string } };
		expect(answer.error.type).toBe(type);
	});
});
