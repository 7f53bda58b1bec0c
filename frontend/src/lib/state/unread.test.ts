import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { live } from '$lib/api/events';
import type { Generation } from '$lib/api/types';

const handlers = new Map<string, ((data: unknown) => void)[]>();
vi.spyOn(live, 'on').mockImplementation((name, handler) => {
	const list = handlers.get(name) ?? [];
	handlers.set(name, [...list, handler as (data: unknown) => void]);
	return () => true;
});
const { unread } = await import('./unread.svelte');
const { chats } = await import('./chats.svelte');
const { session } = await import('./session.svelte');

function answer(conversation_id: string, ...states: Generation['state'][]): void {
	for (const state of states)
		for (const fn of handlers.get('generation') ?? []) fn({ id: 'g', conversation_id, state });
}
let visible: DocumentVisibilityState;

beforeEach(() => {
	visible = 'visible';
	vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => visible);
	session.user = { id: 'ada', name: 'ada', role: 'user' };
});
afterEach(() => {
	chats.currentId = 'a';
	for (const id of [...unread.ids]) {
		chats.currentId = id;
		unread.look();
	}
	chats.currentId = null;
	localStorage.clear();
});

it.each([
	['done', true],
	['failed', true],
	['interrupted', true],
	['stopped', false]
] as const)('an answer that is %s while one looks elsewhere: news %s', (state, news) => {
	chats.currentId = 'b';
	answer('a', 'connecting', 'streaming', state);
	expect(unread.ids.has('a')).toBe(news);
});
it('what one looks at is read; with the page hidden nobody looks', () => {
	chats.currentId = 'a';
	answer('a', 'streaming', 'done');
	expect(unread.ids.size).toBe(0);
	visible = 'hidden';
	answer('a', 'streaming', 'done');
	expect([...unread.ids]).toEqual(['a']);
	visible = 'visible';
	document.dispatchEvent(new Event('visibilitychange'));
	expect(unread.ids.size).toBe(0);
});
it('an old answer that is told of again is no news', () => {
	answer('a', 'done');
	expect(unread.ids.size).toBe(0);
});
it('another tab that reads it takes the dot away here', () => {
	answer('a', 'streaming', 'done');
	expect([...unread.ids]).toEqual(['a']);
	const key = 'hob.unread.ada';
	localStorage.setItem(key, JSON.stringify({ unread: [], awaited: [] }));
	window.dispatchEvent(new StorageEvent('storage', { key }));
	expect(unread.ids.size).toBe(0);
});
