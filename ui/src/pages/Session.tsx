// One conversation: its timeline, its sums, and the turns that cost most.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { RequestView, SessionView } from "../../../src/admin/contract/log.ts";
import { sessionQuery } from "../api/queries.ts";
import { cacheOutcomeOf, cacheOutcomeOfSums, hitShare, savedByCaching } from "../cache.ts";
import { CacheBar, CacheLegend } from "../components/CacheBar.tsx";
import { Badge, CopyButton, DeploymentName, PageHead, Stat } from "../components/Parts.tsx";
import { RequestDrawer } from "../components/RequestDrawer.tsx";
import { BarCell, type Column, DollarCell, Fetched, HitCell, LoadMore, Table } from "../components/Table.tsx";
import { Timeline, TimelineLegend } from "../components/Timeline.tsx";
import {
	clock,
	count,
	dollars,
	duration,
	exactDollars,
	exactSum,
	exactTime,
	percent,
	shortId,
	sumOfDollars,
} from "../format.ts";
import { useKeys } from "../keyboard.ts";
import { layOut } from "../timeline.ts";
import { missLabel, reasonLabel } from "../words.ts";

const route = getRouteApi("/sessions/$session");
const DEAREST = 5;
const DEAREST_COLUMNS: readonly Column[] = [
	["Time"],
	["Model ID"],
	["Cache read / write"],
	["Hit", "number"],
	["Cost", "number"],
	["Saved", "number", "wide-only"],
	["Why"],
];

export function SessionPage() {
	const { session } = route.useParams();
	const { key, request } = route.useSearch();
	const navigate = route.useNavigate();
	const query = useInfiniteQuery(sessionQuery(session, key));
	const turns = useMemo(() => [...(query.data?.pages ?? [])].reverse().flatMap((page) => page.turns), [query.data]);
	const layout = useMemo(() => layOut(turns), [turns]);
	const open = (id: string | undefined) =>
		void navigate({ search: (before) => ({ ...before, request: id }), replace: true, resetScroll: false });
	const step = (by: number): void => {
		const shown = layout.bars.map(({ turn }) => turn.id);
		const at = request === undefined ? (by > 0 ? -1 : shown.length) : shown.indexOf(request);
		const next = shown[at + by];
		if (next !== undefined) open(next);
	};
	useKeys({ j: () => step(1), k: () => step(-1) });
	const summary = query.data?.pages[0]?.session;
	return (
		<div className={request === undefined ? "page" : "page with-drawer"}>
			<PageHead
				title={`Session ${shortId(session)}`}
				note={
					<>
						<Link to="/sessions">Sessions</Link> / <code>{session}</code>{" "}
						<CopyButton text={session} label="Copy session id" />
					</>
				}
			>
				<Link to="/logs" search={{ session }} className="button">
					Show in logs
				</Link>
			</PageHead>
			<Fetched query={query}>
				{() => (
					<>
						{summary !== undefined && <Totals session={summary} />}
						<section className="card">
							<h2>Turn by turn</h2>
							<LoadMore query={query} label="Load earlier turns" />
							<Timeline layout={layout} opened={request} open={open} />
							<div className="legends">
								<CacheLegend />
								<Deployments turns={turns} />
								<TimelineLegend />
							</div>
						</section>
						<Dearest turns={turns} open={open} />
					</>
				)}
			</Fetched>
			{request !== undefined && <RequestDrawer id={request} onOpen={open} onClose={() => open(undefined)} />}
		</div>
	);
}

function Totals({ session }: { readonly session: SessionView }) {
	const { measures } = session;
	const cacheOutcome = cacheOutcomeOfSums(measures);
	const saved = measures.cost_without_caching - measures.cost;
	const routed = measures.cost_random_routing - measures.cost;
	return (
		<section className="stats" aria-label="Totals">
			<Stat
				label="Requests"
				value={count(measures.requests)}
				note={`over ${duration(session.last_at - session.first_at)}`}
			/>
			<Stat
				label="Cost"
				value={sumOfDollars(measures)}
				exact={exactSum(measures)}
				note={`${dollars(measures.cost_without_caching)} without caching`}
			/>
			<Stat
				label="Saved by caching"
				value={dollars(saved)}
				exact={exactDollars(saved)}
				tone={saved >= 0 ? "good" : "bad"}
			/>
			<Stat
				label="Saved by routing"
				value={dollars(routed)}
				exact={exactDollars(routed)}
				tone={routed >= 0 ? "good" : "bad"}
				note="against random"
			/>
			<Stat
				label="Token hit ratio"
				value={percent(hitShare(cacheOutcome), 1)}
				note={<CacheBar cacheOutcome={cacheOutcome} />}
			/>
			<Stat label="Misses" value={count(measures.misses)} note={`${count(measures.diverted)} diverted`} />
		</section>
	);
}

function Deployments({ turns }: { readonly turns: readonly RequestView[] }) {
	const ids = [...new Set(turns.flatMap(({ model_id }) => model_id ?? []))];
	return (
		<ul className="legend">
			{ids.map((id) => (
				<li key={id}>
					<DeploymentName id={id} />
				</li>
			))}
		</ul>
	);
}

function Dearest({ turns, open }: { readonly turns: readonly RequestView[]; readonly open: (id: string) => void }) {
	const dearest = turns
		.filter(({ cost }) => cost !== null)
		.sort((left, right) => (right.cost ?? 0) - (left.cost ?? 0))
		.slice(0, DEAREST);
	if (dearest.length === 0) return null;
	return (
		<section className="card">
			<h2>The turns that cost most</h2>
			<Table columns={DEAREST_COLUMNS}>
				{dearest.map((turn) => {
					const cacheOutcome = cacheOutcomeOf(turn);
					return (
						<tr key={turn.id}>
							<td>
								<button
									type="button"
									className="row-open"
									title={exactTime(turn.started_at)}
									onClick={() => open(turn.id)}
								>
									{clock(turn.started_at)}
								</button>
							</td>
							<td>
								<DeploymentName id={turn.model_id} />
							</td>
							<BarCell cacheOutcome={cacheOutcome} />
							<HitCell cacheOutcome={cacheOutcome} />
							<DollarCell value={turn.cost} />
							<DollarCell value={savedByCaching(turn)} wide saved />
							<td>
								{reasonLabel(turn.reason)}{" "}
								{turn.miss_cause !== null && <Badge tone="warn">{missLabel(turn.miss_cause)}</Badge>}
							</td>
						</tr>
					);
				})}
			</Table>
		</section>
	);
}
