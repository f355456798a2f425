// The real Claude Code in the formats of the platforms that speak the Messages API: Bedrock's mantle, Claude Platform on AWS, Claude on Google
// Cloud managed by Anthropic. What it asks at its start is answered, and its conversations stay where they are warm.
import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { claudeCodeHome } from "../claude-code.ts";
import { MASTER_KEY, startWorld } from "../harness.ts";

const ready = inject("claudeCode");

const FORMATS: readonly (readonly [string, string, (url: string) => Readonly<Record<string, string>>])[] = [
	...["", "/anthropic"].map((base) => {
		const env = (url: string) => ({
			CLAUDE_CODE_USE_MANTLE: "1",
			CLAUDE_CODE_SKIP_MANTLE_AUTH: "1",
			ANTHROPIC_BEDROCK_MANTLE_BASE_URL: `${url}${base}`,
			ANTHROPIC_CUSTOM_HEADERS: `x-api-key: ${MASTER_KEY}`,
			AWS_REGION: "us-east-1",
		});
		return [`mantle's format at '${base}/'`, "anthropic.claude-sonnet-5-5", env] as const;
	}),
	[
		"the format of Claude Platform on AWS",
		"claude-code",
		(url) => ({
			CLAUDE_CODE_USE_ANTHROPIC_AWS: "1",
			CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH: "1",
			ANTHROPIC_AWS_BASE_URL: url,
			ANTHROPIC_AWS_WORKSPACE_ID: "any",
			ANTHROPIC_CUSTOM_HEADERS: `x-api-key: ${MASTER_KEY}`,
			AWS_REGION: "us-east-1",
		}),
	],
	[
		"the format of Claude on Google Cloud",
		"claude-code",
		(url) => ({
			CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD: "1",
			CLAUDE_CODE_SKIP_ANTHROPIC_GOOGLE_CLOUD_AUTH: "1",
			ANTHROPIC_GOOGLE_CLOUD_BASE_URL: url,
			ANTHROPIC_GOOGLE_CLOUD_PROJECT: "any",
			ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID: "any",
			ANTHROPIC_CUSTOM_HEADERS: `x-litellm-api-key: ${MASTER_KEY}`,
		}),
	],
];

test.skipIf(!ready.includes("current")).for(FORMATS)(
	"in %s a tool-using conversation and its resumption are served, and stay where they are warm",
	async ([, model, envFor]) => {
		await using world = await startWorld({ deployments: ["sim-1", "sim-2", "sim-3"] });
		await using home = await claudeCodeHome({ form: "current", gatewayUrl: world.gateway.url, key: MASTER_KEY, model });
		const session = randomUUID();
		const env = envFor(world.gateway.url);
		const run = await home.run({ prompt: "@@tools3@@ look around", session, env });
		expect(run).toMatchObject({ exitCode: 0, is_error: false, num_turns: 4 });
		const again = await home.run({ prompt: "@@tools2@@ go on", resume: session, env });
		expect(again).toMatchObject({ exitCode: 0, is_error: false });

		const turns = world
			.messages()
			.filter(
				(request) =>
					request.session === session &&
					request.agent === null &&
					(request.usage?.write5m ?? 0) + (request.usage?.read ?? 0) > 0,
			);
		expect(turns.length).toBeGreaterThanOrEqual(7);
		expect(new Set(turns.map(({ deployment }) => deployment)).size).toBe(1);
		const [, ...later] = turns;
		for (const turn of later) expect(turn.usage?.read ?? 0).toBeGreaterThan(7_000);
		expect(world.messages().every(({ status }) => status === 200)).toBe(true);
		// No client's workspace, account or key: the simulator's deployments have their own.
		const sent = JSON.stringify(world.messages().map(({ headers }) => headers));
		expect(sent).not.toMatch(new RegExp(`workspace-id|user-project|${MASTER_KEY}`));
	},
);
