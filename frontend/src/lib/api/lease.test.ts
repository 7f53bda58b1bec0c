import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
	LockLeases,
	msLeft,
	RENEW_MS,
	StorageLeases,
	TTL_MS,
	uncounted,
	type Lease
} from './lease';

/** One browser's storage; each tab hears what the others write, as events of its own window. */
class FakeBrowser {
	readonly kept = new Map<string, string>();
	readonly #windows = new Set<EventTarget>();
	forbidden = false;

	tab(random = 0): { leases: StorageLeases; window: EventTarget; crash: () => void } {
		const window = new EventTarget();
		this.#windows.add(window);
		let alive = true;
		const allowed = (): void => {
			if (!alive || this.forbidden) throw new DOMException('no', 'SecurityError');
		};
		const tell = (key: string): void => {
			for (const other of this.#windows)
				if (other !== window)
					queueMicrotask(() => other.dispatchEvent(Object.assign(new Event('storage'), { key })));
		};
		const store = {
			getItem: (key: string) => {
				allowed();
				return this.kept.get(key) ?? null;
			},
			setItem: (key: string, value: string) => {
				allowed();
				this.kept.set(key, value);
				tell(key);
			},
			removeItem: (key: string) => {
				allowed();
				this.kept.delete(key);
				tell(key);
			}
		};
		const crash = (): void => {
			alive = false;
			this.#windows.delete(window);
		};
		return { leases: new StorageLeases(store, window, () => random), window, crash };
	}
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const SOON = 100;
/** What a promise has come to by now; undefined: nothing yet. */
async function after<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
	let value: T | undefined;
	void promise.then((v) => (value = v));
	await pass(ms);
	return value;
}
const wait = (tab: { leases: StorageLeases }, control = new AbortController()) =>
	tab.leases.wait('x', control.signal);
const take = (tab: { leases: StorageLeases }) => after(SOON, tab.leases.take('x'));
const has = (lease: Lease | null | undefined): boolean => !!lease && !lease.over.aborted;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('leases in storage', () => {
	it.each([
		[0, 0],
		[0, 0.9],
		[0.9, 0]
	])('two that claim at once: one has it (%d, %d)', async (a, b) => {
		const browser = new FakeBrowser();
		const tabs = [browser.tab(a), browser.tab(b)];
		// Both looked before either wrote: the first write is hidden from the second tab's look.
		const first = tabs[0]?.leases.take('x');
		const written = [...browser.kept];
		browser.kept.clear();
		const second = tabs[1]?.leases.take('x');
		expect(written).toHaveLength(1);
		await pass(SOON);
		expect([await first, await second].map(has)).toEqual([false, true]);
	});
	it('a claim that is overwritten after it was read back is lost at once', async () => {
		const browser = new FakeBrowser();
		const first = await take(browser.tab());
		browser.kept.clear();
		const late = browser.tab().leases.take('x');
		await pass(SOON);
		expect(has(first)).toBe(false);
		expect(has(await late)).toBe(true);
	});
	it('is held for as long as it is renewed, also against others of the same tab', async () => {
		const browser = new FakeBrowser();
		const [one, two] = [browser.tab(), browser.tab()];
		const held = await take(one);
		for (let ms = 0; ms < 5 * TTL_MS; ms += 2500) {
			expect(await take(one)).toBeNull();
			expect(await take(two)).toBeNull();
			await pass(2500 - 2 * SOON);
		}
		expect(has(held)).toBe(true);
		expect(has(await after(SOON, two.leases.take('y')))).toBe(true);
	});
	it('goes to one of those that wait as soon as it is given back', async () => {
		const browser = new FakeBrowser();
		const held = await take(browser.tab());
		const got: Lease[] = [];
		for (let n = 0; n < 11; n++)
			void wait(browser.tab(n / 11)).then((lease) => lease && got.push(lease));
		await pass(3 * TTL_MS);
		expect(got).toHaveLength(0);
		held?.release();
		await pass(2 * SOON);
		expect(got.filter(has)).toHaveLength(1);
		await pass(3 * TTL_MS);
		expect(got.filter(has)).toHaveLength(1);
	});
	it('goes over when its tab crashed, after it ran out', async () => {
		const browser = new FakeBrowser();
		const first = browser.tab();
		await take(first);
		const next = wait(browser.tab());
		await pass(RENEW_MS);
		first.crash();
		expect(await after(RENEW_MS, next)).toBeUndefined();
		expect(has(await after(TTL_MS, next))).toBe(true);
	});
	it('is given up when the page is left, and waited for again when it comes back', async () => {
		const browser = new FakeBrowser();
		const [one, two] = [browser.tab(), browser.tab()];
		const held = await take(one);
		const next = wait(two);
		await pass(SOON);
		one.window.dispatchEvent(new Event('pagehide'));
		expect(has(held)).toBe(false);
		const lease = await after(2 * SOON, next);
		expect(has(lease)).toBe(true);
		lease?.release();
		const again = wait(one);
		expect(await after(3 * TTL_MS, again)).toBeUndefined();
		one.window.dispatchEvent(new Event('pageshow'));
		expect(has(await after(2 * SOON, again))).toBe(true);
	});
	it('a tab whose timers stood still keeps what nobody took', async () => {
		const browser = new FakeBrowser();
		const held = await take(browser.tab());
		vi.setSystemTime(Date.now() + 10 * TTL_MS);
		await pass(RENEW_MS);
		expect(has(held)).toBe(true);
		expect(await take(browser.tab())).toBeNull();
	});
	it('a tab whose timers stood still lets go of what another took', async () => {
		const browser = new FakeBrowser();
		const held = await take(browser.tab());
		vi.setSystemTime(Date.now() + 10 * TTL_MS);
		const other = await take(browser.tab());
		expect([held, other].map(has)).toEqual([false, true]);
		held?.release();
		expect(await take(browser.tab())).toBeNull();
	});
	it('ends with the signal of who waited, before and after', async () => {
		const browser = new FakeBrowser();
		const [a, b] = [new AbortController(), new AbortController()];
		const held = await after(SOON, wait(browser.tab(), a));
		const waiting = wait(browser.tab(), b);
		b.abort();
		expect(await after(SOON, waiting)).toBeNull();
		a.abort();
		expect(has(held)).toBe(false);
		expect(has(await take(browser.tab()))).toBe(true);
	});
	it('where storage is forbidden, who waits has it and who asks gets none', async () => {
		const browser = new FakeBrowser();
		browser.forbidden = true;
		const tabs = [browser.tab(), browser.tab()];
		for (const tab of tabs) {
			expect(has(await after(SOON, wait(tab)))).toBe(true);
			expect(await take(tab)).toBeNull();
		}
	});
});

it.each([
	['nothing written', null, 0],
	['held', 6000, 6000],
	['run out', 0, 0],
	['of a clock that was since set back', 3_600_000, 0]
])('time left: %s', (_, until, left) => {
	const entry = until === null ? null : { owner: 'a', until: 1000 + until };
	expect(msLeft(entry, 1000)).toBe(left);
});

it('where locks are forbidden, the other way is taken', async () => {
	const locks = {
		request: () => Promise.reject(new DOMException('no', 'SecurityError'))
	} as unknown as LockManager;
	const leases = new LockLeases(locks, new FakeBrowser().tab().leases);
	expect(has(await after(SOON, leases.take('x')))).toBe(true);
	expect(await after(SOON, leases.take('x'))).toBeNull();
	const alone = new LockLeases(locks, uncounted);
	expect(has(await alone.wait('x', new AbortController().signal))).toBe(true);
});
