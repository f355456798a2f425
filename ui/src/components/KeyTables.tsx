// The tables of keys and of teams: what they may do, how much of it is used, and what can be done with them.
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { KeyView, TeamView } from "../../../src/admin/contract/records.ts";
import { post } from "../api/client.ts";
import { count, dollars, exactDollars, exactSum, exactTime, relative, sumOfDollars, unpricedNote } from "../format.ts";
import { forgetRecords, keyLabel, teamLabel } from "./KeyDialogs.tsx";
import { Badge } from "./Parts.tsx";
import { ACTIONS, type Column, Table } from "./Table.tsx";

/** What can be asked for of a record; the page answers with a dialog. */
export type Ask<Record> = (kind: "edit" | "rotate" | "delete" | "block", record: Record) => void;

const KEY_COLUMNS: readonly Column[] = [
	["Key"],
	["Team", "wide-only"],
	["Models", "wide-only"],
	["Spend and budget"],
	["Limits", "wide-only"],
	["Expires", "wide-only"],
	["State"],
];
const TEAM_COLUMNS: readonly Column[] = [
	["Team"],
	["Keys", "number"],
	["Members", "number", "wide-only"],
	["Models", "wide-only"],
	["Spend and budget"],
	["Limits", "wide-only"],
	["State"],
];

function tableOf(columns: readonly Column[], acts: boolean) {
	if (!acts) return { columns };
	const shown = columns.filter(([, ...kinds]) => !kinds.includes("wide-only")).length;
	return { columns: [...columns, ACTIONS], className: `table with-actions${shown === 4 ? " four" : ""}` };
}

export function KeyTable(about: {
	readonly keys: readonly KeyView[];
	readonly teams: readonly TeamView[];
	/** null = may only look. */
	readonly ask: Ask<KeyView> | null;
}) {
	const { keys, teams, ask } = about;
	return (
		<Table {...tableOf(KEY_COLUMNS, ask !== null)}>
			{keys.map((key) => (
				<tr key={key.token} data-key={keyLabel(key)}>
					<td>
						<Link to="/logs" search={{ key: key.token }} title={`Requests of ${key.token}`}>
							{keyLabel(key)}
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
					<Models of={key} />
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
		</Table>
	);
}

function KeyActions({ record, ask }: { readonly record: KeyView; readonly ask: Ask<KeyView> }) {
	const block = useMutation({
		mutationFn: () => post(record.blocked ? "/key/unblock" : "/key/block", { body: { key: record.token } }),
		onSuccess: forgetRecords,
	});
	const name = keyLabel(record);
	return (
		<>
			<Act verb="Edit" name={name} onClick={() => ask("edit", record)} />
			<Act
				verb={record.blocked ? "Unblock" : "Block"}
				name={name}
				disabled={block.isPending}
				onClick={() => block.mutate()}
			/>
			<Act verb="Rotate" name={name} onClick={() => ask("rotate", record)} />
			<Act verb="Delete" name={name} danger onClick={() => ask("delete", record)} />
			{block.isError && <small className="bad block">{block.error.message}</small>}
		</>
	);
}

export function TeamTable(about: {
	readonly teams: readonly TeamView[];
	readonly keysOf: (team: TeamView) => number;
	readonly ask: Ask<TeamView> | null;
}) {
	const { teams, keysOf, ask } = about;
	return (
		<section className="card">
			<h2>Teams</h2>
			<Table {...tableOf(TEAM_COLUMNS, ask !== null)}>
				{teams.map((team) => (
					<tr key={team.team_id} data-team={teamLabel(team)}>
						<td>
							<Link to="/keys" search={{ team: team.team_id }} title={`Keys of ${team.team_id}`}>
								{teamLabel(team)}
							</Link>
						</td>
						<td className="number">{count(keysOf(team))}</td>
						<td className="number wide-only">{count(team.members_with_roles.length)}</td>
						<Models of={team} />
						<td>
							<Budget holder={team} />
						</td>
						<td className="wide-only">{limitsOf(team)}</td>
						<td>{stateOf(team)}</td>
						{ask !== null && (
							<td className="row-actions">
								<TeamActions record={team} ask={ask} />
							</td>
						)}
					</tr>
				))}
			</Table>
		</section>
	);
}

function TeamActions({ record, ask }: { readonly record: TeamView; readonly ask: Ask<TeamView> }) {
	const unblock = useMutation({
		mutationFn: () => post("/team/unblock", { body: { team_id: record.team_id } }),
		onSuccess: forgetRecords,
	});
	const name = `team ${teamLabel(record)}`;
	return (
		<>
			<Act verb="Edit" name={name} onClick={() => ask("edit", record)} />
			{record.blocked ? (
				<Act verb="Unblock" name={name} disabled={unblock.isPending} onClick={() => unblock.mutate()} />
			) : (
				<Act verb="Block" name={name} onClick={() => ask("block", record)} />
			)}
			<Act verb="Delete" name={name} danger onClick={() => ask("delete", record)} />
			{unblock.isError && <small className="bad block">{unblock.error.message}</small>}
		</>
	);
}

function Act(about: {
	readonly verb: string;
	readonly name: string;
	readonly onClick: () => void;
	readonly danger?: boolean;
	readonly disabled?: boolean;
}) {
	return (
		<button
			type="button"
			className={about.danger === true ? "button small danger" : "button small"}
			disabled={about.disabled}
			onClick={about.onClick}
			aria-label={`${about.verb} ${about.name}`}
		>
			{about.verb}
		</button>
	);
}

function Models({ of: { models } }: { readonly of: Pick<KeyView, "models"> }) {
	return (
		<td className="wide-only cut" title={models.join(", ")}>
			{models.length === 0 ? "all" : models.join(", ")}
		</td>
	);
}

function stateOf(holder: { readonly blocked: boolean; readonly expires?: string | null }): ReactNode {
	if (holder.blocked) return <Badge tone="bad">blocked</Badge>;
	if (holder.expires != null && Date.parse(holder.expires) <= Date.now()) return <Badge tone="warn">expired</Badge>;
	return <Badge tone="good">active</Badge>;
}

type Holder = Pick<
	KeyView,
	"spend" | "unpriced_requests" | "max_budget" | "soft_budget" | "budget_duration" | "budget_reset_at"
>;

function Budget({ holder }: { readonly holder: Holder }) {
	const { spend, max_budget: most, soft_budget: soft, budget_duration: span, budget_reset_at: reset } = holder;
	const sum = { cost: spend, unpriced: holder.unpriced_requests };
	if (most === null) return <span title={exactSum(sum)}>{sumOfDollars(sum)}</span>;
	const parts = [
		`${exactDollars(spend)} of ${exactDollars(most)}`,
		sum.unpriced === 0 ? null : unpricedNote(sum.unpriced),
		soft === null ? null : `warns at ${dollars(soft)}`,
		reset === null ? null : `starts anew ${relative(Date.parse(reset))}`,
	];
	const exact = parts.filter((part) => part !== null).join(", ");
	return (
		<span className="budget" title={exact}>
			<span>
				{sum.unpriced === 0 ? dollars(spend) : `${dollars(spend)} + ?`} of {dollars(most)}
				{span !== null && ` / ${span}`}
			</span>
			<meter
				min={0}
				max={Math.max(most, 1e-9)}
				high={Math.min(soft ?? most * 0.8, most)}
				optimum={0}
				value={Math.min(spend, most)}
				aria-label={exact}
			/>
		</span>
	);
}

type Limited = Pick<KeyView, "rpm_limit" | "tpm_limit" | "max_parallel_requests" | "allowed_domains">;

function limitsOf(about: Limited): ReactNode {
	const { rpm_limit: rpm, tpm_limit: tpm, max_parallel_requests: parallel, allowed_domains: domains } = about;
	const parts = [
		rpm === null ? null : `${count(rpm)} req/min`,
		tpm === null ? null : `${count(tpm)} tok/min`,
		parallel === null ? null : `${count(parallel)} at once`,
		domains.length === 0 ? null : `${domains.length} cache domain${domains.length === 1 ? "" : "s"}`,
	].filter((part) => part !== null);
	return parts.length === 0 ? <span className="muted">none</span> : parts.join(", ");
}
