import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aConversation, failure, fakeFetch, json, type Answer, type Call } from '$lib/api/fake';
import { live } from '$lib/api/events';
import type { Conversation, LiveEvents } from '$lib/api/types';

// The list listens from the moment it is imported: catch what it listens with.
const handlers = new Map<string, (data: unknown) => void>();
vi.spyOn(live, 'on').mockImplementation((name, handler) => {
	handlers.set(name, handler as (data: unknown) => void);
	return () => true;
});
const { conversations, UNDO_MS } = await import('./conversations.svelte');
const { session } = await import('./session.svelte');
function hear<K extends keyof LiveEvents>(name: K, data: LiveEvents[K]): void {
	handlers.get(name)?.(data);
}

let stored: Conversation[];
let calls: Call[];
let onChange: (call: Call) => Answer;
const ids = (): string[] => conversations.list.map((c) => c.id);
const changes = (): unknown[] =>
	calls.filter((c) => c.method !== 'GET').map((c) => [c.method, c.path, c.body]);

beforeEach(async () => {
	vi.useFakeTimers();
	stored = ['a', 'b', 'c'].map((id, i) => aConversation(id, { updated_at: 30 - i }));
	onChange = (c) =>
		c.method === 'PATCH'
			? json({
					conversation: {
						...stored.find((s) => c.path.endsWith(s.id)),
						...(c.body as Partial<Conversation>)
					}
				})
			: json({ n: 1 });
	calls = fakeFetch((c) => {
		if (c.path === '/api/session') return json({ user: null, setup_needed: false, version: '' });
		return c.method === 'GET' ? json({ conversations: stored }) : onChange(c);
	});
	session.user = { id: 'ada', name: 'ada', role: 'user' };
	await conversations.load();
});
afterEach(async () => {
	await session.load();
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

describe('live events', () => {
	it('bring what is new to the top and keep the rest in place', () => {
		hear('conversation', aConversation('b', { updated_at: 40, title: 'Bread' }));
		hear('conversation', aConversation('d', { updated_at: 29 }));
		expect(ids()).toEqual(['b', 'a', 'd', 'c']);
		expect(conversations.get('b')?.title).toBe('Bread');
		hear('conversation_removed', { id: 'a' });
		expect(ids()).toEqual(['b', 'd', 'c']);
		expect(conversations.get('a')).toBeUndefined();
	});
	it('a removed folder leaves its conversations, also those that Undo brings back', () => {
		for (const c of stored) hear('conversation', { ...c, folder_id: c.id === 'c' ? 'g' : 'f' });
		conversations.remove(['b']);
		hear('folder_removed', { id: 'f' });
		conversations.undo();
		expect(conversations.list.map((c) => c.folder_id)).toEqual([null, null, 'g']);
	});
	it('an import is read', async () => {
		stored.push(aConversation('e', { updated_at: 35 }));
		hear('imported', {});
		await vi.advanceTimersByTimeAsync(0);
		expect(ids()).toEqual(['e', 'a', 'b', 'c']);
	});
	it('what comes while the list is being read is newer than the list', async () => {
		const reading = conversations.load();
		hear('conversation', aConversation('b', { updated_at: 40, title: 'Bread' }));
		hear('conversation', aConversation('d', { updated_at: 50 }));
		hear('conversation_removed', { id: 'c' });
		await reading;
		expect(ids()).toEqual(['d', 'b', 'a']);
		expect(conversations.get('b')?.title).toBe('Bread');
		await conversations.load();
		expect(ids()).toEqual(['a', 'b', 'c']);
	});
	it('have their turn between the reading of a long list and the ordering of it', async () => {
		stored = Array.from({ length: 4000 }, (_, i) =>
			aConversation(`x${String(i)}`, { updated_at: i })
		);
		let before = 0;
		const { parse } = JSON;
		vi.spyOn(JSON, 'parse').mockImplementationOnce((text: string): unknown => {
			setTimeout(() => {
				before = ids().length;
				hear('conversation', aConversation('x5', { updated_at: 5000, title: 'Bread' }));
			});
			return parse(text);
		});
		void conversations.load();
		await vi.waitFor(() => expect(ids()).toHaveLength(4000));
		expect(before).toBe(3);
		expect(conversations.get('x5')?.title).toBe('Bread');
	});
	it('thousands of events on thousands of conversations stay in order', () => {
		stored = Array.from({ length: 2000 }, (_, i) =>
			aConversation(`x${String(i)}`, { updated_at: (i * 7919) % 2003 })
		);
		for (const c of stored) hear('conversation', c);
		for (const c of stored) hear('conversation', { ...c, updated_at: c.updated_at + 50 });
		const times = conversations.list.map((c) => c.updated_at);
		expect(times).toEqual(times.toSorted((a, b) => b - a));
		expect(ids()).toHaveLength(2003);
	});
});

describe('deleting', () => {
	it('hides at once, tells hob when Undo has passed', async () => {
		conversations.remove(['b']);
		expect(ids()).toEqual(['a', 'c']);
		expect(conversations.done?.text).toBe('Deleted "title of b"');
		await vi.advanceTimersByTimeAsync(UNDO_MS - 1);
		expect(changes()).toEqual([]);
		await vi.advanceTimersByTimeAsync(1);
		expect(changes()).toEqual([['DELETE', '/api/conversations/b', undefined]]);
		expect(conversations.done).toBeNull();
	});
	it('is done before one logs out', async () => {
		let deleted = (): void => undefined;
		onChange = (c) =>
			c.method === 'DELETE'
				? new Promise((resolve) => (deleted = () => resolve(json(null, 204))))
				: json(null, 204);
		conversations.remove(['b']);
		const leaving = session.logout();
		await vi.advanceTimersByTimeAsync(100);
		expect(changes()).toEqual([['DELETE', '/api/conversations/b', undefined]]);
		deleted();
		await leaving;
		expect(changes().slice(1)).toEqual([['POST', '/api/logout', {}]]);
		expect(session.user).toBeNull();
	});
	it('Undo brings all back, as they are by then', async () => {
		conversations.remove(['a', 'c']);
		expect(conversations.done?.text).toBe('Deleted 2 conversations');
		hear('conversation', aConversation('c', { updated_at: 28, title: 'Changed' }));
		expect(ids()).toEqual(['b']);
		conversations.undo();
		expect(ids()).toEqual(['a', 'b', 'c']);
		expect(conversations.get('c')?.title).toBe('Changed');
		await vi.advanceTimersByTimeAsync(UNDO_MS * 2);
		expect(changes()).toEqual([]);
	});
	it('many go in chunks; what hob refuses is there again', async () => {
		stored = Array.from({ length: 2500 }, (_, i) =>
			aConversation(`x${String(i)}`, { updated_at: i })
		);
		await conversations.load();
		let n = 0;
		onChange = () => (++n === 3 ? failure(500, 'disk full') : json({ n: 1000 }));
		conversations.remove(ids());
		await vi.advanceTimersByTimeAsync(UNDO_MS);
		const sizes = calls
			.filter((c) => c.path === '/api/conversations/bulk')
			.map((c) => (c.body as { ids: string[] }).ids.length);
		expect(sizes).toEqual([1000, 1000, 500]);
		expect(ids()).toHaveLength(500);
		expect(conversations.problem).toBe('disk full');
	});
	it('what was deleted elsewhere first is deleted', async () => {
		onChange = () => failure(404, 'No such conversation');
		conversations.remove(['b']);
		await vi.advanceTimersByTimeAsync(UNDO_MS);
		expect(ids()).toEqual(['a', 'c']);
		expect(conversations.problem).toBeNull();
	});
	it('a deletion elsewhere ends it here while it could be undone', () => {
		const gone: string[] = [];
		const off = conversations.onRemoved((id) => gone.push(id));
		conversations.remove(['b']);
		hear('conversation_removed', { id: 'b' });
		expect(gone).toEqual(['b']);
		off();
	});
	it('a deletion elsewhere takes it out of Undo too', () => {
		conversations.remove(['a', 'b']);
		hear('conversation_removed', { id: 'a' });
		conversations.undo();
		expect(ids()).toEqual(['b', 'c']);
	});
});

describe('changing', () => {
	it('shows it at once and takes it back when hob refuses', async () => {
		onChange = () => failure(500, 'disk full');
		const done = conversations.change(['a'], { pinned: true });
		expect(conversations.get('a')?.pinned).toBe(true);
		await done;
		expect(conversations.get('a')?.pinned).toBe(false);
		expect(conversations.problem).toBe('disk full');
	});
	it('many in one call; archiving can be undone for those that were not archived', async () => {
		stored = stored.map((c) => ({ ...c, archived: c.id === 'b' }));
		await conversations.load();
		await conversations.change(['a', 'b'], { archived: true });
		expect(conversations.done?.text).toBe('Archived 2 conversations');
		conversations.undo();
		await vi.advanceTimersByTimeAsync(0);
		expect(changes()).toEqual([
			['POST', '/api/conversations/bulk', { ids: ['a', 'b'], set: { archived: true } }],
			['PATCH', '/api/conversations/a', { archived: false }]
		]);
	});
});
