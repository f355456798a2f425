// Fields of forms, and what was changed in them. Leaves which fields a form has, and what they mean, to the forms.
import { type ReactNode, useId } from "react";
import { Failed } from "./Failure.tsx";

/** What stands in a form: the text of each field by the API's name; absent and "" = not set. */
export type Texts = Readonly<Record<string, string>>;

/** A form's content that cannot be sent, in words for its user. */
class FormError extends Error {}

const NUMBERS = ["max_budget", "soft_budget", "rpm_limit", "tpm_limit", "max_parallel_requests"];
const LISTS = ["models", "tags", "allowed_domains"];

/** The text that a value of the API stands as in a form. */
export function textOf(value: unknown): string {
	if (value === null || value === undefined) return "";
	if (Array.isArray(value)) return value.join(", ");
	if (typeof value === "object") return Object.keys(value).length === 0 ? "" : JSON.stringify(value, null, 2);
	return String(value);
}

/** The fields whose text differs from `before`, as the API takes them: emptied ones are null. Throws FormError, in words for people. */
export function changesOf<Changes extends object>(form: HTMLFormElement, before: Texts): Changes {
	const changes: Record<string, unknown> = {};
	for (const [name, raw] of new FormData(form)) {
		const text = String(raw).trim();
		if (text !== (before[name] ?? "").trim()) changes[name] = text === "" ? null : parsedOf(name, text);
	}
	return changes as Changes;
}

function parsedOf(name: string, text: string): unknown {
	if (NUMBERS.includes(name)) return Number(text);
	if (name === "metadata") return objectOf(text);
	if (!LISTS.includes(name)) return text;
	const items = text.split(",").map((item) => item.trim());
	return items.filter((item) => item !== "");
}

function objectOf(text: string): unknown {
	try {
		const value: unknown = JSON.parse(text);
		if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
	} catch {}
	throw new FormError('Metadata must be a JSON object, such as {"cost_center": "42"}.');
}

interface FieldProps {
	readonly label: string;
	/** The API's name. */
	readonly name: string;
	readonly texts: Texts;
	readonly hint?: string;
}

function Field({
	label,
	hint,
	children,
}: Pick<FieldProps, "label" | "hint"> & {
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

export function TextField(
	about: FieldProps & { readonly placeholder?: string; readonly required?: boolean; readonly lines?: number },
) {
	const { name, texts, placeholder, required = false, lines = 1 } = about;
	const common = { name, placeholder, required, defaultValue: texts[name] ?? "", autoComplete: "off" };
	return (
		<Field {...about}>
			{(ids) =>
				lines > 1 ? (
					<textarea {...ids} {...common} rows={lines} spellCheck={false} />
				) : (
					<input {...ids} {...common} maxLength={name.endsWith("_alias") ? 256 : undefined} />
				)
			}
		</Field>
	);
}

export function NumberField(about: FieldProps & { readonly placeholder: string; readonly dollars?: boolean }) {
	const { name, texts, placeholder, dollars = false } = about;
	return (
		<Field {...about}>
			{(ids) => (
				<input
					{...ids}
					name={name}
					type="number"
					min="0"
					step={dollars ? "any" : "1"}
					inputMode={dollars ? "decimal" : "numeric"}
					placeholder={placeholder}
					defaultValue={texts[name] ?? ""}
				/>
			)}
		</Field>
	);
}

export type Choices = readonly (readonly [value: string, label: string])[];

export function ChoiceField(about: FieldProps & { readonly choices: Choices }) {
	const { name, texts, choices } = about;
	const value = texts[name] ?? "";
	const known = choices.some(([choice]) => choice === value);
	return (
		<Field {...about}>
			{(ids) => (
				<select {...ids} name={name} defaultValue={value}>
					{(known ? choices : [...choices, [value, value] as const]).map(([choice, label]) => (
						<option key={choice} value={choice}>
							{label}
						</option>
					))}
				</select>
			)}
		</Field>
	);
}

/** The end of a form: what went wrong, and its two buttons. */
export function FormFoot(about: {
	readonly pending: boolean;
	readonly error: Error | null;
	readonly close: () => void;
	readonly label: string;
	readonly tone?: "primary" | "danger solid";
	readonly disabled?: boolean;
}) {
	const { pending, error, close, label, tone = "primary", disabled = false } = about;
	return (
		<>
			{error !== null && <Failed error={error} />}
			<div className="dialog-actions">
				<button type="button" className="button" onClick={close}>
					Cancel
				</button>
				<button type="submit" className={`button ${tone}`} disabled={pending || disabled}>
					{pending ? "One moment…" : label}
				</button>
			</div>
		</>
	);
}
