// Where replicas meet: ours, LiteLLM's spellings, which wins, and what is wrong with one.
import { describe, expect, it } from "vitest";
import { configOf, remarksOf } from "../__fixtures__/parse.ts";

function urlOf(yaml: string): string | null {
	return configOf(yaml).state?.redis?.url.reveal() ?? null;
}

describe("shared state", () => {
	it("is off by default", () => {
		expect(configOf("").state).toEqual({ redis: null });
	});

	it("is read from warmpath.state", () => {
		const { state } = configOf("warmpath: {state: {redis: {url: 'redis://:pass@cache:6380/2', prefix: team}}}\n");
		expect(state?.redis?.url.reveal()).toBe("redis://:pass@cache:6380/2");
		expect(state?.redis?.prefix).toBe("team");
		expect(JSON.stringify(state)).not.toContain("pass");
	});

	it("takes LiteLLM's redis_url, and its parts", () => {
		expect(urlOf("router_settings: {redis_url: redis://cache:6379}\n")).toBe("redis://cache:6379");
		expect(urlOf("router_settings: {redis_host: cache}\n")).toBe("redis://cache:6379/0");
		const parts = "{redis_host: cache, redis_port: '6380', redis_password: 'p@ss', redis_db: 3, redis_ssl: true}";
		expect(urlOf(`router_settings: ${parts}\n`)).toBe("rediss://:p%40ss@cache:6380/3");
		expect(urlOf("router_settings: {redis_host: '::1'}\n")).toBe("redis://[::1]:6379/0");
	});

	it("ours wins over LiteLLM's, and a URL over parts, with a warning each", () => {
		const both =
			"router_settings: {redis_host: other, redis_port: 1}\nwarmpath: {state: {redis: {url: redis://ours}}}\n";
		expect(urlOf(both)).toBe("redis://ours");
		expect(remarksOf(both)).toEqual([
			expect.stringContaining(
				"router_settings.redis_host: has no effect: warmpath.state.redis.url is given too and wins",
			),
			expect.stringContaining("router_settings.redis_port: has no effect: warmpath.state.redis.url wins"),
		]);
		expect(remarksOf("router_settings: {redis_password: secret}\n")).toEqual([
			expect.stringContaining("router_settings.redis_password: has no effect without redis_host"),
		]);
	});
});

it.each([
	["state: {redis: {url: 'http://cache'}}", "warmpath.state.redis.url: expected redis://HOST:PORT"],
	["state: {redis: {}}", "warmpath.state.redis.url: is missing"],
	["state: {redis: {url: 'redis://a', ttl: 5}}", "warmpath.state.redis.ttl: unknown option 'ttl'"],
	["state: {valkey: {}}", "warmpath.state.valkey: unknown option 'valkey'"],
])("warmpath: {%s} is a fault: %s", (option, expected) => {
	expect(remarksOf(`warmpath: {${option}}\n`)).toEqual([expect.stringMatching(/^config\.yaml:5:\d+ /)]);
	expect(remarksOf(`warmpath: {${option}}\n`)).toEqual([expect.stringContaining(expected)]);
});
