// Credentials in memory: loaded once for all who wait, renewed before they end, loaded anew after a refusal; and where they come from.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DeploymentConfig } from "../config/schema.ts";
import { Secret } from "../config/secret.ts";
import { AwsAccount, type AwsCredentials } from "./aws-account.ts";
import { awsAccount, awsOptions } from "./aws-credentials.ts";
import { regionOfProfile } from "./aws-profile.ts";
import type { ProviderDeps } from "./provider.ts";

const MINUTE = 60_000;

interface Pending {
	resolve(credentials: AwsCredentials): void;
	reject(error: Error): void;
}

/** An account over a clock and a source that a test moves by hand. */
function world() {
	const clock = { now: Date.parse("2026-11-21T12:00:00Z") };
	const asked: Pending[] = [];
	const account = new AwsAccount({
		name: "profile 'x'",
		load: () => new Promise((resolve, reject) => asked.push({ resolve, reject })),
		whose: () => Promise.resolve("123456789012"),
		now: () => clock.now,
	});
	const give = (key: string, minutes: number) =>
		asked.at(-1)?.resolve({
			accessKeyId: key,
			secretAccessKey: "s",
			expiration: new Date(clock.now + minutes * MINUTE),
		});
	return { clock, asked, account, give };
}

describe("an account's credentials", () => {
	it("are loaded once for all requests that wait", async () => {
		const { account, asked, give } = world();
		const waiting = Promise.all(Array.from({ length: 50 }, () => account.credentials()));
		expect(asked).toHaveLength(1);
		give("A", 60);
		expect(new Set((await waiting).map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(["A"]));
		expect(account.credentials()).toMatchObject({ accessKeyId: "A" });
		expect(asked).toHaveLength(1);
	});

	it("are renewed beside running requests when five minutes are left, once", async () => {
		const { account, asked, give, clock } = world();
		const first = account.credentials();
		give("A", 60);
		await first;
		clock.now += 54 * MINUTE;
		expect(account.credentials()).toMatchObject({ accessKeyId: "A" });
		expect(asked).toHaveLength(1);
		clock.now += 2 * MINUTE;
		for (let request = 0; request < 20; request += 1) {
			expect(account.credentials()).toMatchObject({ accessKeyId: "A" });
		}
		expect(asked).toHaveLength(2);
		give("B", 60);
		await vi.waitFor(() => expect(account.credentials()).toMatchObject({ accessKeyId: "B" }));
	});

	it("make requests wait in their last minute, and serve on while none better can be had", async () => {
		const { account, asked, give, clock } = world();
		const first = account.credentials();
		give("A", 10);
		await first;
		clock.now += 9.5 * MINUTE;
		const waiting = account.credentials();
		expect(waiting).toBeInstanceOf(Promise);
		asked.at(-1)?.reject(new Error("STS is down"));
		expect(await waiting).toMatchObject({ accessKeyId: "A" });
		clock.now += MINUTE;
		const late = account.credentials();
		asked.at(-1)?.reject(new Error("STS is down"));
		await expect(late).rejects.toThrow("profile 'x' gave none: STS is down");
	});

	it("that were refused are loaded anew, unless that has happened already", async () => {
		const { account, asked, give } = world();
		const first = account.credentials();
		give("A", 60);
		await first;
		account.refused("A");
		const second = account.credentials();
		expect(asked).toHaveLength(2);
		give("B", 60);
		await second;
		account.refused("A");
		expect(account.credentials()).toMatchObject({ accessKeyId: "B" });
	});

	it("tell whose they are, once", async () => {
		const { account, give } = world();
		expect(account.id).toBeNull();
		const first = account.credentials();
		give("A", 60);
		await first;
		await vi.waitFor(() => expect(account.id).toBe("123456789012"));
	});
});

let directory = "";
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "warmpath-aws-"));
	const file = (name: string, text: string): string => {
		writeFileSync(join(directory, name), text);
		return join(directory, name);
	};
	const script = file("give", `#!/bin/sh\necho '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"p"}'\n`);
	chmodSync(script, 0o700);
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", file("credentials", CREDENTIALS));
	vi.stubEnv(
		"AWS_CONFIG_FILE",
		file(
			"config",
			`${CONFIG}[profile process]\ncredential_process = ${script}\n[profile broken]\ncredential_process = /bin/false secret\n`,
		),
	);
	vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
	for (const name of ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined);
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(directory, { recursive: true });
});

const CREDENTIALS = `[account-1]
aws_access_key_id = AKIAONE
aws_secret_access_key = one
[account-2]
aws_access_key_id = AKIATWO
aws_secret_access_key = two
`;
const CONFIG = `[default]
region = eu-north-1
[profile account-1]
region = us-west-2
output = json
s3 =
  region = nested
`;

function deployment(extra: Record<string, string>): Pick<DeploymentConfig, "credentials"> {
	const secret = new Set(["aws_secret_access_key", "aws_access_key_id", "aws_session_token", "aws_web_identity_token"]);
	const values = Object.entries(extra).map(([name, value]) => [name, secret.has(name) ? new Secret(value) : value]);
	return { credentials: { apiKey: null, apiBase: null, extra: Object.fromEntries(values) } };
}

function deps(): ProviderDeps {
	return { now: Date.now, warn: () => {}, awsAccounts: new Map() };
}

const ELSEWHERE = "http://127.0.0.1:9";

describe("where credentials come from", () => {
	it.each([
		[{ aws_profile_name: "account-1" }, { accessKeyId: "AKIAONE", secretAccessKey: "one" }],
		[{ aws_profile_name: "account-2" }, { accessKeyId: "AKIATWO", secretAccessKey: "two" }],
		[{ aws_profile_name: "process" }, { accessKeyId: "AKIAPROCESS", secretAccessKey: "p" }],
		[
			{ aws_access_key_id: "AKIAOWN", aws_secret_access_key: "own", aws_session_token: "t" },
			{ accessKeyId: "AKIAOWN", secretAccessKey: "own", sessionToken: "t" },
		],
	])("%o", async (extra, expected) => {
		const account = awsAccount(awsOptions(deployment(extra)), deps(), ELSEWHERE);
		expect(await account.credentials()).toMatchObject(expected);
	});

	it("the environment's key is the default chain's first", async () => {
		vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAENV");
		vi.stubEnv("AWS_SECRET_ACCESS_KEY", "env");
		const account = awsAccount(awsOptions(deployment({})), deps(), ELSEWHERE);
		expect(await account.credentials()).toMatchObject({ accessKeyId: "AKIAENV" });
	});

	it("a role is assumed with the profile's credentials, its session's name and its external id; STS tells whose it is", async () => {
		const forms: URLSearchParams[] = [];
		await using sts = await startSts((form) => {
			forms.push(form);
			return form.get("Action") === "GetCallerIdentity"
				? "<Account>210987654321</Account>"
				: `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
					<SecretAccessKey>r</SecretAccessKey><SessionToken>tok</SessionToken>
					<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
		});
		const extra = {
			aws_profile_name: "account-1",
			aws_role_name: "arn:aws:iam::210987654321:role/bedrock",
			aws_session_name: "team",
			aws_external_id: "ext",
			aws_sts_endpoint: sts.url,
		};
		const account = awsAccount(awsOptions(deployment(extra)), deps(), ELSEWHERE);
		expect(await account.credentials()).toMatchObject({ accessKeyId: "ASIAROLE", sessionToken: "tok" });
		expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
			Action: "AssumeRole",
			RoleArn: extra.aws_role_name,
			RoleSessionName: "team",
			ExternalId: "ext",
		});
		await vi.waitFor(() => expect(account.id).toBe("210987654321"));
	});

	it("a web identity token is read anew from its file", async () => {
		const forms: URLSearchParams[] = [];
		await using sts = await startSts((form) => {
			forms.push(form);
			return `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAWEB</AccessKeyId>
				<SecretAccessKey>w</SecretAccessKey><SessionToken>tok</SessionToken>
				<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
		});
		const path = join(directory, "token");
		writeFileSync(path, "jwt-1\n");
		const extra = {
			aws_web_identity_token: `oidc/file/${path}`,
			aws_role_name: "arn:aws:iam::210987654321:role/bedrock",
			aws_sts_endpoint: sts.url,
		};
		const account = awsAccount(awsOptions(deployment(extra)), deps(), ELSEWHERE);
		expect(await account.credentials()).toMatchObject({ accessKeyId: "ASIAWEB" });
		expect(forms[0]?.get("WebIdentityToken")).toBe("jwt-1");
		expect(forms[0]?.get("RoleSessionName")).toBe("warmpath");
	});

	it.each([
		[{ aws_profile_name: "nobody" }, /^profile 'nobody' gave none: .*nobody/],
		[{ aws_profile_name: "broken" }, /^profile 'broken' gave none: its credential_process failed/],
		[{ aws_web_identity_token: "oidc/file/none", aws_role_name: "arn:aws:iam::1:role/r" }, /none cannot be read/],
		[{ aws_web_identity_token: "oidc/google/x", aws_role_name: "arn:aws:iam::1:role/r" }, /not supported/],
	])("%o fails in words that help and hold no secret", async (extra, message) => {
		const account = awsAccount(awsOptions(deployment(extra)), deps(), ELSEWHERE);
		const error = await Promise.resolve(account.credentials()).catch((cause: unknown) => cause);
		expect(error).toMatchObject({ name: "CredentialError", message: expect.stringMatching(message) });
		expect(String(error)).not.toMatch(/secret/);
	});

	it("deployments of one account share its credentials, those of another do not", () => {
		const shared = deps();
		const of = (profile: string) =>
			awsAccount(awsOptions(deployment({ aws_profile_name: profile })), shared, ELSEWHERE);
		expect(of("account-1")).toBe(of("account-1"));
		expect(of("account-1")).not.toBe(of("account-2"));
	});
});

it("a profile's region is read from the configuration file", async () => {
	expect(await regionOfProfile("account-1")).toBe("us-west-2");
	expect(await regionOfProfile("account-2")).toBeNull();
	expect(await regionOfProfile(null)).toBe("eu-north-1");
	expect(await regionOfProfile("x", { AWS_CONFIG_FILE: join(directory, "none") })).toBeNull();
});

/** An STS that answers what a test says. */
async function startSts(answer: (form: URLSearchParams) => string) {
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			response.writeHead(200, { "content-type": "text/xml" });
			response.end(answer(new URLSearchParams(Buffer.concat(chunks).toString())));
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		async [Symbol.asyncDispose](): Promise<void> {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}
