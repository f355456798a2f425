// The contract of keys, teams, users, customers and budgets, by LiteLLM's paths and names. Leaves what their fields may say to
// access/fields, and answering to admin/records.
import * as z from "zod";
import { FIELDS } from "../../access/fields.ts";
import { endpoints, nullableNumber, nullableText, type Role, text, type View } from "./endpoint.ts";

type RecordKind = Exclude<keyof typeof FIELDS, "deployment">;
type Bare<Schema> = Schema extends z.ZodDefault<infer Inner> ? Inner : Schema;
type BareShape<Shape> = { -readonly [Name in keyof Shape]: Bare<Shape[Name]> };
type ChangeShape<Shape> = {
	-readonly [Name in keyof Shape]: z.ZodOptional<z.ZodNullable<Bare<Shape[Name]> & z.ZodType>>;
};

/** Fields as they are shown: all of them, so without what stands for those that are not given. */
function shown<K extends RecordKind>(kind: K): BareShape<(typeof FIELDS)[K]["shape"]> {
	const bare = Object.entries(FIELDS[kind].shape).map(([name, field]) => [name, bareOf(field)]);
	return Object.fromEntries(bare) as BareShape<(typeof FIELDS)[K]["shape"]>;
}

/** Fields as a body gives them: those it names; null takes a field back to its default. */
function given<K extends RecordKind>(kind: K): ChangeShape<(typeof FIELDS)[K]["shape"]> {
	const changes = Object.entries(FIELDS[kind].shape).map(([name, field]) => [name, bareOf(field).nullish()]);
	return Object.fromEntries(changes) as ChangeShape<(typeof FIELDS)[K]["shape"]>;
}

function bareOf(field: z.ZodType): z.ZodType {
	return field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field;
}

/** What a record may say, all of it optional, and what else the endpoint takes. Other members are refused unless they are empty. */
function fieldsOf<K extends RecordKind, More extends z.ZodRawShape>(kind: K, more: More) {
	return z.looseObject({ ...given(kind), ...more });
}

/** An endpoint that changes records, which takes an admin. */
function change<Body extends z.ZodObject, Answer extends z.ZodType>(summary: string, body: Body, answer: Answer) {
	return { summary, role: "admin", body, answer } as const;
}

/** An endpoint that shows records. */
function read<Query extends z.ZodRawShape, Answer extends z.ZodType>(
	role: Role,
	summary: string,
	[query, answer]: readonly [Query, Answer],
) {
	return { summary, role, query: z.object(query), answer };
}

/** A list of texts; one text alone is a list of one. */
const texts = z
	.union([text, z.array(text).min(1, "expected a list of texts")], "expected a list of texts")
	.transform((value) => [value].flat());

/** What a change may say beside the fields. */
const spend = z.number().nullish().describe("Sets what was spent in the running window.");
const duration = z.string().nullish().describe("How long a key lives from now on: 30m, 24h, 30d, 1mo; -1 = for ever.");
const newId = text.nullish().describe("Left out, one is made.");
const chosen = z.unknown().optional().describe("The new secret; left out, one is made.");
const anyKey = text.describe("The key's secret, hash, id or alias.");

const positive = z.coerce.number().int().min(1).optional();
const page = {
	page: positive.describe("From 1."),
	size: positive.describe("Records on a page, at most 1000; 100 where it is left out."),
	limit: positive.describe("The same as `size`."),
	page_size: positive.describe("The same as `size`."),
	cursor: z.string().optional().describe("`next_cursor` of the page before; then `page` is not looked at."),
};
const pageFacts = {
	total_count: z.number(),
	current_page: z.number(),
	total_pages: z.number(),
	next_cursor: nullableText.describe(
		"Gives what follows; null = this was the last page. Stable while records come and go.",
	),
};

const dates = { created_at: z.string(), updated_at: z.string() };
const spending = {
	spend: z.number().describe("Of the running window of `max_budget`."),
	total_spend: z.number(),
	budget_reset_at: nullableText,
	unpriced_requests: z.number().describe("Requests whose price is unknown: their spend is in none of these figures."),
	budget_windows: z.array(
		z.object({
			budget_duration: nullableText,
			model: nullableText,
			max_budget: z.number(),
			spend: z.number(),
			reset_at: nullableText,
		}),
	),
};

const keyView = z.object({
	token: z.string().describe("Its hash: what the log and the other endpoints call it."),
	token_id: z.string(),
	key_id: z.string(),
	...shown("key"),
	...spending,
	...dates,
	source: z.enum(["config", "database"]),
});
const secretView = keyView.extend({ key: z.string().describe("The secret: the only time it is seen.") });
const deletedKeys = z.array(z.string()).describe("Their hashes.");

export const KEYS = endpoints({
	"POST /key/generate": change(
		"Makes a virtual key; its secret is answered once",
		fieldsOf("key", { duration, key: chosen }),
		secretView,
	),
	"POST /key/service-account/generate": change(
		"Makes a key that is a team's and nobody's",
		z.looseObject({ ...given("key"), duration, key: chosen, team_id: text }),
		secretView,
	),
	"POST /key/update": change(
		"Changes a key; null takes a field back to its default",
		fieldsOf("key", { key: anyKey, duration, spend }),
		keyView.extend({ key: z.string().describe("Its hash.") }),
	),
	"POST /key/delete": change(
		"Deletes keys",
		z.object({ keys: texts.optional(), key_aliases: texts.optional() }),
		z.object({ deleted_keys: deletedKeys }),
	),
	"POST /key/block": change("Blocks a key", z.object({ key: anyKey }), keyView),
	"POST /key/unblock": change("Unblocks a key", z.object({ key: anyKey }), keyView),
	"POST /key/regenerate": change(
		"Replaces a key's secret",
		fieldsOf("key", { key: anyKey, new_key: chosen, duration }),
		secretView,
	),
	"POST /key/{key}/regenerate": change(
		"Replaces a key's secret",
		fieldsOf("key", { new_key: chosen, duration }),
		secretView,
	),
	"GET /key/info": read("owner", "One key", [
		{ key: z.string().optional().describe("Default: the asking key.") },
		z.object({ key: z.string().describe("Its hash."), info: keyView }),
	]),
	"GET /key/list": read("owner", "Keys, newest first", [
		{
			...page,
			user_id: z.string().optional(),
			team_id: z.string().optional(),
			key_alias: z.string().optional().describe("A part of it."),
			key_hash: z.string().optional(),
			return_full_object: z.string().optional().describe("false = hashes only."),
		},
		z.object({ keys: z.array(z.union([keyView, z.string()])), ...pageFacts }),
	]),
});

const inTeam = { max_budget_in_team: z.number().nullish(), budget_duration: z.string().nullish() };
const member = z.looseObject({ user_id: text, role: z.enum(["admin", "user"]).optional(), ...inTeam });
const teamView = z.object({ team_id: z.string(), ...shown("team"), ...spending, ...dates });
const oneTeam = z.object({ team_id: text });
const membership = z.object({
	user_id: z.string(),
	team_id: z.string(),
	spend: z.number(),
	budget_reset_at: nullableText,
	litellm_budget_table: z.object({ max_budget: nullableNumber, budget_duration: nullableText }),
});

export const TEAMS = endpoints({
	"POST /team/new": change("Makes a team", fieldsOf("team", { team_id: newId }), teamView),
	"POST /team/update": change("Changes a team", fieldsOf("team", { team_id: text, spend }), teamView),
	"POST /team/delete": change(
		"Deletes teams with their keys",
		z.object({ team_ids: texts }),
		z.object({ deleted_teams: z.array(z.string()), deleted_keys: deletedKeys }),
	),
	"POST /team/block": change("Blocks a team: all of its keys are refused", oneTeam, teamView),
	"POST /team/unblock": change("Unblocks a team", oneTeam, teamView),
	"POST /team/member_add": change(
		"Adds members, or changes their role",
		z.looseObject({ team_id: text, member: z.union([member, z.array(member)]), ...inTeam }),
		teamView,
	),
	"POST /team/member_update": change(
		"Changes a member's role or budget in the team",
		z.looseObject({ team_id: text, ...member.shape }),
		teamView,
	),
	"POST /team/member_delete": change("Removes a member", z.object({ team_id: text, user_id: text }), teamView),
	"GET /team/info": read("owner", "One team and its keys", [
		{ team_id: z.string().default("") },
		z.object({
			team_id: z.string(),
			team_info: teamView,
			keys: z.array(keyView),
			team_memberships: z.array(membership).describe("What members with a budget of their own have spent."),
		}),
	]),
	"GET /team/list": read("owner", "Teams, newest first", [
		{ ...page, user_id: z.string().optional().describe("Only those with this member.") },
		z.object({ teams: z.array(teamView), ...pageFacts }),
	]),
});

const userView = z.object({ user_id: z.string(), ...shown("user"), ...spending, ...dates });

export const USERS = endpoints({
	"POST /user/new": change(
		"Makes a user, and a key for them unless auto_create_key is false",
		fieldsOf("user", {
			user_id: newId,
			auto_create_key: z.boolean().nullish(),
			key_alias: z.string().nullish(),
			duration,
		}),
		userView.extend({
			key: nullableText.describe("Its secret; null = none was made."),
			token: z.string().optional(),
			expires: nullableText.optional(),
		}),
	),
	"POST /user/update": change("Changes a user", fieldsOf("user", { user_id: text, spend }), userView),
	"POST /user/delete": change(
		"Deletes users with their keys",
		z.object({ user_ids: texts }),
		z.object({ deleted_users: z.array(z.string()), deleted_keys: deletedKeys }),
	),
	"GET /user/info": read("owner", "One user and their keys", [
		{ user_id: z.string().optional().describe("Default: the asking key's.") },
		z.object({ user_id: z.string(), user_info: userView, keys: z.array(keyView) }),
	]),
	"GET /user/list": read("viewer", "Users, newest first", [
		{ ...page, role: z.string().optional(), user_email: z.string().optional().describe("A part of it.") },
		z.object({ users: z.array(userView), ...pageFacts }),
	]),
});

const customerView = z.object({ user_id: z.string(), ...shown("customer"), ...spending, ...dates });
const someCustomers = z.object({ user_ids: texts });
const blockedCustomers = z.object({ blocked_users: z.array(customerView) });
const newCustomer = change("Makes a customer", fieldsOf("customer", { user_id: text }), customerView);
const changeCustomer = change("Changes a customer", fieldsOf("customer", { user_id: text, spend }), customerView);
const deleteCustomers = change(
	"Deletes customers",
	someCustomers,
	z.object({ deleted_customers: z.array(z.string()) }),
);
const blockCustomers = change("Blocks customers", someCustomers, blockedCustomers);
const oneCustomer = read("viewer", "One customer", [
	{ end_user_id: z.string().optional(), user_id: z.string().optional().describe("The same.") },
	customerView,
]);
const customerList = read("viewer", "Customers, newest first", [
	page,
	z.object({ customers: z.array(customerView), ...pageFacts }),
]);

/** Under both of LiteLLM's names. */
export const CUSTOMERS = endpoints({
	"POST /customer/new": newCustomer,
	"POST /end_user/new": newCustomer,
	"POST /customer/update": changeCustomer,
	"POST /end_user/update": changeCustomer,
	"POST /customer/delete": deleteCustomers,
	"POST /end_user/delete": deleteCustomers,
	"POST /customer/block": blockCustomers,
	"POST /end_user/block": blockCustomers,
	"POST /customer/unblock": { ...blockCustomers, summary: "Unblocks customers" },
	"POST /end_user/unblock": { ...blockCustomers, summary: "Unblocks customers" },
	"GET /customer/info": oneCustomer,
	"GET /end_user/info": oneCustomer,
	"GET /customer/list": customerList,
	"GET /end_user/list": customerList,
});

const budgetView = z.object({ budget_id: z.string(), ...shown("budget"), ...dates });

export const BUDGETS = endpoints({
	"POST /budget/new": change("Makes a budget that others name", fieldsOf("budget", { budget_id: newId }), budgetView),
	"POST /budget/update": change("Changes a budget", fieldsOf("budget", { budget_id: text }), budgetView),
	"POST /budget/delete": change(
		"Deletes a budget that nobody names",
		z.object({ id: text }),
		z.object({ deleted: z.string() }),
	),
	// LiteLLM asks by POST; it changes nothing, but what is not GET takes an admin.
	"POST /budget/info": change("Some budgets", z.object({ budgets: texts }), z.array(budgetView)),
	"GET /budget/info": read("viewer", "One budget", [{ budget_id: z.string().default("") }, budgetView]),
	"GET /budget/list": read("viewer", "Budgets, newest first", [
		page,
		z.object({ budgets: z.array(budgetView), ...pageFacts }),
	]),
});

export type KeyView = View<typeof keyView>;
export type NewKey = View<typeof secretView>;
export type TeamView = View<typeof teamView>;
export type UserView = View<typeof userView>;
export type CustomerView = View<typeof customerView>;
export type BudgetView = View<typeof budgetView>;
