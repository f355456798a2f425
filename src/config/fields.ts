// Kinds of values an option can have: durations, flags, whole numbers. Leaves which option has which to sections/.
import * as z from "zod";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/;
const AGE_UNITS: Readonly<Record<string, number>> = { ...UNITS, d: 86_400_000, w: 7 * 86_400_000 };
const AGE = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/;
/** Node's timers fire at once above this. */
const LONGEST_MS = 2 ** 31 - 1;
const TRUE = new Set(["true", "yes", "on", "1"]);
const FALSE = new Set(["false", "no", "off", "0"]);

/** Non-empty text. A whole number is text too: a model or a project may be called `4711`, and LiteLLM takes it. */
export function text() {
	return z
		.union([z.string(), z.int().transform(String)], { error: "expected text" })
		.pipe(z.string().min(1, "must not be empty"));
}

declare const unit: unique symbol;
/** Milliseconds that stand in the file as a time. */
export type Ms = number & { readonly [unit]: "ms" };

/** The schemas of times; what is derived from one counts too. */
const times = z.registry<{ readonly isTime: true }>();

/** Whether an option is a time, whatever its default. */
export function isTime(option: z.core.$ZodType): boolean {
	const { innerType } = option._zod.def as { readonly innerType?: z.core.$ZodType };
	return times.get(option) !== undefined || (innerType !== undefined && isTime(innerType));
}

/** A time: `30s`, `500ms`, `5m`, `1h`, or a number of seconds. Read as ms. */
export function duration(minimum: "positive" | "zero" = "positive") {
	const error = "expected a duration such as 30s, 500ms, 5m, or a number of seconds";
	const schema = z.union([z.number(), z.string()], { error }).transform((value, context): Ms => {
		const match = DURATION.exec(String(value).trim());
		const ms = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? "s"] ?? Number.NaN);
		if (Number.isNaN(ms)) context.addIssue({ code: "custom", message: error });
		else if (ms > LONGEST_MS) context.addIssue({ code: "custom", message: "must be at most 24 days" });
		else if (minimum === "positive" && ms < 1) context.addIssue({ code: "custom", message: "must be at least 1ms" });
		else return Math.round(ms) as Ms;
		return z.NEVER;
	});
	return schema.register(times, { isTime: true });
}

/** A time that nothing waits for: `30d`, `2w`, or whatever `duration` takes; off = null, without end. Read as ms. */
export function age() {
	const error = "expected a time such as 30d, 12h, or off";
	const kinds = [z.number(), z.string(), z.boolean(), z.null()];
	const schema = z.union(kinds, { error }).transform((value, context): Ms | null => {
		if (value === null || FALSE.has(String(value).toLowerCase())) return null;
		const match = AGE.exec(String(value).trim());
		const ms = match === null ? Number.NaN : Number(match[1]) * (AGE_UNITS[match[2] ?? "s"] ?? Number.NaN);
		if (ms >= 1) return Math.round(ms) as Ms;
		context.addIssue({ code: "custom", message: error });
		return z.NEVER;
	});
	return schema.register(times, { isTime: true });
}

const SPAN = /^\d{1,9}\s*(s|m|h|d|w|mo)$/;

/** A span of a key's life or budget, kept as it is written: LiteLLM's durations, which know months. */
export function span() {
	return text().refine((value) => SPAN.test(value), "expected a duration such as 30m, 24h, 30d or 1mo");
}

/** Address of Redis or Valkey. */
export function redisUrl() {
	return z
		.string()
		.regex(/^rediss?:\/\/[^/\s]/i, { error: "expected redis://HOST:PORT, or rediss:// for TLS" })
		.refine((value) => URL.canParse(value), { error: "expected redis://:PASSWORD@HOST:PORT/DATABASE", abort: true });
}

export interface NumberRange {
	readonly min: number;
	readonly max?: number;
}

/** A whole number in a range. Digits as text are accepted, since a variable's value is text. */
export function integer(range: NumberRange) {
	return number(range, "a whole number").refine(Number.isSafeInteger, {
		error: `expected a whole number`,
		abort: true,
	});
}

/** A number in a range; digits as text are accepted. */
export function number(range: NumberRange, name = "a number") {
	const error = `expected ${name}`;
	return z.union([z.number(), z.string()], { error }).transform((value, context): number => {
		const parsed = inRange(value, range, error);
		if (typeof parsed === "number") return parsed;
		context.addIssue({ code: "custom", message: parsed });
		return z.NEVER;
	});
}

/** A number in a range, or a flag's word for off, which is read as null. */
export function numberOrOff(range: NumberRange) {
	const error = "expected a number, or off";
	return z.union([z.number(), z.string(), z.boolean()], { error }).transform((value, context): number | null => {
		if (FALSE.has(String(value).toLowerCase())) return null;
		const parsed = typeof value === "boolean" ? error : inRange(value, range, error);
		if (typeof parsed === "number") return parsed;
		context.addIssue({ code: "custom", message: parsed });
		return z.NEVER;
	});
}

/** The number, or what is wrong with it. */
function inRange(value: number | string, { min, max = Number.MAX_SAFE_INTEGER }: NumberRange, error: string) {
	const parsed = typeof value === "number" ? value : value.trim() === "" ? Number.NaN : Number(value);
	if (!Number.isFinite(parsed)) return error;
	if (parsed < min) return `must be at least ${min}`;
	return parsed > max ? `must be at most ${max}` : parsed;
}

/** true or false; also on, off, yes, no, as YAML 1.1 (and so LiteLLM) reads them. */
export function flag() {
	const error = "expected true or false";
	return z.union([z.boolean(), z.string(), z.number()], { error }).transform((value, context): boolean => {
		const word = String(value).toLowerCase();
		if (TRUE.has(word)) return true;
		if (!FALSE.has(word)) context.addIssue({ code: "custom", message: error });
		return false;
	});
}

/** A list of texts; one text alone is a list of one. */
export function texts() {
	return z
		.union([z.string(), z.int().transform(String), z.array(z.union([z.string(), z.int().transform(String)]))], {
			error: "expected a list of names",
		})
		.transform((value) => [value].flat());
}

/** An http(s) address without user name, query or fragment. Read without trailing slashes. */
export function address() {
	return z.string().transform((value, context): string => {
		const fail = (message: string): never => {
			context.addIssue({ code: "custom", message });
			return z.NEVER;
		};
		if (!URL.canParse(value)) return fail("expected an address such as https://api.anthropic.com");
		const url = new URL(value);
		if (url.protocol !== "https:" && url.protocol !== "http:")
			return fail("the address must begin with https:// or http://");
		if (url.username !== "" || url.password !== "") return fail("the address must not hold a user name or password");
		if (url.search !== "" || url.hash !== "") return fail("the address must not have a ? or # part");
		return value.trim().replace(/\/+$/, "");
	});
}
