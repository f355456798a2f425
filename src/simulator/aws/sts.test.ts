import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import { expect, it } from "vitest";
import { startSimulator } from "../server.ts";

interface Keys {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
}

const start = (wallClock: () => number = Date.now) =>
	startSimulator({ aws: [{ name: "account-1", accountId: "111122223333" }], wallClock });

/** Asks STS as the official signer signs. */
async function ask(url: string, credentials: Keys, form: Record<string, string>) {
	const body = new URLSearchParams({ Version: "2011-06-15", ...form }).toString();
	const { host, hostname, port } = new URL(url);
	const headers = { host, "content-type": "application/x-www-form-urlencoded" };
	const request = new HttpRequest({ method: "POST", hostname, port: Number(port), path: "/", headers, body });
	const signer = new SignatureV4({ service: "sts", region: "us-east-1", credentials, sha256: Sha256 });
	const signed = await signer.sign(request);
	const response = await fetch(url, { method: "POST", headers: signed.headers, body });
	return { status: response.status, xml: await response.text() };
}

const field = (xml: string, name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";

it("tells who the caller is", async () => {
	await using sim = await start();
	const [account] = sim.aws;
	if (account === undefined) throw new Error("no account");
	const { status, xml } = await ask(sim.url, account, { Action: "GetCallerIdentity" });
	expect([status, field(xml, "Account"), field(xml, "Arn")]).toEqual([
		200,
		"111122223333",
		"arn:aws:iam::111122223333:user/account-1",
	]);
	const wrong = await ask(sim.url, { ...account, secretAccessKey: "no" }, { Action: "GetCallerIdentity" });
	expect([wrong.status, field(wrong.xml, "Code")]).toEqual([403, "SignatureDoesNotMatch"]);
});

it("gives out credentials of a role, which stop working when they expire", async () => {
	let now = Date.now();
	await using sim = await start(() => now);
	const [account] = sim.aws;
	if (account === undefined) throw new Error("no account");
	const role = {
		Action: "AssumeRole",
		RoleArn: "arn:aws:iam::111122223333:role/gateway",
		RoleSessionName: "s",
		DurationSeconds: "60",
	};
	const { xml } = await ask(sim.url, account, role);
	const session = {
		accessKeyId: field(xml, "AccessKeyId"),
		secretAccessKey: field(xml, "SecretAccessKey"),
		sessionToken: field(xml, "SessionToken"),
	};
	const who = await ask(sim.url, session, { Action: "GetCallerIdentity" });
	expect(field(who.xml, "Arn")).toBe("arn:aws:sts::111122223333:assumed-role/gateway/s");
	now += 61_000;
	const late = await ask(sim.url, session, { Action: "GetCallerIdentity" });
	expect([late.status, field(late.xml, "Code")]).toEqual([403, "ExpiredToken"]);
	const foreign = await ask(sim.url, account, { ...role, RoleArn: "arn:aws:iam::999999999999:role/gateway" });
	expect(field(foreign.xml, "Code")).toBe("AccessDenied");
});

it("gives a role that asks for an external id to nobody else", async () => {
	await using sim = await startSimulator({
		aws: [{ name: "account-1", accountId: "111122223333", externalId: "shared" }],
	});
	const [account] = sim.aws;
	if (account === undefined) throw new Error("no account");
	const role = {
		Action: "AssumeRole",
		RoleArn: "arn:aws:iam::111122223333:role/gateway",
		RoleSessionName: "s",
	};
	for (const form of [role, { ...role, ExternalId: "other" }]) {
		const { status, xml } = await ask(sim.url, account, form);
		expect([status, field(xml, "Code")]).toEqual([403, "AccessDenied"]);
	}
	expect((await ask(sim.url, account, { ...role, ExternalId: "shared" })).status).toBe(200);
});
