/**
 * How many answer streams all tabs of a browser hold open together. Browsers open six connections a
 * host on HTTP/1.1; the live events take one, and requests must go through beside them. Who gets no
 * slot asks hob again and again instead (follower.ts).
 *
 * Without Web Locks (plain http beyond loopback) tabs cannot count each other: everybody gets one.
 */
export const SLOTS = 3;

export interface Slot {
	release: () => void;
}

type Locks = Pick<LockManager, 'request'>;

export class Slots {
	readonly #locks: Locks | undefined;

	constructor(locks: Locks | undefined) {
		this.#locks = locks;
	}

	/** Null: all are taken. A tab that goes away gives its own back. */
	async take(): Promise<Slot | null> {
		const locks = this.#locks;
		if (!locks) return { release: () => undefined };
		for (let n = 0; n < SLOTS; n++) {
			const slot = await tryLock(locks, `hob.stream.${String(n)}`);
			if (slot) return slot;
		}
		return null;
	}
}

function tryLock(locks: Locks, name: string): Promise<Slot | null> {
	return new Promise((resolve) => {
		locks
			.request(name, { ifAvailable: true }, (lock) => {
				if (!lock) {
					resolve(null);
					return undefined;
				}
				return new Promise<void>((release) => resolve({ release }));
			})
			// Locks may be forbidden (sandboxed frames): nobody counts.
			.catch(() => resolve({ release: () => undefined }));
	});
}

export const slots = new Slots(typeof navigator === 'undefined' ? undefined : navigator.locks);
