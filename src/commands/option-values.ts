// What a value on the command line means. Each throws commander's InvalidArgumentError that says what was expected.
import { InvalidArgumentError } from "commander";

const AGO_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A date, or a date and time, UTC where it names no zone; or how long ago: ms since epoch. */
export function timeOf(text: string): number {
	const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text.trim()) ?? [];
	if (count !== undefined) return Date.now() - Number(count) * AGO_MS[unit as keyof typeof AGO_MS];
	const [, date, time, zone] =
		/^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/i.exec(text.trim()) ?? [];
	const ms = Date.parse(`${date}T${time ?? "00:00"}${zone ?? "Z"}`);
	// Of a 31st of February the parser makes the 3rd of March.
	const isThere = new Date(Date.parse(`${date}T00:00Z`)).getUTCDate() === Number(date?.slice(8));
	if (Number.isNaN(ms) || !isThere)
		throw new InvalidArgumentError(
			"expected a date such as 2026-11-01, a time such as 2026-11-01T12:00Z, or how long ago, such as 24h or 7d.",
		);
	return ms;
}

/** Names between commas; empty ones are left out. */
export function commaSeparated(value: string): string[] {
	return value
		.split(",")
		.map((each) => each.trim())
		.filter((each) => each !== "");
}

/** Dollars from 0. */
export function amount(value: string): number {
	const dollars = Number(value);
	if (value.trim() === "" || !Number.isFinite(dollars) || dollars < 0)
		throw new InvalidArgumentError("expected dollars, such as 50 or 0.5.");
	return dollars;
}

/** 0 to 65535. */
export function portNumber(value: string): number {
	const port = Number(value);
	if (!Number.isInteger(port) || port < 0 || port > 65_535)
		throw new InvalidArgumentError("a port is a number from 0 to 65535.");
	return port;
}

/** A whole number from 1. */
export function positiveNumber(value: string): number {
	const count = Number(value);
	if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("expected a whole number from 1.");
	return count;
}

/** 0 to 1. */
export function share(value: string): number {
	const part = Number(value);
	if (value.trim() === "" || !(part >= 0 && part <= 1))
		throw new InvalidArgumentError("expected a number from 0 to 1.");
	return part;
}

/** A number from 0. */
export function factor(value: string): number {
	const times = Number(value);
	if (value.trim() === "" || !Number.isFinite(times) || times < 0)
		throw new InvalidArgumentError("expected a number from 0.");
	return times;
}

/** 0 to an hour. */
export function milliseconds(value: string): number {
	const ms = Number(value);
	if (value.trim() === "" || !(ms >= 0 && ms <= 3_600_000))
		throw new InvalidArgumentError("expected milliseconds from 0.");
	return ms;
}
