// Credentials that a machine gives to what runs on it: containers and instances of AWS, Google's metadata server and its application default
// credentials. The machine is played on loopback.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callOf, deploymentOf, headersOf } from "./__fixtures__/call.ts";
import { startTokenServer } from "./__fixtures__/token-server.ts";
import { awsAccount, awsOptions } from "./aws-credentials.ts";
import type { ProviderDeps } from "./provider.ts";
import { vertexProvider } from "./vertex.ts";

let directory = "";
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "warmpath-machine-"));
	for (const name of Object.keys(process.env))
		if (/^(AWS_|GOOGLE_|GCE_|GCLOUD_|CLOUDSDK_)/.test(name)) vi.stubEnv(name, undefined);
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(directory, "none"));
	vi.stubEnv("AWS_CONFIG_FILE", join(directory, "none"));
	vi.stubEnv("CLOUDSDK_CONFIG", directory);
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(directory, { recursive: true });
});

interface Answer {
	readonly body: string;
	readonly headers?: Readonly<Record<string, string>>;
}

/** A server that answers by `answer`; null = 404. Paths it was asked for are kept. */
async function startMachine(answer: (request: IncomingMessage) => Answer | null) {
	const asked: string[] = [];
	const server = createServer((request, response) => {
		asked.push(`${request.method} ${request.url}`);
		const found = answer(request);
		response.writeHead(found === null ? 404 : 200, found?.headers);
		response.end(found?.body);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		host,
		asked,
		async [Symbol.asyncDispose](): Promise<void> {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

function deps(): ProviderDeps {
	return { now: Date.now, warn: () => {}, awsAccounts: new Map() };
}

const SESSION = JSON.stringify({
	Code: "Success",
	AccessKeyId: "ASIAMACHINE",
	SecretAccessKey: "m",
	Token: "tok",
	Expiration: "2099-01-01T00:00:00Z",
});

describe("AWS, where a deployment names no credential", () => {
	const account = () => awsAccount(awsOptions(deploymentOf("bedrock", {})), deps(), "http://127.0.0.1:9");

	it("a container's credentials come from the address in its environment, with its token", async () => {
		await using agent = await startMachine(({ headers }) =>
			headers.authorization === "the-task's-token" ? { body: SESSION } : null,
		);
		vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `http://${agent.host}/v2/credentials`);
		vi.stubEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the-task's-token");
		const known = account();
		expect(await known.credentials()).toMatchObject({ accessKeyId: "ASIAMACHINE", sessionToken: "tok" });
		await known.credentials();
		expect(agent.asked).toEqual(["GET /v2/credentials"]);
	});

	it("a pod's token is read from its file", async () => {
		await using agent = await startMachine(({ headers }) =>
			headers.authorization === "from-the-file" ? { body: SESSION } : null,
		);
		writeFileSync(join(directory, "token"), "from-the-file");
		vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `http://${agent.host}/v1/credentials`);
		vi.stubEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", join(directory, "token"));
		expect(await account().credentials()).toMatchObject({ accessKeyId: "ASIAMACHINE" });
	});

	it("an instance's come from its metadata service", async () => {
		const path = "/latest/meta-data/iam/security-credentials/";
		await using metadata = await startMachine(({ method, url, headers }) => {
			if (method === "PUT") return { body: "session", headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" } };
			if (headers["x-aws-ec2-metadata-token"] !== "session") return null;
			if (url === path) return { body: "gateway-role" };
			return url === `${path}gateway-role` ? { body: SESSION } : null;
		});
		vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", `http://${metadata.host}`);
		expect(await account().credentials()).toMatchObject({ accessKeyId: "ASIAMACHINE", sessionToken: "tok" });
		expect(metadata.asked).toEqual(["PUT /latest/api/token", `GET ${path}`, `GET ${path}gateway-role`]);
	});

	it("of a machine that gives none the error says what to do", async () => {
		vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
		const error = await Promise.resolve(account().credentials()).catch((cause: unknown) => cause);
		expect(error).toMatchObject({
			name: "CredentialError",
			message: expect.stringMatching(
				/^the default chain \(environment, ~\/\.aws, container or instance role\) gave none: /,
			),
		});
	});
});

describe("Google, where a deployment names no credential", () => {
	const prepare = (extra: Readonly<Record<string, string>> = { vertex_project: "p-1" }) => {
		const provider = vertexProvider(deploymentOf("vertex", { extra: { vertex_location: "global", ...extra } }), deps());
		return provider.prepare(callOf('{"model":"m","messages":[],"max_tokens":1}'));
	};

	it("the machine's identity and project come from its metadata server, once for many requests", async () => {
		await using metadata = await startMachine(({ url = "", headers }) => {
			const flavor = { "metadata-flavor": "Google" };
			if (headers["metadata-flavor"] !== "Google") return null;
			if (url.endsWith("/project/project-id")) return { body: "the-machine's-project", headers: flavor };
			if (!url.includes("/service-accounts/default/token")) return null;
			const token = { access_token: "ya29.machine", expires_in: 3600, token_type: "Bearer" };
			return { body: JSON.stringify(token), headers: { ...flavor, "content-type": "application/json" } };
		});
		vi.stubEnv("GCE_METADATA_HOST", metadata.host);
		vi.stubEnv("METADATA_SERVER_DETECTION", "assume-present");
		const provider = vertexProvider(deploymentOf("vertex", { extra: { vertex_location: "global" } }), deps());
		const call = callOf('{"model":"m","messages":[],"max_tokens":1}');
		const requests = await Promise.all([1, 2, 3].map(() => provider.prepare(call)));
		for (const request of requests) {
			expect(headersOf(request)["authorization"]).toBe("Bearer ya29.machine");
			expect(request.path).toContain("/projects/the-machine's-project/locations/global/");
		}
		expect(metadata.asked.filter((path) => path.includes("/token"))).toHaveLength(1);
	});

	it("application default credentials are the file that the environment names", async () => {
		await using tokens = await startTokenServer();
		const file = join(directory, "account.json");
		const identity = {
			type: "external_account",
			audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p",
			subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
			token_url: `${tokens.url}/sts`,
			credential_source: { file: join(directory, "subject") },
		};
		writeFileSync(join(directory, "subject"), "a-workload's-own-token");
		writeFileSync(file, JSON.stringify(identity));
		vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", file);
		expect(headersOf(await prepare())["authorization"]).toBe("Bearer token-1");
		// Nothing else is asked: no project is looked for.
		expect(tokens.asked.map(({ path }) => path)).toEqual(["/sts"]);
	});

	it("of a machine that gives none the error says what to do", async () => {
		vi.stubEnv("METADATA_SERVER_DETECTION", "none");
		const error = await Promise.resolve(prepare()).catch((cause: unknown) => cause);
		expect(error).toMatchObject({
			name: "CredentialError",
			message: expect.stringMatching(/^application default credentials: .*gcloud auth application-default login/),
		});
	});
});
