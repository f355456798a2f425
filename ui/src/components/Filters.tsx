// Fields that filter a page. What they hold stands in the URL; they only show and change it.
import { useEffect, useState } from "react";
import { RANGES, type Range } from "../search.ts";
import { Icon } from "./Icon.tsx";

/** What is typed applies after a short pause. */
const PAUSE_MS = 250;

export function SearchField(about: {
	readonly label: string;
	readonly placeholder: string;
	readonly value: string;
	readonly onChange: (value: string) => void;
	/** The field that / goes to. */
	readonly main?: boolean;
	readonly options?: readonly string[];
}) {
	const { value, onChange } = about;
	const [text, setText] = useState(value);
	const list = `list-${about.label.replaceAll(/\W+/g, "-").toLowerCase()}`;
	useEffect(() => setText(value), [value]);
	useEffect(() => {
		if (text === value) return;
		const timer = setTimeout(() => onChange(text.trim()), PAUSE_MS);
		return () => clearTimeout(timer);
	}, [text, value, onChange]);
	return (
		<label className="search-field">
			<Icon name="search" />
			<span className="hidden">{about.label}</span>
			<input
				type="search"
				placeholder={about.placeholder}
				value={text}
				onChange={(event) => setText(event.target.value)}
				onKeyDown={(event) => {
					if (event.key === "Escape") event.currentTarget.blur();
				}}
				{...(about.main === true ? { "data-search": "" } : {})}
				{...(about.options === undefined ? {} : { list })}
			/>
			{about.options !== undefined && (
				<datalist id={list}>
					{about.options.map((option) => (
						<option key={option} value={option} />
					))}
				</datalist>
			)}
		</label>
	);
}

export interface Choice {
	readonly value: string;
	readonly label: string;
}

export function Select(about: {
	readonly label: string;
	/** What "" stands for. */
	readonly any: string;
	readonly value: string;
	readonly choices: readonly Choice[];
	readonly onChange: (value: string) => void;
}) {
	const known = about.value === "" || about.choices.some(({ value }) => value === about.value);
	const choices = known ? about.choices : [...about.choices, { value: about.value, label: about.value }];
	return (
		<label className="select">
			<span className="hidden">{about.label}</span>
			<select
				value={about.value}
				onChange={(event) => about.onChange(event.target.value)}
				className={about.value === "" ? "" : "set"}
			>
				<option value="">{about.any}</option>
				{choices.map(({ value, label }) => (
					<option key={value} value={value}>
						{label}
					</option>
				))}
			</select>
		</label>
	);
}

export function RangeChoice({ value, onChange }: { readonly value: Range; readonly onChange: (range: Range) => void }) {
	return (
		<fieldset className="segments">
			<legend className="hidden">Time range</legend>
			{(Object.keys(RANGES) as Range[]).map((range) => (
				<label key={range}>
					<input type="radio" name="range" value={range} checked={value === range} onChange={() => onChange(range)} />
					<span>{range}</span>
				</label>
			))}
		</fieldset>
	);
}
