// The gateway as a part of a program: with a listener of its own, and inside the program's HTTP server.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Anthropic from "@anthropic-ai/sdk";
import { serve } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { ConfigError, type ConfigObject, createHandler, Gateway } from "../../src/index.ts";
import { type Simulator, startSimulator } from "../../src/simulator/server.ts";

const LONG = "All that is known about the code base. ".repeat(300);

function configOf(simulator: Simulator, masterKey: string | null = null): ConfigObject {
	return {
		model_list: ["a", "b"].map((name) => ({
			model_name: "claude-code",
			litellm_params: {
				model: "anthropic/claude-sonnet-5-5",
				api_base: simulator.url,
				api_key: `sk-sim-${name}`,
			},
			model_info: { id: name },
		})),
		...(masterKey === null ? {} : { general_settings: { master_key: masterKey } }),
	};
}

function simulated(): Promise<Simulator> {
	return startSimulator({ deployments: [{ name: "a" }, { name: "b" }] });
}

async function listen(listener: RequestListener, host = "127.0.0.1") {
	const server = createServer(listener);
	await new Promise<void>((resolve) => server.listen(0, host, resolve));
	return {
		url: `http://${host}:${(server.address() as AddressInfo).port}`,
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

function ask(question: string): Anthropic.MessageCreateParamsNonStreaming {
	const content = [
		{ type: "text" as const, text: LONG, cache_control: { type: "ephemeral" as const } },
		{ type: "text" as const, text: question },
	];
	return { model: "claude-code", max_tokens: 200, messages: [{ role: "user", content }] };
}

const ownPage: RequestListener = (_request, response) => response.end("own page");

test("a started gateway serves clients, and calls of the program read what clients wrote", async () => {
	await using simulator = await simulated();
	await using gateway = await Gateway.start(configOf(simulator), { port: 0, log: "silent" });
	const client = new Anthropic({ baseURL: gateway.url, apiKey: "anything", maxRetries: 0 });
	const first = await client.messages.create(ask("What is it?"));
	const second = await gateway.router.messages(ask("And why?"));
	expect(second.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens);
	expect(second.warmpath.affinity).toBe("hit");
	expect((await fetch(`${gateway.url}/health/liveliness`)).status).toBe(200);

	await gateway.reload(configOf(simulator, "sk-master"));
	await expect(client.messages.create(ask("x"))).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
	expect((await gateway.router.messages(ask("x"))).type).toBe("message");
	await gateway.close();
	await expect(fetch(gateway.url)).rejects.toThrow();
});

test("a program's own port leaves the file's other options of listening as they are", async () => {
	await using simulator = await simulated();
	const config = { ...configOf(simulator), warmpath: { listen: { keep_alive: "30s" } } };
	await using gateway = await Gateway.start(config, { port: 0, log: "silent" });
	const response = await fetch(`${gateway.url}/health/liveliness`);
	expect(response.headers.get("keep-alive")).toBe("timeout=30");
});

test("other machines are not listened to without a master key", async () => {
	await using simulator = await simulated();
	await expect(Gateway.start(configOf(simulator), { host: "0.0.0.0", port: 0 })).rejects.toBeInstanceOf(ConfigError);
});

test("a handler takes what is below its prefix, streams included, and leaves the rest", async () => {
	await using simulator = await simulated();
	await using llm = await createHandler(configOf(simulator), { prefix: "/llm/", log: "silent" });
	await using server = await listen((request, response) => {
		if (!llm(request, response)) ownPage(request, response);
	});
	const client = new Anthropic({ baseURL: `${server.url}/llm`, apiKey: "anything", maxRetries: 0 });
	const message = await client.messages.stream(ask("What is it?")).finalMessage();
	expect(message.content).toMatchObject([{ text: "Simulated answer to: What is it?" }]);
	expect((await llm.router.messages(ask("And why?"))).warmpath.affinity).toBe("hit");
	const text = async (path: string) => (await fetch(server.url + path)).text();
	expect(await text("/llm/v1/models")).toContain("claude-code");
	expect(await text("/llm/")).toContain("warmpath");
	for (const path of ["/", "/v1/models", "/llmx/v1/models", "/llm/elsewhere", "/llm/health/liveliness"])
		expect([path, await text(path)]).toEqual([path, "own page"]);
});

test("the control plane is served only where it is asked for", async () => {
	await using simulator = await simulated();
	await using llm = await createHandler(configOf(simulator), { prefix: "/llm", controlPlane: true, log: "silent" });
	await using server = await listen(
		(request, response) => void llm(request, response, () => ownPage(request, response)),
	);
	expect(await (await fetch(`${server.url}/llm/health`)).json()).toMatchObject({ healthy_count: 2 });
	expect(await (await fetch(`${server.url}/health`)).text()).toBe("own page");
});

/** What Express's `app.use(path, middleware)` does to a request. */
function mounted(path: string, use: (request: IncomingMessage, response: ServerResponse, next: () => void) => unknown) {
	const listener: RequestListener = (request, response) => {
		const url = request.url ?? "/";
		if (!url.startsWith(path)) return void ownPage(request, response);
		Object.assign(request, { url: url.slice(path.length) || "/", originalUrl: url, baseUrl: path });
		use(request, response, () => response.end(`next for ${request.url}`));
	};
	return listener;
}

test("as middleware it calls next for what is not its own, with the URL as it came", async () => {
	await using simulator = await simulated();
	await using llm = await createHandler(configOf(simulator), { log: "silent" });
	await using server = await listen(mounted("/llm", llm));
	const client = new Anthropic({ baseURL: `${server.url}/llm`, apiKey: "anything", maxRetries: 0 });
	expect((await client.messages.create(ask("x"))).type).toBe("message");
	expect((await fetch(`${server.url}/llm`, { method: "HEAD" })).status).toBe(200);
	expect(await (await fetch(`${server.url}/llm/other?x=1`)).text()).toBe("next for /other?x=1");
	expect(await (await fetch(`${server.url}/elsewhere`)).text()).toBe("own page");
});

test("without a prefix the program keeps its root", async () => {
	await using simulator = await simulated();
	await using llm = await createHandler(configOf(simulator), { log: "silent" });
	await using server = await listen(
		(request, response) => void llm(request, response, () => ownPage(request, response)),
	);
	expect(await (await fetch(server.url)).text()).toBe("own page");
	expect((await fetch(`${server.url}/v1/models`)).status).toBe(200);
});

test("it works in a Hono application", async () => {
	await using simulator = await simulated();
	await using llm = await createHandler(configOf(simulator), { prefix: "/llm", log: "silent" });
	const app = new Hono<{ Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } }>();
	app.all("/llm/*", (c) => (llm(c.env.incoming, c.env.outgoing) ? RESPONSE_ALREADY_SENT : c.notFound()));
	app.get("/", (c) => c.text("own page"));
	const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
		const started = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started));
	});
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const client = new Anthropic({ baseURL: `${url}/llm`, apiKey: "anything", maxRetries: 0 });
	const message = await client.messages.stream(ask("What is it?")).finalMessage();
	expect(message.stop_reason).toBe("end_turn");
	expect((await fetch(`${url}/llm/nothing`)).status).toBe(404);
	expect(await (await fetch(url)).text()).toBe("own page");
	await new Promise((resolve) => server.close(resolve));
});

test("a body that somebody else has read is an error that says what to do", async () => {
	await using simulator = await simulated();
	await using llm = await createHandler(configOf(simulator), { log: "silent" });
	await using server = await listen(async (request, response) => {
		for await (const _ of request);
		llm(request, response);
	});
	const answer = await fetch(`${server.url}/v1/messages`, { method: "POST", body: JSON.stringify(ask("x")) });
	expect(answer.status).toBe(500);
	expect(await answer.text()).toContain("before body parsers");
});

test("without a master key only loopback is served, unless the program answers for its callers", async () => {
	await using simulator = await simulated();
	await using strict = await createHandler(configOf(simulator), { controlPlane: true, log: "silent" });
	await using trusting = await createHandler(configOf(simulator), { keyless: "anyone", log: "silent" });
	const remote = (listener: typeof strict): RequestListener => {
		return (request, response) => {
			// As from another machine.
			Object.defineProperty(request.socket, "remoteAddress", { value: "192.0.2.7" });
			listener(request, response, () => ownPage(request, response));
		};
	};
	await using closed = await listen(remote(strict));
	await using open = await listen(remote(trusting));
	const refused = await fetch(`${closed.url}/v1/models`);
	expect(refused.status).toBe(403);
	expect(await refused.text()).toContain("master_key");
	expect((await fetch(`${closed.url}/health`)).status).toBe(403);
	expect(await (await fetch(`${closed.url}/mine`)).text()).toBe("own page");
	expect((await fetch(`${open.url}/v1/models`)).status).toBe(200);
	await strict.reload(configOf(simulator, "sk-master"));
	expect((await fetch(`${closed.url}/v1/models`)).status).toBe(401);
});

test("closing ends what runs and leaves everything to the program from then on", async () => {
	await using simulator = await startSimulator({ speed: 0.2, deployments: [{ name: "a" }, { name: "b" }] });
	await using llm = await createHandler(configOf(simulator), { log: "silent" });
	await using server = await listen(
		(request, response) => void llm(request, response, () => ownPage(request, response)),
	);
	const client = new Anthropic({ baseURL: server.url, apiKey: "anything", maxRetries: 0 });
	const stream = client.messages.stream(ask("@@long@@ x"));
	const ended = expect(stream.done()).rejects.toThrow();
	await new Promise<void>((resolve) => stream.once("text", () => resolve()));
	await llm.close(0);
	await ended;
	expect(await (await fetch(`${server.url}/v1/models`)).text()).toBe("own page");
});

test("a prefix that is no path is refused", async () => {
	await using simulator = await simulated();
	await expect(createHandler(configOf(simulator), { prefix: "llm" })).rejects.toThrow("prefix must be a path");
});
