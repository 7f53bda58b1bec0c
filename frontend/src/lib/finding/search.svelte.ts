/** Full-text search while one types: the newest question wins, older ones are called off. */
import { api, isAbort } from '$lib/api/client';
import type { SearchHit } from '$lib/api/types';
import { session } from '$lib/state/session.svelte';

const WAIT_MS = 150;
/** As much as hob reads of a question. */
export const MAX_QUERY = 200;

export class Search {
	query = $state('');
	/** Titles first, then messages. */
	hits = $state.raw<readonly SearchHit[]>([]);
	/** The question that `hits` answer; '' before the first answer. */
	answered = $state('');
	busy = $state(false);
	error = $state<string | null>(null);
	/** There is more to read with `more`. */
	next = $state<string | null>(null);
	/** The hit that the arrow keys are on; -1: none. */
	active = $state(-1);

	readonly #limit: number;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#control: AbortController | undefined;
	#asking: Promise<void> | undefined;

	constructor(limit = 30) {
		this.#limit = limit;
	}

	/** Asks soon, unless more is typed. */
	type(query: string): void {
		this.query = query;
		this.active = -1;
		this.#callOff();
		if (!query.trim()) {
			this.#take([], null, '');
			return;
		}
		this.busy = true;
		this.#timer = setTimeout(() => this.#askNow(), WAIT_MS);
	}
	clear(): void {
		this.type('');
	}
	/** Asks again after an error. */
	retry(): void {
		this.#callOff();
		this.#askNow();
	}
	/** The hit to open: the one that the arrow keys are on, else the first of what is typed now. */
	async chosen(): Promise<SearchHit | undefined> {
		const { query } = this;
		if (this.#timer !== undefined) this.#askNow();
		await this.#asking;
		return this.query === query && !this.busy ? this.hits[Math.max(0, this.active)] : undefined;
	}
	/** Reads what comes after the last hit. */
	more(): void {
		if (this.next && !this.busy && !this.error) void this.#ask(this.next);
	}
	/** Moves among the hits; past an end it comes in at the other. */
	move(step: 1 | -1): void {
		const n = this.hits.length;
		if (n === 0) return;
		if (this.active < 0) this.active = step > 0 ? 0 : n - 1;
		else this.active = (this.active + step + n) % n;
	}

	#callOff(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#control?.abort();
		this.busy = false;
		this.error = null;
	}

	#take(hits: readonly SearchHit[], next: string | null, answered: string): void {
		this.hits = hits;
		this.next = next;
		this.answered = answered;
	}

	#askNow(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#asking = this.#ask();
	}

	async #ask(after?: string): Promise<void> {
		const control = new AbortController();
		this.#control = control;
		const query = this.query.trim();
		this.busy = true;
		try {
			const { signal } = control;
			const found = await api.search(query, { after, limit: this.#limit, signal });
			if (signal.aborted) return;
			this.#take(after ? [...this.hits, ...found.hits] : found.hits, found.next, query);
		} catch (e) {
			if (isAbort(e) || control.signal.aborted) return;
			this.error = e instanceof Error ? e.message : String(e);
		}
		this.busy = false;
	}
}

/** The one in the sidebar. */
export const search = new Search();
session.onSignedOut(() => search.clear());
