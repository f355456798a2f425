// The request log, live: which deployment served each turn, what was read from its cache, what it cost and why it went there.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { RequestView } from "../../../src/admin/contract/log.ts";
import {
	connectQuery,
	keysQuery,
	type LogFilter,
	meQuery,
	requestsQuery,
	teamsQuery,
	useDeploymentIds,
} from "../api/queries.ts";
import { cacheOutcomeOf, promptTokens, savedByCaching } from "../cache.ts";
import { Empty } from "../components/Failure.tsx";
import { SearchField, Select } from "../components/Filters.tsx";
import { Badge, DeploymentName, PageHead, Status } from "../components/Parts.tsx";
import { RequestDrawer } from "../components/RequestDrawer.tsx";
import { BarCell, type Column, DollarCell, Fetched, HitCell, Table, TableFoot } from "../components/Table.tsx";
import { clock, count, duration, exactTime, exactTokens, shortId, tokens } from "../format.ts";
import { useKeys } from "../keyboard.ts";
import { RANGES, type Range, rangeOf } from "../search.ts";
import { MISSES, missLabel, REASONS, reasonLabel } from "../words.ts";

const route = getRouteApi("/logs");

const STATUSES = [
	{ value: "success", label: "Success" },
	{ value: "error", label: "Any error" },
	{ value: "4xx", label: "4xx" },
	{ value: "5xx", label: "5xx" },
	{ value: "aborted", label: "Aborted" },
	{ value: "rejected", label: "Rejected" },
];
const REASON_CHOICES = Object.entries(REASONS).map(([value, { label }]) => ({ value, label }));
const MISS_CHOICES = [
	{ value: "any", label: "Any miss" },
	...Object.entries(MISSES).map(([value, { label }]) => ({ value, label })),
];
const RANGE_CHOICES = Object.keys(RANGES).map((value) => ({ value, label: `Last ${value}` }));
const FILTERS = ["model", "model_id", "key", "team", "session", "status", "reason", "miss", "q", "range"] as const;

type Changes = Partial<Record<(typeof FILTERS)[number] | "live", string | undefined>>;

export function LogsPage() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const { request, live: liveText, range: rangeText, ...rest } = search;
	const live = liveText !== "off";
	const filter: LogFilter = { ...rest, range: rangeText === undefined ? undefined : rangeOf(rangeText, "24h") };
	const query = useInfiniteQuery(requestsQuery(filter, live));
	const rows = useMemo(() => query.data?.pages.flatMap((page) => page.requests) ?? [], [query.data]);
	const change = useCallback(
		(next: Changes) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true }),
		[navigate],
	);
	const open = (id: string | undefined) =>
		void navigate({
			search: (before) => ({ ...before, request: id }),
			replace: request !== undefined,
			resetScroll: false,
		});
	const step = (by: number): void => {
		const at = rows.findIndex(({ id }) => id === request);
		const next = rows[request === undefined ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))];
		if (next === undefined) return;
		open(next.id);
		document.getElementById(`row-${next.id}`)?.scrollIntoView({ block: "nearest" });
	};
	useKeys({ j: () => step(1), k: () => step(-1) });
	const filtered = FILTERS.some((name) => search[name] !== undefined);

	return (
		<div className={request === undefined ? "page" : "page with-drawer"}>
			<PageHead title="Request logs" note="One row per request, whatever became of it.">
				<label className="switch">
					<input
						type="checkbox"
						checked={live}
						onChange={(event) => change({ live: event.target.checked ? undefined : "off" })}
					/>
					<span className={live ? "live-dot on" : "live-dot"} aria-hidden="true" /> Live tail
				</label>
			</PageHead>
			<LogFilters
				search={search}
				change={change}
				filtered={filtered}
				clear={() => void navigate({ search: liveText === undefined ? {} : { live: liveText } })}
			/>
			<Fetched query={query} lines={12}>
				{() =>
					rows.length === 0 ? (
						<Nothing filtered={filtered} />
					) : (
						<>
							<Rows rows={rows} opened={request} open={open} narrow={(session) => change({ session })} />
							<TableFoot query={query} more="Load earlier requests">
								<span className="muted">{count(rows.length)} requests shown</span>
							</TableFoot>
						</>
					)
				}
			</Fetched>
			{request !== undefined && <RequestDrawer id={request} onOpen={open} onClose={() => open(undefined)} />}
		</div>
	);
}

function LogFilters(about: {
	readonly search: Partial<Record<(typeof FILTERS)[number], string>>;
	readonly change: (next: Changes) => void;
	readonly filtered: boolean;
	readonly clear: () => void;
}) {
	const { search, change } = about;
	const me = useQuery(meQuery).data;
	const facts = useQuery({ ...connectQuery, enabled: me != null }).data;
	const ids = useDeploymentIds();
	const keys = useInfiniteQuery({ ...keysQuery, enabled: me != null }).data?.pages.flatMap((page) => page.keys) ?? [];
	const teams = useQuery({ ...teamsQuery, enabled: me != null }).data ?? [];
	const setModel = useCallback((model: string) => change({ model }), [change]);
	const setText = useCallback((q: string) => change({ q }), [change]);
	return (
		<search className="filters">
			<SearchField main label="Search ids" placeholder="Search ids" value={search.q ?? ""} onChange={setText} />
			<SearchField
				label="Filter by model name"
				placeholder="Model name"
				value={search.model ?? ""}
				onChange={setModel}
				options={facts?.models.map(({ name }) => name) ?? []}
			/>
			<Select
				label="Model id"
				any="Any deployment"
				value={search.model_id ?? ""}
				choices={ids.map((id) => ({ value: id, label: id }))}
				onChange={(model_id) => change({ model_id })}
			/>
			<Select
				label="Status"
				any="Any status"
				value={search.status ?? ""}
				choices={STATUSES}
				onChange={(status) => change({ status })}
			/>
			<Select
				label="Reason"
				any="Any reason"
				value={search.reason ?? ""}
				choices={REASON_CHOICES}
				onChange={(reason) => change({ reason })}
			/>
			<Select
				label="Missed"
				any="Missed or not"
				value={search.miss ?? ""}
				choices={MISS_CHOICES}
				onChange={(miss) => change({ miss })}
			/>
			<Select
				label="Time"
				any="Any time"
				value={search.range ?? ""}
				choices={RANGE_CHOICES}
				onChange={(range) => change({ range: range as Range })}
			/>
			{(keys.length > 0 || search.key !== undefined) && (
				<Select
					label="Key"
					any="Any key"
					value={search.key ?? ""}
					choices={keys.map((key) => ({ value: key.token, label: key.key_alias ?? key.key_name }))}
					onChange={(key) => change({ key })}
				/>
			)}
			{(teams.length > 0 || search.team !== undefined) && (
				<Select
					label="Team"
					any="Any team"
					value={search.team ?? ""}
					choices={teams.map((team) => ({ value: team.team_id, label: team.team_alias ?? team.team_id }))}
					onChange={(team) => change({ team })}
				/>
			)}
			{search.session !== undefined && (
				<button
					type="button"
					className="chip"
					onClick={() => change({ session: undefined })}
					title={`Remove: session ${search.session}`}
				>
					session {shortId(search.session)} ✕
				</button>
			)}
			{about.filtered && (
				<button type="button" className="quiet" onClick={about.clear}>
					Clear filters
				</button>
			)}
		</search>
	);
}

function Nothing({ filtered }: { readonly filtered: boolean }) {
	if (filtered) {
		return (
			<Empty title="No request matches these filters">
				<p>Clear a filter, or choose a longer time. Ids match from their beginning; model names must be whole.</p>
			</Empty>
		);
	}
	return (
		<Empty title="Waiting for your first request…">
			<p>
				<Link to="/connect">Connect Claude Code or an SDK</Link>; its requests appear here within two seconds.
			</p>
		</Empty>
	);
}

const COLUMNS: readonly Column[] = [
	["Time"],
	["Status"],
	["Model", "wide-only"],
	["Model ID"],
	["Session", "wide-only"],
	["Key", "wide-only"],
	["In / out", "number", "wide-only"],
	["Cache read / write"],
	["Hit", "number"],
	["Cost", "number"],
	["Saved", "number", "wide-only"],
	["TTFT", "number", "wide-only"],
	["Duration", "number", "wide-only"],
	["Reason", "wide-only", "keep"],
];

interface RowsProps {
	readonly rows: readonly RequestView[];
	readonly opened: string | undefined;
	readonly open: (id: string) => void;
	readonly narrow: (session: string) => void;
}

function Rows({ rows, opened, open, narrow }: RowsProps) {
	return (
		<Table columns={COLUMNS} className="table log-table">
			{rows.map((row) => (
				<Row key={row.id} row={row} isOpen={row.id === opened} open={open} narrow={narrow} />
			))}
		</Table>
	);
}

function Row({
	row,
	isOpen,
	open,
	narrow,
}: Omit<RowsProps, "rows" | "opened"> & { readonly row: RequestView; readonly isOpen: boolean }) {
	const cacheOutcome = cacheOutcomeOf(row);
	const { session_id: session } = row;
	const firstMs = row.ttft_ms;
	const prompt = cacheOutcome === null ? null : promptTokens(cacheOutcome);
	return (
		<tr id={`row-${row.id}`} className={isOpen ? "opened" : undefined} onClick={() => open(row.id)} data-row={row.id}>
			<td>
				<button
					type="button"
					className="row-open"
					aria-expanded={isOpen}
					aria-label={`Details of the request at ${clock(row.started_at)}`}
					title={exactTime(row.started_at)}
					onClick={(event) => {
						event.stopPropagation();
						open(row.id);
					}}
				>
					{clock(row.started_at)}
				</button>
			</td>
			<td>
				<Status status={row.status} outcome={row.outcome} />
			</td>
			<td className="wide-only cut" title={row.model ?? ""}>
				{row.model ?? "–"}
				{row.operation !== "messages" && <small className="muted"> {row.operation}</small>}
			</td>
			<td className="cut">
				<DeploymentName id={row.model_id} />
			</td>
			<td className="wide-only">
				{session === null ? (
					<span className="muted">–</span>
				) : (
					<button
						type="button"
						className="link mono"
						title={`Only session ${session}`}
						onClick={(event) => {
							event.stopPropagation();
							narrow(session);
						}}
					>
						{shortId(session)}
					</button>
				)}
			</td>
			<td className="wide-only cut" title={row.key_id ?? "master key, or none"}>
				{row.key_alias ?? (row.key_id === null ? <span className="muted">–</span> : shortId(row.key_id))}
			</td>
			<td className="number wide-only" title={`${exactTokens(prompt)} in, ${exactTokens(row.output_tokens)} out`}>
				{tokens(prompt)} / {tokens(row.output_tokens)}
			</td>
			<BarCell cacheOutcome={cacheOutcome}>
				<span className="bar-figures">
					{cacheOutcome !== null && `${tokens(cacheOutcome.read)} / ${tokens(cacheOutcome.written)}`}
				</span>
			</BarCell>
			<HitCell cacheOutcome={cacheOutcome} />
			<DollarCell value={row.cost} />
			<DollarCell value={savedByCaching(row)} wide saved />
			<td className="number wide-only" title={firstMs === null ? undefined : `${firstMs} ms`}>
				{duration(firstMs)}
			</td>
			<td className="number wide-only" title={`${row.duration_ms} ms`}>
				{duration(row.duration_ms)}
			</td>
			<td className="wide-only keep reason-cell">
				<span title={row.reason === null ? undefined : REASONS[row.reason]?.means}>{reasonLabel(row.reason)}</span>
				{row.diverted_from !== null && row.reason !== "diverted" && <Badge tone="warn">diverted</Badge>}
				{row.miss_cause !== null && (
					<Badge
						tone="warn"
						{...(MISSES[row.miss_cause] === undefined ? {} : { title: MISSES[row.miss_cause]?.means ?? "" })}
					>
						{missLabel(row.miss_cause)}
					</Badge>
				)}
			</td>
		</tr>
	);
}
