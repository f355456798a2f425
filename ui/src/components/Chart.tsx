// A chart over time by uPlot: lines or stacked areas, exact values on hover. Leaves what is shown to the pages.
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, day } from "../format.ts";
import { colourOf, useShownTheme } from "../theme.ts";

export interface Line {
	readonly label: string;
	/** CSS variable of its colour. */
	readonly colour: string;
	readonly values: readonly (number | null)[];
}

export interface ChartOptions {
	readonly title: string;
	/** In one sentence what is to be seen, for those who do not see it. */
	readonly summary: string;
	/** ms since epoch, ascending. */
	readonly at: readonly number[];
	readonly lines: readonly Line[];
	readonly unit: (value: number) => string;
	readonly stacked?: boolean;
	/** Top of the scale, where it is fixed. */
	readonly max?: number;
	/** What is shown, ms since epoch. */
	readonly from: number;
	readonly to: number;
}

const HEIGHT = 190;

export function Chart(options: ChartOptions) {
	const { title, summary, at, lines, unit, stacked = false, max, from, to } = options;
	const box = useRef<HTMLDivElement>(null);
	const theme = useShownTheme();
	const [hovered, setHovered] = useState<number | null>(null);
	const data = useMemo(() => plotted(at, lines, stacked), [at, lines, stacked]);
	const names = lines.map(({ label, colour }) => `${label} ${colour}`).join("|");

	const plot = useRef<uPlot | null>(null);
	const range = useRef<[number, number]>([from / 1000, to / 1000]);
	range.current = [from / 1000, to / 1000];

	// biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew only when lines or colours change
	useEffect(() => {
		const element = box.current;
		if (element === null) return;
		const text = colourOf("--muted");
		const grid = colourOf("--line");
		const axis = {
			stroke: text,
			font: "11px system-ui, sans-serif",
			ticks: { show: false },
			grid: { stroke: grid, width: 1 },
		};
		const made = new uPlot(
			{
				width: element.clientWidth,
				height: HEIGHT,
				legend: { show: false },
				padding: [8, 12, 0, 0],
				cursor: { y: false, points: { size: 6 } },
				scales: {
					x: { time: true, range: () => range.current },
					y: { range: (_, __, highest) => [0, max ?? (highest > 0 ? highest * 1.08 : 1)] },
				},
				axes: [
					{
						...axis,
						grid: { show: false },
						size: 28,
						values: (_, ticks) => ticks.map((tick) => tickText(tick * 1000, range.current)),
					},
					{ ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => unit(tick)) },
				],
				series: [
					{},
					...lines.map(({ label, colour }) => {
						const stroke = colourOf(colour);
						return {
							label,
							stroke,
							width: stacked ? 1 : 2,
							spanGaps: false,
							points: { show: !stacked, size: 4, fill: stroke, stroke },
							...(stacked ? { fill: stroke } : {}),
						};
					}),
				],
				hooks: { setCursor: [(self) => setHovered(self.cursor.idx ?? null)] },
			},
			data as uPlot.AlignedData,
			element,
		);
		plot.current = made;
		const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
		observer.observe(element);
		return () => {
			observer.disconnect();
			made.destroy();
			plot.current = null;
		};
	}, [theme, names, stacked, max]);

	// biome-ignore lint/correctness/useExhaustiveDependencies: a new range moves the scale
	useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data, from, to]);

	const moment = hovered === null ? undefined : at[hovered];
	return (
		<figure className="chart">
			<figcaption>
				<h2>{title}</h2>
				<span className="chart-time" aria-hidden="true">
					{moment === undefined ? "" : clock(moment)}
				</span>
			</figcaption>
			<div ref={box} className="plot" role="img" aria-label={`${title}. ${summary}`} />
			<ul className="legend">
				{lines.map(({ label, colour, values }) => {
					const value = hovered === null ? undefined : values[hovered];
					return (
						<li key={label}>
							<span className="swatch" style={{ background: `var(${colour})` }} /> {label}
							{value != null && <strong>{unit(value)}</strong>}
						</li>
					);
				})}
			</ul>
		</figure>
	);
}

/** uPlot's columns: seconds, then values. Stacked ones are drawn from the highest sum down, so that each covers those before it. */
function plotted(at: readonly number[], lines: readonly Line[], stacked: boolean): (number | null)[][] {
	const seconds = at.map((ms) => ms / 1000);
	if (!stacked) return [seconds, ...lines.map(({ values }) => [...values])];
	const sums = lines.map((_, line) =>
		at.map((__, step) => lines.slice(line).reduce((sum, { values }) => sum + (values[step] ?? 0), 0)),
	);
	return [seconds, ...sums];
}

const TWO_DAYS = 2 * 86_400;

function tickText(ms: number, [from, to]: readonly [number, number]): string {
	return to - from > TWO_DAYS
		? day(ms)
		: new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}
