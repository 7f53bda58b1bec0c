/* eslint-disable svelte/prefer-svelte-reactivity -- sets are replaced here, never changed once the screen has them */
/** Conversations with an answer that nobody has looked at in this browser. */
import { live } from '$lib/api/events';
import { chats } from './chats.svelte';
import { conversations } from './conversations.svelte';
import { session } from './session.svelte';
import { recall, remember } from '$lib/storage';

/** The newest so many are kept. */
const MAX = 1000;

interface Stored {
	unread: string[];
	/** Answers were being written when this browser last looked. */
	awaited: string[];
}
const NOTHING: Stored = { unread: [], awaited: [] };

class Unread {
	ids = $state.raw<ReadonlySet<string>>(new Set());
	#awaited: ReadonlySet<string> = new Set();

	constructor() {
		live.on('generation', ({ conversation_id: id, state }) => {
			if (state === 'connecting' || state === 'streaming' || state === 'queued') this.#await(id);
			else this.#ended(id, state !== 'stopped');
		});
		conversations.onLoaded(() => {
			for (const id of this.#awaited)
				if (conversations.get(id)?.generating === false) this.#ended(id, true);
		});
		conversations.onRemoved((id) => this.#set(without(this.ids, id), without(this.#awaited, id)));
		session.onSignedIn(() => this.#read());
		session.onSignedOut(() => {
			this.ids = new Set();
			this.#awaited = new Set();
		});
		if (session.user) this.#read();
		// Another tab saw the answer come, or somebody read it there.
		window.addEventListener('storage', (e) => {
			if (e.key !== this.#key) return;
			this.#read();
			this.look();
		});
		document.addEventListener('visibilitychange', () => this.look());
	}

	/** What is on the screen is read. */
	look(): void {
		const id = chats.currentId;
		if (id && this.#looksAt(id) && this.ids.has(id)) this.#set(without(this.ids, id));
	}

	#looksAt(id: string): boolean {
		return chats.currentId === id && document.visibilityState === 'visible';
	}

	#await(id: string): void {
		if (!this.#awaited.has(id)) this.#set(this.ids, new Set([...this.#awaited, id]));
	}

	#ended(id: string, news: boolean): void {
		const awaited = without(this.#awaited, id);
		if (news && this.#awaited.has(id) && !this.#looksAt(id))
			this.#set(new Set([...this.ids, id].slice(-MAX)), awaited);
		else if (this.#awaited.has(id)) this.#set(this.ids, awaited);
	}

	get #key(): string {
		return `hob.unread.${session.user?.id ?? ''}`;
	}
	#read(): void {
		const { unread, awaited } = { ...NOTHING, ...recall<Partial<Stored>>(this.#key, NOTHING) };
		this.ids = new Set(unread);
		this.#awaited = new Set(awaited);
	}
	#set(ids: ReadonlySet<string>, awaited = this.#awaited): void {
		this.ids = ids;
		this.#awaited = awaited;
		remember(this.#key, { unread: [...ids], awaited: [...awaited] } satisfies Stored);
	}
}

function without(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
	if (!set.has(id)) return set;
	const rest = new Set(set);
	rest.delete(id);
	return rest;
}

export const unread = new Unread();
