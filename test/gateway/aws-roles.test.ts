// Roles in another account, assumed through the simulated STS, which checks signatures and external ids: by option, by a chain of profiles, by
// web identity.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startSimulator } from "../../src/simulator/server.ts";
import { configFrom, MASTER_KEY, startTestGateway } from "../harness.ts";

const ROLE = "arn:aws:iam::222222222222:role/team/gateway";

let directory = "";
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "warmpath-roles-"));
	for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
	write("credentials", "[account-1]\naws_access_key_id = AKIAone\naws_secret_access_key = secret-one\n");
	write(
		"config",
		`[profile chained]\nrole_arn = ${ROLE}\nsource_profile = account-1\nexternal_id = agreed\nregion = us-west-2\n`,
	);
	write("token", "a-workload's-token");
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(directory, "credentials"));
	vi.stubEnv("AWS_CONFIG_FILE", join(directory, "config"));
	vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(directory, { recursive: true });
});

function write(name: string, text: string): void {
	writeFileSync(join(directory, name), text);
}

/** A gateway whose one deployment, `crossed`, has these parameters; account one has the key, account two the role and the model. */
async function startCrossed(params: Readonly<Record<string, string>>) {
	const simulator = await startSimulator({
		aws: [
			{
				name: "one",
				accountId: "111111111111",
				accessKeyId: "AKIAone",
				secretAccessKey: "secret-one",
				deniedModels: ["claude"],
			},
			{ name: "two", accountId: "222222222222", roles: ["gateway"], externalId: "agreed" },
		],
	});
	vi.stubEnv("AWS_ENDPOINT_URL_STS", simulator.url);
	const deployment = {
		model_name: "sonnet",
		litellm_params: {
			model: "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
			aws_region_name: "us-west-2",
			aws_bedrock_runtime_endpoint: simulator.url,
			aws_sts_endpoint: simulator.url,
			...params,
		},
		model_info: { id: "crossed" },
	};
	const config = {
		model_list: [deployment],
		general_settings: { master_key: MASTER_KEY },
		warmpath: { listen: { port: 0 } },
	};
	const gateway = await startTestGateway(configFrom(JSON.stringify(config)));
	return {
		simulator,
		gateway,
		send: () =>
			gateway.post("/v1/messages", '{"model":"sonnet","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'),
		async [Symbol.asyncDispose](): Promise<void> {
			await gateway.close(0);
			await simulator.close();
		},
	};
}

test.each<[string, Readonly<Record<string, string>>]>([
	["by the deployment's options", { aws_profile_name: "account-1", aws_role_name: ROLE, aws_external_id: "agreed" }],
	[
		"by a key and the options",
		{
			aws_access_key_id: "AKIAone",
			aws_secret_access_key: "secret-one",
			aws_role_name: ROLE,
			aws_external_id: "agreed",
		},
	],
	["by a profile that names role and source", { aws_profile_name: "chained" }],
	["by web identity", { aws_role_name: ROLE, aws_web_identity_token: "oidc/file/TOKEN" }],
])(
	"a role of another account is assumed %s, once for all requests, and its account is the cache domain",
	async (_name, params) => {
		const filled = Object.entries(params).map(([name, value]) => [
			name,
			value.replace("TOKEN", join(directory, "token")),
		]);
		await using world = await startCrossed(Object.fromEntries(filled));
		const answers = await Promise.all([world.send(), world.send(), world.send()]);
		for (const answer of answers) expect(answer.status, world.gateway.logLines.join("\n")).toBe(200);
		const seen = world.simulator.recorded();
		expect(seen.filter(({ path }) => path.endsWith("/invoke")).map(({ deployment }) => deployment)).toEqual([
			"two",
			"two",
			"two",
		]);
		// One AssumeRole, and one question whose credentials these are.
		expect(seen.filter(({ path }) => path === "/").length).toBeLessThanOrEqual(2);
		await vi.waitFor(async () => {
			expect((await world.send()).status).toBe(200);
			const [deployment] = world.gateway.router.deployments();
			expect(deployment && world.gateway.router.cacheDomainOf(deployment)).toMatch(/^bedrock\/aws\/222222222222\//);
		});
	},
);

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
	[
		"without its external id",
		{ aws_profile_name: "account-1", aws_role_name: ROLE },
		/role arn:aws:iam::222222222222:role\/team\/gateway through profile 'account-1' gave none: .*not authorized to perform: sts:AssumeRole/,
	],
	[
		"that is not there",
		{ aws_profile_name: "account-1", aws_role_name: `${ROLE}-2`, aws_external_id: "agreed" },
		/gateway-2 through profile 'account-1' gave none: .*not authorized to perform/,
	],
])("a role %s is a clear error that names the deployment and the role", async (_name, params, words) => {
	await using world = await startCrossed(params);
	const answer = await world.send();
	expect(answer.status).toBe(502);
	expect(await answer.text()).toContain("deployment crossed");
	const log = world.gateway.logLines.join("\n");
	expect(log).toMatch(/deployment crossed has no usable credentials/);
	expect(log).toMatch(words);
	expect(log).not.toContain("secret-one");
});
