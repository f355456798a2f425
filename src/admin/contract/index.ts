// Every endpoint of the control plane in one table. A new one is a line in the file of its part; the server does not compile until it is
// answered, and the UI asks by its name.
import type * as z from "zod";
import type { View } from "./endpoint.ts";
import { LOG } from "./log.ts";
import { OPERATE } from "./operate.ts";
import { BUDGETS, CUSTOMERS, KEYS, TEAMS, USERS } from "./records.ts";
import { SESSION } from "./session.ts";
import { SPEND } from "./spend.ts";

export const CONTRACT = {
	...SESSION,
	...OPERATE,
	...LOG,
	...SPEND,
	...KEYS,
	...TEAMS,
	...USERS,
	...CUSTOMERS,
	...BUDGETS,
};

type Contract = typeof CONTRACT;
export type EndpointName = keyof Contract;

/** What an endpoint answers, by its name. */
export type AnswerOf<Name extends EndpointName> = View<Contract[Name]["answer"]>;

/** What a client may ask for in the query, and send in the body. */
export type QueryFor<Name extends EndpointName> = Contract[Name] extends {
	readonly query: infer Query extends z.ZodType;
}
	? { readonly [Field in keyof z.input<Query>]?: string | number | undefined }
	: Record<never, never>;
export type BodyFor<Name extends EndpointName> = Contract[Name] extends { readonly body: infer Body extends z.ZodType }
	? z.input<Body>
	: Record<never, never>;
