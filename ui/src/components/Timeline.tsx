// A conversation drawn turn by turn: what was read, written and uncached, on which deployment, with gaps and moves. One track per agent.
import { useEffect, useRef, useState } from "react";
import { promptTokens } from "../cache.ts";
import { useDeploymentColour } from "../colours.ts";
import { clock, dollars, duration, hourOf, shortId, tokens } from "../format.ts";
import type { Bar, Timeline as Layout, Sign } from "../timeline.ts";
import { MISSES } from "../words.ts";
import { cacheTitle } from "./CacheBar.tsx";

const WIDEST_COLUMN = 26;
const NARROWEST_COLUMN = 13;
/** Share of a column that its bar fills. */
const FILLED = 0.7;
const TRACK = 152;
/** For long gaps' names, above all tracks. */
const HEAD = 24;
const NAME = 18;
const TALLEST = 96;
const FOOT = 6;
const LEFT = 52;
const RIGHT = 8;
const CLOCK_EVERY = 110;

const SIGNS: Readonly<Record<Sign, { readonly sign: string; readonly label: string }>> = {
	diverted: { sign: "↗", label: "diverted: its home could not take it" },
	returned: { sign: "↩", label: "returned home" },
	moved: { sign: "→", label: "moved to another cache" },
	missed: { sign: "!", label: "missed: read less than was cached" },
	failed: { sign: "×", label: "failed" },
};

export function TimelineLegend() {
	return (
		<ul className="legend">
			{Object.entries(SIGNS).map(([name, { sign, label }]) => (
				<li key={name}>
					<span className={`sign ${name}`}>{sign}</span> {label}
				</li>
			))}
			<li>
				<span className="sign gap">┊</span> two minutes of silence or more
			</li>
		</ul>
	);
}

interface TimelineProps {
	readonly layout: Layout;
	readonly opened: string | undefined;
	readonly open: (id: string) => void;
}

export function Timeline({ layout, opened, open }: TimelineProps) {
	const { tracks, bars, gaps, columns, most } = layout;
	const box = useRef<HTMLElement>(null);
	const [room, setRoom] = useState(900);
	useEffect(() => {
		const element = box.current;
		if (element === null) return;
		const observer = new ResizeObserver(() => setRoom(element.clientWidth));
		observer.observe(element);
		return () => observer.disconnect();
	}, []);
	const fitting = Math.floor((room - LEFT - RIGHT) / Math.max(1, columns));
	const column = Math.max(NARROWEST_COLUMN, Math.min(WIDEST_COLUMN, fitting));
	const width = LEFT + columns * column + RIGHT;
	const height = HEAD + tracks.length * TRACK + 16;
	useEffect(() => {
		// The latest turns first, where not all fit.
		if (box.current !== null && width > room) box.current.scrollLeft = width;
	}, [width, room]);
	const every = Math.max(1, Math.round(CLOCK_EVERY / column));
	return (
		<section ref={box} className="timeline" aria-label="Turns of the conversation">
			<svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-label={`${columns} turns`}>
				{tracks.map((agent, track) => {
					const base = baseOf(track);
					return (
						<g key={agent ?? "main"}>
							<text x={0} y={base - TALLEST - NAME} className="track-name">
								{agent === null ? "Main" : `Subagent ${shortId(agent)}`}
							</text>
							<line x1={LEFT} x2={width} y1={base - TALLEST} y2={base - TALLEST} className="grid" />
							<line x1={LEFT} x2={width} y1={base - TALLEST / 2} y2={base - TALLEST / 2} className="grid" />
							<line x1={LEFT} x2={width} y1={base} y2={base} className="base" />
							<text x={LEFT - 6} y={base - TALLEST + 4} className="scale">
								{tokens(most)}
							</text>
							<text x={LEFT - 6} y={base - TALLEST / 2 + 4} className="scale">
								{tokens(most / 2)}
							</text>
						</g>
					);
				})}
				{gaps.map((gap) => {
					const x = LEFT + gap.column * column;
					return (
						<g key={gap.column} className={gap.expired ? "gap expired" : "gap"}>
							<title>{`${duration(gap.ms)} of silence`}</title>
							<line x1={x} x2={x} y1={gap.isLong ? 18 : HEAD + 4} y2={height - 18} />
							{gap.isLong && (
								<text x={x} y={12}>
									{duration(gap.ms)}
									{gap.expired ? ", expired" : ""}
								</text>
							)}
						</g>
					);
				})}
				{bars.map((bar) => (
					<TurnBar
						key={bar.turn.id}
						bar={bar}
						most={most}
						column={column}
						isOpen={bar.turn.id === opened}
						open={open}
					/>
				))}
				{bars
					.filter((bar) => bar.column % every === 0 && (columns - bar.column) * column > 30)
					.map((bar) => (
						<text key={bar.turn.id} x={LEFT + bar.column * column} y={height - 3}>
							{hourOf(bar.turn.started_at)}
						</text>
					))}
			</svg>
		</section>
	);
}

function baseOf(track: number): number {
	return HEAD + track * TRACK + NAME + TALLEST + 14;
}

interface TurnBarProps {
	readonly bar: Bar;
	readonly most: number;
	readonly column: number;
	readonly isOpen: boolean;
	readonly open: (id: string) => void;
}

function TurnBar({ bar, most, column, isOpen, open }: TurnBarProps) {
	const colour = useDeploymentColour();
	const { turn, cacheOutcome, signs, track } = bar;
	const width = Math.round(column * FILLED);
	const left = LEFT + bar.column * column;
	const x = left + (column - width) / 2;
	const base = baseOf(track);
	const scale = TALLEST / most;
	const parts: { readonly outcome: string; readonly y: number; readonly height: number }[] = [];
	let top = base;
	for (const outcome of ["read", "written", "uncached"] as const) {
		const height = (cacheOutcome?.[outcome] ?? 0) * scale;
		top -= height;
		if (height > 0) parts.push({ outcome, y: top, height: Math.max(0.75, height) });
	}
	const tallest = cacheOutcome === null ? 0 : promptTokens(cacheOutcome) * scale;
	const label = labelOf(bar);
	return (
		// biome-ignore lint/a11y/useSemanticElements: svg has no button
		<g
			className={isOpen ? "turn opened" : "turn"}
			role="button"
			tabIndex={0}
			aria-label={label}
			data-turn={turn.id}
			data-deployment={turn.model_id ?? ""}
			data-signs={signs.join(" ")}
			onClick={() => open(turn.id)}
			onKeyDown={(event) => {
				if (event.key !== "Enter" && event.key !== " ") return;
				event.preventDefault();
				open(turn.id);
			}}
		>
			<title>{label}</title>
			<rect x={left} y={base - TALLEST - 14} width={column} height={TALLEST + 14 + FOOT + 6} className="turn-area" />
			{parts.map(({ outcome, y, height }) => (
				<rect key={outcome} x={x} y={y} width={width} height={height} className={`cache-outcome-${outcome}`} />
			))}
			<rect
				x={x}
				y={base + 3}
				width={width}
				height={FOOT}
				rx={2}
				style={{ fill: turn.model_id === null ? "var(--line-strong)" : `var(${colour(turn.model_id)})` }}
			/>
			{signs.map((sign, at) => (
				<text key={sign} x={left + column / 2} y={base - tallest - 5 - at * 13} className={`turn-sign ${sign}`}>
					{SIGNS[sign].sign}
				</text>
			))}
		</g>
	);
}

function labelOf({ turn, cacheOutcome, signs }: Bar): string {
	const events = signs.map((sign) => {
		if (sign === "missed" && turn.miss_cause !== null)
			return `missed: ${MISSES[turn.miss_cause]?.label ?? turn.miss_cause}`;
		return SIGNS[sign].label;
	});
	return [
		clock(turn.started_at),
		turn.model_id ?? "not routed",
		cacheOutcome === null ? turn.outcome : cacheTitle(cacheOutcome),
		dollars(turn.cost),
		...events,
	].join(" · ");
}
