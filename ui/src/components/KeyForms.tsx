// Forms that make a key or a team. Leaves what a limit means to the gateway.
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId } from "react";
import { post, queryClient } from "../api/client.ts";
import { connectQuery } from "../api/queries.ts";
import type { NewKey, TeamRecord } from "../api/types.ts";
import { Failed } from "./Failure.tsx";

const SPANS = [
	["", "for ever"],
	["24h", "a day"],
	["7d", "a week"],
	["30d", "30 days"],
	["1mo", "a month"],
] as const;

const LIFETIMES = [
	["", "never"],
	["24h", "in a day"],
	["30d", "in 30 days"],
	["90d", "in 90 days"],
	["365d", "in a year"],
] as const;

function Field({
	label,
	hint,
	children,
}: {
	readonly label: string;
	readonly hint?: string;
	readonly children: (ids: { id: string; "aria-describedby"?: string }) => ReactNode;
}) {
	const id = useId();
	return (
		<div className="field">
			<label htmlFor={id}>{label}</label>
			{children(hint === undefined ? { id } : { id, "aria-describedby": `${id}-hint` })}
			{hint !== undefined && (
				<small id={`${id}-hint`} className="hint">
					{hint}
				</small>
			)}
		</div>
	);
}

function Limits() {
	return (
		<>
			<div className="field-row">
				<Field label="Budget, $">
					{(ids) => (
						<input {...ids} name="max_budget" type="number" min="0" step="any" placeholder="none" inputMode="decimal" />
					)}
				</Field>
				<Field label="Budget is for">
					{(ids) => (
						<select {...ids} name="budget_duration">
							{SPANS.map(([value, label]) => (
								<option key={value} value={value}>
									{label}
								</option>
							))}
						</select>
					)}
				</Field>
			</div>
			<div className="field-row">
				<Field label="Requests per minute">
					{(ids) => (
						<input
							{...ids}
							name="rpm_limit"
							type="number"
							min="0"
							step="1"
							placeholder="unlimited"
							inputMode="numeric"
						/>
					)}
				</Field>
				<Field label="Tokens per minute">
					{(ids) => (
						<input
							{...ids}
							name="tpm_limit"
							type="number"
							min="0"
							step="1"
							placeholder="unlimited"
							inputMode="numeric"
						/>
					)}
				</Field>
			</div>
		</>
	);
}

/** Fields that were filled in: numbers as numbers, lists at their commas. */
function filled(form: HTMLFormElement): Record<string, unknown> {
	const fields: Record<string, unknown> = {};
	for (const [name, raw] of new FormData(form)) {
		const text = String(raw).trim();
		if (text === "") continue;
		if (name === "models")
			fields[name] = text
				.split(",")
				.map((model) => model.trim())
				.filter((model) => model !== "");
		else if (["max_budget", "rpm_limit", "tpm_limit", "max_parallel_requests"].includes(name))
			fields[name] = Number(text);
		else fields[name] = text;
	}
	return fields;
}

export function KeyForm({
	teams,
	onMade,
	close,
}: {
	readonly teams: readonly TeamRecord[];
	readonly onMade: (key: NewKey) => void;
	readonly close: () => void;
}) {
	const facts = useQuery(connectQuery).data;
	const make = useMutation({
		mutationFn: (fields: Record<string, unknown>) => post<NewKey>("/key/generate", fields),
		onSuccess: (key) => {
			void queryClient.invalidateQueries({ queryKey: ["keys"] });
			onMade(key);
		},
	});
	const submit = (event: FormEvent<HTMLFormElement>): void => {
		event.preventDefault();
		make.mutate(filled(event.currentTarget));
	};
	return (
		<form onSubmit={submit} className="form">
			<h2>New key</h2>
			<Field label="Name" hint="Shown in the log, such as the person or the job that uses it.">
				{(ids) => <input {...ids} name="key_alias" required maxLength={256} autoComplete="off" />}
			</Field>
			<div className="field-row">
				<Field label="Team">
					{(ids) => (
						<select {...ids} name="team_id">
							<option value="">none</option>
							{teams.map((team) => (
								<option key={team.team_id} value={team.team_id}>
									{team.team_alias ?? team.team_id}
								</option>
							))}
						</select>
					)}
				</Field>
				<Field label="Use">
					{(ids) => (
						<select {...ids} name="key_type" defaultValue="default">
							<option value="default">models, and its own figures here</option>
							<option value="llm_api">models only (CI, services)</option>
							<option value="read_only">reading this UI only</option>
							<option value="management">managing only</option>
						</select>
					)}
				</Field>
			</div>
			<Field
				label="Models"
				hint={`Names or patterns with *, separated by commas; empty = all. Here: ${facts?.models.map(({ name }) => name).join(", ") ?? "…"}`}
			>
				{(ids) => <input {...ids} name="models" placeholder="all" autoComplete="off" />}
			</Field>
			<Limits />
			<div className="field-row">
				<Field label="Requests at once">
					{(ids) => (
						<input
							{...ids}
							name="max_parallel_requests"
							type="number"
							min="0"
							step="1"
							placeholder="unlimited"
							inputMode="numeric"
						/>
					)}
				</Field>
				<Field label="Expires">
					{(ids) => (
						<select {...ids} name="duration">
							{LIFETIMES.map(([value, label]) => (
								<option key={value} value={value}>
									{label}
								</option>
							))}
						</select>
					)}
				</Field>
			</div>
			<Foot pending={make.isPending} error={make.error} close={close} label="Make key" />
		</form>
	);
}

export function TeamForm({ close }: { readonly close: () => void }) {
	const make = useMutation({
		mutationFn: (fields: Record<string, unknown>) => post("/team/new", fields),
		onSuccess: () => {
			void queryClient.invalidateQueries({ queryKey: ["teams"] });
			close();
		},
	});
	const submit = (event: FormEvent<HTMLFormElement>): void => {
		event.preventDefault();
		make.mutate(filled(event.currentTarget));
	};
	return (
		<form onSubmit={submit} className="form">
			<h2>New team</h2>
			<Field label="Name">
				{(ids) => <input {...ids} name="team_alias" required maxLength={256} autoComplete="off" />}
			</Field>
			<Field label="Models" hint="Names or patterns with *, separated by commas; empty = all.">
				{(ids) => <input {...ids} name="models" placeholder="all" autoComplete="off" />}
			</Field>
			<Limits />
			<Foot pending={make.isPending} error={make.error} close={close} label="Make team" />
		</form>
	);
}

function Foot({
	pending,
	error,
	close,
	label,
}: {
	readonly pending: boolean;
	readonly error: Error | null;
	readonly close: () => void;
	readonly label: string;
}) {
	return (
		<>
			{error !== null && <Failed error={error} />}
			<div className="dialog-actions">
				<button type="button" className="button" onClick={close}>
					Cancel
				</button>
				<button type="submit" className="button primary" disabled={pending}>
					{pending ? "Making…" : label}
				</button>
			</div>
		</>
	);
}
