import { describe, expect, it } from 'vitest';
import { LockLeases, uncounted } from '$lib/api/lease';
import { Slots, SLOTS } from './slots';

/** Locks that all "tabs" of a test share, as far as `ifAvailable` goes. */
function someLocks(): Pick<LockManager, 'request'> {
	const held = new Set<string>();
	const request = async (
		name: string,
		_: unknown,
		callback: (lock: { name: string } | null) => unknown
	): Promise<void> => {
		if (held.has(name)) return void (await callback(null));
		held.add(name);
		await callback({ name });
		held.delete(name);
	};
	return { request } as unknown as Pick<LockManager, 'request'>;
}

describe('slots', () => {
	it('are as many as there are, in all tabs together; one that is given back is there again', async () => {
		const locks = someLocks();
		const tabs = Array.from({ length: SLOTS + 2 }, () => new Slots(new LockLeases(locks)));
		const taken = [];
		for (const tab of tabs) taken.push(await tab.take());
		expect(taken.filter((s) => s !== null)).toHaveLength(SLOTS);
		expect(await tabs[0]?.take()).toBeNull();
		taken[1]?.release();
		await Promise.resolve();
		await Promise.resolve();
		expect(await tabs[4]?.take()).not.toBeNull();
	});
	it('are none where tabs cannot count each other', async () => {
		const forbidden = {
			request: () => Promise.reject(new DOMException('no', 'SecurityError'))
		} as unknown as Pick<LockManager, 'request'>;
		for (const leases of [uncounted, new LockLeases(forbidden)])
			expect(await new Slots(leases).take()).toBeNull();
	});
});
