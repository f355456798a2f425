import { describe, expect, test } from "vitest";
import { MutableDirectory } from "../../access/directory.ts";
import { FIELDS } from "../../access/fields.ts";
import { keyHasher } from "../../access/hash.ts";
import { Secret } from "../../config/secret.ts";
import { conversationOf } from "../../prompt/session.ts";
import { type AuthenticateOptions, createAuthenticate, type PassThroughOptions } from "./authenticate.ts";

const hash = keyHasher(Buffer.from("pepper"));
const NOT_PASSED: PassThroughOptions = { providerAuth: false, clientHeaders: false };

function lookup() {
	const directory = new MutableDirectory();
	const put = (id: string, fields: object, version: number) => {
		const record = {
			kind: "key" as const,
			id,
			hash: hash(`sk-${id}`),
			createdAt: 0,
			updatedAt: 0,
			version,
			generation: 0,
		};
		directory.put({ ...record, fields: FIELDS.key.parse(fields) });
	};
	return { directory, hash, put };
}

function authenticateWith(options: Partial<AuthenticateOptions> = {}) {
	return createAuthenticate({
		masterKey: new Secret("sk-master"),
		keys: null,
		passThrough: NOT_PASSED,
		now: () => 1_000,
		...options,
	});
}

const authenticate = authenticateWith();

test("the key is taken from any of the headers that LiteLLM and Anthropic clients use", () => {
	for (const headers of [
		{ authorization: "Bearer sk-master" },
		{ authorization: "bearer  sk-master" },
		{ authorization: "Bearer Bearer sk-master" },
		{ authorization: "Bearer bearer\tsk-master " },
		{ "x-api-key": "Bearer Bearer sk-master" },
		{ "x-api-key": "sk-master" },
		{ "api-key": "sk-master" },
		{ "x-goog-api-key": "sk-master" },
		{ "x-litellm-api-key": "Bearer sk-master" },
		{ "x-litellm-api-key": "sk-master", authorization: "Bearer sk-ant-oat-of-the-client" },
		{ authorization: "Bearer sk-ant-oat-of-the-client, Bearer sk-master" },
	]) {
		expect(authenticate(headers).id).toBe("master");
	}
});

test("a missing key and a wrong key are told apart, both as 401", () => {
	expect(() => authenticate({})).toThrowError(expect.objectContaining({ code: "missing_credentials", status: 401 }));
	expect(() => authenticate({ "x-api-key": "" })).toThrowError(
		expect.objectContaining({ code: "missing_credentials" }),
	);
	expect(() => authenticate({ "x-api-key": "sk-master2" })).toThrowError(
		expect.objectContaining({ code: "invalid_credentials", status: 401 }),
	);
});

test("without a master key every caller is let in, and a known virtual key is known all the same", () => {
	const keys = lookup();
	keys.put("a", { key_alias: "ci" }, 1);
	const open = authenticateWith({ masterKey: null, keys });
	expect(open({}).id).toBe("local");
	expect(open({ "x-api-key": "anything" }).id).toBe("local");
	expect(open({ "x-api-key": "sk-a" }).keyAlias).toBe("ci");
});

describe("a virtual key", () => {
	test("names its caller, who is the same object until something changes", () => {
		const keys = lookup();
		keys.put("a", { key_alias: "ci", tags: ["x"], metadata: { cost: 7 } }, 1);
		const known = authenticateWith({ keys });
		const caller = known({ "x-api-key": "sk-a" });
		expect(caller).toMatchObject({
			id: "key-a",
			keyHash: hash("sk-a"),
			keyAlias: "ci",
			tags: ["x"],
			metadata: { cost: 7 },
		});
		expect(known({ authorization: "Bearer sk-a" })).toBe(caller);
		keys.put("a", { key_alias: "renamed" }, 2);
		expect(known({ "x-api-key": "sk-a" }).keyAlias).toBe("renamed");
	});

	test("never shares a session with another one, whatever they are called and however long", () => {
		const keys = lookup();
		const long = "x".repeat(300);
		const names = ["config:a", "config:a:b", "config:a%3Ab", `config:${long}1`, `config:${long}2`];
		for (const name of names) keys.put(name, {}, 1);
		const check = authenticateWith({ keys });
		const sessionOf = (name: string, id: string) => {
			const headers = { "x-claude-code-session-id": id };
			return conversationOf(headers, null, check({ "x-api-key": `sk-${name}` }).id).session;
		};
		expect(sessionOf("config:a", "b:s")).not.toBe(sessionOf("config:a:b", "s"));
		expect(new Set(names.map((name) => sessionOf(name, "s"))).size).toBe(names.length);
	});

	test("is refused when it is blocked, expired or removed, or its team or user is blocked", () => {
		const keys = lookup();
		const known = authenticateWith({ keys });
		const ask = () => known({ "x-api-key": "sk-a" });
		keys.put("a", { blocked: true }, 1);
		expect(ask).toThrowError(expect.objectContaining({ code: "key_blocked", status: 401 }));
		keys.put("a", { expires: new Date(1_001).toISOString() }, 2);
		expect(ask().id).toBe("key-a");
		keys.put("a", { expires: new Date(1_000).toISOString() }, 3);
		expect(ask).toThrowError(expect.objectContaining({ code: "key_expired", status: 401 }));
		keys.put("a", { team_id: "t", user_id: "u" }, 4);
		const blocked = { hash: null, createdAt: 0, updatedAt: 0, version: 5, generation: 0 };
		keys.directory.put({ ...blocked, kind: "team", id: "t", fields: FIELDS.team.parse({ blocked: true }) });
		expect(ask).toThrowError(/team 't' is blocked/);
		keys.directory.remove("team", "t");
		keys.directory.put({ ...blocked, kind: "user", id: "u", fields: FIELDS.user.parse({ blocked: true }) });
		expect(ask).toThrowError(/user 'u' is blocked/);
		keys.directory.remove("key", "a");
		expect(ask).toThrowError(expect.objectContaining({ code: "invalid_credentials" }));
	});
});

describe("a client's own provider credential", () => {
	const both = {
		"x-litellm-api-key": "sk-master",
		authorization: "Bearer sk-ant-oat01-x",
		"x-api-key": "sk-ant-api03-y",
	};

	test("is passed only where the operator says so", () => {
		expect(authenticate(both).credential).toBeNull();
		const oauth = authenticateWith({ passThrough: { providerAuth: false, clientHeaders: true } });
		expect(oauth(both).credential).toEqual({ header: "authorization", value: "Bearer sk-ant-oat01-x" });
		expect(oauth({ "x-litellm-api-key": "sk-master", "x-api-key": "sk-ant-api03-y" }).credential).toBeNull();
		const any = authenticateWith({ passThrough: { providerAuth: true, clientHeaders: false } });
		expect(any({ "x-litellm-api-key": "sk-master", "x-api-key": "y" }).credential).toEqual({
			header: "x-api-key",
			value: "y",
		});
	});

	test("is never the gateway's own key, in whatever header it comes again", () => {
		const any = authenticateWith({ passThrough: { providerAuth: true, clientHeaders: true } });
		expect(any({ authorization: "Bearer sk-master", "x-api-key": "sk-master" }).credential).toBeNull();
		expect(any({ "x-api-key": "sk-master" }).credential).toBeNull();
	});

	test("is told by its form where no key is asked for", () => {
		const open = authenticateWith({ masterKey: null, passThrough: { providerAuth: true, clientHeaders: false } });
		expect(open({ authorization: "Bearer anything" }).credential).toBeNull();
		expect(open({ authorization: "Bearer sk-ant-oat01-x" }).credential?.header).toBe("authorization");
	});
});
