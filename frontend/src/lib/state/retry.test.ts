import { describe, expect, it } from 'vitest';
import {
	begin,
	isRetryable,
	MAX_ATTEMPTS,
	shownAttempt,
	step,
	WAITS_MS,
	type Failure,
	type RetryEvent,
	type RetryState,
	type Step
} from './retry';

const failure = (status: number, more: Partial<Failure> = {}): Failure => ({
	status,
	code: null,
	message: `status ${String(status)}`,
	from: 'request',
	engine: null,
	...more
});
const failed = (status: number, now = 0, more: Partial<Failure> = {}): RetryEvent => ({
	name: 'failed',
	failure: failure(status, more),
	now
});
const names = (s: Step): string[] => s.actions.map((a) => a.name);

describe('what is retryable', () => {
	it.each([0, 502, 503, 504])('%i is', (status) => {
		expect(isRetryable(failure(status))).toBe(true);
	});
	it.each([400, 401, 403, 404, 409, 413, 422, 429, 500, 501, 505, 507])('%i is not', (status) => {
		expect(isRetryable(failure(status))).toBe(false);
	});
	it('an error event decides for itself', () => {
		expect(isRetryable(failure(200, { from: 'stream', retryable: true }))).toBe(true);
		expect(isRetryable(failure(200, { from: 'stream', retryable: false }))).toBe(false);
		expect(isRetryable(failure(503, { from: 'stream' }))).toBe(false);
	});
});

describe('a cycle in which nothing ever answers', () => {
	it('sends four times, waits 2, 4 and 6 s from each failure, and shows the attempt', () => {
		let now = 1000;
		let s = begin();
		const shown: (number | null)[] = [];
		const waits: number[] = [];
		let requests = 0;
		for (let guard = 0; guard < 20; guard++) {
			requests += names(s).filter((n) => n === 'request').length;
			if (s.state.name === 'sending') {
				shown.push(shownAttempt(s.state));
				now += 130; // the request takes its time
				s = step(s.state, failed(503, now));
			} else if (s.state.name === 'waiting') {
				shown.push(shownAttempt(s.state));
				waits.push(s.state.dueAt - now);
				now = s.state.dueAt;
				s = step(s.state, { name: 'due', now });
			} else break;
		}
		expect(s.state).toMatchObject({ name: 'exhausted', cause: { status: 503 } });
		expect(requests).toBe(1 + MAX_ATTEMPTS);
		expect(waits).toEqual(WAITS_MS);
		expect(shown).toEqual([null, 1, 1, 2, 2, 3, 3]);
	});
});

const waiting: RetryState = { name: 'waiting', attempt: 2, dueAt: 5000, cause: failure(503) };
const sending: RetryState = { name: 'sending', attempt: 1, cause: failure(503), news: null };
const open: RetryState = { name: 'open', attempt: 1, cause: null, news: null };
const states: Record<RetryState['name'], RetryState> = {
	sending,
	waiting,
	open,
	streaming: { name: 'streaming' },
	exhausted: { name: 'exhausted', cause: failure(503) },
	engine_failed: { name: 'engine_failed', cause: failure(409) },
	refused: { name: 'refused', cause: failure(400) },
	signed_out: { name: 'signed_out', cause: failure(401) },
	stopped: { name: 'stopped', cause: null }
};
const events: Record<RetryEvent['name'], RetryEvent> = {
	headers: { name: 'headers' },
	token: { name: 'token' },
	failed: failed(503, 1000),
	due: { name: 'due', now: 5000 },
	engine_ready: { name: 'engine_ready' },
	engine_failed: { name: 'engine_failed', failure: failure(409, { code: 'engine_failed' }) },
	signed_in: { name: 'signed_in' },
	stop: { name: 'stop' },
	retry: { name: 'retry' }
};

/** next state and actions; a state that is not named for an event stays and does nothing */
const table: Record<RetryState['name'], Partial<Record<RetryEvent['name'], string>>> = {
	sending: {
		headers: 'open',
		token: 'streaming',
		failed: 'waiting arm',
		engine_ready: 'sending',
		engine_failed: 'sending',
		stop: 'stopped abort'
	},
	waiting: {
		due: 'sending request',
		engine_ready: 'sending disarm request',
		engine_failed: 'engine_failed disarm',
		stop: 'stopped disarm'
	},
	open: {
		token: 'streaming',
		failed: 'waiting arm',
		engine_ready: 'open',
		engine_failed: 'open',
		stop: 'open stop_generation'
	},
	streaming: { stop: 'streaming stop_generation' },
	exhausted: { retry: 'sending request' },
	engine_failed: { retry: 'sending request' },
	refused: { retry: 'sending request' },
	signed_out: { retry: 'sending request', signed_in: 'sending request' },
	stopped: { retry: 'sending request' }
};

describe('every state and event', () => {
	for (const [stateName, state] of Object.entries(states))
		for (const [eventName, event] of Object.entries(events)) {
			const row = table[stateName as RetryState['name']];
			const expected = row[eventName as RetryEvent['name']] ?? stateName;
			it(`${stateName} + ${eventName} -> ${expected}`, () => {
				const next = step(state, event);
				expect([next.state.name, ...names(next)].join(' ')).toBe(expected);
			});
		}
});

describe('what the table cannot say', () => {
	it.each([400, 403, 404, 409, 413, 422, 429, 500, 501])(
		'%i ends the cycle with its own error',
		(status) => {
			expect(step(begin().state, failed(status))).toMatchObject({
				state: { name: 'refused', cause: { status } },
				actions: []
			});
		}
	);
	it("hob's 401 asks for log-in, also in the middle of a cycle; an engine's is its own error", () => {
		expect(step(sending, failed(401, 0, { code: 'not_signed_in' })).state.name).toBe('signed_out');
		expect(step(sending, failed(401)).state.name).toBe('refused');
	});
	it('409 of a failed engine shows the cause', () => {
		expect(step(sending, failed(409, 0, { code: 'engine_failed' })).state.name).toBe(
			'engine_failed'
		);
	});
	it('a timer that runs early is armed again', () => {
		expect(step(waiting, { name: 'due', now: 4999 })).toEqual({
			state: waiting,
			actions: [{ name: 'arm', at: 5000 }]
		});
	});
	it('ready while a request is out sends again at once when that request fails', () => {
		const ready = step(sending, { name: 'engine_ready' }).state;
		const next = step(ready, failed(503, 100));
		expect(next).toMatchObject({
			state: { name: 'sending', attempt: 2, news: null },
			actions: [{ name: 'request' }]
		});
		// Once only: the next failure waits.
		expect(step(next.state, failed(503, 200)).state).toMatchObject({ name: 'waiting', attempt: 3 });
	});
	it('ready cannot make more attempts than three', () => {
		const last: RetryState = { name: 'sending', attempt: 3, cause: null, news: 'ready' };
		expect(step(last, failed(503)).state.name).toBe('exhausted');
	});
	it('failed while a request is out ends with the cause when that request fails', () => {
		const news = step(sending, events.engine_failed).state;
		expect(step(news, failed(502, 100)).state.name).toBe('engine_failed');
		expect(step(news, { name: 'headers' }).state.name).toBe('open');
	});
	it('a retryable error event before the first token counts as a failed attempt', () => {
		const next = step(open, failed(200, 100, { from: 'stream', retryable: true }));
		expect(next.state).toMatchObject({ name: 'waiting', attempt: 2, dueAt: 4100 });
		const last = step({ ...open, attempt: 3 }, failed(200, 0, { from: 'stream', retryable: true }));
		expect(last.state.name).toBe('exhausted');
	});
	it('an error event that is not retryable shows itself', () => {
		expect(step(open, failed(200, 0, { from: 'stream', retryable: false })).state.name).toBe(
			'refused'
		);
	});
});
