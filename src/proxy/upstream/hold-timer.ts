// How long a stream's opening is held back: first until there may be something to show, then until its first event is overdue. Leaves what
// happens at either moment to proxy/upstream/attempt.
import { guarded, type OnFault } from "../guard.ts";
import type { AttemptOptions } from "./outcome.ts";

interface Held {
	/** Called at the first moment and, unless stopped, at the second. */
	heldLongEnough(isOverdue: boolean): void;
	readonly fault: OnFault;
}

export class HoldTimer {
	#timer: NodeJS.Timeout;

	constructor({ holdMs, timeouts: { firstByteMs } }: Pick<AttemptOptions, "holdMs" | "timeouts">, held: Held) {
		const onTime = guarded(
			(error) => held.fault(error),
			(isOverdue: boolean) => held.heldLongEnough(isOverdue),
		);
		const first = () => {
			this.#timer = setTimeout(() => onTime(true), Math.max(0, firstByteMs - holdMs));
			onTime(false);
		};
		this.#timer = setTimeout(first, Math.min(holdMs, firstByteMs));
	}

	stop(): void {
		clearTimeout(this.#timer);
	}
}
