// Conversations, latest first, with their sums. Leaves a conversation's turns to pages/Session.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { SessionView } from "../../../src/admin/contract/log.ts";
import { sessionsQuery } from "../api/queries.ts";
import { cacheOutcomeOfSums } from "../cache.ts";
import { Empty } from "../components/Failure.tsx";
import { RangeChoice, SearchField } from "../components/Filters.tsx";
import { Badge, DeploymentName, PageHead } from "../components/Parts.tsx";
import { BarCell, type Column, DollarCell, Fetched, HitCell, SumCell, Table, TableFoot } from "../components/Table.tsx";
import { count, duration, exactTime, relative, shortId } from "../format.ts";
import { rangeOf } from "../search.ts";

const route = getRouteApi("/sessions");

const COLUMNS: readonly Column[] = [
	["Session"],
	["Last turn"],
	["Lasted", "wide-only"],
	["Key", "wide-only"],
	["Model", "wide-only"],
	["Last at"],
	["Requests", "number"],
	["Prompt tokens"],
	["Hit", "number"],
	["Cost", "number"],
	["Saved", "number", "wide-only"],
	["Noteworthy", "wide-only"],
];

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
			<Fetched query={query} lines={10}>
				{() =>
					sessions.length === 0 ? (
						<Empty title="No conversations in this time">
							<p>
								Claude Code names its sessions by itself: <Link to="/connect">connect it</Link>. Other clients send{" "}
								<code>x-claude-code-session-id</code> or <code>metadata.user_id</code>.
							</p>
						</Empty>
					) : (
						<>
							<Table columns={COLUMNS}>
								{sessions.map((session) => (
									<Row key={`${session.key_id} ${session.session_id}`} session={session} />
								))}
							</Table>
							<TableFoot query={query} more="Load earlier sessions" />
						</>
					)
				}
			</Fetched>
		</div>
	);
}

function Row({ session }: { readonly session: SessionView }) {
	const { measures } = session;
	const cacheOutcome = cacheOutcomeOfSums(measures);
	return (
		<tr>
			<td>
				<Link
					to="/sessions/$session"
					params={{ session: session.session_id }}
					search={session.key_id === "" ? {} : { key: session.key_id }}
					className="mono"
					title={session.session_id}
				>
					{shortId(session.session_id)}
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
			<BarCell cacheOutcome={cacheOutcome} />
			<HitCell cacheOutcome={cacheOutcome} />
			<SumCell sum={measures} />
			<DollarCell value={measures.cost_without_caching - measures.cost} wide saved />
			<td className="wide-only">
				{measures.diverted > 0 && <Badge tone="warn">{count(measures.diverted)} diverted</Badge>}
				{measures.misses > 0 && <Badge tone="warn">{count(measures.misses)} missed</Badge>}
				{measures.failed > 0 && <Badge tone="bad">{count(measures.failed)} failed</Badge>}
			</td>
		</tr>
	);
}
