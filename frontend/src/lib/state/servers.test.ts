import { describe, expect, it, vi } from 'vitest';
import { api } from '$lib/api/client';
import { testServer } from '$lib/servers/testing';
import { servers } from './servers.svelte';

/** What the module's subscription to live news does. */
const heard = vi.hoisted(() => new Map<string, (data: never) => void>());
vi.mock('$lib/api/events', () => ({
	live: {
		on: (name: string, fn: (data: never) => void) => heard.set(name, fn),
		onLink: () => () => true,
		start: () => {},
		stop: () => {}
	}
}));
const hear = (server: unknown): void => heard.get('server')?.(server as never);
const state = (): string | undefined => servers.list[0]?.engine.state;

describe('servers', () => {
	it('shows the answer of a call when nothing newer was heard', async () => {
		servers.list = [testServer({}, { state: 'ready' })];
		vi.spyOn(api, 'stopServer').mockResolvedValue({
			server: testServer({}, { state: 'stopping' })
		});
		await servers.stop(testServer().id);
		expect(state()).toBe('stopping');
		hear(testServer({}, { state: 'stopped' }));
		expect(state()).toBe('stopped');
	});

	it('believes an event that came while the call was under way', async () => {
		servers.list = [testServer({}, { state: 'ready' })];
		vi.spyOn(api, 'stopServer').mockImplementation(() => {
			hear(testServer({}, { state: 'stopped' }));
			return Promise.resolve({ server: testServer({}, { state: 'stopping' }) });
		});
		await servers.stop(testServer().id);
		expect(state()).toBe('stopped');
	});

	it('takes new options from the answer and the engine from the event', async () => {
		servers.list = [testServer({}, { state: 'loading' })];
		vi.spyOn(api, 'updateServer').mockImplementation(() => {
			hear(testServer({}, { state: 'ready' }));
			return Promise.resolve({ server: testServer({ name: 'new' }, { state: 'loading' }) });
		});
		await servers.update(testServer().id, { name: 'new' });
		expect(servers.list[0]?.name).toBe('new');
		expect(state()).toBe('ready');
	});

	it('lists a new server once, whether the event or the answer comes first', async () => {
		servers.list = [];
		vi.spyOn(api, 'createServer').mockImplementation(() => {
			hear(testServer({}, { state: 'starting' }));
			return Promise.resolve({ server: testServer() });
		});
		await servers.create({ name: 'qwen3' });
		expect(servers.list).toHaveLength(1);
		expect(state()).toBe('starting');
	});
});
