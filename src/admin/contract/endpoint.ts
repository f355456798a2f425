// What one endpoint takes and answers, and the types that follow from it: the server's, the UI's, and the OpenAPI document's. Leaves the
// endpoints themselves to the files beside it, and serving them to admin/http/routes.
import * as z from "zod";

/** admin: everything · viewer: reads everything · owner: reads what belongs to its own key, user and teams. */
export const ROLES = ["admin", "viewer", "owner"] as const;
export type Role = (typeof ROLES)[number];

export interface Endpoint {
	/** What it does, in a few words. */
	readonly summary: string;
	/** The least role that may ask; null = nobody is asked who they are. */
	readonly role: Role | null;
	readonly query?: z.ZodObject | undefined;
	readonly body?: z.ZodObject | undefined;
	readonly answer: z.ZodType;
}

/** Method and path, with `{name}` for what varies. */
export type MethodAndPath = `${"GET" | "POST"} /${string}`;

export type Endpoints = Readonly<Record<MethodAndPath, Endpoint>>;

/** Endpoints with their names and schemas as types. */
export function endpoints<const T extends Endpoints>(table: T): T {
	return table;
}

/** An endpoint that shows something. */
export function read<R extends Role | null, A extends z.ZodType, Q extends z.ZodObject | undefined = undefined>(
	role: R,
	summary: string,
	answer: A,
	query?: Q,
) {
	return { role, summary, answer, query: query as Q };
}

/** An endpoint that changes something, which takes an admin. */
export function change<A extends z.ZodType, B extends z.ZodObject | undefined = undefined>(
	summary: string,
	answer: A,
	body?: B,
) {
	return { role: "admin", summary, answer, body: body as B } as const;
}

/** What may not be changed, at any depth. */
type Frozen<T> = T extends readonly (infer Item)[]
	? readonly Frozen<Item>[]
	: T extends object
		? { readonly [Name in keyof T]: Frozen<T[Name]> }
		: T;

/** A value that a schema describes, to be read only. */
export type View<Schema extends z.ZodType> = Frozen<z.output<Schema>>;

type OutputOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler is given of a request. */
export type QueryOf<E extends Endpoint> = OutputOf<E["query"]>;
export type BodyOf<E extends Endpoint> = OutputOf<E["body"]>;

/** What varies in a path, by name. */
export type ParamsOf<Name extends string> = Name extends `${string}{${infer Param}}${infer Rest}`
	? { readonly [P in Param]: string } & ParamsOf<Rest>
	: unknown;

/** A text that must not be empty. */
export const text = z.string("expected text").min(1, "expected text");
export const nullableText = z.string().nullable();
export const nullableNumber = z.number().nullable();

/** A text that `read` takes for a time, ms since epoch. */
export const instant = (read: (text: string) => number, example: string) =>
	z.string().transform((given, context): number => {
		const ms = read(given);
		if (Number.isFinite(ms)) return ms;
		context.addIssue({ code: "custom", message: `expected a time such as ${example}` });
		return z.NEVER;
	});

/** What a page gave as its end. Anything else is refused: taken for nothing, it would give the first page again, without end. */
export const cursorOf = (read: (text: string) => object | null) =>
	z
		.string()
		.max(4096)
		.refine((given) => given === "" || read(given) !== null, "is not one that a page gave")
		.optional();
