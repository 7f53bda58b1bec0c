/**
 * What was deleted and can be brought back for a moment. The page hides it at once; hob is told when
 * the time is up, when the page closes, or before one logs out.
 */

/** A deletion can be undone for this long, and while somebody is at its Undo. */
export const UNDO_MS = 6000;

export interface Removal {
	/** The message that was deleted, with what is below it or without. */
	id: string;
	/** How many messages went with it. */
	count: number;
	/** It stood in its place on the screen, and says so there itself. */
	inPlace: boolean;
	undo: () => void;
	/** Tells hob; never throws. */
	commit: () => Promise<void>;
}

export class Removals {
	/** Oldest first. */
	list = $state.raw<readonly Removal[]>([]);
	// eslint-disable-next-line svelte/prefer-svelte-reactivity -- no screen shows timers
	readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
	#closed = false;
	#holds = 0;

	/** The newest one that does not stand in its place. */
	get offered(): Removal | undefined {
		return this.list.findLast((r) => !r.inPlace);
	}

	add(removal: Removal): void {
		if (this.#closed) return;
		this.list = [...this.list, removal];
		this.#arm(removal);
	}

	/** Until what it returns is called no time is up; then each has its full time again. */
	hold(): () => void {
		this.#holds++;
		for (const timer of this.#timers.values()) clearTimeout(timer);
		return () => {
			this.#holds--;
			for (const removal of this.list) this.#arm(removal);
		};
	}

	undo(id: string): void {
		const removal = this.list.find((r) => r.id === id);
		if (!removal) return;
		this.#forget(removal);
		removal.undo();
	}

	/** Everything at once; resolves when hob has heard of it. */
	async flush(): Promise<void> {
		await Promise.all(this.list.map((removal) => this.#commit(removal)));
	}

	close(): void {
		this.#closed = true;
		for (const timer of this.#timers.values()) clearTimeout(timer);
		this.#timers.clear();
		this.list = [];
	}

	#arm(removal: Removal): void {
		if (this.#holds > 0) return;
		this.#timers.set(
			removal.id,
			setTimeout(() => void this.#commit(removal), UNDO_MS)
		);
	}

	#commit(removal: Removal): Promise<void> {
		this.#forget(removal);
		return removal.commit();
	}

	#forget(removal: Removal): void {
		clearTimeout(this.#timers.get(removal.id));
		this.#timers.delete(removal.id);
		this.list = this.list.filter((r) => r !== removal);
	}
}
