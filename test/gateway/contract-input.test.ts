// What the contract's endpoints refuse: by the name of the field, in words, before anything is done.
import { expect, test } from "vitest";
import { IN_MEMORY } from "../../src/db/location.ts";
import { openDatabase } from "../../src/db/open.ts";
import { MASTER_KEY } from "../harness.ts";
import { startKeyed } from "../keyed-world.ts";

/** Method and path, body, and what the message says. */
const REFUSED: readonly (readonly [string, object | undefined, string])[] = [
	["GET /key/list?page=abc", undefined, "page: "],
	["GET /team/list?size=0", undefined, "size: "],
	["GET /user/list?page_size=-3", undefined, "page_size: "],
	["GET /budget/list?limit=1.5", undefined, "limit: "],
	["GET /customer/list?cursor=nonsense", undefined, "cursor: is not one that a list gave"],
	["GET /key/info?key=a&key=b", undefined, "key: "],
	["GET /spend/logs?start_date=monday", undefined, "start_date: expected a time such as"],
	["GET /spend/logs?end_date=2026-13-01", undefined, "end_date: expected a time such as"],
	["GET /spend/logs/ui?start_date=2026-01-01", undefined, "end_date: "],
	["GET /spend/logs?page=1", undefined, "page: is not a filter of this endpoint"],
	["GET /api/requests?from=yesterday", undefined, "from: expected a time such as"],
	["GET /api/requests?limit=201", undefined, "limit: "],
	["GET /api/ledger?by=week", undefined, "by: expected some of"],
	["POST /key/generate", { max_budget: "10" }, "max_budget: "],
	["POST /key/generate", { key_type: "root" }, "key_type: "],
	["POST /key/generate", { model_max_budget: { opus: { max_budget: -1 } } }, "model_max_budget.opus.max_budget: "],
	["POST /key/generate", { duration: 30 }, "duration: "],
	["POST /key/generate", { guardrails: ["pii"] }, "guardrails: is not supported for a key; leave it out"],
	["POST /key/service-account/generate", { key_alias: "a" }, "team_id: expected text"],
	["POST /key/update", { max_budget: 1 }, "key: expected text"],
	["POST /key/update", { key: "k", spend: "0" }, "spend: "],
	["POST /key/delete", {}, "keys: expected a list of texts"],
	["POST /key/delete", { keys: [] }, "keys: expected a list of texts"],
	["POST /key/delete", { keys: [1] }, "keys: expected a list of texts"],
	["POST /key/block", { key: "" }, "key: expected text"],
	["POST /team/update", { team_alias: "a" }, "team_id: expected text"],
	["POST /team/delete", { team_ids: null }, "team_ids: expected a list of texts"],
	["POST /team/member_add", { team_id: "t", member: "u" }, "member: "],
	[
		"POST /team/member_add",
		{ team_id: "t", member: { user_id: "v", colour: "red" } },
		"members_with_roles.1.colour: is not supported",
	],
	["POST /user/new", { user_id: 7 }, "user_id: expected text"],
	["POST /user/new", { user_role: "king" }, "user_role: "],
	["POST /customer/new", {}, "user_id: expected text"],
	["POST /end_user/block", { user_ids: "" }, "user_ids: expected text"],
	["POST /budget/delete", { id: ["b"] }, "id: expected text"],
	["POST /budget/new", { budget_duration: "soon" }, "budget_duration: expected a duration"],
	["POST /api/explain", { headers: {} }, "body: expected text"],
	["POST /api/explain", { body: "{}", headers: { "user-agent": 1 } }, "headers.user-agent: "],
	["POST /api/login", { key: 1 }, "key: "],
	["POST /api/login", {}, 'key: Send {"key": "sk-…"}.'],
];

test("what an endpoint cannot take is a 400 that names the field, and changes nothing", async () => {
	await using database = await openDatabase(IN_MEMORY);
	await using world = await startKeyed(database);
	await world.admin("/team/new", { team_id: "t", members_with_roles: [{ user_id: "u" }] });
	await world.key({ key_alias: "k" });
	const before = world.gateway.access.directory.revision;
	const others: unknown[] = [];
	for (const [endpoint, body, expected] of REFUSED) {
		const [method = "", path = ""] = endpoint.split(" ");
		const response = await fetch(`${world.gateway.url}${path}`, {
			method,
			headers: { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		const { error } = JSON.parse(text) as { readonly error?: { readonly message: string } };
		if (response.status !== 400 || error?.message.startsWith(expected) !== true) others.push([endpoint, body, text]);
	}
	expect(others).toEqual([]);
	expect(world.gateway.access.directory.revision).toBe(before);
});

test("what LiteLLM's clients send beside what is known does no harm", async () => {
	await using database = await openDatabase(IN_MEMORY);
	await using world = await startKeyed(database);
	const lists = ["/key/list?include_team_keys=true&sort_by=spend", "/team/list?organization_id=o", "/user/list?page=1"];
	for (const path of lists) expect([path, (await world.admin(path)).status]).toEqual([path, 200]);
	const made = await world.admin("/key/generate", {
		key_alias: "k",
		permissions: {},
		guardrails: null,
		allowed_routes: [],
		send_invite_email: true,
		spend: 0,
		model_max_budget: null,
	});
	expect(made.body).toMatchObject({ key_alias: "k", model_max_budget: {} });
	const member = { user_id: "u", role: "admin" };
	await world.admin("/team/new", { team_id: "t", members_with_roles: [member] });
	const added = await world.admin("/team/member_add", {
		team_id: "t",
		member: { user_id: "u" },
		max_budget_in_team: 1,
	});
	expect(added.body["members_with_roles"]).toEqual([{ ...member, max_budget_in_team: 1 }]);
	const deleted = await world.admin("/key/delete", { keys: null, key_aliases: "k" });
	expect(deleted.body).toEqual({ deleted_keys: [made.body["token"]] });
});
