// A clock that runs what is due in order, and clients that wait as the proxy does when a plan holds them.
import type { RouteRequest } from "../decision.ts";
import type { Sent, World } from "./world.ts";

export interface Clock {
	readonly now: number;
	at(time: number, run: () => void): void;
	/** Runs until nothing is due any more. */
	run(): void;
}

export function createClock(): Clock {
	const due: { readonly time: number; readonly nth: number; readonly run: () => void }[] = [];
	let now = 0;
	let nth = 0;
	return {
		get now() {
			return now;
		},
		at(time, run) {
			nth += 1;
			due.push({ time: Math.max(time, now), nth, run });
		},
		run() {
			for (;;) {
				due.sort((a, b) => a.time - b.time || a.nth - b.nth);
				const next = due.shift();
				if (next === undefined) return;
				now = next.time;
				next.run();
			}
		},
	};
}

/** A request that was sent: when, after how long a wait. */
export interface Arrived extends Sent {
	readonly sentAt: number;
	readonly waitedMs: number;
}

/** Sends at `time`, after whatever holds; it is answered after `firstEventMs`, and over after twice that. */
export function arrive(
	world: World,
	clock: Clock,
	about: {
		readonly request: RouteRequest;
		readonly time: number;
		readonly firstEventMs?: number;
		readonly sent: (sent: Arrived) => void;
	},
): void {
	const { request, time, firstEventMs = 500 } = about;
	const ask = () => {
		const held = clock.now > time ? { ...request, heldSince: time } : request;
		const { hold } = world.router.plan(held, clock.now);
		if (hold === null) {
			const sent = world.send(held, clock.now);
			about.sent({ ...sent, sentAt: clock.now, waitedMs: clock.now - time });
			clock.at(clock.now + firstEventMs, () => sent.start(clock.now));
			clock.at(clock.now + 2 * firstEventMs, () => sent.settle(clock.now));
			return;
		}
		let over = false;
		const goOn = () => {
			if (over) return;
			over = true;
			off();
			ask();
		};
		const off = world.router.onRelease(hold, () => clock.at(clock.now, goOn));
		clock.at(hold.until, goOn);
	};
	clock.at(time, ask);
}
