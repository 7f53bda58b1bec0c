import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aConversation, aMessage, fakeFetch, failure, json } from '$lib/api/fake';
import { live } from '$lib/api/events';
import type { LiveEvents } from '$lib/api/types';

/** Handlers of the live events, by name. */
const heard = new Map<string, Set<(data: never) => void>>();
vi.spyOn(live, 'on').mockImplementation((name, fn) => {
	const set = heard.get(name) ?? new Set();
	heard.set(name, set.add(fn));
	return () => set.delete(fn);
});
const { chats } = await import('./chats.svelte');
const { conversations } = await import('./conversations.svelte');
const { session } = await import('./session.svelte');

function hear<K extends keyof LiveEvents>(name: K, data: LiveEvents[K]): void {
	for (const fn of heard.get(name) ?? []) fn(data as never);
}
const keys = (): string[] => Object.keys(localStorage).sort();

beforeEach(() => {
	vi.useFakeTimers();
	localStorage.clear();
	session.user = { id: 'ada', name: 'ada', role: 'user' };
	fakeFetch(({ method, path }) =>
		method === 'GET' && path.startsWith('/api/conversations/')
			? json({ conversation: aConversation(path), settings: {}, messages: [] })
			: failure(503)
	);
});
afterEach(() => {
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

describe('open conversations', () => {
	it('do not grow without end: what nobody looks at and does nothing is forgotten', async () => {
		const looked = chats.get('looked-at');
		const leave = looked.view();
		const written = chats.get('written-in');
		written.send('on its way', 's1');
		const fresh = chats.fresh();
		const idle = chats.get('idle');
		for (let n = 0; n < 100; n++) chats.get(`c${String(n)}`);
		expect(chats.get('looked-at')).toBe(looked);
		expect(chats.get('written-in')).toBe(written);
		expect(chats.get(fresh.id)).toBe(fresh);
		expect(chats.get('idle')).not.toBe(idle);
		const last = chats.get('c99');
		expect(chats.get('c99')).toBe(last);
		leave();
		await vi.advanceTimersByTimeAsync(30_000);
	});
	it('that are deleted leave nothing in this browser', () => {
		conversations.apply(aConversation('gone'));
		conversations.apply(aConversation('kept'));
		for (const id of ['gone', 'kept']) {
			const chat = chats.get(id);
			chat.draft.setText('half a thought');
			void chat.saveSettings({ options: { seed: 1 }, system_prompt: null });
			chat.send('not gone out', 's1');
		}
		expect(keys().filter((k) => k.includes('ada'))).toHaveLength(6);
		hear('conversation_removed', { id: 'gone' });
		expect(keys().filter((k) => k.endsWith('gone'))).toEqual([]);
		expect(keys().filter((k) => k.startsWith('hob.unsent.ada.'))).toHaveLength(1);
		expect(keys().filter((k) => k.endsWith('kept'))).toHaveLength(2);
	});
	it('that are being deleted while the page closes are not back, and sent, after a reload', () => {
		conversations.apply(aConversation('closing'));
		chats.get('closing').send('not gone out', 's1');
		conversations.remove(['closing']);
		expect(keys().some((k) => k.startsWith('hob.unsent'))).toBe(true);
		window.dispatchEvent(new Event('pagehide'));
		expect(keys().some((k) => k.startsWith('hob.unsent'))).toBe(false);
	});
});

it('messages that were deleted are so before one logs out', async () => {
	const calls = fakeFetch(({ path }) => {
		if (!path.startsWith('/api/conversations/')) return json(null, 204);
		const messages = [aMessage('u1', { state: 'answered' })];
		const settings = { options: {}, system_prompt: null };
		return json({ conversation: aConversation('c1'), settings, messages });
	});
	const chat = chats.get('c1');
	chat.view();
	await vi.advanceTimersByTimeAsync(50);
	chat.removeBranch('u1');
	await session.logout();
	const told = calls.filter((c) => c.method !== 'GET').map((c) => `${c.method} ${c.path}`);
	expect(told).toEqual(['DELETE /api/messages/u1?branch=true', 'POST /api/logout']);
});

it('the browser asks before it closes a page with something that it could not keep', () => {
	const closing = (): boolean =>
		window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
	const chat = chats.get('full');
	chat.draft.setText('kept');
	expect(closing()).toBe(true);
	vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
		throw new DOMException('full', 'QuotaExceededError');
	});
	chat.draft.setText('not kept');
	expect(closing()).toBe(false);
	const content = chat.draft.take();
	expect(closing()).toBe(true);
	chat.send(content, 's1');
	expect(closing()).toBe(false);
});
