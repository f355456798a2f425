// What a page shows when there is nothing to show: empty, failed, not found. Always with what to do next.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiError } from "../api/client.ts";

/** Nothing there yet: `children` say what to do. */
export function Empty({ title, children }: { readonly title: string; readonly children: ReactNode }) {
	return (
		<div className="empty">
			<h2>{title}</h2>
			<div className="empty-text">{children}</div>
		</div>
	);
}

export function Failed({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
	return (
		<div className="notice bad" role="alert">
			<strong>{error instanceof ApiError && error.status === 403 ? "Not allowed." : "That did not work."}</strong>{" "}
			{error.message}
			{retry !== undefined && (
				<button type="button" className="button small" onClick={retry}>
					Try again
				</button>
			)}
		</div>
	);
}

const LINES = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] as const;

export function Loading({ lines = 6 }: { readonly lines?: number }) {
	return (
		<div className="loading" role="status" aria-label="Loading">
			{LINES.slice(0, lines).map((line) => (
				<span key={line} className="loading-line" />
			))}
		</div>
	);
}

export function NotFound() {
	return (
		<Empty title="There is no such page">
			<p>
				<Link to="/">Go to the overview</Link>
			</p>
		</Empty>
	);
}

export function PageError({ error, reset }: { readonly error: Error; readonly reset: () => void }) {
	return (
		<div className="page">
			<Failed error={error} retry={reset} />
		</div>
	);
}
