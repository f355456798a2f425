// How options are declared, each in one line, and under which names the gateway reads them. Leaves which options there are to sections/,
// and what values they can have to config/fields.
import * as z from "zod";
import { isTime, type Ms } from "./fields.ts";

/** An option with its default, which is spelled as in the file. */
export function option<Kind extends z.ZodType>(kind: Kind, fallback: z.input<Kind>, description: string) {
	return z.prefault(kind, fallback).describe(description);
}

/** An option that may be left out: then it is undefined. */
export function optional<Kind extends z.ZodType>(kind: Kind, description: string) {
	return z.optional(kind).describe(description);
}

/** An option that may be left out: then it is null. */
export function orNull<Kind extends z.ZodType>(kind: Kind, description: string) {
	return z._default(z.nullable(kind), null).describe(description);
}

type Shape = z.core.$ZodShape;

/** What options amount to, under their names in the file. */
export type Options<S extends Shape> = z.output<z.ZodObject<S>>;

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
	? `${Head}${Capitalize<Camel<Tail>>}`
	: Name;
type Plain<Value> = Value extends Ms ? number : Value extends readonly (infer Item)[] ? readonly Item[] : Value;

/** The same under the gateway's names: `first_byte`, a time, is `firstByteMs`. */
export type Named<Written> = {
	readonly [Name in keyof Written & string as [NonNullable<Written[Name]>] extends [Ms]
		? `${Camel<Name>}Ms`
		: Camel<Name>]: Plain<Written[Name]>;
};

/** Takes those options of `shape` out of `written` and names them as the gateway does. */
export function named<S extends Shape>(shape: S, written: Options<S>): Named<Options<S>> {
	const entries = Object.entries(shape).map(([name, schema]) => [
		name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) + (isTime(schema) ? "Ms" : ""),
		(written as Readonly<Record<string, unknown>>)[name],
	]);
	return Object.fromEntries(entries);
}

/** A map of options that the gateway reads under its own names. */
export function section<S extends Shape>(shape: S) {
	return z.strictObject(shape).transform((written) => named(shape, written as Options<S>));
}
