/**
 * How many answer streams all tabs of a browser hold open together. Browsers open six connections a
 * host on HTTP/1.1; the live events take one, and requests must go through beside them. Who gets no
 * slot asks hob again and again instead (follower.ts).
 */
import { leases, type Lease, type Leases } from '$lib/api/lease';

export const SLOTS = 3;

export type Slot = Lease;

export class Slots {
	readonly #leases: Leases;

	constructor(from: Leases) {
		this.#leases = from;
	}

	/** Null: all are taken, or tabs cannot count each other. A tab that goes away gives its own back. */
	async take(): Promise<Slot | null> {
		for (let n = 0; n < SLOTS; n++) {
			const slot = await this.#leases.take(`hob.stream.${String(n)}`);
			if (slot) return slot;
		}
		return null;
	}
}

export const slots = new Slots(leases);
