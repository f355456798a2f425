// Which of several options for the same thing wins. Leaves what they mean to the resolvers.
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";

/** One of the options that say the same thing. */
export interface GivenOption<T> {
	readonly path: Path;
	/** undefined = not given. */
	readonly value: T | undefined;
}

/** True when the file has the option, whatever its value. */
export function isGiven(report: Report, path: Path): boolean {
	return report.value(path) !== undefined;
}

/** The first candidate that is given; each further one is a warning. null = none is. */
export function firstGiven<T>(
	candidates: readonly GivenOption<T>[],
	report: Report,
): { readonly path: Path; readonly value: T } | null {
	let winner: { readonly path: Path; readonly value: T } | null = null;
	for (const { path, value } of candidates) {
		if (value === undefined) continue;
		if (winner === null) winner = { path, value };
		else {
			report.warn({
				path,
				at: "key",
				message: `has no effect: ${winner.path.join(".")} is given too and wins`,
			});
		}
	}
	return winner;
}

/** Our own option where the file has it, else the first of LiteLLM's that is given, else our own's default. */
export function oursOr<T>(
	theirs: readonly GivenOption<T>[],
	{ path, value }: { readonly path: Path; readonly value: T },
	report: Report,
): T {
	const own = { path, value: isGiven(report, path) ? value : undefined };
	return firstGiven([own, ...theirs], report)?.value ?? value;
}
