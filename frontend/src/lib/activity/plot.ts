/** uPlot and its sheet, apart from the rest of the page: who never looks at charts does not load them. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
	label: string;
	values: (number | null)[];
	/** A custom property of the theme. */
	colour: string;
	kind: 'bars' | 'line';
}
interface Look {
	width: number;
	height: number;
	format: (n: number) => string;
	/** The pointer is over this value; null: over none. */
	onpoint: (index: number | null) => void;
}

/** Whole numbers only: half a request says nothing. */
const STEPS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].flatMap((n) => [n, 2 * n, 5 * n]);
const LEAST = 4;

const hour = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
/** The day at midnight, else the time of day. */
function tick(s: number): string {
	const d = new Date(s * 1000);
	return (d.getHours() + d.getMinutes() === 0 ? day : hour).format(d);
}

/** Draws into `box`; returns the chart, to be resized and destroyed. Colours are those of the moment. */
export function draw(box: HTMLElement, at: number[], lines: Line[], look: Look): uPlot {
	const style = getComputedStyle(box);
	const colour = (name: string): string => style.getPropertyValue(name).trim();
	const axis: uPlot.Axis = {
		stroke: colour('--muted-foreground'),
		font: `11px ${style.fontFamily}`,
		grid: { stroke: colour('--border'), width: 1 },
		ticks: { show: false }
	};
	const bars = uPlot.paths.bars?.({ size: [0.8, 40, 2] });
	return new uPlot(
		{
			width: look.width,
			height: look.height,
			padding: [8, 20, 0, 0],
			cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
			legend: { show: false },
			hooks: { setCursor: [(u) => look.onpoint(u.cursor.idx ?? null)] },
			scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(max * 1.1, LEAST)] } },
			axes: [
				{
					...axis,
					grid: { show: false },
					size: 22,
					space: 64,
					values: (_, splits) => splits.map(tick)
				},
				{
					...axis,
					size: 56,
					incrs: STEPS,
					values: (_, splits) => splits.map((n) => look.format(n))
				}
			],
			series: [
				{},
				...lines.map((line): uPlot.Series => ({
					label: line.label,
					stroke: colour(line.colour),
					width: line.kind === 'bars' ? 0 : 1.5,
					...(line.kind === 'bars' ? { fill: colour(line.colour), paths: bars } : {}),
					points: { show: line.kind === 'line', size: 3, fill: colour(line.colour) }
				}))
			]
		},
		[at.map((ms) => ms / 1000), ...lines.map((l) => l.values)],
		box
	);
}
