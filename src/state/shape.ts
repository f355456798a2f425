// Checks of what came over the wire, from which its types come too. zod takes longer, for each request of every other replica:
// docs/decisions/2026-11-22-replicas-share-one-stream.md.

/** Whether a value is a T. */
export type Shape<T> = (value: unknown) => value is T;

/** The type that a shape describes. */
export type Shaped<S> = S extends Shape<infer T> ? T : never;

export function number(least: number, most: number): Shape<number> {
	return (value): value is number => typeof value === "number" && value >= least && value <= most;
}

export function text(least: number, most: number): Shape<string> {
	return (value): value is string => typeof value === "string" && value.length >= least && value.length <= most;
}

export function isBoolean(value: unknown): value is boolean {
	return typeof value === "boolean";
}

export function oneOf<const T extends string>(...values: readonly T[]): Shape<T> {
	return (value): value is T => values.some((each) => each === value);
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
	return (value): value is T | null => value === null || shape(value);
}

/** Members that it does not know are left alone, so that a later build may add some. */
export function object<T>(members: { readonly [K in keyof T]: Shape<T[K]> }): Shape<{ readonly [K in keyof T]: T[K] }> {
	const names = Object.keys(members);
	const shapes: readonly Shape<unknown>[] = Object.values(members);
	return (value): value is { readonly [K in keyof T]: T[K] } => {
		if (typeof value !== "object" || value === null) return false;
		const record = value as Readonly<Record<string, unknown>>;
		for (let i = 0; i < names.length; i += 1) if (!shapes[i]?.(record[names[i] ?? ""])) return false;
		return true;
	};
}
