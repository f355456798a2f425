// What happens when, on the replay's own clock: a binary heap. Leaves what happens to the callers.

interface Event {
	readonly at: number;
	readonly order: number;
	readonly happen: (now: number) => void;
}

/** Events by time; those of one instant in the order they were added. */
export class EventQueue {
	readonly #heap: Event[] = [];
	#added = 0;
	#now = 0;

	/** Time of the event that is happening, or that happened last. */
	get now(): number {
		return this.#now;
	}

	/** Calls `happen` with its time once the replay gets there. */
	add(at: number, happen: (now: number) => void): void {
		this.#heap.push({ at, order: this.#added, happen });
		this.#added += 1;
		let child = this.#heap.length - 1;
		while (child > 0) {
			const parent = (child - 1) >> 1;
			if (!this.#swapIfSooner(child, parent)) return;
			child = parent;
		}
	}

	/** Lets the next event happen. False when there is none. */
	step(): boolean {
		const [first] = this.#heap;
		const last = this.#heap.pop();
		if (first === undefined || last === undefined) return false;
		if (this.#heap.length > 0) {
			this.#heap[0] = last;
			this.#sink();
		}
		this.#now = first.at;
		first.happen(first.at);
		return true;
	}

	#sink(): void {
		let parent = 0;
		for (;;) {
			const left = 2 * parent + 1;
			const right = left + 1;
			const sooner = right < this.#heap.length && this.#isSooner(right, left) ? right : left;
			if (sooner >= this.#heap.length || !this.#swapIfSooner(sooner, parent)) return;
			parent = sooner;
		}
	}

	#isSooner(a: number, b: number): boolean {
		const [first, second] = [this.#heap[a], this.#heap[b]];
		if (first === undefined || second === undefined) return false;
		return first.at < second.at || (first.at === second.at && first.order < second.order);
	}

	#swapIfSooner(child: number, parent: number): boolean {
		const [lower, upper] = [this.#heap[child], this.#heap[parent]];
		if (lower === undefined || upper === undefined || !this.#isSooner(child, parent)) return false;
		this.#heap[child] = upper;
		this.#heap[parent] = lower;
		return true;
	}
}
