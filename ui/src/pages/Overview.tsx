// What was spent, what caching and routing saved, how warm and how fast it was, and what deserves a look.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { MeasuresView, Overview } from "../../../src/admin/contract/log.ts";
import { overviewQuery } from "../api/queries.ts";
import { cacheOutcomeOfSums, hitShare, promptTokens } from "../cache.ts";
import { useDeploymentColour } from "../colours.ts";
import { CacheBar } from "../components/CacheBar.tsx";
import { Chart, type Line } from "../components/Chart.tsx";
import { Empty } from "../components/Failure.tsx";
import { RangeChoice } from "../components/Filters.tsx";
import { Icon } from "../components/Icon.tsx";
import { DeploymentName, PageHead, Stat } from "../components/Parts.tsx";
import { BarCell, type Column, DollarCell, Fetched, HitCell, Table } from "../components/Table.tsx";
import {
	count,
	dollars,
	duration,
	exactDollars,
	exactSum,
	percent,
	sumOfDollars,
	tokens,
	unpricedNote,
} from "../format.ts";
import { rangeOf } from "../search.ts";

const route = getRouteApi("/");

export function OverviewPage() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const range = rangeOf(search.range, "24h");
	const query = useQuery(overviewQuery(range));
	return (
		<div className="page">
			<PageHead title="Overview">
				<RangeChoice value={range} onChange={(next) => void navigate({ search: { range: next }, replace: true })} />
			</PageHead>
			<Fetched query={query}>
				{(overview) =>
					overview.totals.requests === 0 ? (
						<>
							<Alerts alerts={overview.alerts} />
							<Empty title="No requests in this time">
								<p>
									Choose a longer time, or <Link to="/connect">connect a client</Link> and send the first one.
								</p>
							</Empty>
						</>
					) : (
						<Figures overview={overview} />
					)
				}
			</Fetched>
		</div>
	);
}

function Figures({ overview }: { readonly overview: Overview }) {
	const { totals, alerts } = overview;
	const cacheOutcome = cacheOutcomeOfSums(totals);
	const saved = totals.cost_without_caching - totals.cost;
	const routed = totals.cost_random_routing - totals.cost;
	const warm = mean(totals.warm_first_byte_ms, totals.warm_first_bytes);
	const cold = mean(totals.cold_first_byte_ms, totals.cold_first_bytes);
	const troubled = totals.failed + totals.rejected;
	return (
		<>
			<Alerts alerts={alerts} />
			<section className="stats" aria-label="Totals">
				<Stat
					label="Spent"
					value={sumOfDollars(totals)}
					exact={exactSum(totals)}
					note={totals.unpriced > 0 ? unpricedNote(totals.unpriced) : "at list prices"}
				/>
				<Stat
					label="Saved by caching"
					value={dollars(saved)}
					exact={exactDollars(saved)}
					tone={saved >= 0 ? "good" : "bad"}
					note={
						totals.cost_without_caching > 0
							? `${percent(saved / totals.cost_without_caching)} of ${dollars(totals.cost_without_caching)}`
							: undefined
					}
				/>
				<Stat
					label="Saved by routing"
					value={dollars(routed)}
					exact={exactDollars(routed)}
					tone={routed >= 0 ? "good" : "bad"}
					note={`random: ${dollars(totals.cost_random_routing)}`}
				/>
				<Stat
					label="Token hit ratio"
					value={percent(hitShare(cacheOutcome), 1)}
					exact={`${count(cacheOutcome.read)} of ${count(promptTokens(cacheOutcome))} prompt tokens`}
					note={<CacheBar cacheOutcome={cacheOutcome} />}
				/>
				<Stat
					label="Requests"
					value={count(totals.requests)}
					note={
						troubled > 0 ? (
							<Link to="/logs" search={{ status: "error" }}>
								{count(troubled)} failed or rejected
							</Link>
						) : (
							"none failed"
						)
					}
				/>
				<Stat
					label="First token, warm"
					value={duration(warm)}
					{...(warm === null ? {} : { exact: `${warm.toFixed(1)} ms, mean of ${count(totals.warm_first_bytes)}` })}
					note={cold === null ? "no cold answers" : `cold: ${duration(cold)}`}
				/>
			</section>
			<Charts overview={overview} />
			<ByDeployment overview={overview} />
		</>
	);
}

function Alerts({ alerts }: { readonly alerts: Overview["alerts"] }) {
	if (alerts.length === 0) return null;
	return (
		<ul className="alerts" aria-label="Alerts">
			{alerts.map((alert) => (
				<li
					key={`${alert.kind} ${alert.model_id ?? ""}`}
					className={alert.kind === "log_loss" ? "notice bad" : "notice warn"}
				>
					<Icon name="warning" />
					<span>
						{alert.model_id !== null && (
							<>
								<DeploymentName id={alert.model_id} link />{" "}
							</>
						)}
						{ALERTS[alert.kind]}: {alert.message}
					</span>
				</li>
			))}
		</ul>
	);
}

const ALERTS: Readonly<Record<Overview["alerts"][number]["kind"], string>> = {
	hit_ratio_dropped: "Hit ratio dropped",
	cooling_down: "Cooling down",
	unread_writes: "Writes that nobody reads",
	log_loss: "Request log",
};

function Charts({ overview }: { readonly overview: Overview }) {
	const colour = useDeploymentColour();
	const { from, to, step_ms: width } = overview;
	const { at, ids, cell } = useMemo(() => gridOf(overview), [overview]);
	const byDeployment = (value: (sums: MeasuresView) => number | null): Line[] =>
		ids.map((id) => ({
			label: id,
			colour: colour(id),
			values: at.map((step) => {
				const sums = cell(step, id);
				return sums === undefined ? null : value(sums);
			}),
		}));
	const steps = at.map((step) => ids.flatMap((id) => cell(step, id) ?? []));
	const overSteps = (of: (keyof MeasuresView)[], per: (sums: number[]) => number | null) =>
		steps.map((sums) => per(of.map((name) => sums.reduce((all, each) => all + each[name], 0))));
	const outcomeLines: Line[] = [
		{ label: "read", colour: "--read", values: overSteps(["cache_read_tokens"], ([read]) => read ?? 0) },
		{
			label: "written",
			colour: "--written",
			values: overSteps(
				["cache_write_5m_tokens", "cache_write_1h_tokens"],
				([short, long]) => (short ?? 0) + (long ?? 0),
			),
		},
		{ label: "uncached", colour: "--uncached", values: overSteps(["input_tokens"], ([plain]) => plain ?? 0) },
	];
	const ratio = (sum: number[]) => ((sum[1] ?? 0) > 0 ? (sum[0] ?? 0) / (sum[1] ?? 1) : null);
	const firsts: Line[] = [
		{ label: "warm", colour: "--read", values: overSteps(["warm_first_byte_ms", "warm_first_bytes"], ratio) },
		{ label: "cold", colour: "--uncached", values: overSteps(["cold_first_byte_ms", "cold_first_bytes"], ratio) },
	];
	const per = width === 60_000 ? "minute" : width === 3_600_000 ? "hour" : duration(width);
	const { totals } = overview;
	const common = { at, from, to };
	return (
		<div className="charts">
			<Chart
				{...common}
				title={`Prompt tokens per ${per}`}
				summary={`${tokens(totals.cache_read_tokens)} read, ${tokens(totals.cache_write_5m_tokens + totals.cache_write_1h_tokens)} written, ${tokens(totals.input_tokens)} uncached.`}
				lines={outcomeLines}
				unit={tokens}
				stacked
			/>
			<Chart
				{...common}
				title="Token hit ratio by deployment"
				summary={`Overall ${percent(hitShare(cacheOutcomeOfSums(totals)), 1)}.`}
				lines={byDeployment((sums) => hitShare(cacheOutcomeOfSums(sums)))}
				unit={(value) => percent(value)}
				max={1}
			/>
			<Chart
				{...common}
				title={`Spend per ${per} by deployment`}
				summary={`${dollars(totals.cost)} in all.`}
				lines={byDeployment((sums) => sums.cost)}
				unit={dollars}
				stacked
			/>
			<Chart
				{...common}
				title="Time to first token"
				summary="Of streamed answers; warm ones read more than half of their prompt."
				lines={firsts}
				unit={duration}
			/>
		</div>
	);
}

/** Every step of the time, also those without requests: a line must not cross a silence. */
function gridOf({ from, to, step_ms: width, series }: Overview) {
	const cells = new Map(series.map(({ at, model_id, measures }) => [`${at} ${model_id}`, measures]));
	const at: number[] = [];
	for (let step = from - (from % width); step <= to; step += width) at.push(step);
	const ids = [...new Set(series.map(({ model_id }) => model_id))].filter((id) => id !== "").sort();
	return { at, ids, cell: (step: number, id: string) => cells.get(`${step} ${id}`) };
}

function added(one: MeasuresView, other: MeasuresView): MeasuresView {
	const names = Object.keys(one) as (keyof MeasuresView)[];
	return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as MeasuresView;
}

const COLUMNS: readonly Column[] = [
	["Deployment"],
	["Requests", "number"],
	["Prompt tokens"],
	["Hit", "number"],
	["Spent", "number"],
	["Saved by caching", "number"],
	["Diverted", "number", "wide-only"],
	["Misses", "number", "wide-only"],
];

function ByDeployment({ overview }: { readonly overview: Overview }) {
	const sums = useMemo(() => {
		const found = new Map<string, MeasuresView>();
		for (const { model_id, measures } of overview.series) {
			const known = found.get(model_id);
			found.set(model_id, known === undefined ? measures : added(known, measures));
		}
		return [...found].filter(([id]) => id !== "").sort(([a], [b]) => a.localeCompare(b));
	}, [overview]);
	return (
		<section className="card">
			<h2>By deployment</h2>
			<Table columns={COLUMNS}>
				{sums.map(([id, each]) => {
					const cacheOutcome = cacheOutcomeOfSums(each);
					return (
						<tr key={id}>
							<td>
								<DeploymentName id={id} link />
							</td>
							<td className="number">{count(each.requests)}</td>
							<BarCell cacheOutcome={cacheOutcome} />
							<HitCell cacheOutcome={cacheOutcome} digits={1} />
							<DollarCell value={each.cost} />
							<DollarCell value={each.cost_without_caching - each.cost} saved />
							<td className="number wide-only">{count(each.diverted)}</td>
							<td className="number wide-only">{count(each.misses)}</td>
						</tr>
					);
				})}
			</Table>
		</section>
	);
}

function mean(sum: number, of: number): number | null {
	return of === 0 ? null : sum / of;
}
