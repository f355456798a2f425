// Forms that make or change a key or a team. Leaves what a limit means to the gateway.

import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { BodyFor } from "../../../src/admin/contract/index.ts";
import type { KeyView, NewKey, TeamView } from "../../../src/admin/contract/records.ts";
import { post, queryClient } from "../api/client.ts";
import { connectQuery } from "../api/queries.ts";
import { relative } from "../format.ts";
import {
	ChoiceField,
	type Choices,
	changesOf,
	FormFoot,
	NumberField,
	TextField,
	type Texts,
	textOf,
} from "./FormFields.tsx";

const SPANS: Choices = [
	["", "for ever"],
	["24h", "a day"],
	["7d", "a week"],
	["30d", "30 days"],
	["1mo", "a month"],
];

const LIFETIMES: Choices = [
	["24h", "in a day"],
	["30d", "in 30 days"],
	["90d", "in 90 days"],
	["365d", "in a year"],
];

const USES: Choices = [
	["default", "models, and its own figures here"],
	["llm_api", "models only (CI, services)"],
	["read_only", "reading this UI only"],
	["management", "managing only"],
];

/** What both keys and teams can be held to. */
const LIMITS = [
	"max_budget",
	"budget_duration",
	"soft_budget",
	"rpm_limit",
	"tpm_limit",
	"max_parallel_requests",
	"models",
	"tags",
	"allowed_domains",
	"metadata",
] as const;
const MORE = ["soft_budget", "tags", "allowed_domains", "metadata"] as const;

function textsOf<Name extends string>(record: Readonly<Record<Name, unknown>>, names: readonly Name[]): Texts {
	return Object.fromEntries(names.map((name) => [name, textOf(record[name])]));
}

/** The form of a new key, or of `record`. */
export function KeyForm(about: {
	readonly record: KeyView | null;
	readonly teams: readonly TeamView[];
	readonly onMade: (key: NewKey) => void;
	readonly close: () => void;
}) {
	const { record, teams, onMade, close } = about;
	const texts: Texts =
		record === null ? { key_type: "default" } : textsOf(record, ["key_alias", "team_id", "key_type", ...LIMITS]);
	const save = useMutation({
		mutationFn: async (form: HTMLFormElement) => {
			const changes = changesOf<BodyFor<"POST /key/generate">>(form, texts);
			if (record !== null) return await post("/key/update", { body: { ...changes, key: record.token } });
			return await post("/key/generate", { body: { key_type: "default", ...changes } });
		},
		onSuccess: (key) => {
			void queryClient.invalidateQueries({ queryKey: ["keys"] });
			if (record === null) onMade(key);
			else close();
		},
	});
	const expires = record?.expires ?? null;
	const lifetimes: Choices = [
		["", expires === null ? "never" : `as now, ${relative(Date.parse(expires))}`],
		...(expires === null ? [] : [["-1", "never"] as const]),
		...LIFETIMES,
	];
	return (
		<Form
			title={record === null ? "New key" : `Edit ${record.key_alias ?? record.key_name}`}
			save={save}
			close={close}
			label={record === null ? "Make key" : "Save"}
		>
			<TextField
				name="key_alias"
				label="Name"
				texts={texts}
				required={record === null || record.key_alias !== null}
				hint="Shown in the log, such as the person or the job that uses it."
			/>
			<div className="field-row">
				<ChoiceField
					name="team_id"
					label="Team"
					texts={texts}
					choices={[["", "none"], ...teams.map((team) => [team.team_id, team.team_alias ?? team.team_id] as const)]}
				/>
				<ChoiceField name="key_type" label="Use" texts={texts} choices={USES} />
			</div>
			<Limits texts={texts}>
				<ChoiceField name="duration" label="Expires" texts={{}} choices={lifetimes} />
			</Limits>
		</Form>
	);
}

/** The form of a new team, or of `record`. */
export function TeamForm({ record, close }: { readonly record: TeamView | null; readonly close: () => void }) {
	const texts: Texts = record === null ? {} : textsOf(record, ["team_alias", ...LIMITS]);
	const save = useMutation({
		mutationFn: async (form: HTMLFormElement) => {
			const changes = changesOf<BodyFor<"POST /team/new">>(form, texts);
			if (record === null) await post("/team/new", { body: changes });
			else await post("/team/update", { body: { ...changes, team_id: record.team_id } });
		},
		onSuccess: () => {
			void queryClient.invalidateQueries({ queryKey: ["teams"] });
			close();
		},
	});
	return (
		<Form
			title={record === null ? "New team" : `Edit ${record.team_alias ?? record.team_id}`}
			save={save}
			close={close}
			label={record === null ? "Make team" : "Save"}
		>
			<TextField name="team_alias" label="Name" texts={texts} required />
			<Limits texts={texts} />
		</Form>
	);
}

interface Saving {
	readonly isPending: boolean;
	readonly error: Error | null;
	mutate(form: HTMLFormElement): void;
}

function Form(about: {
	readonly title: string;
	readonly save: Saving;
	readonly close: () => void;
	readonly label: string;
	readonly children: ReactNode;
}) {
	const { title, save, close, label, children } = about;
	return (
		<form
			className="form"
			onSubmit={(event) => {
				event.preventDefault();
				save.mutate(event.currentTarget);
			}}
		>
			<h2>{title}</h2>
			{children}
			<FormFoot pending={save.isPending} error={save.error} close={close} label={label} />
		</form>
	);
}

function Limits({ texts, children }: { readonly texts: Texts; readonly children?: ReactNode }) {
	const facts = useQuery(connectQuery).data;
	const common = { texts };
	return (
		<>
			<TextField
				{...common}
				name="models"
				label="Models"
				placeholder="all"
				hint={`Names or patterns with *, separated by commas; empty = all. Here: ${facts?.models.map(({ name }) => name).join(", ") ?? "…"}`}
			/>
			<div className="field-row">
				<NumberField {...common} name="max_budget" label="Budget, $" placeholder="none" dollars />
				<ChoiceField {...common} name="budget_duration" label="Budget is for" choices={SPANS} />
			</div>
			<div className="field-row">
				<NumberField {...common} name="rpm_limit" label="Requests per minute" placeholder="unlimited" />
				<NumberField {...common} name="tpm_limit" label="Tokens per minute" placeholder="unlimited" />
			</div>
			<div className="field-row">
				<NumberField {...common} name="max_parallel_requests" label="Requests at once" placeholder="unlimited" />
				{children}
			</div>
			<details open={MORE.some((name) => (texts[name] ?? "") !== "")}>
				<summary>Warning, tags, cache domains, metadata</summary>
				<div className="field-row">
					<NumberField {...common} name="soft_budget" label="Warn at, $" placeholder="never" dollars />
					<TextField {...common} name="tags" label="Tags" placeholder="none" hint="Separated by commas." />
				</div>
				<TextField
					{...common}
					name="allowed_domains"
					label="Cache domains"
					placeholder="all"
					hint="Confines it to deployments of these domains, separated by commas, as the Deployments page names them."
				/>
				<TextField
					{...common}
					name="metadata"
					label="Metadata"
					placeholder="{}"
					lines={3}
					hint="A JSON object of yours."
				/>
			</details>
		</>
	);
}
