/** Numbers, times and states in words, the same everywhere. */
import type { Engine, EngineState, Queue } from '$lib/api/types';

export const STATE_WORDS: Record<EngineState, string> = {
	stopped: 'Stopped',
	starting: 'Starting',
	loading: 'Loading',
	ready: 'Ready',
	stopping: 'Stopping',
	failed: 'Failed'
};

/** "9.1 GB"; below a tenth of one in MB or kB. */
export function formatBytes(bytes: number): string {
	if (bytes >= 1e8) return `${(bytes / 1e9).toFixed(1)} GB`;
	if (bytes >= 1e6) return `${String(Math.round(bytes / 1e6))} MB`;
	if (bytes >= 1e3) return `${String(Math.round(bytes / 1e3))} kB`;
	return `${String(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;
}

const thousands = new Intl.NumberFormat('en');

/** "1 conversation", "1,200 conversations". */
export function formatCount(n: number, one: string): string {
	return `${thousands.format(n)} ${one}${n === 1 ? '' : 's'}`;
}

/** The two largest units: "42 s", "3 min 5 s", "2 h 4 min", "3 d 4 h". */
export function formatDuration(seconds: number): string {
	const s = Math.max(0, Math.round(seconds));
	const units: [string, number][] = [
		['d', 86400],
		['h', 3600],
		['min', 60],
		['s', 1]
	];
	const first = units.findIndex(([, size]) => s >= size);
	if (first < 0) return '0 s';
	let rest = s;
	const parts: string[] = [];
	for (const [unit, size] of units.slice(first, first + 2)) {
		const n = Math.floor(rest / size);
		rest -= n * size;
		if (n > 0) parts.push(`${String(n)} ${unit}`);
	}
	return parts.join(' ');
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** "just now", "5 minutes ago", "yesterday". */
export function formatRelative(atMs: number, nowMs = Date.now()): string {
	const s = Math.round((atMs - nowMs) / 1000);
	const abs = Math.abs(s);
	if (abs < 45) return 'just now';
	if (abs < 3600) return relative.format(Math.round(s / 60), 'minute');
	if (abs < 86400) return relative.format(Math.round(s / 3600), 'hour');
	if (abs < 30 * 86400) return relative.format(Math.round(s / 86400), 'day');
	if (abs < 365 * 86400) return relative.format(Math.round(s / (30 * 86400)), 'month');
	return relative.format(Math.round(s / (365 * 86400)), 'year');
}

export function formatExact(atMs: number): string {
	return exact.format(atMs);
}

/** "2 of 4 slots busy" where it is known how many there are. */
function busy(active: number, slots: number | null): string {
	if (active === 0) return '';
	return slots === null || active > slots
		? `, answering ${String(active)}`
		: `, ${String(active)} of ${String(slots)} ${slots === 1 ? 'slot' : 'slots'} busy`;
}

/** What an engine is doing in one line: "Loading 42 %, about 20 s left"; with its server's queue also who waits for what. */
export function engineLine(engine: Engine, queue?: Queue): string {
	const n = queue?.waiting ?? (engine.state === 'ready' ? engine.waiting : 0);
	const waiting = n > 0 ? `, ${String(n)} waiting` : '';
	if (engine.state === 'ready') {
		const since = engine.uptime_s === null ? '' : ` for ${formatDuration(engine.uptime_s)}`;
		return STATE_WORDS.ready + since + busy(engine.active, queue?.slots ?? null) + waiting;
	}
	const note = queue?.note ? `, ${queue.note}` : waiting;
	return loadLine(engine) + note;
}

function loadLine(engine: Engine): string {
	const word = STATE_WORDS[engine.state];
	if (engine.state !== 'starting' && engine.state !== 'loading') return word;
	const p = engine.progress;
	const percent = p?.value != null ? ` ${String(Math.round(p.value * 100))} %` : '';
	const left = p?.left_s != null ? `, about ${formatDuration(p.left_s)} left` : '';
	return `${word}${percent}${left}`;
}
