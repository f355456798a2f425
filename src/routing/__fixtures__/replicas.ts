// Replicas of one gateway on one clock that receive each other's notes 5 ms late. Leaves what they do to the tests.
import { createBus, type SharedState } from "../../state/state.ts";
import { createProvider } from "./provider.ts";
import { createWorld, type WorldOptions } from "./world.ts";

export const DELAY_MS = 5;
/** Homes and limits of a clock at 0 would not differ from none. */
export const START = 1_000_000;

/** Replicas before one provider, on one clock. */
export function replicas(options: WorldOptions, count = 2) {
	let now = START;
	let due: { readonly at: number; readonly deliver: () => void }[] = [];
	const bus = createBus({
		delayMs: DELAY_MS,
		now: () => now,
		later: (at, deliver) => void due.push({ at, deliver }),
	});
	const provider = options.provider ?? createProvider(options);
	const joined: SharedState[] = [];
	const worlds = Array.from({ length: count }, (_, at) => {
		const shared = bus.join(`replica ${at}`);
		joined.push(shared);
		return createWorld({ ...options, shared, provider });
	});
	const [a, b] = worlds;
	if (a === undefined || b === undefined) throw new Error("there are two at least");
	return {
		a,
		b,
		joined,
		worlds,
		get now() {
			return now;
		},
		/** Time passes, and what was published before is received. */
		pass(ms: number) {
			now += ms;
			const ripe = due.filter(({ at }) => at <= now);
			due = due.filter(({ at }) => at > now);
			for (const { deliver } of ripe) deliver();
		},
	};
}
