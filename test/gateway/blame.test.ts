// Whose fault an error is, through the whole gateway: what goes elsewhere, what rests, and what the client gets. Leaves single verdicts to
// src/providers/errors/verdicts.test.ts.
import { expect, test } from "vitest";
import type { Answer, RecordedRequest } from "../recording-upstream.ts";
import { type Refusal, refuse, rows, serve, world } from "../refusing-world.ts";

const ACCOUNTS: readonly Refusal[] = [
	[400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."],
	[400, "invalid_request_error", "This organization has been disabled."],
	[403, "permission_error", "Your account has been suspended."],
	[
		400,
		"invalid_request_error",
		"You have reached your specified API usage limits. You will regain access on 2099-01-01 at 00:00 UTC.",
	],
	[400, "invalid_request_error", "You have reached your specified workspace API usage limits."],
	[402, "billing_error", "Payment is required."],
	[402, "invalid_request_error", "Insufficient Balance"],
	[
		403,
		"permission_error",
		"Access to Anthropic models is not allowed from unsupported countries, regions, or territories.",
	],
];

test.each(rows(ACCOUNTS))("%s: another account serves, and this one rests", async (_name, refusal) => {
	await using two = await world({ a: refuse(refusal), b: serve });
	for (let nth = 0; nth < 3; nth += 1) expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("b");
	expect(two.asked("a")).toBe(1);
});

test("an account that is spent is shown to the operator, asked again as a last resort, and heals", async () => {
	const [spent] = ACCOUNTS as readonly [Refusal];
	await using one = await world({ a: refuse(spent) });
	const got = await one.ask();
	expect([got.status, got.headers.get("x-should-retry")]).toEqual([502, "false"]);
	expect(await got.text()).toContain("deployment a: its credit is used up");
	const health = await fetch(`${one.gateway.url}/health`, { headers: { "x-api-key": "sk-test-master" } });
	expect(await health.json()).toMatchObject({
		unhealthy_endpoints: [{ model_id: "a", reason: "its credit is used up" }],
	});
	one.answer("a", serve);
	expect((await one.ask()).status).toBe(200);
	expect(
		await (await fetch(`${one.gateway.url}/health`, { headers: { "x-api-key": "sk-test-master" } })).json(),
	).toMatchObject({
		unhealthy_count: 0,
	});
});

test.each(
	rows([
		[400, "invalid_request_error", "messages: at least one message is required"],
		[400, "invalid_request_error", "Unexpected value(s) for the `anthropic-beta` header"],
		[400, "invalid_request_error", "Fast mode is not supported on claude-haiku-4-5"],
		[413, "request_too_large", "Request exceeds the maximum size"],
	]),
)("%s is the client's own: verbatim, once, and nobody rests", async (_name, refusal) => {
	await using two = await world({ a: refuse(refusal), b: serve });
	const [status, type, message] = refusal;
	const got = await two.ask();
	expect([got.status, await got.json()]).toEqual([status, { type: "error", error: { type, message } }]);
	expect([two.asked("a"), two.asked("b")]).toEqual([1, 0]);
	two.answer("a", serve);
	expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("a");
});

const modelOf = ({ body }: RecordedRequest) => (JSON.parse(body.toString()) as { readonly model: string }).model;

test.each(
	rows([
		[403, "permission_error", "Your organization does not have access to claude-opus-5."],
		[403, "permission_error", "Your API key does not have permission to use the specified resource."],
		[404, "not_found_error", "model: claude-opus-5"],
	]),
)("%s is about one model: the others of a wildcard go on", async (_name, refusal) => {
	const answer: Answer = (request, response) => {
		(modelOf(request) === "claude-opus-5" ? refuse(refusal) : serve)(request, response);
	};
	await using two = await world({ a: answer, b: answer }, { group: "claude-*", model: "claude-*" });
	const got = await two.ask({ model: "claude-opus-5" });
	expect([got.status, await got.text()]).toEqual([refusal[0], expect.stringContaining(refusal[2])]);
	const served = await two.ask({ model: "claude-sonnet-4-5" });
	expect([served.status, served.headers.get("x-litellm-model-id")]).toEqual([200, "a"]);
	// It is not asked for that model by everybody's request in turn where another one has it.
	two.answer("b", serve);
	expect((await two.ask({ model: "claude-opus-5" })).headers.get("x-litellm-model-id")).toBe("b");
	const asked = two.asked("a");
	expect((await two.ask({ model: "claude-opus-5" })).headers.get("x-litellm-model-id")).toBe("b");
	expect(two.asked("a")).toBe(asked);
});

test.each([
	"Code execution is not enabled for your organization.",
	"Web search is not enabled for this workspace.",
	"The Files API isn't available on your plan.",
	"Data residency has not been enabled for your organization.",
])("403, %s is about what one request asks for: shown in its words, and nobody rests", async (message) => {
	const answer: Answer = (request, response) => {
		const asksForMore = request.body.includes('"container"');
		(asksForMore ? refuse([403, "permission_error", message]) : serve)(request, response);
	};
	await using two = await world({ a: answer, b: answer });
	const got = await two.ask({ container: {} });
	expect([got.status, await got.text()]).toEqual([403, expect.stringContaining(message)]);
	expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("a");
});

test.each(
	rows([
		[401, "authentication_error", "invalid x-api-key"],
		[403, "permission_error", "OAuth token does not meet scope requirement user:inference"],
		[403, "permission_error", "This API key has been disabled."],
	]),
)("%s is about the credential: it is quarantined with all that use it", async (_name, refusal) => {
	await using two = await world({ a: refuse(refusal), b: serve });
	expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("b");
	expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("b");
	expect(two.asked("a")).toBe(1);
});

const LONG = { messages: [{ role: "user", content: "word ".repeat(210_000) }] };
const LONG_BETA = { "anthropic-beta": "context-1m-2025-08-07" };
const FAST_BETA = { "anthropic-beta": "fast-mode-2026-02-01" };

test.each<[string, object, Readonly<Record<string, string>>, Refusal]>([
	[
		"a long prompt",
		LONG,
		{},
		[
			429,
			"rate_limit_error",
			"This request would exceed your organization's long context rate limit.",
			{ "retry-after": "40" },
		],
	],
	[
		"the beta for long prompts",
		{},
		LONG_BETA,
		[429, "rate_limit_error", "Extra usage is required for long context requests."],
	],
	[
		"the beta, which a subscription has not",
		{},
		LONG_BETA,
		[400, "invalid_request_error", "The long context beta is not yet available for this subscription."],
	],
	[
		"fast mode by its words",
		{ speed: "fast" },
		FAST_BETA,
		[429, "rate_limit_error", "Fast mode rate limit exceeded.", { "retry-after": "40" }],
	],
	[
		"fast mode by its headers",
		{ speed: "fast" },
		FAST_BETA,
		[
			429,
			"rate_limit_error",
			"Too many tokens.",
			{ "retry-after": "40", "anthropic-fast-output-tokens-remaining": "0" },
		],
	],
])("a limit of %s rests for such requests alone", async (_what, more, headers, refusal) => {
	await using two = await world({ a: refuse(refusal), b: serve });
	expect((await two.ask(more, headers)).headers.get("x-litellm-model-id")).toBe("b");
	two.answer("a", serve);
	expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("a");
	expect((await two.ask(more, headers)).headers.get("x-litellm-model-id")).toBe("b");
	expect(two.asked("a")).toBe(2);
});

test("a limit of one model of a wildcard leaves the others alone", async () => {
	const answer: Answer = (request, response) => {
		const limited = modelOf(request).includes("opus");
		(limited ? refuse([429, "rate_limit_error", "limited", { "retry-after": "40" }]) : serve)(request, response);
	};
	await using one = await world({ a: answer }, { group: "claude-*", model: "claude-*" });
	expect((await one.ask({ model: "claude-opus-5" })).status).toBe(429);
	expect((await one.ask({ model: "claude-sonnet-4-5" })).status).toBe(200);
	const again = await one.ask({ model: "claude-opus-5" });
	expect([again.status, Number(again.headers.get("retry-after"))]).toEqual([429, 40]);
	expect(one.asked("a")).toBe(2);
});

test("a limit of counting tokens leaves messages alone", async () => {
	const answer: Answer = (request, response) => {
		const counts = request.url.includes("count_tokens");
		(counts ? refuse([429, "rate_limit_error", "limited", { "retry-after": "40" }]) : serve)(request, response);
	};
	await using one = await world({ a: answer });
	const body = JSON.stringify({ model: "main", messages: [{ role: "user", content: "hi" }] });
	expect((await one.gateway.post("/v1/messages/count_tokens", body)).status).toBe(429);
	expect((await one.ask()).status).toBe(200);
});

const limited: Refusal = [429, "rate_limit_error", "limited", { "retry-after": "20" }];
const unauthorized: Refusal = [401, "authentication_error", "invalid x-api-key"];

test.each<[string, Refusal, number]>([
	["refuses the request", [403, "permission_error", "Web search is not enabled for your organization."], 429],
	["does not have the model", [404, "not_found_error", "model: claude-sonnet-4-5"], 429],
	["is out of credit", ACCOUNTS[0] as Refusal, 429],
	["is overloaded", [529, "overloaded_error", "Overloaded"], 529],
])("one limited, one quarantined, and one that %s: the client gets what helps it most", async (_what, last, status) => {
	await using three = await world({ a: refuse(limited), b: refuse(unauthorized), c: serve });
	expect((await three.ask()).headers.get("x-litellm-model-id")).toBe("c");
	three.answer("c", refuse(last));
	const got = await three.ask();
	expect(got.status).toBe(status);
	if (status === 429) {
		expect(Number(got.headers.get("retry-after"))).toBeGreaterThan(0);
		expect(Number(got.headers.get("retry-after"))).toBeLessThanOrEqual(20);
	}
});

test.each<[string, Refusal]>([
	["a fault", [500, "api_error", "boom"]],
	["a limit", limited],
	["a refusal of the credential", unauthorized],
])("a mended key is asked before an error, when %s is all that is left", async (_what, left) => {
	await using two = await world({ a: refuse(unauthorized), b: serve });
	await two.ask();
	two.answer("a", serve);
	two.answer("b", refuse(left));
	const served = await two.ask();
	expect([served.status, served.headers.get("x-warmpath-reason")]).toEqual([200, "last_resort"]);
	expect((await two.ask()).headers.get("x-litellm-model-id")).toBe("a");
	expect(two.asked("a")).toBe(3);
});
