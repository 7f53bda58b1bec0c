import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failure, fakeFetch, json, type Answer, type Call } from '$lib/api/fake';
import type { SearchHit } from '$lib/api/types';
import { api } from '$lib/api/client';
import { session } from '$lib/state/session.svelte';
import { search as ofSidebar, Search } from './search.svelte';
import { searchLine } from './words';

function hit(n: number): SearchHit {
	return {
		conversation_id: `c${String(n)}`,
		title: `title ${String(n)}`,
		archived: false,
		message_id: null,
		role: null,
		at: 1,
		snippet: [{ text: 'word', hit: true }]
	};
}
const page = (from: number, n: number, next: string | null = null): Response =>
	json({ hits: Array.from({ length: n }, (_, i) => hit(from + i)), next });

let search: Search;
let calls: Call[];
let answer: (q: URLSearchParams) => Answer;
const asked = (): (string | null)[] => calls.map((c) => query(c).get('q'));
const query = (c: Call): URLSearchParams => new URL(c.path, 'http://hob').searchParams;

async function typed(text: string): Promise<void> {
	search.type(text);
	await vi.advanceTimersByTimeAsync(500);
}

beforeEach(() => {
	vi.useFakeTimers();
	search = new Search(2);
	answer = () => page(0, 1);
	calls = fakeFetch((c) => answer(query(c)));
});
afterEach(() => {
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

describe('while one types', () => {
	it('asks once when there is a pause, for what is there then', async () => {
		for (const text of ['g', 'gi', 'gir ']) search.type(text);
		expect(searchLine(search)).toBe('Searching...');
		await vi.advanceTimersByTimeAsync(500);
		expect(asked()).toEqual(['gir']);
		expect(searchLine(search)).toBe('1 result');
	});
	it('Enter opens the first hit of what is typed now, not of what was typed before', async () => {
		await typed('old');
		answer = (q) => (q.get('q') === 'new' ? page(7, 1) : null);
		search.type('new');
		const chosen = search.chosen();
		await vi.advanceTimersByTimeAsync(10);
		expect((await chosen)?.conversation_id).toBe('c7');
		expect(asked()).toEqual(['old', 'new']);
		const late = search.chosen();
		search.type('newer');
		expect(await late).toBeUndefined();
	});
	it('calls off what is out of date; its answer is never shown', async () => {
		answer = () => null;
		await typed('old');
		expect(calls[0]?.signal?.aborted).toBe(false);
		answer = () => page(7, 1);
		await typed('new');
		expect(calls[0]?.signal?.aborted).toBe(true);
		expect(search.hits.map((h) => h.conversation_id)).toEqual(['c7']);
		expect(search.error).toBeNull();
	});
	it('keeps the hits on the screen until there are new ones, and drops them when it is empty', async () => {
		await typed('gir');
		search.type('gira');
		expect(search.hits).toHaveLength(1);
		await typed('  ');
		expect(search.hits).toEqual([]);
		expect(searchLine(search)).toBe('');
		expect(asked()).toEqual(['gir']);
	});
	it('says that nothing was found', async () => {
		answer = () => page(0, 0);
		await typed('zebra');
		expect(searchLine(search)).toBe('No title or message has these words.');
	});
	it('says what went wrong; asking again takes that back', async () => {
		answer = () => failure(500, 'disk full');
		await typed('gir');
		expect(search.error).toBe('disk full');
		answer = () => page(0, 2);
		search.retry();
		await vi.advanceTimersByTimeAsync(0);
		expect(search.error).toBeNull();
		expect(searchLine(search)).toBe('2 results');
	});
});

describe('what was found', () => {
	it('goes on by cursor, each page once', async () => {
		answer = (q) => (q.get('after') === 'next' ? page(2, 1) : page(0, 2, 'next'));
		await typed('gir');
		expect(searchLine(search)).toBe('More than 2 results');
		search.more();
		search.more();
		await vi.advanceTimersByTimeAsync(0);
		expect(search.hits.map((h) => h.conversation_id)).toEqual(['c0', 'c1', 'c2']);
		search.more();
		await vi.advanceTimersByTimeAsync(0);
		expect(calls.map((c) => query(c).get('after'))).toEqual([null, 'next']);
		expect(searchLine(search)).toBe('3 results');
	});
	it('arrows go round; typing lets go', async () => {
		search.move(1);
		expect(search.active).toBe(-1);
		answer = () => page(0, 2);
		await typed('gir');
		const went: number[] = [];
		for (const step of [1, 1, 1, -1, -1] as const) {
			search.move(step);
			went.push(search.active);
		}
		expect(went).toEqual([0, 1, 0, 1, 0]);
		search.type('gira');
		expect(search.active).toBe(-1);
		search.move(-1);
		expect(search.active).toBe(1);
	});
});

it('forgets what was found when somebody else may come', async () => {
	session.user = { id: 'u', name: 'ada', role: 'user' };
	vi.spyOn(api, 'logout').mockResolvedValue(undefined as never);
	ofSidebar.type('secret');
	await vi.advanceTimersByTimeAsync(500);
	expect(ofSidebar.hits).toHaveLength(1);
	await session.logout();
	expect([ofSidebar.query, ofSidebar.hits]).toEqual(['', []]);
});
