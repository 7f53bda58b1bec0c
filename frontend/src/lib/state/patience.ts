/** Waiting for hob, which may be out of reach for a while. */
import { live } from '$lib/api/events';
import { session } from './session.svelte';

const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000];

/** Waits, but no longer than until hob is heard again, somebody signs in, or `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			undoLink();
			undoSession();
			signal?.removeEventListener('abort', done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		const undoLink = live.onLink((state) => {
			if (state === 'open') done();
		});
		const undoSession = session.onSignedIn(done);
		signal?.addEventListener('abort', done);
		if (signal?.aborted) done();
	});
}

/** Waits before a call is made again that failed `n` times before this one. */
export function pauseAfter(n: number, signal?: AbortSignal): Promise<void> {
	return pause(BACKOFF_MS[Math.min(n, BACKOFF_MS.length - 1)] ?? 15_000, signal);
}
