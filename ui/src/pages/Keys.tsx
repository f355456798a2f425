// Virtual keys and teams: found, made, changed, blocked, replaced, deleted. Leaves tables, forms and dialogs to their components.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo, useRef, useState } from "react";
import type { KeyView, NewKey, TeamView } from "../../../src/admin/contract/records.ts";
import { keysQuery, meQuery, teamsQuery } from "../api/queries.ts";
import { Empty } from "../components/Failure.tsx";
import { SearchField, Select } from "../components/Filters.tsx";
import { Icon } from "../components/Icon.tsx";
import { BlockTeam, DeleteKey, DeleteTeam, RotateKey, Secret, teamLabel } from "../components/KeyDialogs.tsx";
import { KeyForm, TeamForm } from "../components/KeyForms.tsx";
import { KeyTable, TeamTable } from "../components/KeyTables.tsx";
import { PageHead } from "../components/Parts.tsx";
import { Fetched, LoadMore } from "../components/Table.tsx";

const route = getRouteApi("/keys");

/** What stands in the dialog. */
type Asked =
	| { readonly of: "key"; readonly kind: string; readonly record: KeyView | null }
	| { readonly of: "team"; readonly kind: string; readonly record: TeamView | null }
	| { readonly of: "secret"; readonly made: NewKey };

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
	const keysOf = (team: TeamView): number => all.filter(({ team_id }) => team_id === team.team_id).length;
	return (
		<div className="page">
			<PageHead title="Keys and teams" note="Clients use virtual keys; providers' credentials stay in the gateway.">
				{mayChange && (
					<>
						<button type="button" className="button" onClick={() => ask({ of: "team", kind: "edit", record: null })}>
							<Icon name="plus" /> New team
						</button>
						<button
							type="button"
							className="button primary"
							onClick={() => ask({ of: "key", kind: "edit", record: null })}
						>
							<Icon name="plus" /> New key
						</button>
					</>
				)}
			</PageHead>
			{(all.length > 0 || search.q !== undefined || search.team !== undefined) && (
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
						choices={teamList.map((team) => ({ value: team.team_id, label: teamLabel(team) }))}
						onChange={(team) => void navigate({ search: (before) => ({ ...before, team }), replace: true })}
					/>
				</search>
			)}
			<Fetched query={keys}>
				{() =>
					shown.length === 0 ? (
						<NoKeys any={all.length > 0} mayChange={mayChange} />
					) : (
						<KeyTable
							keys={shown}
							teams={teamList}
							ask={mayChange ? (kind, record) => ask({ of: "key", kind, record }) : null}
						/>
					)
				}
			</Fetched>
			<LoadMore query={keys} label="Load more keys" />
			{teamList.length > 0 && (
				<TeamTable
					teams={teamList}
					keysOf={keysOf}
					ask={mayChange ? (kind, record) => ask({ of: "team", kind, record }) : null}
				/>
			)}
			<dialog ref={dialog} className="dialog" aria-label="Keys" onClose={() => setAsked(null)}>
				{asked !== null && (
					<Content
						asked={asked}
						teams={teamList}
						keysOf={keysOf}
						onMade={(made) => ask({ of: "secret", made })}
						close={close}
					/>
				)}
			</dialog>
		</div>
	);
}

function NoKeys({ any, mayChange }: { readonly any: boolean; readonly mayChange: boolean }) {
	if (any) {
		return (
			<Empty title="No key matches">
				<p>Clear the search, or choose another team.</p>
			</Empty>
		);
	}
	return (
		<Empty title="No virtual keys yet">
			<p>
				{mayChange
					? "Make one for each person, team or CI job: its spend and its limits are its own."
					: "Ask an administrator for one."}
			</p>
		</Empty>
	);
}

function Content(about: {
	readonly asked: Asked;
	readonly teams: readonly TeamView[];
	readonly keysOf: (team: TeamView) => number;
	readonly onMade: (key: NewKey) => void;
	readonly close: () => void;
}) {
	const { asked, teams, keysOf, onMade, close } = about;
	if (asked.of === "secret") return <Secret made={asked.made} close={close} />;
	if (asked.of === "team") {
		const { kind, record } = asked;
		if (record === null || kind === "edit") return <TeamForm record={record} close={close} />;
		if (kind === "block") return <BlockTeam record={record} close={close} />;
		return <DeleteTeam record={record} keys={keysOf(record)} close={close} />;
	}
	const { kind, record } = asked;
	if (record === null || kind === "edit")
		return <KeyForm record={record} teams={teams} onMade={onMade} close={close} />;
	if (kind === "rotate") return <RotateKey record={record} onMade={onMade} close={close} />;
	return <DeleteKey record={record} close={close} />;
}

function matches(key: KeyView, text: string | undefined): boolean {
	if (text === undefined) return true;
	const sought = text.toLowerCase();
	return [key.key_alias, key.key_name, key.token, key.user_id, key.key_id].some(
		(value) => value?.toLowerCase().includes(sought) === true,
	);
}
