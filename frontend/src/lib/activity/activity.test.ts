import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';
import { api } from '$lib/api/client';
import { live } from '$lib/api/events';
import type { ActivityRecord, ActivitySeries } from '$lib/api/types';
import { ActivityView } from './activity.svelte';
import { formatMs, outcomeOf, outcomeReason, outcomeWords, speedWords, totalsOf } from './words';

const record = (id: number, part: Partial<ActivityRecord> = {}): ActivityRecord => ({
	id,
	at: id,
	request_id: `r${String(id)}`,
	user_id: 'u',
	user: 'ada',
	key_id: null,
	key: null,
	server_id: 's',
	server: 'qwen',
	model: 'qwen',
	route: '/v1/chat/completions',
	status: 200,
	code: null,
	stream: false,
	client_gone: false,
	held_ms: 0,
	first_ms: 1,
	total_ms: 2,
	tokens_in: 3,
	tokens_out: 4,
	tokens_per_s: null,
	bytes_in: 1,
	bytes_out: 1,
	...part
});
const series: ActivitySeries = {
	step_ms: 1,
	at: [1, 2],
	requests: [2, 3],
	errors: [0, 1],
	tokens_in: [5, 5],
	tokens_out: [1, 2],
	first_p50_ms: [null, 1],
	first_p95_ms: [null, 2],
	held_p50_ms: [null, 0],
	held_p95_ms: [null, 0]
};

describe('words', () => {
	it.each([
		[0, '0 ms'],
		[999, '999 ms'],
		[1250, '1.3 s'],
		[9960, '10 s'],
		[59_600, '1 min'],
		[125_000, '2 min 5 s'],
		[7_500_000, '2 h 5 min']
	])('%d ms is %s', (ms, words) => expect(formatMs(ms)).toBe(words));

	it.each([
		[{}, 'ok', '200'],
		[{ status: 502, code: 'engine_refused' }, 'error', '502 engine_refused'],
		[{ code: 'engine_died' }, 'error', '200 engine_died'],
		[{ client_gone: true, status: null }, 'gone', 'Client left']
	])('%j is %s', (part, outcome, words) => {
		expect(outcomeOf(record(1, part))).toBe(outcome);
		expect(outcomeWords(record(1, part))).toBe(words);
	});

	it.each([
		[{}, null],
		[{ status: 429, code: 'queue_full' }, 'Too many were waiting already'],
		[{ status: 401 }, 'The key is wrong or has expired'],
		[{ status: 418, code: 'what_is_new' }, null],
		[{ client_gone: true, code: 'engine_died' }, null]
	])('%j is explained: %s', (part, words) => expect(outcomeReason(record(1, part))).toBe(words));

	it.each([
		[{ tokens_out: 90, tokens_per_s: 39.94 }, '39.9'],
		[{ tokens_out: 90, tokens_per_s: 1234 }, '1.2K'],
		[{ tokens_out: 1, tokens_per_s: 1000 }, null],
		[{ tokens_out: 90 }, null]
	])('%j has the speed %s', (part, words) => expect(speedWords(record(1, part))).toBe(words));

	it('adds up', () =>
		expect(totalsOf(series)).toEqual({ requests: 5, errors: 1, tokens_in: 10, tokens_out: 3 }));
});

describe('what the page shows', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());

	function serve(pages: Record<string, { records: ActivityRecord[]; next: number | null }>) {
		vi.spyOn(api, 'activitySeries').mockResolvedValue(series);
		return vi
			.spyOn(api, 'activity')
			.mockImplementation((f) =>
				Promise.resolve(pages[String(f.before ?? 'first')] ?? { records: [], next: null })
			);
	}

	it('goes on below, and keeps that when new ones come', async () => {
		serve({
			first: { records: [record(9), record(8)], next: 8 },
			8: { records: [record(7), record(6)], next: 6 }
		});
		const view = new ActivityView();
		await view.load();
		await view.more();
		expect(view.records?.map((r) => r.id)).toEqual([9, 8, 7, 6]);
		serve({
			first: { records: [record(10), record(9)], next: 9 },
			6: { records: [record(5)], next: null }
		});
		await view.load();
		expect(view.records?.map((r) => r.id)).toEqual([10, 9, 8, 7, 6]);
		await view.more();
		expect(view.records?.map((r) => r.id)).toEqual([10, 9, 8, 7, 6, 5]);
		expect(view.hasMore).toBe(false);
	});

	it('leaves no gap when more came than a page has', async () => {
		serve({ first: { records: [record(9), record(8)], next: 8 } });
		const view = new ActivityView();
		await view.load();
		serve({ first: { records: [record(29), record(28)], next: 28 } });
		await view.load();
		expect(view.records?.map((r) => r.id)).toEqual([29, 28]);
		expect(view.hasMore).toBe(true);
	});

	it('looks at the news no more often than every two seconds', async () => {
		const asked = serve({ first: { records: [record(1)], next: null } });
		let tell: () => void = () => undefined;
		vi.spyOn(live, 'on').mockImplementation((name, handler) => {
			if (name === 'activity') tell = () => handler({} as never);
			return () => undefined;
		});
		const view = new ActivityView();
		const stop = view.watch();
		await view.load();
		expect(asked).toHaveBeenCalledTimes(1);
		for (let i = 0; i < 10; i++) {
			tell();
			await vi.advanceTimersByTimeAsync(100);
		}
		expect(asked).toHaveBeenCalledTimes(1);
		await vi.advanceTimersByTimeAsync(1000);
		expect(asked).toHaveBeenCalledTimes(2);
		tell();
		stop();
		await vi.advanceTimersByTimeAsync(5000);
		expect(asked).toHaveBeenCalledTimes(2);
	});

	it('asks with the filters, and waits for the end of typing', async () => {
		const asked = serve({ first: { records: [], next: null } });
		const view = new ActivityView();
		view.outcome = 'error';
		for (const q of ['q', 'qw', 'qwe']) {
			view.q = q;
			view.reset(true);
			await vi.advanceTimersByTimeAsync(50);
		}
		await vi.advanceTimersByTimeAsync(300);
		expect(asked).toHaveBeenCalledTimes(1);
		expect(asked.mock.calls[0]?.[0]).toMatchObject({ outcome: 'error', q: 'qwe' });
		expect(view.csvHref(86_400_001)).toBe('/api/activity.csv?outcome=error&q=qwe&from=1');
	});
});
