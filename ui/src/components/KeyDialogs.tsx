// Dialogs about a key or a team that is there: its secret once, a new secret, blocking, deleting. Leaves forms to KeyForms.
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { KeyView, NewKey, TeamView } from "../../../src/admin/contract/records.ts";
import { post, queryClient } from "../api/client.ts";
import { count } from "../format.ts";
import { FormFoot } from "./FormFields.tsx";
import { CopyBlock } from "./Parts.tsx";

interface Closing {
	readonly close: () => void;
}

export function keyLabel(key: KeyView): string {
	return key.key_alias ?? key.key_name;
}

export function teamLabel(team: TeamView): string {
	return team.team_alias ?? team.team_id;
}

/** Teams take their keys with them, and count in what keys may do. */
export function forgetRecords(): void {
	void queryClient.invalidateQueries({ queryKey: ["keys"] });
	void queryClient.invalidateQueries({ queryKey: ["teams"] });
}

export function Secret({ made, close }: Closing & { readonly made: NewKey }) {
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

export function RotateKey(about: Closing & { readonly record: KeyView; readonly onMade: (key: NewKey) => void }) {
	const { record, onMade, close } = about;
	return (
		<Confirm
			title={`Rotate ${keyLabel(record)}?`}
			label="Rotate"
			act={async () => onMade(await post("/key/regenerate", { body: { key: record.token } }))}
			close={close}
		>
			It gets a new secret. The old one stops working at once; spend, limits and sessions stay.
		</Confirm>
	);
}

export function DeleteKey({ record, close }: Closing & { readonly record: KeyView }) {
	return (
		<Confirm
			title={`Delete ${keyLabel(record)}?`}
			label="Delete"
			typed={keyLabel(record)}
			act={() => post("/key/delete", { body: { keys: [record.token] } }).then(close)}
			close={close}
		>
			Whoever uses it is refused from now on. Its requests stay in the log. This cannot be undone; blocking can.
		</Confirm>
	);
}

export function BlockTeam({ record, close }: Closing & { readonly record: TeamView }) {
	return (
		<Confirm
			title={`Block ${teamLabel(record)}?`}
			label="Block"
			act={() => post("/team/block", { body: { team_id: record.team_id } }).then(close)}
			close={close}
		>
			All of its keys are refused until it is unblocked.
		</Confirm>
	);
}

export function DeleteTeam({ record, keys, close }: Closing & { readonly record: TeamView; readonly keys: number }) {
	return (
		<Confirm
			title={`Delete ${teamLabel(record)}?`}
			label="Delete"
			typed={teamLabel(record)}
			act={() => post("/team/delete", { body: { team_ids: [record.team_id] } }).then(close)}
			close={close}
		>
			{keys === 0 ? "It has no keys." : `Its ${keys === 1 ? "key is" : `${count(keys)} keys are`} deleted with it.`}{" "}
			Requests stay in the log. This cannot be undone; blocking can.
		</Confirm>
	);
}

/** Asks before `act`, which ends the dialog when it is done. With `typed`, that must be typed first. */
function Confirm(
	about: Closing & {
		readonly title: string;
		readonly label: string;
		readonly typed?: string;
		readonly act: () => Promise<unknown>;
		readonly children: ReactNode;
	},
) {
	const { title, label, typed, act, children, close } = about;
	const [text, setText] = useState("");
	const doing = useMutation({ mutationFn: act, onSuccess: forgetRecords });
	const isSure = typed === undefined || text === typed;
	return (
		<form
			onSubmit={(event) => {
				event.preventDefault();
				if (isSure) doing.mutate();
			}}
		>
			<h2>{title}</h2>
			<p>{children}</p>
			{typed !== undefined && (
				<label className="field">
					<span>
						Type <code>{typed}</code> to confirm
					</span>
					<input value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" />
				</label>
			)}
			<FormFoot
				pending={doing.isPending}
				error={doing.error}
				close={close}
				label={label}
				tone={label === "Rotate" ? "primary" : "danger solid"}
				disabled={!isSure}
			/>
		</form>
	);
}
