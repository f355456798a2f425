// Refused keys and spent accounts that are asked again as a last resort, since nobody reports that they are mended: whom, how many, and not all
// at once. Leaves when to ask them to proxy/upstream/dispatch.
import type { Candidate, Exclusion } from "./decision.ts";
import type { Deployment } from "./deployment.ts";

/** Most that one request asks: a client waits for each of them, and its next request asks the others. */
const MOST_PROBES = 3;
/** What was asked longer ago than this is as good as never asked. */
const FORGOTTEN_MS = 60 * 60_000;

/** Credentials and accounts are mended without a word. A rate limit is not over before its time. */
const MAY_BE_MENDED: ReadonlySet<Exclusion["why"]> = new Set(["quarantine", "account", "barred"]);

/** One attempt of a last resort, until its answer begins or it has failed. */
export interface Probe {
	end(): void;
}

export interface Probes {
	/**
	 * Whom to ask, the one that was asked longest ago first: one of each key or spent account, and none whose key another request is
	 * asking just now. With nobody else to ask, that one rather than nobody.
	 */
	among(excluded: readonly Exclusion[], isAlone: boolean): readonly Candidate[];
	begin(deployment: Deployment, now: number): Probe;
}

interface Asked {
	underWay: number;
	at: number;
	/** Counts up: several may be asked within one millisecond. */
	turn: number;
}

const NOBODY: readonly Candidate[] = [];

export function createProbes(): Probes {
	/** By credential. */
	const asked = new Map<string, Asked>();
	let turns = 0;
	const turnOf = ({ credential }: Deployment) => asked.get(credential)?.turn ?? 0;
	const isAsked = ({ credential }: Deployment) => (asked.get(credential)?.underWay ?? 0) > 0;

	return {
		among(excluded, isAlone) {
			const out = excluded.filter(({ why }) => MAY_BE_MENDED.has(why));
			if (out.length === 0) return NOBODY;
			const inTurn = oneOfEach(out).sort((a, b) => turnOf(a) - turnOf(b));
			const idle = inTurn.filter((deployment) => !isAsked(deployment)).slice(0, MOST_PROBES);
			return (idle.length > 0 || !isAlone ? idle : inTurn.slice(0, 1)).map(lastResort);
		},
		begin({ credential }, now) {
			for (const [key, { underWay, at }] of asked) if (underWay === 0 && now - at > FORGOTTEN_MS) asked.delete(key);
			const of = asked.get(credential) ?? { underWay: 0, at: now, turn: 0 };
			asked.set(credential, of);
			of.underWay += 1;
			of.at = now;
			of.turn = turns += 1;
			let isOver = false;
			return {
				end() {
					if (!isOver) of.underWay -= 1;
					isOver = true;
				},
			};
		},
	};
}

/** Those of one key are refused together, and those of one account are spent together. */
function oneOfEach(excluded: readonly Exclusion[]): Deployment[] {
	const seen = new Set<string>();
	return excluded.flatMap(({ deployment, why }) => {
		const { credential, organization } = deployment;
		const key = why === "account" && organization !== null ? `account ${organization}` : credential;
		if (seen.has(key)) return [];
		seen.add(key);
		return [deployment];
	});
}

/** Asked for want of anything better: nothing is known of what it holds. */
export function lastResort(deployment: Deployment): Candidate {
	return {
		deployment,
		reason: "last_resort",
		predictedReadTokens: 0,
		expectedDollars: null,
		thinkingAtRisk: false,
	};
}
