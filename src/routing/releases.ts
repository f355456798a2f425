// Who waits for what: the followers of a burst for their leader, the held for room. Leaves whether to wait to routing/planner.

/** Listeners by what they wait for. Keys are texts; a listener is called once, or taken off. */
export interface Releases {
	/** Gives a function that takes the listener off again. */
	wait(key: string, listener: () => void): () => void;
	/** Calls all who wait for it. */
	all(key: string): void;
	/** Calls the one who has waited longest. */
	one(key: string): void;
	/** Nobody waits for anything. */
	readonly idle: boolean;
}

export function createReleases(): Releases {
	const waiting = new Map<string, Set<() => void>>();

	function drop(key: string, listener: () => void): void {
		const listeners = waiting.get(key);
		if (listeners?.delete(listener) === true && listeners.size === 0) waiting.delete(key);
	}

	return {
		get idle() {
			return waiting.size === 0;
		},
		wait(key, listener) {
			const once = () => {
				drop(key, once);
				listener();
			};
			const listeners = waiting.get(key);
			if (listeners === undefined) waiting.set(key, new Set([once]));
			else listeners.add(once);
			return () => drop(key, once);
		},
		all(key) {
			for (const listener of [...(waiting.get(key) ?? [])]) listener();
		},
		one(key) {
			for (const listener of waiting.get(key) ?? []) {
				listener();
				return;
			}
		},
	};
}
