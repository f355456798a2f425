// Who waits for what: the followers of a burst for their leader, those held for capacity. Leaves whether to wait to routing/planner.
import type { Attempt } from "../cache/attempt.ts";
import type { PrefixIndex, Spot } from "../cache/index.ts";
import type { Hold } from "./decision.ts";
import type { Deployment } from "./deployment.ts";
import type { Fleet } from "./fleet.ts";

/** A listener is called once, or taken off. */
export class Releases {
	readonly #fleet: Fleet;
	readonly #index: PrefixIndex;
	/** Listeners by what they wait for. */
	readonly #waiting = new Map<string, Set<() => void>>();
	/** What the leader of a hold is writing. */
	readonly #leads = new WeakMap<Hold, Spot>();

	constructor(fleet: Fleet, index: PrefixIndex) {
		this.#fleet = fleet;
		this.#index = index;
	}

	/** The leader of this hold is writing `spot`. */
	lead(hold: Hold, spot: Spot): void {
		this.#leads.set(hold, spot);
	}

	/** Calls `listener` when what the hold waits for has come; in a microtask where that is so already. Gives what takes it off again. */
	wait(hold: Hold, listener: () => void): () => void {
		if (hold.reason === "limit") return this.#add(capacityKey(hold.deployment), listener);
		const spot = this.#leads.get(hold);
		if (spot !== undefined && this.#index.isComing(spot)) return this.#add(this.#prefixKey(spot), listener);
		let wanted = true;
		queueMicrotask(() => {
			if (wanted) listener();
		});
		return () => {
			wanted = false;
		};
	}

	/** What was being written there is written, or will not be: all who wait for it may go on. */
	prefixAt(spot: Spot): void {
		for (const listener of [...(this.#waiting.get(this.#prefixKey(spot)) ?? [])]) listener();
	}

	/** The same of all that an attempt was writing. */
	prefixesOf({ announced, prefixes, place }: Attempt): void {
		if (this.#waiting.size === 0) return;
		for (const block of announced) {
			this.prefixAt({ high: prefixes.high[block] ?? 0, low: prefixes.low[block] ?? 0, place });
		}
	}

	/** There is more capacity at a deployment than there was: the one who has waited longest for it may go on. */
	capacityAt(deployment: Deployment): void {
		const [first] = this.#waiting.get(capacityKey(deployment)) ?? [];
		first?.();
	}

	#add(key: string, listener: () => void): () => void {
		const once = () => {
			this.#drop(key, once);
			listener();
		};
		const listeners = this.#waiting.get(key);
		if (listeners === undefined) this.#waiting.set(key, new Set([once]));
		else listeners.add(once);
		return () => this.#drop(key, once);
	}

	#drop(key: string, listener: () => void): void {
		const listeners = this.#waiting.get(key);
		if (listeners?.delete(listener) === true && listeners.size === 0) this.#waiting.delete(key);
	}

	#prefixKey({ high, low, place }: Spot): string {
		return `prefix ${this.#fleet.domains.root(place.domain)} ${place.variant} ${high} ${low}`;
	}
}

function capacityKey({ id }: Deployment): string {
	return `capacity ${id}`;
}
