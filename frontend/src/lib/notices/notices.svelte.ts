/**
 * Short notices of what has happened elsewhere: an answer that ended in another conversation. They go
 * away by themselves, later while somebody points at them or has the focus in them.
 */
import { session } from '$lib/state/session.svelte';
import { uuid } from '$lib/uuid';

export interface Notice {
	id: string;
	text: string;
	/** What can be done about it. */
	action: { label: string; run: () => void } | null;
}

const SHOWN_MS = 8000;
/** More would cover the page; the oldest goes. */
const MAX_SHOWN = 3;

class Notices {
	list = $state.raw<Notice[]>([]);
	readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
	#held = false;

	constructor() {
		session.onSignedOut(() => {
			for (const { id } of this.list) this.dismiss(id);
		});
	}

	/** `id`: one with the same takes the place of the earlier. */
	say(text: string, action: Notice['action'] = null, id: string = uuid()): void {
		this.dismiss(id);
		this.list = [...this.list, { id, text, action }];
		for (const old of this.list.slice(0, -MAX_SHOWN)) this.dismiss(old.id);
		if (!this.#held) this.#arm(id);
	}

	dismiss(id: string): void {
		clearTimeout(this.#timers.get(id));
		this.#timers.delete(id);
		if (this.list.some((n) => n.id === id)) this.list = this.list.filter((n) => n.id !== id);
	}

	/** While held none goes away; afterwards each has its full time again. */
	hold(held: boolean): void {
		if (this.#held === held) return;
		this.#held = held;
		for (const { id } of this.list) {
			clearTimeout(this.#timers.get(id));
			if (!held) this.#arm(id);
		}
	}

	#arm(id: string): void {
		this.#timers.set(
			id,
			setTimeout(() => this.dismiss(id), SHOWN_MS)
		);
	}
}

export const notices = new Notices();
