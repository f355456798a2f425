// Serves endpoints of the contract: checks what comes by its schemas, hands it to the handler, answers with what that gives. The types see
// to it that every endpoint has a handler and every answer the form it should have. Leaves who may ask to session/auth.
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type * as z from "zod";
import { GatewayError } from "../../errors.ts";
import type {
	BodyOf,
	Endpoint,
	Endpoints,
	MethodAndPath,
	ParamsOf,
	QueryOf,
	Role,
	View,
} from "../contract/endpoint.ts";
import type { Principal } from "../session/roles.ts";
import { bodyOf } from "./body.ts";

/** Hono environment of everything behind a role: `c.get("principal")` says who asks. */
export type AdminEnv = { Variables: { principal: Principal } };

/** Middleware that lets in who has at least `role`, and refuses changes to readers. Throws missing_credentials or forbidden. */
export type RequireRole = (role: Role) => MiddlewareHandler<AdminEnv>;

/** A request, checked. */
interface Asked<Name extends string, E extends Endpoint> {
	readonly query: QueryOf<E>;
	readonly body: BodyOf<E>;
	/** What varies in the path. */
	readonly params: ParamsOf<Name>;
	/** Who asks; nobody is asked where the endpoint has no role. */
	readonly principal: E extends { readonly role: null } ? undefined : Principal;
	readonly c: Context<AdminEnv>;
}

/** Gives the answer, or a whole response where it is not 200. */
type Handler<Name extends string, E extends Endpoint> = (asked: Asked<Name, E>) => Answered<E> | Promise<Answered<E>>;
type Answered<E extends Endpoint> = View<E["answer"]> | Response;

export type Handlers<T extends Endpoints> = { readonly [Name in keyof T & MethodAndPath]: Handler<Name, T[Name]> };

/** Routes of one part of the contract. */
export function routes<T extends Endpoints>(requireRole: RequireRole, part: T, handlers: Handlers<T>): Hono<AdminEnv> {
	const app = new Hono<AdminEnv>();
	for (const name of Object.keys(part) as (keyof T & MethodAndPath)[]) {
		const [method = "", path = ""] = name.split(" ");
		const { role, query, body } = part[name];
		const handler = handlers[name] as unknown as Handler<string, Endpoint>;
		const place = path.replaceAll(/\{(\w+)\}/g, ":$1");
		if (role !== null) app.on(method, place, requireRole(role));
		app.on(method, place, async (c) => {
			const answer = await handler({
				query: query && checked(query, queryOf(c), "query"),
				body: body && checked(body, await bodyOf(c), "body"),
				params: c.req.param(),
				principal: c.get("principal"),
				c,
			});
			return answer instanceof Response ? answer : c.json(answer);
		});
	}
	return app;
}

/** What a schema makes of a value. Throws invalid_field, by the name of the field; `whole` where it is none of them. */
export function checked<Schema extends z.ZodType>(
	schema: Schema,
	value: unknown,
	whole: "query" | "body",
): z.output<Schema> {
	const parsed = schema.safeParse(value);
	if (parsed.success) return parsed.data;
	const [issue] = parsed.error.issues;
	const unknown = issue?.code === "unrecognized_keys" ? [issue.keys.join(", ")] : [];
	const noMember = whole === "query" ? "is not a filter of this endpoint" : "is not supported; leave it out";
	throw new GatewayError("invalid_field", {
		field: [...(issue?.path ?? []), ...unknown].join(".") || whole,
		reason: unknown.length > 0 ? noMember : (issue?.message ?? "is not valid"),
	});
}

/** What is given once is a text. */
function queryOf(c: Context): Record<string, unknown> {
	const given = Object.entries(c.req.queries());
	return Object.fromEntries(given.map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}
