// Filters live in the URL as plain text: `?model=x&status=error`. Leaves what each page allows to its route.

export function parseSearch(text: string): Record<string, string> {
	return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Readonly<Record<string, unknown>>): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(search)) {
		if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
	}
	const text = query.toString();
	return text === "" ? "" : `?${text}`;
}

/** Keeps the named parameters. */
export function only<Name extends string>(names: readonly Name[]) {
	return (search: Record<string, unknown>): Partial<Record<Name, string>> => {
		const kept: Partial<Record<Name, string>> = {};
		for (const name of names) {
			const value = search[name];
			if (typeof value === "string" && value !== "") kept[name] = value;
		}
		return kept;
	};
}

/** Time ranges on offer: ms back from now. */
export const RANGES = {
	"15m": 15 * 60_000,
	"1h": 3_600_000,
	"6h": 6 * 3_600_000,
	"24h": 24 * 3_600_000,
	"7d": 7 * 86_400_000,
	"30d": 30 * 86_400_000,
} as const;
export type Range = keyof typeof RANGES;

export function rangeOf(text: string | undefined, fallback: Range): Range {
	return text !== undefined && text in RANGES ? (text as Range) : fallback;
}
