import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveFeed, type LinkState, type Sharing } from './events';
import { LockLeases, uncounted } from './lease';
import { aServer, failure, fakeFetch, FakeStream, type Answer, type Call } from './fake';

/** One browser: its tabs' channels hear each other, its lock has one holder and a line of waiters. */
class FakeBrowser {
	readonly channels = new Set<FakeChannel>();
	#held = false;
	readonly #line: (() => void)[] = [];

	sharing(): Sharing {
		return {
			channel: () => new FakeChannel(this) as unknown as BroadcastChannel,
			leases: new LockLeases({
				request: (_: string, options: LockOptions, hold: (lock: unknown) => Promise<void>) =>
					new Promise<void>((resolve, reject) => {
						const take = (): void => {
							this.#held = true;
							void hold({ name: 'events' }).then(() => {
								this.#held = false;
								resolve();
								this.#line.shift()?.();
							});
						};
						options.signal?.addEventListener('abort', () => {
							const at = this.#line.indexOf(take);
							if (at < 0) return;
							this.#line.splice(at, 1);
							reject(new DOMException('Aborted', 'AbortError'));
						});
						if (this.#held) this.#line.push(take);
						else take();
					})
			} as unknown as LockManager)
		};
	}
}
class FakeChannel {
	onmessage: ((e: { data: unknown }) => void) | null = null;
	readonly #browser: FakeBrowser;
	constructor(browser: FakeBrowser) {
		this.#browser = browser;
		browser.channels.add(this);
	}
	postMessage(data: unknown): void {
		const copy: unknown = structuredClone(data);
		for (const other of this.#browser.channels)
			if (other !== this) queueMicrotask(() => other.onmessage?.({ data: copy }));
	}
	close(): void {
		this.#browser.channels.delete(this);
	}
}

let streams: FakeStream[];
let calls: Call[];
let next: () => Answer;
const feeds: LiveFeed[] = [];

function tab(sharing: Sharing): { feed: LiveFeed; seen: string[]; links: LinkState[] } {
	const feed = new LiveFeed(sharing);
	feeds.push(feed);
	const seen: string[] = [];
	const links: LinkState[] = [];
	feed.on('server', (s) => seen.push(`${s.id} ${s.engine.state}`));
	feed.on('reset', () => seen.push('reset'));
	feed.onLink((l) => links.push(l));
	feed.start('ada');
	return { feed, seen, links };
}
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1);
const serverEvent = (id: number, server: string): string =>
	`id: b-${String(id)}\nevent: server\ndata: ${JSON.stringify(aServer(server))}\n\n`;
const stream = (n: number): FakeStream => streams[n] as FakeStream;

beforeEach(() => {
	vi.useFakeTimers();
	streams = [];
	next = () => {
		const s = new FakeStream();
		streams.push(s);
		return s.response;
	};
	calls = fakeFetch(() => next());
});
afterEach(() => {
	for (const feed of feeds.splice(0)) feed.stop();
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

describe('twelve tabs', () => {
	it('share one connection, and all hear every event', async () => {
		const browser = new FakeBrowser();
		const tabs = Array.from({ length: 12 }, () => tab(browser.sharing()));
		await settle();
		expect(calls).toHaveLength(1);
		stream(0).raw(serverEvent(1, 's1'));
		await settle();
		for (const { seen } of tabs) expect(seen).toEqual(['s1 ready']);
		expect(tabs.filter((t) => t.feed.leading)).toHaveLength(1);
	});
	it('a late tab gets the servers from the leader', async () => {
		const browser = new FakeBrowser();
		tab(browser.sharing());
		await settle();
		stream(0).raw(serverEvent(1, 's1') + serverEvent(2, 's2'));
		await settle();
		const late = tab(browser.sharing());
		await settle();
		expect(late.seen).toEqual(['s1 ready', 's2 ready']);
		expect(late.feed.link).toBe('open');
		expect(calls).toHaveLength(1);
	});
	it('when the leader closes, another resumes after the last id', async () => {
		const browser = new FakeBrowser();
		const [first, second] = [tab(browser.sharing()), tab(browser.sharing())];
		await settle();
		stream(0).raw(serverEvent(41, 's1'));
		await settle();
		first.feed.stop();
		await settle();
		expect(second.feed.leading).toBe(true);
		expect(calls).toHaveLength(2);
		expect(calls[1]?.headers['last-event-id']).toBe('b-41');
		stream(1).raw(serverEvent(42, 's2'));
		await settle();
		expect(second.seen).toEqual(['s1 ready', 's2 ready']);
	});
});

describe('one tab alone', () => {
	const alone: Sharing = { leases: uncounted, channel: undefined };
	it('reads for itself where channels are missing', async () => {
		const { seen } = tab(alone);
		await settle();
		stream(0).raw(
			serverEvent(1, 's1') + 'event: unknown\ndata: {}\n\n: ping\n\nevent: reset\ndata: {}\n\n'
		);
		await settle();
		expect(seen).toEqual(['s1 ready', 'reset']);
	});
	it('comes back after a loss, waiting longer each time, and says so', async () => {
		const { links } = tab(alone);
		await settle();
		stream(0).raw(serverEvent(7, 's1'));
		await settle();
		next = () => failure(502);
		stream(0).tear();
		await settle();
		expect(links).toEqual(['open', 'lost']);
		await vi.advanceTimersByTimeAsync(500);
		expect(calls).toHaveLength(2);
		await vi.advanceTimersByTimeAsync(500);
		expect(calls).toHaveLength(2);
		await vi.advanceTimersByTimeAsync(500);
		expect(calls).toHaveLength(3);
		next = () => new FakeStream().response;
		await vi.advanceTimersByTimeAsync(2000);
		expect(calls.at(-1)?.headers['last-event-id']).toBe('b-7');
		expect(links).toEqual(['open', 'lost', 'open']);
	});
	it('takes silence for a loss', async () => {
		tab(alone);
		await settle();
		await vi.advanceTimersByTimeAsync(41_000);
		expect(calls.length).toBeGreaterThan(1);
	});
	it('that is looked at again does not wait for what it waited for in its sleep', async () => {
		const wake = (): void => void document.dispatchEvent(new Event('visibilitychange'));
		tab(alone);
		await settle();
		await vi.advanceTimersByTimeAsync(19_000);
		wake();
		await settle();
		expect(calls).toHaveLength(1);
		// The machine sleeps: its clock goes on, its timers do not.
		vi.setSystemTime(Date.now() + 3_600_000);
		wake();
		await settle();
		expect(calls).toHaveLength(2);
		stream(1).raw(serverEvent(7, 's1'));
		await settle();
		next = () => failure(502);
		stream(1).tear();
		await settle();
		for (const n of [3, 4, 5]) {
			wake();
			await settle();
			expect(calls).toHaveLength(n);
		}
		window.dispatchEvent(new Event('online'));
		await settle();
		expect(calls.at(-1)?.headers['last-event-id']).toBe('b-7');
		expect(calls).toHaveLength(6);
	});
	it('wakes the one that reads for it', async () => {
		const browser = new FakeBrowser();
		tab(browser.sharing());
		await settle();
		vi.setSystemTime(Date.now() + 3_600_000);
		new FakeChannel(browser).postMessage({ kind: 'wake' });
		await settle();
		expect(calls).toHaveLength(2);
	});
	it('does nothing after stop', async () => {
		const { feed, seen } = tab(alone);
		await settle();
		feed.stop();
		await vi.advanceTimersByTimeAsync(60_000);
		expect(calls).toHaveLength(1);
		expect(seen).toEqual([]);
	});
});
