// Requests, tokens and parallel requests of everybody who is limited. Leaves who that is and what to answer to proxy/admission/admission.
import { matchesModel, type Subject } from "../../access/limits.ts";
import { MinuteWindow } from "./minute-window.ts";

/** One request's counts at one subject: look whether they fit, begin, end. */
export interface LimitCounter {
	readonly subject: Subject;
	/** Which limit does not admit it, and when it will; null = all do. */
	full(tokens: number, now: number): { readonly limit: string; readonly waitMs: number } | null;
	begin(tokens: number, now: number): void;
	/** What each limit of a minute still admits, at least 0. */
	left(now: number): readonly { readonly unit: "requests" | "tokens"; readonly left: number }[];
	/** `tokens` it really took, where that is known. */
	end(tokens: number | null, now: number): void;
}

export interface LimitCounters {
	/** The request's model by all its names. */
	of(subject: Subject, names: readonly string[]): LimitCounter;
}

/** A place is free when a request ends, and nobody knows when that is. */
const PARALLEL_WAIT_MS = 1000;
/** Idle subjects are forgotten above this. */
const MOST_COUNTS = 50_000;

interface Counts {
	inFlight: number;
	readonly windows: Map<string, MinuteWindow>;
}

interface WindowLimit {
	readonly window: MinuteWindow;
	readonly limit: number;
	readonly unit: "requests" | "tokens";
	readonly text: string;
}

/** No counts yet. */
export function createLimitCounters(): LimitCounters {
	const counts = new Map<string, Counts>();

	function countsOf(ref: string): Counts {
		let known = counts.get(ref);
		if (known === undefined) {
			if (counts.size >= MOST_COUNTS) forgetIdle();
			known = { inFlight: 0, windows: new Map() };
			counts.set(ref, known);
		}
		return known;
	}

	function forgetIdle(): void {
		for (const [ref, { inFlight }] of counts) if (inFlight === 0) counts.delete(ref);
	}

	return {
		of(subject, names) {
			const own = countsOf(subject.ref);
			const limits = limitsOf(subject, names, own);
			let begun: readonly { readonly each: WindowLimit; readonly second: number; readonly tokens: number }[] = [];
			return {
				subject,
				full(tokens, now) {
					if (subject.parallel !== null && own.inFlight >= subject.parallel) {
						return { limit: `${subject.parallel} parallel requests`, waitMs: PARALLEL_WAIT_MS };
					}
					for (const { window, limit, unit, text } of limits) {
						if (limit === 0) return { limit: text, waitMs: Number.POSITIVE_INFINITY };
						const need = unit === "requests" ? 1 : tokens;
						const total = window.total(now);
						// A request that is larger than its limit would never fit: it may go when nothing else does.
						if (total > 0 && total + need > limit) return { limit: text, waitMs: window.waitMs(need, limit, now) };
					}
					return null;
				},
				begin(tokens, now) {
					own.inFlight += 1;
					begun = limits.map((each) => {
						return { each, tokens, second: each.window.add(each.unit === "requests" ? 1 : tokens, now) };
					});
				},
				left: (now) =>
					limits.map(({ window, limit, unit }) => ({ unit, left: Math.max(0, Math.floor(limit - window.total(now))) })),
				end(tokens, now) {
					own.inFlight -= 1;
					if (tokens === null) return;
					for (const { each, second, tokens: expected } of begun) {
						if (each.unit === "tokens") each.window.correct(second, tokens - expected, now);
					}
				},
			};
		},
	};
}

function limitsOf(subject: Subject, names: readonly string[], { windows }: Counts): WindowLimit[] {
	const found: WindowLimit[] = [];
	const add = (limit: number | null, unit: WindowLimit["unit"], model: string | null) => {
		if (limit === null) return;
		const key = `${unit} ${model ?? ""}`;
		let window = windows.get(key);
		if (window === undefined) {
			window = new MinuteWindow();
			windows.set(key, window);
		}
		found.push({ window, limit, unit, text: `${limit} ${unit} a minute${model === null ? "" : ` for ${model}`}` });
	};
	add(subject.rpm, "requests", null);
	add(subject.tpm, "tokens", null);
	for (const { model, rpm, tpm } of subject.models) {
		if (!matchesModel(model, names)) continue;
		add(rpm, "requests", model);
		add(tpm, "tokens", model);
	}
	return found;
}
