// Conversations, latest first, with their sums. Leaves a conversation's turns to pages/Session.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { sessionsQuery } from "../api/queries.ts";
import type { SessionSummary } from "../api/types.ts";
import { fatesOfSums, hitShare } from "../cache.ts";
import { CacheBar, CacheLegend } from "../components/CacheBar.tsx";
import { Empty, Failed, Loading } from "../components/Failure.tsx";
import { RangeChoice, SearchField } from "../components/Filters.tsx";
import { Badge, DeploymentName, PageHead } from "../components/Parts.tsx";
import { count, dollars, duration, exactDollars, exactTime, percent, relative, shortId } from "../format.ts";
import { rangeOf } from "../search.ts";

const route = getRouteApi("/sessions");

export function SessionsPage() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const range = rangeOf(search.range, "24h");
	const query = useInfiniteQuery(sessionsQuery({ q: search.q, key: search.key, range }));
	const sessions = useMemo(() => query.data?.pages.flatMap((page) => page.sessions) ?? [], [query.data]);
	const setText = useCallback(
		(q: string) => void navigate({ search: (before) => ({ ...before, q }), replace: true }),
		[navigate],
	);
	return (
		<div className="page">
			<PageHead title="Sessions" note="Conversations as their clients name them, such as one run of Claude Code.">
				<RangeChoice
					value={range}
					onChange={(next) => void navigate({ search: (before) => ({ ...before, range: next }), replace: true })}
				/>
			</PageHead>
			<search className="filters">
				<SearchField
					main
					label="Search session ids"
					placeholder="Beginning of a session id"
					value={search.q ?? ""}
					onChange={setText}
				/>
			</search>
			{query.isPending ? (
				<Loading lines={10} />
			) : query.isError ? (
				<Failed error={query.error} retry={() => void query.refetch()} />
			) : sessions.length === 0 ? (
				<Empty title="No conversations in this time">
					<p>
						Claude Code names its sessions by itself: <Link to="/connect">connect it</Link>. Other clients send{" "}
						<code>x-claude-code-session-id</code> or <code>metadata.user_id</code>.
					</p>
				</Empty>
			) : (
				<>
					<div className="scroll">
						<table className="table">
							<thead>
								<tr>
									<th scope="col">Session</th>
									<th scope="col">Last turn</th>
									<th scope="col" className="wide-only">
										Lasted
									</th>
									<th scope="col" className="wide-only">
										Key
									</th>
									<th scope="col" className="wide-only">
										Model
									</th>
									<th scope="col">Last at</th>
									<th scope="col" className="number">
										Requests
									</th>
									<th scope="col">Prompt tokens</th>
									<th scope="col" className="number">
										Hit
									</th>
									<th scope="col" className="number">
										Cost
									</th>
									<th scope="col" className="number wide-only">
										Saved
									</th>
									<th scope="col" className="wide-only">
										Noteworthy
									</th>
								</tr>
							</thead>
							<tbody>
								{sessions.map((session) => (
									<Row key={`${session.key_id} ${session.session}`} session={session} />
								))}
							</tbody>
						</table>
					</div>
					<footer className="table-foot">
						<CacheLegend />
						{query.hasNextPage && (
							<button
								type="button"
								className="button"
								disabled={query.isFetchingNextPage}
								onClick={() => void query.fetchNextPage()}
							>
								Load earlier sessions
							</button>
						)}
					</footer>
				</>
			)}
		</div>
	);
}

function Row({ session }: { readonly session: SessionSummary }) {
	const { measures } = session;
	const fates = fatesOfSums(measures);
	const saved = measures.cost_uncached - measures.cost;
	return (
		<tr>
			<td>
				<Link
					to="/sessions/$session"
					params={{ session: session.session }}
					search={session.key_id === "" ? {} : { key: session.key_id }}
					className="mono"
					title={session.session}
				>
					{shortId(session.session)}
				</Link>
			</td>
			<td title={exactTime(session.last_at)}>{relative(session.last_at)}</td>
			<td className="wide-only">{duration(session.last_at - session.first_at)}</td>
			<td className="wide-only cut">
				{session.key_alias === "" ? <span className="muted">–</span> : session.key_alias}
			</td>
			<td className="wide-only cut" title={session.model}>
				{session.model}
			</td>
			<td className="cut">
				<DeploymentName id={session.model_id} />
			</td>
			<td className="number">{count(measures.requests)}</td>
			<td className="bar-cell">
				<CacheBar fates={fates} />
			</td>
			<td className="number">{percent(hitShare(fates))}</td>
			<td className="number" title={exactDollars(measures.cost)}>
				{dollars(measures.cost)}
			</td>
			<td className="number wide-only" title={exactDollars(saved)}>
				{dollars(saved)}
			</td>
			<td className="wide-only">
				{measures.diverted > 0 && <Badge tone="warn">{count(measures.diverted)} diverted</Badge>}
				{measures.misses > 0 && <Badge tone="warn">{count(measures.misses)} missed</Badge>}
				{measures.failed > 0 && <Badge tone="bad">{count(measures.failed)} failed</Badge>}
			</td>
		</tr>
	);
}
