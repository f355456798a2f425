// Whom the gateway asks before it gives up, and what the client gets when causes are mixed. Leaves single causes to blame.test.ts.
import { expect, test } from "vitest";
import type { Answer } from "../recording-upstream.ts";
import { type Refusal, refuse, rows, serve, world } from "../refusing-world.ts";

const UNAUTHORIZED: Refusal = [401, "authentication_error", "invalid x-api-key"];
const CREDIT: Refusal = [400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."];
const OVERLOADED: Refusal = [529, "overloaded_error", "Overloaded"];
const limited = (seconds: number): Refusal => [429, "rate_limit_error", "limited", { "retry-after": `${seconds}` }];

/** A spend limit, which the Messages API sends as a 429 without `retry-after`. */
const spent: Answer = (_request, response) => {
	const error = {
		type: "rate_limit_error",
		message: "Your spend limit is reached.",
		details: { error_code: "enforced_spend_limit_reached" },
	};
	response.writeHead(429, { "content-type": "application/json" });
	response.end(JSON.stringify({ type: "error", error }));
};

const FALLBACK = { groups: { spare: "spare" }, settings: "num_retries: 0, fallbacks: [{ main: [spare] }]" };

test.each(rows([UNAUTHORIZED, CREDIT]))(
	"%s: a fallback serves before the key that was refused seconds ago is asked again",
	async (_name, refusal) => {
		await using two = await world({ a: refuse(refusal), spare: serve }, FALLBACK);
		for (let nth = 0; nth < 4; nth += 1) expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("spare");
		expect(two.asked("a")).toBe(1);
	},
);

test.each(rows([OVERLOADED, UNAUTHORIZED, limited(20)]))(
	"where the fallback fails too (%s) the refused key is asked before an error, and heals",
	async (_name, refusal) => {
		await using two = await world(
			{ a: refuse(UNAUTHORIZED), spare: serve },
			{ ...FALLBACK, settings: "fallbacks: [{ main: [spare] }]" },
		);
		await two.ask();
		two.answer("a", serve);
		two.answer("spare", refuse(refusal));
		const served = await two.ask();
		expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "a"]);
		expect((await two.ask()).headers.get("x-warmpath-reason")).not.toBe("last_resort");
	},
);

test("of many refused keys a request asks a few, and the next one others, until a mended one is found", async () => {
	const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
	await using many = await world(Object.fromEntries(names.map((name) => [name, refuse(UNAUTHORIZED)])));
	const asked = () => names.map(many.asked);
	const total = () => asked().reduce((sum, each) => sum + each, 0);
	expect((await many.ask()).status).toBe(502);
	expect(asked()).toEqual(names.map(() => 1));
	for (let nth = 0; nth < 8; nth += 1) {
		const before = total();
		expect((await many.ask()).status).toBe(502);
		expect(total() - before).toBeLessThanOrEqual(3);
	}
	expect(Math.max(...asked()) - Math.min(...asked())).toBeLessThanOrEqual(1);
	many.answer("g", serve);
	const found = [];
	for (let nth = 0; nth < 3; nth += 1) found.push((await many.ask()).status);
	expect(found).toContain(200);
});

test("a request that a healthy key serves asks no refused one", async () => {
	await using two = await world({ a: refuse(UNAUTHORIZED), b: serve });
	for (let nth = 0; nth < 5; nth += 1) expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("b");
	expect(two.asked("a")).toBe(1);
});

test.each<[string, readonly Answer[]]>([
	["a spend limit first", [spent, refuse(limited(17))]],
	["a spend limit last", [refuse(limited(17)), spent]],
	["no credit first", [refuse(CREDIT), refuse(limited(17))]],
	["a shorter limit beside it", [refuse(limited(40)), spent, refuse(limited(17))]],
	["a refused key beside it", [refuse(UNAUTHORIZED), spent, refuse(limited(17))]],
])("%s: the client gets the limit that passes, and the shortest true wait", async (_name, answers) => {
	await using mixed = await world(Object.fromEntries(answers.map((answer, at) => [`d${at}`, answer])));
	for (let nth = 0; nth < 3; nth += 1) {
		const got = await mixed.ask();
		expect(got.status).toBe(429);
		const wait = Number(got.headers.get("retry-after"));
		expect(wait).toBeGreaterThan(0);
		expect(wait).toBeLessThanOrEqual(17);
		expect(await got.text()).not.toContain("spend");
	}
});

test("a limited group before a fallback that is spent is shown as limited", async () => {
	await using two = await world({ a: refuse(limited(17)), spare: spent }, FALLBACK);
	for (let nth = 0; nth < 3; nth += 1) {
		const got = await two.ask();
		expect(got.status).toBe(429);
		expect(Number(got.headers.get("retry-after"))).toBeLessThanOrEqual(17);
		expect(Number(got.headers.get("retry-after"))).toBeGreaterThan(0);
	}
});

test("a spent account beside an overloaded upstream is shown as overloaded, which clients wait for", async () => {
	await using two = await world({ a: spent, b: refuse(OVERLOADED) }, { settings: "num_retries: 1" });
	expect((await two.ask()).status).toBe(529);
});

test("a spent account beside a refused key is the operator's, and no client asks again", async () => {
	await using two = await world({ a: spent, b: refuse(UNAUTHORIZED) });
	const got = await two.ask();
	expect([got.status, got.headers.get("x-should-retry")]).toEqual([502, "false"]);
	expect(await got.text()).toContain("its spend limit is reached");
});
