// What the overview shows: totals, a series by deployment, and what deserves a look. Sums only; single requests are the log's.
import { type LedgerFilter, sumLedger } from "../../requestlog/ledger.ts";
import { type Measures, namedMeasures } from "../../requestlog/measures.ts";
import { wordsOf } from "../../routing/eligible.ts";
import type { LiveRouter } from "../../routing/router.ts";
import type { Alert, Overview } from "../contract/log.ts";
import type { LogSource } from "./source.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Longer times are shown by hours. */
const MINUTES_UP_TO_MS = 6 * HOUR_MS;
/** Lengths of a step of the series; more steps than these cannot be distinguished on a chart, and take longer than they are worth. */
const STEPS_MS = [1, 2, 5, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE_MS);
const MOST_STEPS = 72;
/** A ratio of less than this share of the day's has dropped, if at least so many prompt tokens say it. */
const DROPPED = 0.7;
const TELLING_TOKENS = 200_000;

export async function overviewOf(
	{ database, service }: LogSource,
	filter: LedgerFilter,
	about: { readonly router: LiveRouter; readonly now: number; readonly routerNow: number },
): Promise<Overview> {
	// Minutes know neither keys nor teams.
	const narrowed = filter.keyId !== undefined || filter.teamId !== undefined;
	const length = filter.to - filter.from;
	const unit = !narrowed && length <= MINUTES_UP_TO_MS ? "minute" : "hour";
	const least = Math.max(length / MOST_STEPS, unit === "minute" ? MINUTE_MS : HOUR_MS);
	const stepMs = STEPS_MS.find((step) => step >= least) ?? Math.ceil(least / DAY_MS) * DAY_MS;
	const { now } = about;
	const recent = { ...filter, from: now - HOUR_MS, to: now };
	const day = { ...filter, from: now - DAY_MS, to: now };
	const [series, lastHour, lastDay] = await Promise.all([
		sumLedger(database, { ...filter, stepMs }, [unit, "model_id"]),
		sumLedger(database, recent, ["model_id"]),
		sumLedger(database, day, []),
	]);
	const stats = service.stats();
	return {
		from: filter.from,
		to: filter.to,
		step_ms: stepMs,
		totals: total(series.map(({ measures }) => measures)),
		series: series.map(({ hour, minute, model_id, measures }) => {
			return { at: minute ?? hour ?? 0, model_id: model_id ?? "", measures };
		}),
		alerts: [
			...hitRatioAlerts(total(lastHour.map(({ measures }) => measures)), lastDay[0]?.measures ?? namedMeasures({})),
			...coolingAlerts(about.router, about.routerNow),
			...lastHour.flatMap(({ model_id, measures }) => unreadAlerts(model_id ?? "", measures)),
			...lossAlerts(stats.lost, stats.failure),
		],
		log: stats,
	};
}

function total(all: readonly Measures[]): Measures {
	const sum: Record<string, number> = {};
	for (const measures of all)
		for (const [name, value] of Object.entries(measures)) sum[name] = (sum[name] ?? 0) + value;
	return namedMeasures(sum);
}

/** Share of prompt tokens that were read from a cache; null = too few to tell. */
function hitRatio({
	input_tokens,
	cache_read_tokens,
	cache_write_5m_tokens,
	cache_write_1h_tokens,
}: Measures): number | null {
	const prompt = input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens;
	return prompt < TELLING_TOKENS ? null : cache_read_tokens / prompt;
}

function hitRatioAlerts(hour: Measures, day: Measures): Alert[] {
	const now = hitRatio(hour);
	const usual = hitRatio(day);
	if (now === null || usual === null || now >= usual * DROPPED) return [];
	const message = `${percent(now)} of prompt tokens came from a cache in the last hour, ${percent(usual)} over the day`;
	return [{ kind: "hit_ratio_dropped", model_id: null, message }];
}

function coolingAlerts(router: LiveRouter, now: number): Alert[] {
	return router.deployments().flatMap((deployment): Alert[] => {
		const { id, cooldownUntil, quarantineUntil } = deployment;
		const until = Math.max(cooldownUntil, quarantineUntil);
		if (until <= now) return [];
		const message = `not used for another ${Math.ceil((until - now) / 1000)} s: ${wordsOf(deployment, now)}`;
		return [{ kind: "cooling_down", model_id: id, message }];
	});
}

function unreadAlerts(
	modelId: string,
	{ cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens }: Measures,
): Alert[] {
	const written = cache_write_5m_tokens + cache_write_1h_tokens;
	if (written < TELLING_TOKENS || cache_read_tokens > written * 0.05) return [];
	const message = `${written} tokens were written to its cache in the last hour and ${cache_read_tokens} read: writes cost more than they save`;
	return [{ kind: "unread_writes", model_id: modelId, message }];
}

function lossAlerts(lost: number, failure: string | null): Alert[] {
	if (lost === 0 && failure === null) return [];
	const message =
		failure === null
			? `${lost} requests could not be logged`
			: `the database takes no entries: ${failure}; ${lost} lost so far`;
	return [{ kind: "log_loss", model_id: null, message }];
}

function percent(share: number): string {
	return `${Math.round(share * 100)} %`;
}
