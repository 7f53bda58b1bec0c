import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const navigation = vi.hoisted(() => ({ goto: vi.fn() }));
vi.mock('$app/navigation', () => navigation);

/** The browser's own, as far as hob uses it. */
class FakeNotification {
	static permission: NotificationPermission = 'default';
	static says: NotificationPermission = 'granted';
	/** As Chrome on Android: for service workers only. */
	static refuses = false;
	static shown: FakeNotification[] = [];
	static requestPermission(): Promise<NotificationPermission> {
		return Promise.resolve((FakeNotification.permission = FakeNotification.says));
	}
	onclick: (() => void) | null = null;
	closed = false;
	readonly title: string;
	readonly options: NotificationOptions;
	constructor(title: string, options: NotificationOptions) {
		if (FakeNotification.refuses) throw new TypeError('Illegal constructor');
		this.title = title;
		this.options = options;
		FakeNotification.shown.push(this);
	}
	close(): void {
		this.closed = true;
	}
}

class FakeWorkers extends EventTarget {
	registration: { unregister: () => void } | null = null;
	readonly showNotification = vi.fn(() => Promise.resolve());
	readonly register = vi.fn(() => {
		this.registration = {
			showNotification: this.showNotification,
			unregister: () => (this.registration = null)
		} as never;
		return Promise.resolve(this.registration);
	});
	get ready(): Promise<unknown> {
		return Promise.resolve(this.registration);
	}
	getRegistration(): Promise<unknown> {
		return Promise.resolve(this.registration ?? undefined);
	}
}

let workers: FakeWorkers;

/** The page, loaded in such a browser; hidden, so that something is shown. */
async function load(withWorkers = true): Promise<typeof import('./desktop.svelte').desktop> {
	vi.resetModules();
	if (withWorkers) give('serviceWorker', workers);
	return (await import('./desktop.svelte')).desktop;
}
function give(name: 'serviceWorker' | 'locks', value: unknown): void {
	Object.defineProperty(navigator, name, { configurable: true, value });
}

beforeEach(() => {
	localStorage.clear();
	workers = new FakeWorkers();
	Object.assign(FakeNotification, {
		permission: 'default',
		says: 'granted',
		refuses: false,
		shown: []
	});
	vi.stubGlobal('Notification', FakeNotification);
	vi.stubGlobal('isSecureContext', true);
	vi.stubGlobal('focus', vi.fn());
	vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
	give('locks', { query: () => Promise.resolve({ held: [] }) });
});
afterEach(() => {
	vi.unstubAllGlobals();
	Reflect.deleteProperty(navigator, 'serviceWorker');
	Reflect.deleteProperty(navigator, 'locks');
	navigation.goto.mockClear();
});

describe('notifications of the browser', () => {
	it('are shown by the page where it may, and lead to the conversation', async () => {
		const desktop = await load();
		expect(await desktop.set(true)).toBe(true);
		await desktop.show('Answer finished', 'Soup', 'g1', 'c1');
		expect(workers.showNotification).not.toHaveBeenCalled();
		const [shown] = FakeNotification.shown;
		expect(shown).toMatchObject({ title: 'Answer finished', options: { body: 'Soup', tag: 'g1' } });
		shown?.onclick?.();
		expect(navigation.goto).toHaveBeenCalledExactlyOnceWith('/chat/c1');
		expect(shown?.closed).toBe(true);
	});
	it('are shown by the worker where the page may not, and lead there too', async () => {
		FakeNotification.refuses = true;
		const desktop = await load();
		expect(await desktop.set(true)).toBe(true);
		await desktop.show('Answer finished', 'Soup', 'g1', 'c1');
		expect(workers.showNotification).toHaveBeenCalledExactlyOnceWith(
			'Answer finished',
			expect.objectContaining({ body: 'Soup', tag: 'g1', data: { conversation: 'c1' } })
		);
		expect(desktop.on).toBe(true);
		workers.dispatchEvent(new MessageEvent('message', { data: { conversation: 'c1' } }));
		expect(navigation.goto).toHaveBeenCalledExactlyOnceWith('/chat/c1');
	});
	it.each([
		['there are no workers', false],
		['the worker cannot be had', true]
	])('are not promised where the page may not and %s', async (_, withWorkers) => {
		FakeNotification.refuses = true;
		workers.register.mockRejectedValue(new TypeError('failed'));
		const desktop = await load(withWorkers);
		expect(await desktop.set(true)).toBe(false);
		expect(desktop).toMatchObject({ on: false, support: 'no' });
		expect((await load(withWorkers)).on).toBe(false);
	});
	it('need no worker where the page may show them', async () => {
		const desktop = await load(false);
		expect(await desktop.set(true)).toBe(true);
		await desktop.show('Answer finished', 'Soup', 'g1', 'c1');
		expect(FakeNotification.shown.at(-1)).toMatchObject({
			title: 'Answer finished',
			closed: false
		});
	});
	it('that fail after all are switched off', async () => {
		const desktop = await load();
		await desktop.set(true);
		FakeNotification.refuses = true;
		workers.showNotification.mockRejectedValue(new TypeError('no'));
		await desktop.show('Answer finished', 'Soup', 'g1', 'c1');
		expect(desktop).toMatchObject({ on: false, support: 'no' });
	});
	it('have a worker only while they are on', async () => {
		const desktop = await load();
		expect(workers.register).not.toHaveBeenCalled();
		await desktop.set(true);
		expect(workers.registration).not.toBeNull();
		await desktop.set(false);
		await vi.waitFor(() => expect(workers.registration).toBeNull());
		FakeNotification.says = 'denied';
		expect(await desktop.set(true)).toBe(false);
		expect(desktop.support).toBe('denied');
		expect(workers.registration).toBeNull();
	});
	it('are shown to nobody who looks at a page of hob', async () => {
		const desktop = await load();
		await desktop.set(true);
		give('locks', { query: () => Promise.resolve({ held: [{ name: 'hob-visible' }] }) });
		await desktop.show('Answer finished', 'Soup', 'g1', 'c1');
		expect(FakeNotification.shown).toEqual([]);
	});
	it('are on again after a reload', async () => {
		await (await load()).set(true);
		expect((await load()).on).toBe(true);
		FakeNotification.permission = 'denied';
		expect(await load()).toMatchObject({ on: false, support: 'denied' });
	});
});
