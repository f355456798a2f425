// Who shares a cache, before and after answers name it.
import { expect, test } from "vitest";
import { Secret } from "../config/secret.ts";
import { createDomainRegistry, type UpstreamCaller } from "./domain.ts";

function caller(apiKey: string, changes: Partial<UpstreamCaller> = {}): UpstreamCaller {
	const credentials = { apiKey: new Secret(apiKey), apiBase: null, extra: {} };
	return { provider: "anthropic", credentials, cacheDomain: null, extraHeaders: {}, ...changes };
}

const SHARED = { organization: "org", workspace: "one" };

test("one credential at one address is one domain", () => {
	const domains = createDomainRegistry();
	const first = domains.register(caller("a"));
	const second = domains.register(caller("a"));
	expect(domains.domainOf(first)).toBe(domains.domainOf(second));
});

test("another key, address, provider or account is another domain", () => {
	const domains = createDomainRegistry();
	const credentials = caller("a").credentials;
	const all = [
		caller("a"),
		caller("b"),
		caller("a", { provider: "foundry" }),
		caller("a", { credentials: { ...credentials, apiBase: "https://elsewhere.test" } }),
		caller("a", { credentials: { ...credentials, extra: { aws_region_name: "eu-west-1" } } }),
		caller("a", { credentials: { ...credentials, extra: { token: new Secret("t") } } }),
		caller("a", { extraHeaders: { "Anthropic-Workspace-Id": "w" } }),
	];
	expect(new Set(all.map((each) => domains.domainOf(domains.register(each)))).size).toBe(all.length);
});

test("a cross-region profile of one AWS credential is one domain in every region it is called in, and one of its own", () => {
	const domains = createDomainRegistry();
	const bedrock = (upstreamModel: string, region: string, profile = "p"): UpstreamCaller => {
		const extra = { aws_profile_name: profile, aws_region_name: region };
		const credentials = { apiKey: null, apiBase: null, extra };
		return { provider: "bedrock", credentials, cacheDomain: null, extraHeaders: {}, upstreamModel };
	};
	const of = (each: UpstreamCaller) => domains.domainOf(domains.register(each));
	const us = bedrock("us.anthropic.claude-x", "us-west-2");
	expect(of(bedrock("us.anthropic.claude-y", "us-east-1"))).toBe(of(us));
	const apart = [
		us,
		bedrock("global.anthropic.claude-x", "us-west-2"),
		bedrock("anthropic.claude-x", "us-west-2"),
		bedrock("anthropic.claude-x", "us-east-1"),
		bedrock("us.anthropic.claude-x", "us-west-2", "q"),
	];
	expect(new Set(apart.map(of)).size).toBe(apart.length);
});

test("a Google project and location are one domain, and a Foundry resource is one, whatever the credential", () => {
	const domains = createDomainRegistry();
	const vertex = (project: string, location: string, secret: string): UpstreamCaller => {
		const extra = { vertex_project: project, vertex_location: location, vertex_credentials: new Secret(secret) };
		return {
			provider: "vertex",
			credentials: { apiKey: null, apiBase: null, extra },
			cacheDomain: null,
			extraHeaders: {},
		};
	};
	const foundry = (apiBase: string, apiKey: string) =>
		caller(apiKey, { provider: "foundry", credentials: { ...caller(apiKey).credentials, apiBase } });
	const of = (each: UpstreamCaller) => domains.domainOf(domains.register(each));
	expect(of(vertex("p", "global", "a"))).toBe(of(vertex("p", "global", "b")));
	const resource = (name: string) => `https://${name}.services.ai.azure.com`;
	expect(of(foundry(resource("r"), "a"))).toBe(of(foundry(resource("r"), "b")));
	expect(of(foundry("https://proxy.test", "a"))).not.toBe(of(foundry("https://proxy.test", "b")));
	const apart = [vertex("p", "global", "a"), vertex("p", "us-east5", "a"), vertex("q", "global", "a")];
	const resources = [foundry(resource("r"), "a"), foundry(resource("s"), "a")];
	expect(new Set([...apart, ...resources].map(of)).size).toBe(5);
});

test("a workspace of a Google project's own Anthropic organisation is one domain, whatever credential and location", () => {
	const domains = createDomainRegistry();
	const managed = (project: string, workspace: string, location: string, secret: string): UpstreamCaller => ({
		provider: "anthropic_google_cloud",
		credentials: {
			apiKey: null,
			apiBase: null,
			extra: {
				vertex_project: project,
				vertex_location: location,
				anthropic_workspace_id: workspace,
				vertex_credentials: new Secret(secret),
			},
		},
		cacheDomain: null,
		extraHeaders: {},
	});
	const vertex: UpstreamCaller = { ...managed("p", "w", "global", "a"), provider: "vertex" };
	const of = (each: UpstreamCaller) => domains.domainOf(domains.register(each));
	expect(of(managed("p", "w", "global", "a"))).toBe(of(managed("p", "w", "us-east5", "b")));
	const apart = [managed("p", "w", "global", "a"), managed("p", "x", "global", "a"), managed("q", "w", "global", "a")];
	expect(new Set([...apart, vertex].map(of)).size).toBe(4);
});

test("two keys of one workspace become one domain, and what was recorded under either is the same place", () => {
	const domains = createDomainRegistry();
	const [first, second] = [domains.register(caller("a")), domains.register(caller("b"))];
	const [before, other] = [domains.domainOf(first), domains.domainOf(second)];
	expect(before).not.toBe(other);
	domains.learn(first, SHARED);
	expect(domains.domainOf(first)).toBe(before);
	domains.learn(second, SHARED);
	expect(domains.domainOf(first)).toBe(domains.domainOf(second));
	expect(domains.root(before)).toBe(domains.root(other));
	expect(domains.nameOf(second)).toBe("anthropic/org/one");
});

test("two workspaces of one organization stay apart", () => {
	const domains = createDomainRegistry();
	const [first, second] = [domains.register(caller("a")), domains.register(caller("b"))];
	domains.learn(first, SHARED);
	domains.learn(second, { organization: "org", workspace: "two" });
	expect(domains.domainOf(first)).not.toBe(domains.domainOf(second));
});

test("a member that answers for another workspace moves; those who were with it stay", () => {
	const domains = createDomainRegistry();
	const [first, second] = [domains.register(caller("a")), domains.register(caller("b"))];
	domains.learn(first, SHARED);
	domains.learn(second, SHARED);
	const shared = domains.domainOf(first);
	domains.learn(second, { organization: "org", workspace: "two" });
	expect(domains.domainOf(first)).toBe(shared);
	expect(domains.domainOf(second)).not.toBe(shared);
	domains.learn(second, SHARED);
	expect(domains.domainOf(second)).toBe(shared);
});

test("an answer without a workspace is named by its organization, and does not blur what is known", () => {
	const domains = createDomainRegistry();
	const member = domains.register(caller("a"));
	domains.learn(member, { organization: "org", workspace: null });
	expect(domains.nameOf(member)).toBe("anthropic/org");
	domains.learn(member, SHARED);
	domains.learn(member, { organization: "org", workspace: null });
	domains.learn(member, { organization: null, workspace: null });
	expect(domains.nameOf(member)).toBe("anthropic/org/one");
});

test("a configured domain joins its members and answers do not change it", () => {
	const domains = createDomainRegistry();
	const first = domains.register(caller("a", { cacheDomain: "mine" }));
	const second = domains.register(caller("b", { cacheDomain: "mine" }));
	domains.learn(first, SHARED);
	expect(domains.domainOf(first)).toBe(domains.domainOf(second));
	expect(domains.nameOf(first)).toBe("configured/mine");
});
