// Virtual keys and teams: what they may do, what they have spent; made, blocked, replaced, deleted. A secret is shown once.
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type ReactNode, useCallback, useMemo, useRef, useState } from "react";
import { post, queryClient } from "../api/client.ts";
import { keysQuery, meQuery, teamsQuery } from "../api/queries.ts";
import type { KeyRecord, NewKey, TeamRecord } from "../api/types.ts";
import { Empty, Failed, Loading } from "../components/Failure.tsx";
import { SearchField, Select } from "../components/Filters.tsx";
import { Icon } from "../components/Icon.tsx";
import { KeyForm, TeamForm } from "../components/KeyForms.tsx";
import { Badge, CopyBlock, PageHead } from "../components/Parts.tsx";
import { count, dollars, exactDollars, exactTime, relative } from "../format.ts";

const route = getRouteApi("/keys");

/** What stands in the dialog. */
type Asked =
	| { readonly kind: "key" | "team" }
	| { readonly kind: "secret"; readonly key: NewKey }
	| { readonly kind: "delete" | "rotate"; readonly key: KeyRecord };

export function KeysPage() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const me = useQuery(meQuery).data;
	const mayChange = me?.role === "admin" && !me.read_only;
	const keys = useInfiniteQuery(keysQuery);
	const teams = useQuery(teamsQuery);
	const dialog = useRef<HTMLDialogElement>(null);
	const [asked, setAsked] = useState<Asked | null>(null);
	const ask = (next: Asked): void => {
		setAsked(next);
		if (dialog.current?.open === false) dialog.current.showModal();
	};
	const close = (): void => dialog.current?.close();
	const all = useMemo(() => keys.data?.pages.flatMap((page) => page.keys) ?? [], [keys.data]);
	const shown = all.filter(
		(key) => matches(key, search.q) && (search.team === undefined || key.team_id === search.team),
	);
	const setText = useCallback(
		(q: string) => void navigate({ search: (before) => ({ ...before, q }), replace: true }),
		[navigate],
	);
	const teamList = teams.data ?? [];
	return (
		<div className="page">
			<PageHead title="Keys and teams" note="Clients use virtual keys; providers' credentials stay in the gateway.">
				{mayChange && (
					<>
						<button type="button" className="button" onClick={() => ask({ kind: "team" })}>
							<Icon name="plus" /> New team
						</button>
						<button type="button" className="button primary" onClick={() => ask({ kind: "key" })}>
							<Icon name="plus" /> New key
						</button>
					</>
				)}
			</PageHead>
			{(all.length > 0 || search.q !== undefined) && (
				<search className="filters">
					<SearchField
						main
						label="Search keys"
						placeholder="Name, beginning of a hash, user…"
						value={search.q ?? ""}
						onChange={setText}
					/>
					<Select
						label="Team"
						any="Any team"
						value={search.team ?? ""}
						choices={teamList.map((team) => ({ value: team.team_id, label: team.team_alias ?? team.team_id }))}
						onChange={(team) => void navigate({ search: (before) => ({ ...before, team }), replace: true })}
					/>
				</search>
			)}
			{keys.isPending ? (
				<Loading />
			) : keys.isError ? (
				<Failed error={keys.error} retry={() => void keys.refetch()} />
			) : shown.length === 0 ? (
				<Empty title={all.length === 0 ? "No virtual keys yet" : "No key matches"}>
					<p>
						{all.length > 0
							? "Clear the search, or choose another team."
							: mayChange
								? "Make one for each person, team or CI job: its spend and its limits are its own."
								: "Ask an administrator for one."}
					</p>
				</Empty>
			) : (
				<KeyTable keys={shown} teams={teamList} ask={mayChange ? ask : null} />
			)}
			{keys.hasNextPage && (
				<button type="button" className="button" onClick={() => void keys.fetchNextPage()}>
					Load more keys
				</button>
			)}
			{teamList.length > 0 && <TeamTable teams={teamList} keys={all} />}
			<dialog ref={dialog} className="dialog" aria-label="Keys" onClose={() => setAsked(null)}>
				{asked?.kind === "key" && (
					<KeyForm teams={teamList} onMade={(key) => ask({ kind: "secret", key })} close={close} />
				)}
				{asked?.kind === "team" && <TeamForm close={close} />}
				{asked?.kind === "secret" && <Secret made={asked.key} close={close} />}
				{asked?.kind === "rotate" && (
					<Rotate
						key={asked.key.token}
						record={asked.key}
						onMade={(key) => ask({ kind: "secret", key })}
						close={close}
					/>
				)}
				{asked?.kind === "delete" && <Delete key={asked.key.token} record={asked.key} close={close} />}
			</dialog>
		</div>
	);
}

function matches(key: KeyRecord, text: string | undefined): boolean {
	if (text === undefined) return true;
	const sought = text.toLowerCase();
	return [key.key_alias, key.key_name, key.token, key.user_id, key.key_id].some(
		(value) => value?.toLowerCase().includes(sought) === true,
	);
}

function KeyTable({
	keys,
	teams,
	ask,
}: {
	readonly keys: readonly KeyRecord[];
	readonly teams: readonly TeamRecord[];
	readonly ask: ((asked: Asked) => void) | null;
}) {
	return (
		<div className="scroll">
			<table className="table">
				<thead>
					<tr>
						<th scope="col">Key</th>
						<th scope="col" className="wide-only">
							Team
						</th>
						<th scope="col" className="wide-only">
							Models
						</th>
						<th scope="col">Spend and budget</th>
						<th scope="col" className="wide-only">
							Limits
						</th>
						<th scope="col" className="wide-only">
							Expires
						</th>
						<th scope="col">State</th>
						{ask !== null && (
							<th scope="col">
								<span className="hidden">Actions</span>
							</th>
						)}
					</tr>
				</thead>
				<tbody>
					{keys.map((key) => (
						<tr key={key.token} data-key={key.key_alias ?? key.key_name}>
							<td>
								<Link to="/logs" search={{ key: key.token }} title={`Requests of ${key.token}`}>
									{key.key_alias ?? key.key_name}
								</Link>
								<small className="muted block">
									{key.key_alias === null ? (key.user_id ?? key.key_type) : key.key_name}
								</small>
							</td>
							<td className="wide-only cut">
								{teams.find(({ team_id }) => team_id === key.team_id)?.team_alias ?? key.team_id ?? (
									<span className="muted">–</span>
								)}
							</td>
							<td className="wide-only cut" title={key.models.join(", ")}>
								{key.models.length === 0 ? "all" : key.models.join(", ")}
							</td>
							<td>
								<Budget holder={key} />
							</td>
							<td className="wide-only">{limitsOf(key)}</td>
							<td className="wide-only" title={key.expires === null ? undefined : exactTime(Date.parse(key.expires))}>
								{key.expires === null ? "never" : relative(Date.parse(key.expires))}
							</td>
							<td>{stateOf(key)}</td>
							{ask !== null && (
								<td className="row-actions">
									{key.source === "config" ? (
										<small className="muted">from the configuration</small>
									) : (
										<KeyActions record={key} ask={ask} />
									)}
								</td>
							)}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function KeyActions({ record, ask }: { readonly record: KeyRecord; readonly ask: (asked: Asked) => void }) {
	const block = useMutation({
		mutationFn: () => post(record.blocked ? "/key/unblock" : "/key/block", { key: record.token }),
		onSuccess: () => queryClient.invalidateQueries({ queryKey: ["keys"] }),
	});
	const name = record.key_alias ?? record.key_name;
	return (
		<>
			<button
				type="button"
				className="button small"
				disabled={block.isPending}
				onClick={() => block.mutate()}
				aria-label={`${record.blocked ? "Unblock" : "Block"} ${name}`}
			>
				{record.blocked ? "Unblock" : "Block"}
			</button>
			<button
				type="button"
				className="button small"
				onClick={() => ask({ kind: "rotate", key: record })}
				aria-label={`Rotate ${name}`}
			>
				Rotate
			</button>
			<button
				type="button"
				className="button small danger"
				onClick={() => ask({ kind: "delete", key: record })}
				aria-label={`Delete ${name}`}
			>
				Delete
			</button>
		</>
	);
}

function stateOf(key: KeyRecord): ReactNode {
	if (key.blocked) return <Badge tone="bad">blocked</Badge>;
	if (key.expires !== null && Date.parse(key.expires) <= Date.now()) return <Badge tone="warn">expired</Badge>;
	return <Badge tone="good">active</Badge>;
}

function Budget({
	holder,
}: {
	readonly holder: Pick<KeyRecord, "spend" | "max_budget" | "budget_duration" | "budget_reset_at">;
}) {
	const { spend, max_budget: most, budget_duration: span, budget_reset_at: reset } = holder;
	if (most === null) return <span title={exactDollars(spend)}>{dollars(spend)}</span>;
	const exact = `${exactDollars(spend)} of ${exactDollars(most)}${reset === null ? "" : `, starts anew ${relative(Date.parse(reset))}`}`;
	return (
		<span className="budget" title={exact}>
			<span>
				{dollars(spend)} of {dollars(most)}
				{span !== null && ` / ${span}`}
			</span>
			<meter
				min={0}
				max={Math.max(most, 1e-9)}
				high={most * 0.8}
				optimum={0}
				value={Math.min(spend, most)}
				aria-label={exact}
			/>
		</span>
	);
}

function limitsOf({
	rpm_limit: rpm,
	tpm_limit: tpm,
	max_parallel_requests: parallel,
	allowed_domains: domains,
}: KeyRecord): ReactNode {
	const parts = [
		rpm === null ? null : `${count(rpm)} req/min`,
		tpm === null ? null : `${count(tpm)} tok/min`,
		parallel === null ? null : `${count(parallel)} at once`,
		domains.length === 0 ? null : `${domains.length} cache domain${domains.length === 1 ? "" : "s"}`,
	].filter((part) => part !== null);
	return parts.length === 0 ? <span className="muted">none</span> : parts.join(", ");
}

function Secret({ made, close }: { readonly made: NewKey; readonly close: () => void }) {
	return (
		<>
			<h2>{made.key_alias ?? "The new key"}</h2>
			<p>Copy it now: it is stored only as a hash and cannot be shown again.</p>
			<CopyBlock label="the new key" text={made.key} />
			<div className="dialog-actions">
				<Link to="/connect" className="button" onClick={close}>
					How to use it
				</Link>
				<button type="button" className="button primary" onClick={close}>
					I have copied it
				</button>
			</div>
		</>
	);
}

function Rotate({
	record,
	onMade,
	close,
}: {
	readonly record: KeyRecord;
	readonly onMade: (key: NewKey) => void;
	readonly close: () => void;
}) {
	const rotate = useMutation({
		mutationFn: () => post<NewKey>("/key/regenerate", { key: record.token }),
		onSuccess: (key) => {
			void queryClient.invalidateQueries({ queryKey: ["keys"] });
			onMade(key);
		},
	});
	return (
		<>
			<h2>Rotate {record.key_alias ?? record.key_name}?</h2>
			<p>It gets a new secret. The old one stops working at once; spend, limits and sessions stay.</p>
			{rotate.isError && <Failed error={rotate.error} />}
			<div className="dialog-actions">
				<button type="button" className="button" onClick={close}>
					Cancel
				</button>
				<button type="button" className="button primary" disabled={rotate.isPending} onClick={() => rotate.mutate()}>
					Rotate
				</button>
			</div>
		</>
	);
}

function Delete({ record, close }: { readonly record: KeyRecord; readonly close: () => void }) {
	const [typed, setTyped] = useState("");
	const name = record.key_alias ?? record.key_name;
	const remove = useMutation({
		mutationFn: () => post("/key/delete", { keys: [record.token] }),
		onSuccess: () => {
			void queryClient.invalidateQueries({ queryKey: ["keys"] });
			close();
		},
	});
	return (
		<form
			onSubmit={(event) => {
				event.preventDefault();
				if (typed === name) remove.mutate();
			}}
		>
			<h2>Delete {name}?</h2>
			<p>Whoever uses it is refused from now on. Its requests stay in the log. This cannot be undone; blocking can.</p>
			<label className="field">
				<span>
					Type <code>{name}</code> to confirm
				</span>
				<input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" />
			</label>
			{remove.isError && <Failed error={remove.error} />}
			<div className="dialog-actions">
				<button type="button" className="button" onClick={close}>
					Cancel
				</button>
				<button type="submit" className="button danger solid" disabled={typed !== name || remove.isPending}>
					Delete
				</button>
			</div>
		</form>
	);
}

function TeamTable({ teams, keys }: { readonly teams: readonly TeamRecord[]; readonly keys: readonly KeyRecord[] }) {
	return (
		<section className="card">
			<h2>Teams</h2>
			<div className="scroll">
				<table className="table">
					<thead>
						<tr>
							<th scope="col">Team</th>
							<th scope="col" className="number">
								Keys
							</th>
							<th scope="col" className="number wide-only">
								Members
							</th>
							<th scope="col">Spend and budget</th>
							<th scope="col" className="wide-only">
								Models
							</th>
						</tr>
					</thead>
					<tbody>
						{teams.map((team) => (
							<tr key={team.team_id}>
								<td>
									<Link to="/keys" search={{ team: team.team_id }} title={team.team_id}>
										{team.team_alias ?? team.team_id}
									</Link>{" "}
									{team.blocked && <Badge tone="bad">blocked</Badge>}
								</td>
								<td className="number">{count(keys.filter(({ team_id }) => team_id === team.team_id).length)}</td>
								<td className="number wide-only">{count(team.members_with_roles.length)}</td>
								<td>
									<Budget holder={team} />
								</td>
								<td className="wide-only cut">{team.models.length === 0 ? "all" : team.models.join(", ")}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</section>
	);
}
