/**
 * A named lease that at most one tab of this browser holds. Web Locks where the browser has them;
 * they need a secure context, so on plain http beyond this machine tabs write in localStorage who
 * holds a lease and until when:
 *
 *     free --claim, still ours after a moment--> held --given back, page left--> free
 *                                                 |---not renewed for TTL_MS---> free
 *                                                 '---another owner is written---> lost
 *
 * Two tabs that claim at once: the last writer has it, the other finds that when it reads back, or
 * by the storage event. A tab whose timers the browser slowed may lose its lease and lets go then.
 */
import { browserStorage } from '$lib/storage';
import { uuid } from '$lib/uuid';

export const TTL_MS = 6000;
export const RENEW_MS = 2000;
/** A claim is read back after this long, plus up to as much again. */
const SETTLE_MS = 10;
/** Tabs that wait for one lease do not all claim it in the same moment. */
const SPREAD_MS = 50;
const PREFIX = 'hob.lease.';

export interface Lease {
	/** Aborts when the lease is lost or given back. */
	readonly over: AbortSignal;
	release(): void;
}

export interface Leases {
	/** Waits for it; null when `signal` aborts first. The lease is given back when `signal` aborts. */
	wait(name: string, signal: AbortSignal): Promise<Lease | null>;
	/** Null: another holds it, or tabs have no way to tell. */
	take(name: string): Promise<Lease | null>;
}

class Held implements Lease {
	readonly #control = new AbortController();
	readonly #give: () => void;

	constructor(give: () => void = () => undefined) {
		this.#give = give;
	}

	get over(): AbortSignal {
		return this.#control.signal;
	}

	release(): void {
		if (this.over.aborted) return;
		this.#give();
		this.#control.abort();
	}

	/** Another has it: nothing to give back. */
	lose(): void {
		this.#control.abort();
	}
}

/** Gives the lease back with `signal`; null when that has aborted already. */
function tied(lease: Lease | null, signal: AbortSignal): Lease | null {
	if (!lease) return null;
	if (signal.aborted) {
		lease.release();
		return null;
	}
	signal.addEventListener('abort', () => lease.release(), { once: true });
	return lease;
}

/** Tabs cannot tell each other anything: who waits has it, who asks gets nothing. */
export const uncounted: Leases = {
	wait: (_, signal) => Promise.resolve(tied(new Held(), signal)),
	take: () => Promise.resolve(null)
};

type Locks = Pick<LockManager, 'request'>;

export class LockLeases implements Leases {
	readonly #locks: Locks;
	readonly #otherwise: Leases;

	/** `otherwise`: for where locks are forbidden (sandboxed frames). */
	constructor(locks: Locks, otherwise: Leases = uncounted) {
		this.#locks = locks;
		this.#otherwise = otherwise;
	}

	async wait(name: string, signal: AbortSignal): Promise<Lease | null> {
		try {
			return tied(await this.#request(name, { signal }), signal);
		} catch {
			return signal.aborted ? null : this.#otherwise.wait(name, signal);
		}
	}

	async take(name: string): Promise<Lease | null> {
		try {
			return await this.#request(name, { ifAvailable: true });
		} catch {
			return this.#otherwise.take(name);
		}
	}

	#request(name: string, options: LockOptions): Promise<Lease | null> {
		return new Promise((resolve, reject) => {
			this.#locks
				.request(name, options, (lock) => {
					if (lock) return new Promise<void>((give) => resolve(new Held(give)));
					resolve(null);
					return undefined;
				})
				.catch(reject);
		});
	}
}

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

interface Entry {
	owner: string;
	/** Unix time in milliseconds. */
	until: number;
}

function read(store: Store, key: string): Entry | null {
	const [owner, until] = (store.getItem(key) ?? '').split(' ');
	return owner && until ? { owner, until: Number(until) } : null;
}

/** How long the entry still counts; 0: the lease is free. An end too far away is of a clock since set back. */
export function msLeft(entry: Entry | null, now: number): number {
	const left = entry ? entry.until - now : 0;
	return left > 0 && left < 2 * TTL_MS ? left : 0;
}

/** One claim of this tab: its own entry under `key`, renewed until it is over. */
class Claim extends Held {
	readonly key: string;
	readonly #store: Store;
	readonly #owner = uuid();

	constructor(store: Store, key: string) {
		super(() => {
			if (this.check()) store.removeItem(key);
		});
		this.key = key;
		this.#store = store;
		this.#write();
		const timer = setInterval(() => this.#renew(), RENEW_MS);
		this.over.addEventListener('abort', () => clearInterval(timer));
	}

	/** Whether it is still ours; lets go when it is not. */
	check(): boolean {
		if (this.over.aborted) return false;
		try {
			if (read(this.#store, this.key)?.owner === this.#owner) return true;
		} catch {
			// Storage that is forbidden by now holds no lease.
		}
		this.lose();
		return false;
	}

	#renew(): void {
		if (!this.check()) return;
		try {
			this.#write();
		} catch {
			this.lose();
		}
	}

	#write(): void {
		this.#store.setItem(this.key, `${this.#owner} ${String(Date.now() + TTL_MS)}`);
	}
}

export class StorageLeases implements Leases {
	readonly #store: Store;
	readonly #page: EventTarget;
	readonly #random: () => number;
	readonly #claims = new Set<Claim>();
	/** The page was left; it may come back from the browser's cache. */
	#left = false;

	/** `page`: the window, for its storage, pagehide and pageshow events. */
	constructor(store: Store, page: EventTarget, random: () => number = Math.random) {
		this.#store = store;
		this.#page = page;
		this.#random = random;
		page.addEventListener('storage', (e) => {
			const { key } = e as StorageEvent;
			for (const claim of this.#claims) if (key === null || key === claim.key) claim.check();
		});
		page.addEventListener('pagehide', () => {
			this.#left = true;
			for (const claim of this.#claims) claim.release();
		});
		page.addEventListener('pageshow', () => (this.#left = false));
	}

	async wait(name: string, signal: AbortSignal): Promise<Lease | null> {
		while (!signal.aborted) {
			const lease = await this.#claim(name);
			if (lease === 'unknown') return uncounted.wait(name, signal);
			if (lease !== 'taken') return tied(lease, signal);
			await this.#freed(name, signal);
			await sleep(this.#random() * SPREAD_MS);
		}
		return null;
	}

	async take(name: string): Promise<Lease | null> {
		const lease = await this.#claim(name);
		return typeof lease === 'string' ? null : lease;
	}

	/** unknown: the storage is forbidden or full. */
	async #claim(name: string): Promise<Claim | 'taken' | 'unknown'> {
		const key = PREFIX + name;
		let claim: Claim;
		try {
			if (this.#left || msLeft(read(this.#store, key), Date.now()) > 0) return 'taken';
			claim = new Claim(this.#store, key);
		} catch {
			return 'unknown';
		}
		this.#claims.add(claim);
		claim.over.addEventListener('abort', () => this.#claims.delete(claim));
		await sleep(SETTLE_MS * (1 + this.#random()));
		return claim.check() ? claim : 'taken';
	}

	/** Resolves when another tab gave it back, when it ran out, or when the page or `signal` says so. */
	#freed(name: string, signal: AbortSignal): Promise<void> {
		const left = (): number => {
			try {
				return msLeft(read(this.#store, PREFIX + name), Date.now());
			} catch {
				return 0;
			}
		};
		return new Promise((resolve) => {
			const heard = (): void => {
				if (left() === 0) done();
			};
			const done = (): void => {
				clearTimeout(timer);
				this.#page.removeEventListener('storage', heard);
				this.#page.removeEventListener('pageshow', done);
				signal.removeEventListener('abort', done);
				resolve();
			};
			const timer = setTimeout(done, this.#left ? TTL_MS : left());
			this.#page.addEventListener('storage', heard);
			this.#page.addEventListener('pageshow', done);
			signal.addEventListener('abort', done);
			if (signal.aborted) done();
		});
	}
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

function browserLeases(): Leases {
	if (typeof window === 'undefined') return uncounted;
	const store = browserStorage();
	const stored = store ? new StorageLeases(store, window) : uncounted;
	// Missing without a secure context, whatever the types say.
	const locks = navigator.locks as LockManager | undefined;
	return locks ? new LockLeases(locks, stored) : stored;
}

export const leases = browserLeases();
