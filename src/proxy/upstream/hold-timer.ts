// How long a stream's opening is held back: first until there may be something to show, then until its first event is overdue. Leaves what
// happens at either moment to proxy/upstream/attempt.

/** `onTime(isOverdue)` is called at the first moment and, unless stopped, at the second. */
export class HoldTimer {
	#timer: NodeJS.Timeout;

	constructor(
		{ holdMs, firstByteMs }: { readonly holdMs: number; readonly firstByteMs: number },
		onTime: (isOverdue: boolean) => void,
	) {
		this.#timer = setTimeout(
			() => {
				this.#timer = setTimeout(() => onTime(true), Math.max(0, firstByteMs - holdMs));
				onTime(false);
			},
			Math.min(holdMs, firstByteMs),
		);
	}

	stop(): void {
		clearTimeout(this.#timer);
	}
}
