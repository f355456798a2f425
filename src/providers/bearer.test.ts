import { describe, expect, test } from "vitest";
import { Bearer, type Token } from "./bearer.ts";

/** A token every hour, and the means to let requests wait or fail. */
function fixture() {
	const state = { now: 0, asked: 0, fails: false, warnings: [] as string[] };
	const bearer = new Bearer({
		now: () => state.now,
		warn: (message) => state.warnings.push(message),
		async request(): Promise<Token> {
			state.asked += 1;
			const value = `token-${state.asked}`;
			if (state.fails) throw new Error("issuer is down");
			return { value, expiresAt: state.now + 3_600_000 };
		},
	});
	return { state, bearer };
}

describe("Bearer", () => {
	test("many waiting calls cause one request, and later ones none", async () => {
		const { state, bearer } = fixture();
		const tokens = await Promise.all(Array.from({ length: 50 }, () => bearer.get()));
		expect(new Set(tokens)).toEqual(new Set(["token-1"]));
		state.now = 3_000_000;
		expect(bearer.get()).toBe("token-1");
		expect(state.asked).toBe(1);
	});

	test("shortly before the end it is renewed while calls go on with the old one", async () => {
		const { state, bearer } = fixture();
		await bearer.get();
		state.now = 3_400_000;
		expect([bearer.get(), bearer.get()]).toEqual(["token-1", "token-1"]);
		await Promise.resolve();
		await Promise.resolve();
		expect(bearer.get()).toBe("token-2");
		expect(state.asked).toBe(2);
	});

	test("at its very end nobody gets the old one", async () => {
		const { state, bearer } = fixture();
		await bearer.get();
		state.now = 3_599_000;
		expect(await bearer.get()).toBe("token-2");
	});

	test("a failed renewal is reported, leaves the old one in use, and is not repeated at every call", async () => {
		const { state, bearer } = fixture();
		await bearer.get();
		state.now = 3_400_000;
		state.fails = true;
		expect(bearer.get()).toBe("token-1");
		await new Promise((resolve) => setImmediate(resolve));
		expect(bearer.get()).toBe("token-1");
		expect(state.warnings).toEqual(["a token could not be renewed, the old one is still used: issuer is down"]);
		expect(state.asked).toBe(2);
	});

	test("where there is no token, a failure is the waiting calls' and the next call asks again", async () => {
		const { state, bearer } = fixture();
		state.fails = true;
		await expect(Promise.all([bearer.get(), bearer.get()])).rejects.toThrow("issuer is down");
		state.fails = false;
		expect(await bearer.get()).toBe("token-2");
	});

	test("a refused token is replaced, unless it has been already", async () => {
		const { state, bearer } = fixture();
		await bearer.get();
		bearer.drop("token-1");
		expect(await bearer.get()).toBe("token-2");
		bearer.drop("token-1");
		expect(bearer.get()).toBe("token-2");
		expect(state.asked).toBe(2);
	});
});
