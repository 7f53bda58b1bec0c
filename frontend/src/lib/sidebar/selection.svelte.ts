/* eslint-disable svelte/prefer-svelte-reactivity -- sets are replaced here, never changed once the screen has them */
import { session } from '$lib/state/session.svelte';

/** Conversations that are chosen to be changed together. */
class Selection {
	/** The list shows checkboxes. */
	on = $state(false);
	/** Whether to delete them is being asked. */
	asking = $state(false);
	ids = $state.raw<ReadonlySet<string>>(new Set());
	/** Where a range begins: what was chosen last. */
	#from: string | null = null;

	begin(id?: string): void {
		this.on = true;
		this.asking = false;
		this.ids = new Set(id ? [id] : []);
		this.#from = id ?? null;
	}
	end(): void {
		this.on = false;
		this.asking = false;
		this.ids = new Set();
		this.#from = null;
	}

	/** `range`: everything between the last one and this (`order` says what is between) becomes as this one. */
	toggle(id: string, range = false, order: readonly string[] = []): void {
		const ids = new Set(this.ids);
		const to = !ids.has(id);
		const a = range && this.#from ? order.indexOf(this.#from) : -1;
		const b = order.indexOf(id);
		const touched = a < 0 || b < 0 ? [id] : order.slice(Math.min(a, b), Math.max(a, b) + 1);
		for (const one of touched)
			if (to) ids.add(one);
			else ids.delete(one);
		this.ids = ids;
		this.#from = id;
	}

	all(ids: readonly string[]): void {
		this.ids = new Set(ids);
	}
	/** Leaves out what is not in the list any more. */
	keep(there: (id: string) => boolean): void {
		const ids = [...this.ids].filter(there);
		if (ids.length < this.ids.size) this.ids = new Set(ids);
	}
}

export const selection = new Selection();
session.onSignedOut(() => selection.end());
