// The contract of keys, teams, users, customers and budgets, by LiteLLM's paths and names. Leaves what their fields may say to
// access/fields, and answering to admin/records.
import * as z from "zod";
import { FIELDS } from "../../access/fields.ts";
import { change, endpoints, nullableNumber, nullableText, read, text, type View } from "./endpoint.ts";

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
		secretView,
		fieldsOf("key", { duration, key: chosen }),
	),
	"POST /key/service-account/generate": change(
		"Makes a key that is a team's and nobody's",
		secretView,
		z.looseObject({ ...given("key"), duration, key: chosen, team_id: text }),
	),
	"POST /key/update": change(
		"Changes a key; null takes a field back to its default",
		keyView.extend({ key: z.string().describe("Its hash.") }),
		fieldsOf("key", { key: anyKey, duration, spend }),
	),
	"POST /key/delete": change(
		"Deletes keys",
		z.object({ deleted_keys: deletedKeys }),
		z.object({ keys: texts.nullish(), key_aliases: texts.nullish() }),
	),
	"POST /key/block": change("Blocks a key", keyView, z.object({ key: anyKey })),
	"POST /key/unblock": change("Unblocks a key", keyView, z.object({ key: anyKey })),
	"POST /key/regenerate": change(
		"Replaces a key's secret",
		secretView,
		fieldsOf("key", { key: anyKey, new_key: chosen, duration }),
	),
	"POST /key/{key}/regenerate": change(
		"Replaces a key's secret",
		secretView,
		fieldsOf("key", { new_key: chosen, duration }),
	),
	"GET /key/info": read(
		"owner",
		"One key",
		z.object({ key: z.string().describe("Its hash."), info: keyView }),
		z.object({ key: z.string().optional().describe("Default: the asking key.") }),
	),
	"GET /key/list": read(
		"owner",
		"Keys, newest first",
		z.object({ keys: z.array(z.union([keyView, z.string()])), ...pageFacts }),
		z.object({
			...page,
			user_id: z.string().optional(),
			team_id: z.string().optional(),
			key_alias: z.string().optional().describe("A part of it."),
			key_hash: z.string().optional(),
			return_full_object: z.string().optional().describe("false = hashes only."),
		}),
	),
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
	"POST /team/new": change("Makes a team", teamView, fieldsOf("team", { team_id: newId })),
	"POST /team/update": change("Changes a team", teamView, fieldsOf("team", { team_id: text, spend })),
	"POST /team/delete": change(
		"Deletes teams with their keys",
		z.object({ deleted_teams: z.array(z.string()), deleted_keys: deletedKeys }),
		z.object({ team_ids: texts }),
	),
	"POST /team/block": change("Blocks a team: all of its keys are refused", teamView, oneTeam),
	"POST /team/unblock": change("Unblocks a team", teamView, oneTeam),
	"POST /team/member_add": change(
		"Adds members, or changes their role",
		teamView,
		z.looseObject({ team_id: text, member: z.union([member, z.array(member)]), ...inTeam }),
	),
	"POST /team/member_update": change(
		"Changes a member's role or budget in the team",
		teamView,
		z.looseObject({ team_id: text, ...member.shape }),
	),
	"POST /team/member_delete": change("Removes a member", teamView, z.object({ team_id: text, user_id: text })),
	"GET /team/info": read(
		"owner",
		"One team and its keys",
		z.object({
			team_id: z.string(),
			team_info: teamView,
			keys: z.array(keyView),
			team_memberships: z.array(membership).describe("What members with a budget of their own have spent."),
		}),
		z.object({ team_id: z.string().default("") }),
	),
	"GET /team/list": read(
		"owner",
		"Teams, newest first",
		z.object({ teams: z.array(teamView), ...pageFacts }),
		z.object({ ...page, user_id: z.string().optional().describe("Only those with this member.") }),
	),
});

const userView = z.object({ user_id: z.string(), ...shown("user"), ...spending, ...dates });

export const USERS = endpoints({
	"POST /user/new": change(
		"Makes a user, and a key for them unless auto_create_key is false",
		userView.extend({
			key: nullableText.describe("Its secret; null = none was made."),
			token: z.string().optional(),
			expires: nullableText.optional(),
		}),
		fieldsOf("user", {
			user_id: newId,
			auto_create_key: z.boolean().nullish(),
			key_alias: z.string().nullish(),
			duration,
		}),
	),
	"POST /user/update": change("Changes a user", userView, fieldsOf("user", { user_id: text, spend })),
	"POST /user/delete": change(
		"Deletes users with their keys",
		z.object({ deleted_users: z.array(z.string()), deleted_keys: deletedKeys }),
		z.object({ user_ids: texts }),
	),
	"GET /user/info": read(
		"owner",
		"One user and their keys",
		z.object({ user_id: z.string(), user_info: userView, keys: z.array(keyView) }),
		z.object({ user_id: z.string().optional().describe("Default: the asking key's.") }),
	),
	"GET /user/list": read(
		"viewer",
		"Users, newest first",
		z.object({ users: z.array(userView), ...pageFacts }),
		z.object({ ...page, role: z.string().optional(), user_email: z.string().optional().describe("A part of it.") }),
	),
});

const customerView = z.object({ user_id: z.string(), ...shown("customer"), ...spending, ...dates });
const someCustomers = z.object({ user_ids: texts });
const blockedCustomers = z.object({ blocked_users: z.array(customerView) });
const newCustomer = change("Makes a customer", customerView, fieldsOf("customer", { user_id: text }));
const changeCustomer = change("Changes a customer", customerView, fieldsOf("customer", { user_id: text, spend }));
const deleteCustomers = change(
	"Deletes customers",
	z.object({ deleted_customers: z.array(z.string()) }),
	someCustomers,
);
const blockCustomers = change("Blocks customers", blockedCustomers, someCustomers);
const oneCustomer = read(
	"viewer",
	"One customer",
	customerView,
	z.object({ end_user_id: z.string().optional(), user_id: z.string().optional().describe("The same.") }),
);
const customerList = read(
	"viewer",
	"Customers, newest first",
	z.object({ customers: z.array(customerView), ...pageFacts }),
	z.object(page),
);

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
	"POST /budget/new": change("Makes a budget that others name", budgetView, fieldsOf("budget", { budget_id: newId })),
	"POST /budget/update": change("Changes a budget", budgetView, fieldsOf("budget", { budget_id: text })),
	"POST /budget/delete": change(
		"Deletes a budget that nobody names",
		z.object({ deleted: z.string() }),
		z.object({ id: text }),
	),
	// LiteLLM asks by POST; it changes nothing, but what is not GET takes an admin.
	"POST /budget/info": change("Some budgets", z.array(budgetView), z.object({ budgets: texts })),
	"GET /budget/info": read("viewer", "One budget", budgetView, z.object({ budget_id: z.string().default("") })),
	"GET /budget/list": read(
		"viewer",
		"Budgets, newest first",
		z.object({ budgets: z.array(budgetView), ...pageFacts }),
		z.object(page),
	),
});

export type KeyView = View<typeof keyView>;
export type NewKey = View<typeof secretView>;
export type TeamView = View<typeof teamView>;
export type UserView = View<typeof userView>;
export type CustomerView = View<typeof customerView>;
export type BudgetView = View<typeof budgetView>;
