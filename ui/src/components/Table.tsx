// What tables share: heads, cells with figures, and the button for earlier rows. Leaves which columns there are to the pages.
import type { ReactNode } from "react";
import { type CacheOutcome, hitShare } from "../cache.ts";
import { dollars, exactDollars, exactSum, type KnownSum, percent, sumOfDollars } from "../format.ts";
import { CacheBar, CacheLegend } from "./CacheBar.tsx";
import { Failed, Loading } from "./Failure.tsx";

/** A column: its name, and whether it holds figures, and stands only where there is room. */
export type Column = readonly [name: string, ...kinds: ("number" | "wide-only" | "keep" | "hidden")[]];

/** A table that scrolls sideways where it must. */
export function Table({
	columns,
	className = "table",
	children,
}: {
	readonly columns: readonly Column[];
	readonly className?: string;
	readonly children: ReactNode;
}) {
	return (
		<div className="scroll">
			<table className={className}>
				<thead>
					<tr>
						{columns.map(([name, ...kinds]) => (
							<th key={name} scope="col" className={kinds.filter((kind) => kind !== "hidden").join(" ") || undefined}>
								{kinds.includes("hidden") ? <span className="hidden">{name}</span> : name}
							</th>
						))}
					</tr>
				</thead>
				<tbody>{children}</tbody>
			</table>
		</div>
	);
}

/** The last column of tables whose rows have buttons. */
export const ACTIONS: Column = ["Actions", "hidden"];

export function BarCell({
	cacheOutcome,
	children,
}: {
	readonly cacheOutcome: CacheOutcome | null;
	readonly children?: ReactNode;
}) {
	return (
		<td className="bar-cell">
			<CacheBar cacheOutcome={cacheOutcome} />
			{children}
		</td>
	);
}

export function HitCell({
	cacheOutcome,
	digits = 0,
}: {
	readonly cacheOutcome: CacheOutcome | null;
	readonly digits?: number;
}) {
	return (
		<td className="number" title={percent(hitShare(cacheOutcome), 2)}>
			{percent(hitShare(cacheOutcome), digits)}
		</td>
	);
}

/** Dollars; with `wide` only where there is room. What was saved is bad where it was lost. */
export function DollarCell(about: {
	readonly value: number | null;
	readonly wide?: boolean;
	readonly saved?: boolean;
}) {
	const { value, wide = false, saved = false } = about;
	const isLoss = saved && value !== null && value < 0;
	return (
		<td className={`number${wide ? " wide-only" : ""}${isLoss ? " bad" : ""}`} title={exactDollars(value)}>
			{dollars(value)}
		</td>
	);
}

/** A sum that may leave requests out because their cost is unknown. */
export function SumCell({ sum }: { readonly sum: KnownSum }) {
	return (
		<td className="number" title={exactSum(sum)}>
			{sumOfDollars(sum)}
		</td>
	);
}

/** Below a table: what its colours mean, how much of it there is, and the button for more. */
export function TableFoot({
	query,
	more,
	children,
}: {
	readonly query: MoreRows;
	readonly more: string;
	readonly children?: ReactNode;
}) {
	return (
		<footer className="table-foot">
			<CacheLegend />
			{children}
			<LoadMore query={query} label={more} />
		</footer>
	);
}

/** The part of a paged query that brings more of it. */
interface MoreRows {
	readonly hasNextPage: boolean;
	readonly isFetchingNextPage: boolean;
	fetchNextPage(): Promise<unknown>;
}

export function LoadMore({ query, label }: { readonly query: MoreRows; readonly label: string }) {
	if (!query.hasNextPage) return null;
	return (
		<button
			type="button"
			className="button"
			disabled={query.isFetchingNextPage}
			onClick={() => void query.fetchNextPage()}
		>
			{query.isFetchingNextPage ? "Loading…" : label}
		</button>
	);
}

/** `children` of what was asked for. Until it is there a placeholder; where asking failed the error is shown, above what was known before. */
export function Fetched<Data>(about: {
	readonly query: {
		readonly data: Data | undefined;
		readonly error: Error | null;
		refetch(): Promise<unknown>;
	};
	readonly lines?: number;
	readonly children: (data: Data) => ReactNode;
}) {
	const { query, lines = 6, children } = about;
	const { data, error } = query;
	return (
		<>
			{error !== null && <Failed error={error} retry={() => void query.refetch()} />}
			{data !== undefined ? children(data) : error === null && <Loading lines={lines} />}
		</>
	);
}
