import { expect, it } from 'vitest';
import { meterHistory, take } from './history.svelte';
import { testServer } from './testing';

const ready = (cpu_percent: number) =>
	testServer({ id: 'h' }, { state: 'ready', cpu_percent, rss_bytes: 1, tokens_per_s: null });

it('keeps three minutes of meters and forgets them when the engine ends', () => {
	for (let i = 0; i < 200; i++) take(ready(i), i * 2000);
	expect(meterHistory('h')).toHaveLength(90);
	expect(meterHistory('h').at(-1)).toMatchObject({ cpu_percent: 199, tokens_per_s: 0 });
	take(ready(7), 199 * 2000 + 100);
	expect(meterHistory('h').at(-1)?.cpu_percent).toBe(199);
	take(testServer({ id: 'h' }, { state: 'stopped' }), 500_000);
	expect(meterHistory('h')).toEqual([]);
});
