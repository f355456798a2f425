// The real Claude Code against the simulated clouds, with no gateway between: what checks the gateway must itself be right.
import { expect, inject, test } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { claudeCodeHome } from "../claude-code.ts";

const ready = inject("claudeCode");
const MODEL = "claude-sonnet-5-5";
const PROMPT = "@@tools3@@ please run the steps";

test.skipIf(!ready.includes("current"))(
	"Claude Code in Bedrock format signs, streams event frames and reads its cache",
	async () => {
		await using simulator = await startSimulator({ aws: [{ name: "account-1" }] });
		const [account] = simulator.aws;
		if (account === undefined) throw new Error("no account");
		const model = `us.anthropic.${MODEL}`;
		await using home = await claudeCodeHome({ form: "current", gatewayUrl: simulator.url, key: "unused", model });
		const env = {
			CLAUDE_CODE_USE_BEDROCK: "1",
			ANTHROPIC_BEDROCK_BASE_URL: account.url,
			AWS_REGION: "us-east-1",
			AWS_ACCESS_KEY_ID: account.accessKeyId,
			AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
			ANTHROPIC_BASE_URL: "",
		};
		const result = await home.run({ prompt: PROMPT, env });
		expect(result).toMatchObject({ is_error: false, result: expect.stringContaining("after 3 tool results") });
		const turns = simulator
			.recorded()
			.filter((request) => request.path.includes("invoke-with-response-stream") && request.usage !== null);
		expect(turns.length).toBeGreaterThanOrEqual(4);
		expect(turns.every((request) => request.status === 200)).toBe(true);
		expect(turns.slice(1).some((request) => (request.usage?.read ?? 0) > 4_000)).toBe(true);
	},
);

test.skipIf(!ready.includes("current"))("Claude Code in Vertex format streams and reads its cache", async () => {
	await using simulator = await startSimulator({ google: [{ name: "project-1" }] });
	const [project] = simulator.google;
	if (project === undefined) throw new Error("no project");
	await using home = await claudeCodeHome({
		form: "current",
		gatewayUrl: simulator.url,
		key: project.accessToken,
		model: MODEL,
	});
	const env = {
		CLAUDE_CODE_USE_VERTEX: "1",
		CLAUDE_CODE_SKIP_VERTEX_AUTH: "1",
		ANTHROPIC_VERTEX_BASE_URL: `${project.url}/v1`,
		ANTHROPIC_VERTEX_PROJECT_ID: project.project,
		CLOUD_ML_REGION: "us-east5",
		ANTHROPIC_BASE_URL: "",
	};
	const result = await home.run({ prompt: PROMPT, env });
	expect(result).toMatchObject({ is_error: false, result: expect.stringContaining("after 3 tool results") });
	const turns = simulator
		.recorded()
		.filter((request) => request.path.includes(":streamRawPredict") && request.usage !== null);
	expect(turns.length).toBeGreaterThanOrEqual(4);
	expect(turns.slice(1).some((request) => (request.usage?.read ?? 0) > 4_000)).toBe(true);
});
