/**
 * Work on the screen that can wait: what matters most first, and in one frame no more than fits beside
 * scrolling and typing.
 */
import { flushSync } from 'svelte';

const BUDGET_MS = 8;

interface Job {
	work: () => void;
	rank: () => number;
}

const jobs = new Set<Job>();
let armed = false;

function arm(): void {
	if (armed) return;
	armed = true;
	requestAnimationFrame(frame);
}

function frame(): void {
	armed = false;
	const end = performance.now() + BUDGET_MS;
	// Ranks look at the layout, so all of them are asked before anything changes.
	const order = [...jobs].map((job) => ({ job, rank: job.rank() })).sort((a, b) => a.rank - b.rank);
	for (const { job } of order) {
		if (!jobs.delete(job)) continue;
		job.work();
		flushSync();
		if (performance.now() >= end) break;
	}
	if (jobs.size > 0) arm();
}

/** Does `work` in one of the next frames, the lowest `rank` first. Returns what calls it off. */
export function paced(work: () => void, rank: () => number = () => 0): () => void {
	const job = { work, rank };
	jobs.add(job);
	arm();
	return () => {
		jobs.delete(job);
	};
}
