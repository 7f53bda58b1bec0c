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
	/** The newest first: they stand at the end of a column, so the others stay where they are. */
	list = $state.raw<Notice[]>([]);
	readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
	#holds = 0;
	/** What came while they were held: nothing moves under a pointer. */
	#waiting: Notice[] = [];

	constructor() {
		session.onSignedOut(() => {
			this.#waiting = [];
			for (const { id } of this.list) this.dismiss(id);
		});
	}

	/** `id`: one with the same takes the place of the earlier. */
	say(text: string, action: Notice['action'] = null, id: string = uuid()): void {
		const notice = { id, text, action };
		if (this.#holds > 0) this.#waiting = newest(notice, this.#waiting);
		else this.#show(notice);
	}

	dismiss(id: string): void {
		clearTimeout(this.#timers.get(id));
		this.#timers.delete(id);
		if (this.list.some((n) => n.id === id)) this.list = this.list.filter((n) => n.id !== id);
	}

	/** Until what it returns is called they stay, and none is added; then each has its full time again. */
	hold(): () => void {
		this.#holds++;
		for (const timer of this.#timers.values()) clearTimeout(timer);
		return () => {
			this.#holds--;
			if (this.#holds > 0) return;
			for (const { id } of this.list) this.#arm(id);
			for (const notice of this.#waiting.reverse()) this.#show(notice);
			this.#waiting = [];
		};
	}

	#show(notice: Notice): void {
		const list = newest(notice, this.list);
		for (const { id } of this.list) if (!list.some((n) => n.id === id)) this.dismiss(id);
		this.list = list;
		this.#arm(notice.id);
	}

	#arm(id: string): void {
		clearTimeout(this.#timers.get(id));
		this.#timers.set(
			id,
			setTimeout(() => this.dismiss(id), SHOWN_MS)
		);
	}
}

/** `list` with this one before the others. */
function newest(notice: Notice, list: Notice[]): Notice[] {
	return [notice, ...list.filter((n) => n.id !== notice.id)].slice(0, MAX_SHOWN);
}

export const notices = new Notices();
