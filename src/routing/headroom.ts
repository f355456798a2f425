// What each deployment's rate limits still admit: token buckets that mirror the provider's. Leaves who is asked to routing/planner and
// reading headers to protocol/ratelimits.
import type { MutableDeployment, Target } from "./deployment.ts";
import { Bucket, type LimitFigures, type Meter, MINUTE_MS, type RateLimits } from "./meter.ts";

/** What a request takes of the limits. */
interface Need {
	/** Input that counts: what is not read from a cache, or all of it where the provider counts reads. */
	readonly inputTokens: number;
	readonly outputTokens: number;
}

/** What an attempt took, from dispatch until its answer corrects it. Opaque outside this file. */
export interface Charge {
	readonly meters: readonly Meter[];
	readonly need: Need;
	/** The provider has counted it: its reports include it from here on. */
	answered: boolean;
}

/** One limit, a minute's worth, and what is left of it. */
interface Level {
	readonly limit: number;
	readonly left: number;
}

/** Null = no such limit is known. */
export interface Levels {
	readonly requests: Level | null;
	readonly inputTokens: Level | null;
	readonly outputTokens: Level | null;
	readonly tokens: Level | null;
}

/** Who reported limits, and what they are. */
interface LimitReport {
	readonly deployment: MutableDeployment;
	readonly target: Target;
	readonly limits: RateLimits | null;
}

/** Share of a limit that is left untouched: our count of tokens is a little off. */
const RESERVE = 0.01;
/** Output to expect before any was seen, and how far one answer moves the figure. */
const FIRST_OUTPUT_TOKENS = 400;
const OUTPUT_STEP = 0.05;
/** Organisations' meters kept. */
const MOST_METERS = 10_000;

function createMeter(): Meter {
	const unanswered = { requests: 0, inputTokens: 0, outputTokens: 0 };
	return { requests: null, inputTokens: null, outputTokens: null, tokens: null, closedUntil: 0, unanswered };
}

/** Mirrors of all limits. Configured ones hold for their deployment; those that answers report hold for the organisation, and win. */
export class Headroom {
	/** By organisation and model class. */
	readonly #reported = new Map<string, Meter>();
	/** Rises when a target may have another meter than it knows. */
	#version = 0;

	/** When the deployment admits `need`: `now`, or later, ms since epoch. Changes nothing. */
	admitsAt(deployment: MutableDeployment, asked: { target: Target; need: Need }, now: number): number {
		const own = meterOf(deployment, now);
		const shared = this.#sharedBy(deployment, asked.target);
		if (own === null && shared === null) return now;
		const { inputTokens, outputTokens } = asked.need;
		const closedMs = Math.max(own?.closedUntil ?? 0, shared?.closedUntil ?? 0) - now;
		const waitMs = Math.max(
			closedMs,
			(shared?.requests ?? own?.requests)?.waitMs(1, now) ?? 0,
			(shared?.inputTokens ?? own?.inputTokens)?.waitMs(inputTokens, now) ?? 0,
			(shared?.outputTokens ?? own?.outputTokens)?.waitMs(outputTokens, now) ?? 0,
			(shared?.tokens ?? own?.tokens)?.waitMs(inputTokens + outputTokens, now) ?? 0,
		);
		return now + Math.max(0, waitMs);
	}

	/** Input tokens a minute, as configured or reported; null = unknown. */
	capacityOf(deployment: MutableDeployment, target: Target): number | null {
		const own = meterOf(deployment, 0);
		const shared = this.#sharedBy(deployment, target);
		const bucket = shared?.inputTokens ?? own?.inputTokens ?? shared?.tokens ?? own?.tokens;
		return bucket?.limit ?? null;
	}

	/** What is left of each limit that is known, to be shown. */
	levels(deployment: MutableDeployment, target: Target, now: number): Levels {
		const own = meterOf(deployment, now);
		const shared = this.#sharedBy(deployment, target);
		const level = (name: keyof Levels): Level | null => {
			const bucket = shared?.[name] ?? own?.[name] ?? null;
			return bucket === null ? null : { limit: bucket.limit, left: Math.max(0, Math.floor(bucket.level(now))) };
		};
		return {
			requests: level("requests"),
			inputTokens: level("inputTokens"),
			outputTokens: level("outputTokens"),
			tokens: level("tokens"),
		};
	}

	/** Output to expect of a request there: the mean of late, whatever `max_tokens` allows (providers §1). */
	expectedOutput({ meanOutput }: MutableDeployment): number {
		return meanOutput ?? FIRST_OUTPUT_TOKENS;
	}

	/** Output that a request is admitted with there: `maxTokens` where the platform reserves it, else what is to be expected. */
	outputNeed(deployment: MutableDeployment, target: Target, maxTokens: number | null): number {
		return target.reservesOutput && maxTokens !== null ? maxTokens : this.expectedOutput(deployment);
	}

	charge(
		deployment: MutableDeployment,
		{ target, need }: { readonly target: Target; readonly need: Need },
		now: number,
	): Charge {
		const meters = [meterOf(deployment, now), this.#sharedBy(deployment, target)].filter((meter) => meter !== null);
		for (const meter of meters) {
			take(meter, need, { requests: 1, now });
			meter.unanswered.requests += 1;
			meter.unanswered.inputTokens += need.inputTokens;
			meter.unanswered.outputTokens += need.outputTokens;
		}
		return { meters, need, answered: false };
	}

	/** A deployment turned out to be another organisation's: it shares other limits from now on. */
	moved(): void {
		this.#version += 1;
	}

	/** The answer has begun, or a refusal came: what it reported of the limits is taken over. */
	report(charge: Charge, about: LimitReport, now: number): void {
		answer(charge);
		if (about.limits !== null) takeOver(this.#meterOf(about), about.limits, now);
	}

	/** A 429: less is left than was believed, and it comes back more slowly for a while. */
	refused(charge: Charge, retryAfterMs: number | null, now: number): void {
		for (const meter of charge.meters) {
			const { inputTokens, outputTokens } = charge.need;
			meter.inputTokens?.refuse(inputTokens, retryAfterMs, now);
			meter.tokens?.refuse(inputTokens + outputTokens, retryAfterMs, now);
		}
	}

	/** The attempt is over: what it really took; all zero when it was never admitted. True if something was given back. */
	settle(charge: Charge, actual: Need | null, now: number): boolean {
		answer(charge);
		if (actual === null) return false;
		const input = actual.inputTokens - charge.need.inputTokens;
		const output = actual.outputTokens - charge.need.outputTokens;
		const admitted = actual.inputTokens + actual.outputTokens > 0;
		const more = { inputTokens: input, outputTokens: output };
		for (const meter of charge.meters) take(meter, more, { requests: admitted ? 0 : -1, now });
		return input < 0;
	}

	/** The meter of what answers reported of a deployment's organisation and model class, whoever's answers they were. */
	#sharedBy(deployment: MutableDeployment, target: Target): Meter | null {
		if (target.limitsVersion !== this.#version) {
			target.limits = this.#reported.get(keyOf(deployment, target)) ?? null;
			target.limitsVersion = this.#version;
		}
		return target.limits;
	}

	/** The meter to note in what an answer reported. */
	#meterOf({ deployment, target }: LimitReport): Meter {
		const known = this.#sharedBy(deployment, target);
		if (known !== null) return known;
		if (this.#reported.size >= MOST_METERS) this.#reported.clear();
		const meter = createMeter();
		this.#reported.set(keyOf(deployment, target), meter);
		this.#version += 1;
		return meter;
	}
}

/** Moves the mean of a deployment's output by one answer. */
export function learnOutput(deployment: MutableDeployment, tokens: number): void {
	const mean = deployment.meanOutput ?? FIRST_OUTPUT_TOKENS;
	deployment.meanOutput = mean + (tokens - mean) * OUTPUT_STEP;
}

/** The buckets of what is configured; null when nothing is. Follows the configuration. */
function meterOf(deployment: MutableDeployment, now: number): Meter | null {
	if (deployment.metered === deployment.config) return deployment.meter;
	const { rpm, itpm, otpm, tpm } = deployment.config;
	const meter = deployment.meter ?? createMeter();
	meter.requests = bucketOf(meter.requests, rpm, { reserve: 0, now });
	meter.inputTokens = bucketOf(meter.inputTokens, itpm, { reserve: RESERVE, now });
	meter.outputTokens = bucketOf(meter.outputTokens, otpm, { reserve: RESERVE, now });
	meter.tokens = bucketOf(meter.tokens, tpm, { reserve: RESERVE, now });
	const any = meter.requests ?? meter.inputTokens ?? meter.outputTokens ?? meter.tokens;
	deployment.meter = any === null ? null : meter;
	deployment.metered = deployment.config;
	return deployment.meter;
}

/** Of what is counted exactly nothing is held in reserve. */
function bucketOf(known: Bucket | null, limit: number | null, how: { reserve: number; now: number }): Bucket | null {
	if (limit === null) return null;
	if (known === null) return new Bucket(limit, how.reserve, how.now);
	known.setLimit(limit, how.now);
	return known;
}

function take(meter: Meter, need: Need, more: { readonly requests: number; readonly now: number }): void {
	if (more.requests !== 0) meter.requests?.take(more.requests, more.now);
	meter.inputTokens?.take(need.inputTokens, more.now);
	meter.outputTokens?.take(need.outputTokens, more.now);
	meter.tokens?.take(need.inputTokens + need.outputTokens, more.now);
}

function answer(charge: Charge): void {
	if (charge.answered) return;
	charge.answered = true;
	for (const { unanswered } of charge.meters) {
		unanswered.requests -= 1;
		unanswered.inputTokens -= charge.need.inputTokens;
		unanswered.outputTokens -= charge.need.outputTokens;
	}
}

function takeOver(meter: Meter, limits: RateLimits, now: number): void {
	const { requests, inputTokens, outputTokens } = meter.unanswered;
	meter.requests = reported(meter.requests, limits.requests, { unanswered: requests, reserve: 0, now });
	meter.inputTokens = reported(meter.inputTokens, limits.inputTokens, {
		unanswered: inputTokens,
		reserve: RESERVE,
		now,
	});
	meter.outputTokens = reported(meter.outputTokens, limits.outputTokens, {
		unanswered: outputTokens,
		reserve: RESERVE,
		now,
	});
	meter.tokens = reported(meter.tokens, limits.tokens, {
		unanswered: inputTokens + outputTokens,
		reserve: RESERVE,
		now,
	});
	const { unified } = limits;
	if (unified === null) return;
	meter.closedUntil = unified.status === "rejected" ? (unified.resetAt ?? now + MINUTE_MS) : 0;
}

function reported(
	bucket: Bucket | null,
	figures: LimitFigures | null,
	about: { readonly unanswered: number; readonly reserve: number; readonly now: number },
): Bucket | null {
	if (figures === null || figures.limit <= 0) return bucket;
	const known = bucket ?? new Bucket(figures.limit, about.reserve, about.now);
	known.report(figures, about.unanswered, about.now);
	return known;
}

/** Models that share a bucket (providers §1): Opus 4.x, Sonnet 4.x, Fable 5 and 5.1; any other is its own class. */
export function limitClass(model: string): string {
	return /^claude-(?:opus|sonnet)-4(?=-|$)/.exec(model)?.[0] ?? model.replace(/^(claude-fable-5)-1$/, "$1");
}

function keyOf(deployment: MutableDeployment, target: Target): string {
	return `${deployment.organization ?? `deployment ${deployment.id}`}\n${limitClass(target.model)}`;
}
