// Amazon Bedrock and Claude Platform on AWS as upstreams, whole path, onto the simulator, which checks signatures and bodies as AWS does.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";

const MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

let directory = "";
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "warmpath-bedrock-"));
	writeFileSync(
		join(directory, "credentials"),
		["one", "two"]
			.map(
				(name, at) => `[account-${at + 1}]\naws_access_key_id = AKIA${name}\naws_secret_access_key = secret-${name}\n`,
			)
			.concat("[account-wrong]\naws_access_key_id = AKIAone\naws_secret_access_key = not-the-secret\n")
			.join(""),
	);
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(directory, "credentials"));
	vi.stubEnv("AWS_CONFIG_FILE", join(directory, "config"));
	vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(directory, { recursive: true });
});

/** The two-account guide's file, with the simulator's addresses; `profiles` in place of its two. */
async function startBedrock(
	profiles: readonly string[] = ["account-1", "account-2"],
	more: { readonly params?: string; readonly model?: string; readonly path?: string } = {},
) {
	const simulator = await startSimulator({
		aws: [
			{
				name: "one",
				accountId: "111111111111",
				accessKeyId: "AKIAone",
				secretAccessKey: "secret-one",
				region: "us-west-2",
			},
			{
				name: "two",
				accountId: "222222222222",
				accessKeyId: "AKIAtwo",
				secretAccessKey: "secret-two",
				region: "us-west-2",
			},
		],
	});
	const entries = profiles.map(
		(profile, at) => `  - litellm_params:
      model: ${more.model ?? MODEL}
      aws_profile_name: ${profile}
      aws_region_name: us-west-2
      aws_bedrock_runtime_endpoint: ${simulator.url}${more.path ?? ""}
      ${(more.params ?? "").replace("STS", simulator.url)}
    model_info: { litellm_provider: bedrock, id: ${profiles.indexOf(profile) === at ? profile : `${profile}-again`} }
    model_name: ${MODEL}`,
	);
	const config = configFrom(
		`router_settings: { optional_pre_call_checks: [prompt_caching], num_retries: 1 }\nmodel_list:\n${entries.join("\n")}
general_settings: { master_key: ${MASTER_KEY} }\nwarmpath: { listen: { port: 0 } }\n`,
	);
	const gateway = await startTestGateway(config);
	return {
		simulator,
		gateway,
		client: new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY, maxRetries: 0 }),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

const SYSTEM = "You are a careful engineer. ".repeat(400);

function turn(text: string) {
	return {
		model: MODEL,
		max_tokens: 64,
		system: [{ type: "text" as const, text: SYSTEM, cache_control: { type: "ephemeral" as const } }],
		messages: [
			{
				role: "user" as const,
				content: [{ type: "text" as const, text, cache_control: { type: "ephemeral" as const } }],
			},
		],
	};
}

describe("two AWS accounts, as in the guide", () => {
	it("a whole answer: signed, without model and stream, with Bedrock's version; the second turn reads the cache on the same Model ID", async () => {
		await using world = await startBedrock();
		const first = await world.gateway.post("/v1/messages", JSON.stringify(turn("Hello there")));
		const body = (await first.json()) as Anthropic.Message;
		expect(first.status, JSON.stringify(body)).toBe(200);
		expect(body.usage.cache_creation_input_tokens).toBeGreaterThan(1000);
		const second = await world.gateway.post("/v1/messages", JSON.stringify(turn("Hello there")));
		const again = (await second.json()) as Anthropic.Message;
		expect(again.usage.cache_read_input_tokens).toBeGreaterThan(1000);
		expect(second.headers.get("x-litellm-model-id")).toBe(first.headers.get("x-litellm-model-id"));
		expect(second.headers.get("request-id")).toBe(second.headers.get("x-amzn-requestid"));
		const paths = world.simulator.recorded().map(({ path }) => path);
		expect(paths).toContain(`/model/${encodeURIComponent(MODEL)}/invoke`);
	});

	it("a stream of frames becomes the Messages API's events, for Anthropic's own client", async () => {
		await using world = await startBedrock();
		const stream = world.client.messages.stream(turn("Stream, please"));
		const names: string[] = [];
		stream.on("streamEvent", (event) => names.push(event.type));
		const message = await stream.finalMessage();
		expect(names[0]).toBe("message_start");
		expect(names.at(-1)).toBe("message_stop");
		expect(message.usage.cache_creation_input_tokens).toBeGreaterThan(1000);
		expect(message.content[0]?.type).toBe("text");
	});

	it("betas go from the header into the body; those that Bedrock refuses are taken off and named", async () => {
		await using world = await startBedrock();
		const betas = "interleaved-thinking-2025-05-14,fast-mode-2026-02-01";
		const answer = await world.gateway.post("/v1/messages?beta=true", JSON.stringify(turn("Hi")), {
			"anthropic-beta": betas,
		});
		expect(answer.status, await answer.text()).toBe(200);
		expect(answer.headers.get("x-warmpath-removed")).toBe("beta:fast-mode-2026-02-01");
	});

	it("a wrong secret is a clear error that names the deployment and not the secret, and another account serves", async () => {
		await using alone = await startBedrock(["account-wrong"]);
		const refused = await alone.gateway.post("/v1/messages", JSON.stringify(turn("Hi")));
		const text = await refused.text();
		expect(refused.status).toBe(502);
		expect(text).toMatch(/refused the gateway's own credentials \(deployment account-wrong: 40[13] /);
		// A client that repeats the request gets the same, not that something is limited: the secret may have been mended, so it is asked.
		const repeated = await alone.gateway.post("/v1/messages", JSON.stringify(turn("Hi")));
		expect(repeated.status).toBe(502);
		expect(await repeated.text()).toMatch(/own credentials \(deployment account-wrong: 40[13] /);
		expect(text + alone.gateway.logLines.join("\n")).not.toMatch(/not-the-secret|AKIAone/);
		await using both = await startBedrock(["account-wrong", "account-2"]);
		for (let attempt = 0; attempt < 3; attempt += 1) {
			const served = await both.gateway.post("/v1/messages", JSON.stringify(turn(`Hi ${attempt}`)));
			expect(served.headers.get("x-litellm-model-id")).toBe("account-2");
		}
	});

	it("a profile that does not exist is named in the log", async () => {
		await using world = await startBedrock(["account-nobody"]);
		const refused = await world.gateway.post("/v1/messages", JSON.stringify(turn("Hi")));
		expect(refused.status).toBe(502);
		expect(await refused.text()).toContain("deployment account-nobody");
		expect(world.gateway.logLines.join("\n")).toMatch(
			/deployment account-nobody has no usable credentials: profile 'account-nobody'/,
		);
	});

	it("what Bedrock says is wrong with a request reaches the client as 400 in the Messages API's form", async () => {
		await using world = await startBedrock();
		const bad = { ...turn("Hi"), messages: [] };
		const answer = await world.gateway.post("/v1/messages", JSON.stringify(bad));
		expect(answer.status).toBe(400);
		expect(await answer.json()).toMatchObject({
			type: "error",
			error: { type: "invalid_request_error", message: /./ },
		});
	});

	it("an account that throttles is passed over; when all lack capacity the client gets what it retries, 529", async () => {
		await using world = await startBedrock();
		const throttled = { kind: "status", status: 429, errorType: "ThrottlingException" } as const;
		const home = (await world.gateway.post("/v1/messages", JSON.stringify(turn("Hi")))).headers.get(
			"x-litellm-model-id",
		);
		world.simulator.faults.add({ ...throttled, deployment: home === "account-1" ? "one" : "two" });
		const served = await world.gateway.post("/v1/messages", JSON.stringify(turn("Hi")));
		expect(served.status).toBe(200);
		expect(served.headers.get("x-litellm-model-id")).not.toBe(home);
		world.simulator.faults.add({
			kind: "status",
			status: 503,
			errorType: "ServiceUnavailableException",
			times: "always",
		});
		const refused = await world.gateway.post("/v1/messages", JSON.stringify(turn("Hello")));
		expect(refused.status).toBe(529);
		expect(await refused.json()).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
	});

	it("an exception before content moves to the other account, one after content ends the stream with an error event", async () => {
		await using world = await startBedrock();
		const stream = JSON.stringify({ ...turn("Hi"), stream: true });
		const exception = { kind: "sse-error", errorType: "modelStreamErrorException", message: "It broke." } as const;
		world.simulator.faults.add({ ...exception, at: "after-message-start" });
		const moved = await world.gateway.post("/v1/messages", stream);
		const text = await moved.text();
		expect(moved.headers.get("x-warmpath-attempts")).toBe("2");
		expect(text.match(/^event: message_start$/gm)).toHaveLength(1);
		expect(text).toMatch(/event: message_stop\n/);
		world.simulator.faults.add({ ...exception, at: "after-content" });
		const broken = await (await world.gateway.post("/v1/messages", stream)).text();
		expect(broken).toMatch(/event: content_block_delta\n/);
		expect(broken).toMatch(/event: error\ndata: .*"type":"api_error","message":"It broke\."/);
		expect(broken).not.toContain("message_stop");
	});

	it("credentials of one account are one cache domain, by what STS says", async () => {
		await using world = await startBedrock(["account-1", "account-1"], { params: "aws_sts_endpoint: STS" });
		await vi.waitFor(async () => {
			const answer = await world.gateway.post("/v1/messages", JSON.stringify(turn("Hi")));
			expect(answer.status).toBe(200);
			const [first] = world.gateway.router.deployments();
			expect(first && world.gateway.router.cacheDomainOf(first)).toMatch(/^bedrock\/aws\/111111111111\/runtime\/us/);
		});
	});

	it("tokens are counted by Bedrock's own call", async () => {
		await using world = await startBedrock();
		const { max_tokens: _unused, ...prompt } = turn("Count me");
		const answer = await world.gateway.post("/v1/messages/count_tokens", JSON.stringify(prompt));
		expect(answer.status).toBe(200);
		expect(await answer.json()).toEqual({ input_tokens: expect.any(Number) });
		expect(world.simulator.recorded().at(-1)?.path).toMatch(/\/count-tokens$/);
	});

	it("tokens that no deployment counts are estimated, marked, and not too few", async () => {
		await using world = await startBedrock();
		const { max_tokens: _unused, ...prompt } = turn("Count me");
		const count = async () => world.gateway.post("/v1/messages/count_tokens", JSON.stringify(prompt));
		const exact = ((await (await count()).json()) as Anthropic.MessageTokensCount).input_tokens;
		const message = "The provided model doesn't support counting tokens.";
		const match = { endpoint: "count_tokens" } as const;
		world.simulator.faults.add({
			kind: "status",
			status: 400,
			errorType: "ValidationException",
			message,
			match,
			times: "always",
		});
		const answer = await count();
		expect(answer.headers.get("x-warmpath-token-count")).toBe("estimate");
		const { input_tokens } = (await answer.json()) as Anthropic.MessageTokensCount;
		expect(input_tokens).toBeGreaterThanOrEqual(exact);
		const asked = world.simulator.recorded().length;
		expect((await count()).headers.get("x-warmpath-token-count")).toBe("estimate");
		expect(world.simulator.recorded()).toHaveLength(asked);
		expect((await world.gateway.post("/v1/messages", JSON.stringify(turn("Hi")))).status).toBe(200);
	});
});

describe("Bedrock's native Messages API", () => {
	it.each([
		["messages", MODEL, ""],
		["mantle", "anthropic.claude-sonnet-4-5-20250929-v1:0", "/mantle/us-west-2"],
	])("by bedrock_api: %s", async (api, model, path) => {
		await using world = await startBedrock(["account-1"], { params: `bedrock_api: ${api}`, model, path });
		const message = await world.client.messages.stream(turn("Natively")).finalMessage();
		expect(message.stop_reason).not.toBeNull();
		expect(world.simulator.recorded().at(-1)?.path).toBe(`${path}/anthropic/v1/messages`);
	});
});

describe("Claude Platform on AWS", () => {
	it("is signed for its own service, names its workspace, and keeps Anthropic's answer as it is", async () => {
		await using world = await startPlatform("aws_profile_name: account-1");
		const message = await world.client.messages.stream(turn("Platform")).finalMessage();
		expect(message.usage.cache_creation_input_tokens).toBeGreaterThan(1000);
		const again = await world.gateway.post("/v1/messages?beta=true", JSON.stringify(turn("Platform")));
		expect(((await again.json()) as Anthropic.Message).usage.cache_read_input_tokens).toBeGreaterThan(1000);
		expect(again.headers.get("anthropic-workspace-id")).toBe("wrkspc-one");
	});

	it("takes an API key instead", async () => {
		await using world = await startPlatform("api_key: sk-aws-one");
		const answer = await world.gateway.post("/v1/messages", JSON.stringify(turn("With a key")));
		expect(answer.status, await answer.text()).toBe(200);
	});
});

async function startPlatform(credential: string) {
	const simulator = await startSimulator({
		aws: [{ name: "one", accessKeyId: "AKIAone", secretAccessKey: "secret-one", region: "us-west-2" }],
	});
	const gateway = await startTestGateway(
		configFrom(`model_list:
  - model_name: ${MODEL}
    litellm_params:
      model: anthropic_aws/claude-sonnet-4-5-20250929
      api_base: ${simulator.url}
      aws_region_name: us-west-2
      anthropic_workspace_id: wrkspc-one
      ${credential}
general_settings: { master_key: ${MASTER_KEY} }
warmpath: { listen: { port: 0 } }
`),
	);
	return {
		gateway,
		client: new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY, maxRetries: 0 }),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await simulator.close();
		},
	};
}
