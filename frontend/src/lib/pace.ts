/**
 * Work on the screen that can wait: what matters most first, and in one frame no more than fits beside
 * scrolling and typing. What a job costs is its own time and that of the layout it causes.
 */
import { flushSync } from 'svelte';

/** In one frame no job begins when the layout and the jobs before it took this long. */
const BUDGET_MS = 8;
/** So many frames in a row may be too full for any job: on a machine that is always late it comes all the same. */
const MAX_RESTS = 3;

interface Job {
	work: () => void;
	rank: () => number;
}

const jobs = new Set<Job>();
let armed = false;
let rests = 0;

function arm(): void {
	if (armed) return;
	armed = true;
	requestAnimationFrame(frame);
}

/** Now, within the time that is measured, instead of at the end of the frame. */
function layOut(): void {
	void document.body.offsetHeight;
}

function frame(): void {
	armed = false;
	const end = performance.now() + BUDGET_MS;
	const isFull = (): boolean => performance.now() >= end;
	// What came into view while scrolling, and may have been filled in just now, has not been laid out yet.
	layOut();
	// Ranks look at the layout, so all of them are asked before anything changes.
	const order = [...jobs]
		.map((job) => ({ job, rank: job.rank() }))
		.filter(({ rank }) => rank < Infinity)
		.sort((a, b) => a.rank - b.rank);
	if (isFull() && rests < MAX_RESTS) rests++;
	else {
		rests = 0;
		for (const { job } of order) {
			if (!jobs.delete(job)) continue;
			job.work();
			flushSync();
			layOut();
			if (isFull()) break;
		}
	}
	if (jobs.size > 0) arm();
}

/**
 * Does `work` in one of the next frames, the lowest `rank` first, and not while that is Infinity. Returns
 * what calls it off.
 */
export function paced(work: () => void, rank: () => number = () => 0): () => void {
	const job = { work, rank };
	jobs.add(job);
	arm();
	return () => {
		jobs.delete(job);
	};
}

/** Ends the task that runs, so that the browser can draw a frame and hear of keys before what comes next. */
export function breathe(): Promise<void> {
	return new Promise((resolve) => {
		setTimeout(resolve);
	});
}
