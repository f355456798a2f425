import { expect, test } from "vitest";
import { Secret } from "../config/secret.ts";
import { createAuthenticate } from "./authenticate.ts";

const authenticate = createAuthenticate(new Secret("sk-master"));

test("the key is taken from any of the headers that LiteLLM and Anthropic clients use", () => {
	for (const headers of [
		{ authorization: "Bearer sk-master" },
		{ authorization: "bearer  sk-master" },
		{ "x-api-key": "sk-master" },
		{ "api-key": "sk-master" },
		{ "x-litellm-api-key": "Bearer sk-master" },
		{ "x-litellm-api-key": "sk-master", authorization: "Bearer sk-ant-oat-of-the-client" },
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

test("without a master key every caller is let in", () => {
	expect(createAuthenticate(null)({}).id).toBe("local");
});
