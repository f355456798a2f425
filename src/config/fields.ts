// Kinds of values an option can have: durations, flags, whole numbers. Leaves which option has which to sections/.
import * as z from "zod";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const AGE_UNITS: Readonly<Record<string, number>> = { ...UNITS, d: 86_400_000, w: 7 * 86_400_000 };
const TIME = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/;
const SPAN = /^\d{1,9}\s*(s|m|h|d|w|mo)$/;
/** Node's timers fire at once above this. */
const LONGEST_MS = 2 ** 31 - 1;
const TRUE = new Set(["true", "yes", "on", "1"]);
const FALSE = new Set(["false", "no", "off", "0"]);

/** Says what is wrong with a value. */
type Wrong = (message: string) => never;

/** What `read` makes of values of this form. */
function reading<Form extends z.ZodType, T>(form: Form, read: (value: z.output<Form>, wrong: Wrong) => T) {
	return form.transform(
		(value, context): T =>
			read(value, (message) => {
				context.addIssue({ code: "custom", message });
				return z.NEVER;
			}),
	);
}

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

/** NaN where it is no time. */
function msOf(value: unknown, units: typeof UNITS): number {
	const [, amount, name = "s"] = TIME.exec(String(value).trim()) ?? [];
	return Number(amount) * (units[name] ?? Number.NaN);
}

/** A time: `30s`, `500ms`, `5m`, `1h`, or a number of seconds. Read as ms. */
export function duration(minimum: "positive" | "zero" = "positive") {
	const error = "expected a duration such as 30s, 500ms, 5m, or a number of seconds";
	const schema = reading(z.union([z.number(), z.string()], { error }), (value, wrong) => {
		const ms = msOf(value, UNITS);
		if (Number.isNaN(ms)) return wrong(error);
		if (ms > LONGEST_MS) return wrong("must be at most 24 days");
		if (minimum === "positive" && ms < 1) return wrong("must be at least 1ms");
		return Math.round(ms) as Ms;
	});
	return schema.register(times, { isTime: true });
}

/** A time that nothing waits for: `30d`, `2w`, or whatever `duration` takes; off = null, without end. Read as ms. */
export function age() {
	const error = "expected a time such as 30d, 12h, or off";
	const schema = reading(z.union([z.number(), z.string(), z.boolean(), z.null()], { error }), (value, wrong) => {
		if (value === null || FALSE.has(String(value).toLowerCase())) return null;
		const ms = msOf(value, AGE_UNITS);
		return ms >= 1 ? (Math.round(ms) as Ms) : wrong(error);
	});
	return schema.register(times, { isTime: true });
}

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

interface NumberRange {
	readonly min: number;
	readonly max?: number;
}

/** A whole number in a range. Digits as text are accepted, since a variable's value is text. */
export function integer(range: NumberRange) {
	const error = "expected a whole number";
	return number(range, error).refine(Number.isSafeInteger, { error, abort: true });
}

/** A number in a range; digits as text are accepted. */
export function number(range: NumberRange, error = "expected a number") {
	return reading(z.union([z.number(), z.string()], { error }), (value, wrong) =>
		inRange(value, range, { error, wrong }),
	);
}

/** A number in a range, or a flag's word for off, which is read as null. */
export function numberOrOff(range: NumberRange) {
	const error = "expected a number, or off";
	return reading(z.union([z.number(), z.string(), z.boolean()], { error }), (value, wrong) => {
		if (FALSE.has(String(value).toLowerCase())) return null;
		return typeof value === "boolean" ? wrong(error) : inRange(value, range, { error, wrong });
	});
}

function inRange(
	value: number | string,
	{ min, max = Number.MAX_SAFE_INTEGER }: NumberRange,
	{ error, wrong }: { readonly error: string; readonly wrong: Wrong },
): number {
	const parsed = typeof value === "number" ? value : value.trim() === "" ? Number.NaN : Number(value);
	if (!Number.isFinite(parsed)) return wrong(error);
	if (parsed < min) return wrong(`must be at least ${min}`);
	return parsed > max ? wrong(`must be at most ${max}`) : parsed;
}

/** true or false; also on, off, yes, no, as YAML 1.1 (and so LiteLLM) reads them. */
export function flag() {
	const error = "expected true or false";
	return reading(z.union([z.boolean(), z.string(), z.number()], { error }), (value, wrong) => {
		const word = String(value).toLowerCase();
		return TRUE.has(word) || (FALSE.has(word) ? false : wrong(error));
	});
}

/** A list of texts; one text alone is a list of one. */
export function texts() {
	const name = () => [z.string(), z.int().transform(String)] as const;
	return z
		.union([...name(), z.array(z.union(name()))], { error: "expected a list of names" })
		.transform((value) => [value].flat());
}

/** An http(s) address without user name, query or fragment. Read without trailing slashes. */
export function address() {
	return reading(z.string(), (value, wrong) => {
		if (!URL.canParse(value)) return wrong("expected an address such as https://api.anthropic.com");
		const url = new URL(value);
		if (url.protocol !== "https:" && url.protocol !== "http:")
			return wrong("the address must begin with https:// or http://");
		if (url.username !== "" || url.password !== "") return wrong("the address must not hold a user name or password");
		if (url.search !== "" || url.hash !== "") return wrong("the address must not have a ? or # part");
		return value.trim().replace(/\/+$/, "");
	});
}
