// How often log-in may fail: per address and in all, so that neither one guesser nor many get far. Leaves counting successes to nobody.
import { GatewayError } from "../../errors.ts";

const WINDOW_MS = 5 * 60_000;
const MOST_PER_ADDRESS = 10;
const MOST_IN_ALL = 200;
/** Addresses remembered; more than fail in one window. */
const MOST_ADDRESSES = 10_000;

export interface LoginLimit {
	/** Throws too_many_logins, with `retry-after`. */
	check(address: string): void;
	failed(address: string): void;
}

/** Counts failures in windows that begin with the first one. */
export function createLoginLimit(now: () => number): LoginLimit {
	const failures = new Map<string, { count: number; since: number }>();
	let all = { count: 0, since: 0 };

	function refuse(since: number): never {
		const seconds = Math.max(1, Math.ceil((since + WINDOW_MS - now()) / 1000));
		throw new GatewayError("too_many_logins", { seconds }, { headers: { "retry-after": String(seconds) } });
	}

	return {
		check(address) {
			const at = now();
			if (at - all.since < WINDOW_MS && all.count >= MOST_IN_ALL) refuse(all.since);
			const own = failures.get(address);
			if (own !== undefined && at - own.since < WINDOW_MS && own.count >= MOST_PER_ADDRESS) refuse(own.since);
		},
		failed(address) {
			const at = now();
			if (at - all.since >= WINDOW_MS) all = { count: 0, since: at };
			all.count += 1;
			const own = failures.get(address);
			if (own === undefined || at - own.since >= WINDOW_MS) {
				if (failures.size >= MOST_ADDRESSES) failures.clear();
				failures.set(address, { count: 1, since: at });
			} else own.count += 1;
		},
	};
}
