// Clients that bring their own provider credential: it goes upstream in the place of ours, and nothing of it is mixed with what is pooled.
import { expect, test } from "vitest";
import { deploymentsConfig, MASTER_KEY, startTestGateway } from "../harness.ts";
import { startRecordingUpstream } from "../recording-upstream.ts";

const TOKEN = "sk-ant-oat01-of-the-client";
const MESSAGE = { id: "m", type: "message", role: "assistant", content: [{ type: "text", text: "hi" }], model: "x" };
const USAGE = { input_tokens: 5000, output_tokens: 10, cache_creation_input_tokens: 5000, cache_read_input_tokens: 0 };

function body(model = "claude-code"): string {
	const system = [{ type: "text", text: "rule ".repeat(4000), cache_control: { type: "ephemeral" } }];
	const content = [{ type: "text", text: "hello", cache_control: { type: "ephemeral" } }];
	return JSON.stringify({ model, max_tokens: 9, system, messages: [{ role: "user", content }] });
}

async function start(extra: string) {
	const upstream = await startRecordingUpstream((request, response) => {
		const refused = request.headers.authorization === "Bearer sk-ant-oat01-revoked";
		const answer = refused
			? { type: "error", error: { type: "authentication_error", message: "OAuth token has been revoked" } }
			: { ...MESSAGE, usage: USAGE };
		response.writeHead(refused ? 401 : 200, {
			"content-type": "application/json",
			"anthropic-organization-id": "org-of-the-client",
		});
		response.end(JSON.stringify(answer));
	});
	const lines = ["a", "b"].map((id) => ({ id, apiBase: upstream.url, apiKey: `sk-ant-api03-pooled-${id}` }));
	const config = deploymentsConfig(lines);
	const passThrough = { providerAuth: extra === "provider", clientHeaders: extra === "client" };
	const passing = await startTestGateway({ ...config, passThrough });
	return {
		upstream,
		gateway: passing,
		ask: (headers: Readonly<Record<string, string>>, model?: string) =>
			fetch(`${passing.url}/v1/messages?beta=true`, {
				method: "POST",
				headers: { "content-type": "application/json", "x-litellm-api-key": MASTER_KEY, ...headers },
				body: body(model),
			}),
		async [Symbol.asyncDispose]() {
			await passing.close(0);
			await upstream[Symbol.asyncDispose]();
		},
	};
}

test("an OAuth token goes upstream as it came, the gateway's key and the pooled key do not", async () => {
	await using w = await start("client");
	const response = await w.ask({ authorization: `Bearer ${TOKEN}`, "anthropic-beta": "oauth-2025-04-20" });
	expect([response.status, response.headers.get("x-warmpath-reason")]).toEqual([200, "client-credential"]);
	const [request] = w.upstream.requests;
	expect(request?.url).toBe("/v1/messages?beta=true");
	expect(request?.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, "anthropic-beta": "oauth-2025-04-20" });
	expect(JSON.stringify(request?.rawHeaders)).not.toMatch(/pooled|x-litellm|sk-test-master/);
	expect(JSON.parse(request?.body.toString() ?? "")["model"]).toBe("claude-sonnet-5-5");
	expect(w.gateway.logLines.join("\n")).not.toContain(TOKEN);
});

test("nothing is learned of it: no prefix, no domain, no health, no limit", async () => {
	await using w = await start("client");
	for (let i = 0; i < 3; i += 1) await (await w.ask({ authorization: `Bearer ${TOKEN}` })).text();
	expect(w.gateway.router.memory()).toMatchObject({ entries: 0, conversations: 0 });
	for (const deployment of w.gateway.router.deployments()) {
		expect(deployment).toMatchObject({ inFlight: 0, organization: null, quarantineUntil: 0, loadTokens: 0 });
	}
	const pooled = await w.ask({});
	expect(pooled.headers.get("x-warmpath-affinity")).toBe("new");
	expect(w.upstream.requests.at(-1)?.headers["x-api-key"]).toMatch(/pooled/);
});

test("its refusal is the client's own, verbatim, and blames no deployment", async () => {
	await using w = await start("client");
	const response = await w.ask({ authorization: "Bearer sk-ant-oat01-revoked" });
	expect(response.status).toBe(401);
	expect(await response.json()).toMatchObject({ error: { message: "OAuth token has been revoked" } });
	expect(w.gateway.router.deployments().every((deployment) => deployment.quarantineUntil === 0)).toBe(true);
});

test("a model that is no group goes through by its own name", async () => {
	await using w = await start("provider");
	const response = await w.ask({ "x-api-key": "sk-ant-api03-own" }, "claude-of-tomorrow");
	expect(response.status).toBe(200);
	expect(JSON.parse(w.upstream.requests[0]?.body.toString() ?? "")["model"]).toBe("claude-of-tomorrow");
	expect(w.upstream.requests[0]?.headers["x-api-key"]).toBe("sk-ant-api03-own");
	const pooled = await w.ask({}, "claude-of-tomorrow");
	expect(pooled.status).toBe(404);
});

test("switched off, a client's credential never leaves the gateway", async () => {
	await using w = await start("neither");
	await (await w.ask({ authorization: `Bearer ${TOKEN}`, "x-api-key": "sk-ant-api03-own" })).text();
	expect(JSON.stringify(w.upstream.requests[0]?.rawHeaders)).not.toMatch(/of-the-client|api03-own/);
});

test("what the client's own account pays for is marked by the client alone, in both formats", async () => {
	await using upstream = await startRecordingUpstream((_request, response) => {
		response.writeHead(200, { "content-type": "application/json" });
		response.end(JSON.stringify({ ...MESSAGE, usage: USAGE }));
	});
	const config = deploymentsConfig([{ id: "a", apiBase: upstream.url }]);
	const point = { location: "message", role: "system", index: null, ttl: null } as const;
	const text = "rule ".repeat(4000);
	const chat = {
		model: "claude-code",
		messages: [
			{ role: "system", content: text },
			{ role: "user", content: "x" },
		],
	};
	const native = { model: "claude-code", max_tokens: 9, system: text, messages: [{ role: "user", content: "x" }] };
	for (const marking of [
		{ auto: true, points: [], ttl: null },
		{ auto: false, points: [point], ttl: null },
	]) {
		const deployments = config.deployments.map((deployment) => ({ ...deployment, marking }));
		const [group] = config.groups.values();
		if (group === undefined) throw new Error("no group");
		const groups = new Map([[group.name, { ...group, deployments }]]);
		const passThrough = { providerAuth: false, clientHeaders: true };
		const gateway = await startTestGateway({ ...config, deployments, groups, passThrough });
		const ask = async (path: string, body: object, headers: Record<string, string>) => {
			await gateway.post(path, JSON.stringify(body), { "x-litellm-api-key": MASTER_KEY, "x-api-key": "", ...headers });
			return upstream.requests.at(-1)?.body.toString() ?? "";
		};
		const own = { authorization: `Bearer ${TOKEN}` };
		for (const [path, body] of [
			["/v1/messages", native],
			["/v1/chat/completions", chat],
		] as const) {
			expect(await ask(path, body, {})).toContain("cache_control");
			expect(await ask(path, body, own)).not.toContain("cache_control");
			expect(upstream.requests.at(-1)?.headers.authorization).toBe(own.authorization);
		}
		const asking = { ...chat, cache_control_injection_points: [{ location: "message", role: "system" }] };
		expect(await ask("/v1/chat/completions", asking, own)).toContain("cache_control");
		await gateway.close(0);
	}
});
