/**
 * Runs each function given at most once a frame. A hidden page gets no frames, so a timer stands in.
 */
const HIDDEN_FRAME_MS = 250;

const waiting = new Set<() => void>();
let armed = false;

function run(): void {
	armed = false;
	const now = [...waiting];
	waiting.clear();
	for (const fn of now) fn();
}

export function onceAFrame(fn: () => void): void {
	waiting.add(fn);
	if (armed) return;
	armed = true;
	if (document.visibilityState === 'hidden') setTimeout(run, HIDDEN_FRAME_MS);
	else requestAnimationFrame(run);
}

// Frames that were asked for just before the page was hidden never come.
if (typeof document !== 'undefined')
	document.addEventListener('visibilitychange', () => {
		if (armed) run();
	});
