/**
 * The send cycle as a pure machine: no timers, no network, time is passed in (milliseconds of any
 * monotonic clock). sender.ts performs its actions.
 *
 *   sending(0) --retryable--> waiting(1) --2 s--> sending(1) --> waiting(2) --4 s--> sending(2)
 *        --> waiting(3) --6 s--> sending(3) --retryable--> exhausted
 *   sending(n) --headers--> open --token--> streaming
 *   open --retryable error before the first token--> waiting(n+1) or exhausted
 *
 * The waits count from the failure. They are upper bounds: the engine's `ready` sends at once, its
 * `failed` ends the cycle with the cause. Whatever is not retryable ends it after one request.
 */
import { NOT_SIGNED_IN } from '$lib/api/types';
import type { Engine } from '$lib/api/types';

export const MAX_ATTEMPTS = 3;
export const WAITS_MS: readonly number[] = [2000, 4000, 6000];

/** What went wrong with one request, or with its stream before the first token. */
export interface Failure {
	/** HTTP status; 0 when no headers came. */
	status: number;
	code: string | null;
	message: string;
	/** stream: an `error` event after a 200. */
	from: 'request' | 'stream';
	/** Said by the error event; a request is judged by its status. */
	retryable?: boolean;
	engine: Engine | null;
	retryAfterS?: number | null;
}

const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([
	0, // network error, or no headers within 10 s
	502, // the engine refused or died
	503, // starting or loading
	504 // the engine sent no headers in time
]);

/** The one place that decides whether a failure counts as "not ready yet". */
export function isRetryable(failure: Failure): boolean {
	return failure.from === 'stream'
		? failure.retryable === true
		: RETRYABLE_STATUSES.has(failure.status);
}

/** hob's own 401; an engine's 401 is an error like any other. */
function isSignedOut(failure: Failure): boolean {
	return failure.status === 401 && failure.from === 'request' && failure.code === NOT_SIGNED_IN;
}

export type RetryState =
	/** A request is under way. attempt 0 is the first send. */
	| {
			name: 'sending';
			attempt: number;
			cause: Failure | null;
			/** The engine became ready, or failed, after this request left. */
			news: 'ready' | 'failed' | null;
	  }
	/** Attempt `attempt` leaves at `dueAt`. */
	| { name: 'waiting'; attempt: number; dueAt: number; cause: Failure }
	/** Headers are there, no token yet. `news` as above. */
	| { name: 'open'; attempt: number; cause: Failure | null; news: 'ready' | 'failed' | null }
	/** A token came, or the answer ended without one: nothing is ever sent again by itself. */
	| { name: 'streaming' }
	| { name: 'exhausted'; cause: Failure }
	| { name: 'engine_failed'; cause: Failure }
	| { name: 'refused'; cause: Failure }
	/** Refused because nobody is signed in; goes out after log-in. */
	| { name: 'signed_out'; cause: Failure }
	| { name: 'stopped'; cause: Failure | null };

export type RetryEvent =
	| { name: 'headers' }
	| { name: 'token' }
	| { name: 'failed'; failure: Failure; now: number }
	| { name: 'due'; now: number }
	| { name: 'engine_ready' }
	| { name: 'engine_failed'; failure: Failure }
	| { name: 'signed_in' }
	| { name: 'stop' }
	| { name: 'retry' };

export type RetryAction =
	| { name: 'request' }
	| { name: 'arm'; at: number }
	| { name: 'disarm' }
	/** Abandon the request that is under way. */
	| { name: 'abort' }
	| { name: 'stop_generation' };

export interface Step {
	state: RetryState;
	actions: RetryAction[];
}

export function begin(): Step {
	return send(0, null);
}

function send(attempt: number, cause: Failure | null, before: RetryAction[] = []): Step {
	return {
		state: { name: 'sending', attempt, cause, news: null },
		actions: [...before, { name: 'request' }]
	};
}

function stay(state: RetryState): Step {
	return { state, actions: [] };
}

function end(
	name: 'exhausted' | 'engine_failed' | 'refused' | 'signed_out',
	cause: Failure,
	actions: RetryAction[] = []
): Step {
	return { state: { name, cause }, actions };
}

/** What follows when attempt `attempt` failed at `now`. */
function afterFailure(
	attempt: number,
	failure: Failure,
	now: number,
	news: 'ready' | 'failed' | null
): Step {
	if (isSignedOut(failure)) return end('signed_out', failure);
	if (failure.code === 'engine_failed' && failure.status === 409)
		return end('engine_failed', failure);
	if (!isRetryable(failure)) return end('refused', failure);
	if (news === 'failed') return end('engine_failed', failure);
	if (attempt >= MAX_ATTEMPTS) return end('exhausted', failure);
	const next = attempt + 1;
	// Ready since this request left: its answer is out of date, there is nothing to wait for.
	if (news === 'ready') return send(next, failure);
	const dueAt = now + (WAITS_MS[attempt] ?? 0);
	return {
		state: { name: 'waiting', attempt: next, dueAt, cause: failure },
		actions: [{ name: 'arm', at: dueAt }]
	};
}

export function step(state: RetryState, event: RetryEvent): Step {
	switch (state.name) {
		case 'sending':
			return stepSending(state, event);
		case 'waiting':
			return stepWaiting(state, event);
		case 'open':
			return stepOpen(state, event);
		case 'streaming':
			return event.name === 'stop'
				? { state, actions: [{ name: 'stop_generation' }] }
				: stay(state);
		case 'signed_out':
			return event.name === 'retry' || event.name === 'signed_in' ? begin() : stay(state);
		case 'exhausted':
		case 'engine_failed':
		case 'refused':
		case 'stopped':
			return event.name === 'retry' ? begin() : stay(state);
	}
}

function stepSending(state: RetryState & { name: 'sending' }, event: RetryEvent): Step {
	switch (event.name) {
		case 'headers':
			return stay({ ...state, name: 'open' });
		case 'token':
			return stay({ name: 'streaming' });
		case 'failed':
			return afterFailure(state.attempt, event.failure, event.now, state.news);
		case 'engine_ready':
			return stay({ ...state, news: 'ready' });
		case 'engine_failed':
			return stay({ ...state, news: 'failed' });
		case 'stop':
			return { state: { name: 'stopped', cause: state.cause }, actions: [{ name: 'abort' }] };
		case 'due':
		case 'signed_in':
		case 'retry':
			return stay(state);
	}
}

function stepWaiting(state: RetryState & { name: 'waiting' }, event: RetryEvent): Step {
	switch (event.name) {
		case 'due':
			// A timer may run early (clamped clocks, a suspended machine): arm it again.
			return event.now < state.dueAt
				? { state, actions: [{ name: 'arm', at: state.dueAt }] }
				: send(state.attempt, state.cause);
		case 'engine_ready':
			return send(state.attempt, state.cause, [{ name: 'disarm' }]);
		case 'engine_failed':
			return end('engine_failed', event.failure, [{ name: 'disarm' }]);
		case 'stop':
			return { state: { name: 'stopped', cause: state.cause }, actions: [{ name: 'disarm' }] };
		case 'headers':
		case 'token':
		case 'failed':
		case 'signed_in':
		case 'retry':
			return stay(state);
	}
}

function stepOpen(state: RetryState & { name: 'open' }, event: RetryEvent): Step {
	switch (event.name) {
		case 'token':
			return stay({ name: 'streaming' });
		case 'failed':
			return afterFailure(state.attempt, event.failure, event.now, state.news);
		case 'stop':
			return { state, actions: [{ name: 'stop_generation' }] };
		// The stream itself says how it ends; the news decide what follows if it fails.
		case 'engine_ready':
			return stay({ ...state, news: 'ready' });
		case 'engine_failed':
			return stay({ ...state, news: 'failed' });
		case 'headers':
		case 'due':
		case 'signed_in':
		case 'retry':
			return stay(state);
	}
}

/** The attempt that the line shows as `(attempt n/3)`; null when there is nothing to show. */
export function shownAttempt(state: RetryState): number | null {
	if (state.name === 'waiting') return state.attempt;
	if ((state.name === 'sending' || state.name === 'open') && state.attempt > 0)
		return state.attempt;
	return null;
}
