// Small parts that pages share: figures, deployment names, status, copying, key and value.
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { useDeploymentColour } from "../colours.ts";
import { Icon } from "./Icon.tsx";

export function Stat(about: {
	readonly label: string;
	readonly value: string;
	/** The exact value, on hover. */
	readonly exact?: string;
	readonly note?: ReactNode;
	readonly tone?: "good" | "bad" | undefined;
}) {
	return (
		<div className="stat">
			<span className="stat-label">{about.label}</span>
			<span className={about.tone === undefined ? "stat-value" : `stat-value ${about.tone}`} title={about.exact}>
				{about.value}
			</span>
			{about.note !== undefined && <span className="stat-note">{about.note}</span>}
		</div>
	);
}

/** A deployment's name with its colour. */
export function DeploymentName({ id, link = false }: { readonly id: string | null; readonly link?: boolean }) {
	const colour = useDeploymentColour();
	if (id === null || id === "") return <span className="muted">–</span>;
	const name = (
		<>
			<span className="dot" style={{ background: `var(${colour(id)})` }} />
			<span className="deployment-id">{id}</span>
		</>
	);
	return link ? (
		<Link to="/logs" search={{ model_id: id }} className="deployment" title={`Requests of ${id}`}>
			{name}
		</Link>
	) : (
		<span className="deployment" title={id}>
			{name}
		</span>
	);
}

export function Status({ status, outcome }: { readonly status: number; readonly outcome: string }) {
	const tone = outcome === "aborted" ? "warn" : status >= 400 || outcome === "broke" ? "bad" : "good";
	return (
		<span className={`status ${tone}`} title={outcome}>
			{status}
		</span>
	);
}

export function Badge({
	tone,
	children,
	title,
}: {
	readonly tone?: "good" | "bad" | "warn" | "accent";
	readonly children: ReactNode;
	readonly title?: string;
}) {
	return (
		<span className={tone === undefined ? "badge" : `badge ${tone}`} title={title}>
			{children}
		</span>
	);
}

const COPIED_MS = 1_500;

export function CopyButton({ text, label = "Copy" }: { readonly text: string; readonly label?: string }) {
	const [copied, setCopied] = useState(false);
	useEffect(() => {
		if (!copied) return;
		const timer = setTimeout(() => setCopied(false), COPIED_MS);
		return () => clearTimeout(timer);
	}, [copied]);
	return (
		<button
			type="button"
			className="quiet icon-only copy"
			aria-label={copied ? "Copied" : label}
			title={copied ? "Copied" : label}
			onClick={() => void copy(text).then(() => setCopied(true))}
		>
			<Icon name={copied ? "check" : "copy"} />
		</button>
	);
}

/** The clipboard API is there only on https and loopback. */
async function copy(text: string): Promise<void> {
	if (navigator.clipboard !== undefined) {
		await navigator.clipboard.writeText(text);
		return;
	}
	const field = document.createElement("textarea");
	field.value = text;
	document.body.append(field);
	field.select();
	document.execCommand("copy");
	field.remove();
}

export function CopyLine({ label, text }: { readonly label: string; readonly text: string }) {
	return (
		<div className="copy-line">
			<span className="copy-label">{label}</span>
			<code title={text}>{text}</code>
			<CopyButton text={text} label={`Copy ${label}`} />
		</div>
	);
}

/** A block of text to copy. */
export function CopyBlock({ text, label }: { readonly text: string; readonly label: string }) {
	return (
		<div className="copy-block">
			<section aria-label={label}>
				{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
				<pre tabIndex={0}>{text}</pre>
			</section>
			<CopyButton text={text} label={`Copy ${label}`} />
		</div>
	);
}

export function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode, (string | undefined)?])[] }) {
	return (
		<dl className="facts">
			{rows.map(([name, value, exact]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd title={exact}>{value}</dd>
				</div>
			))}
		</dl>
	);
}

export function PageHead({
	title,
	note,
	children,
}: {
	readonly title: string;
	readonly note?: ReactNode;
	readonly children?: ReactNode;
}) {
	useEffect(() => {
		document.title = `${title} · Warmpath`;
	}, [title]);
	return (
		<header className="page-head">
			<div>
				<h1>{title}</h1>
				{note !== undefined && <p className="muted">{note}</p>}
			</div>
			{children !== undefined && <div className="page-tools">{children}</div>}
		</header>
	);
}
