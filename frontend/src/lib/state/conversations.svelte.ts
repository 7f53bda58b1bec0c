/** The list of conversations for the rail, newest first, kept true by live events. */
import { api } from '$lib/api/client';
import { live } from '$lib/api/events';
import type { Conversation } from '$lib/api/types';
import { session } from './session.svelte';

/** A deleted conversation can be brought back for this long; then hob is told. */
export const UNDO_MS = 6000;

export function nameOf(conversation: { title: string }): string {
	return conversation.title || 'New chat';
}

class Conversations {
	list = $state.raw<Conversation[]>([]);
	loaded = $state(false);
	error = $state<string | null>(null);
	/** Hidden, deleted in hob when its time is up. */
	removing = $state.raw<Conversation | null>(null);

	#timer: ReturnType<typeof setTimeout> | undefined;
	readonly #removed = new Set<(id: string) => void>();

	constructor() {
		live.on('conversation', (c) => this.apply(c));
		live.on('conversation_removed', ({ id }) => this.#drop(id));
		live.on('generation', (g) => this.#setGenerating(g.conversation_id, g.state));
		live.on('reset', () => void this.load());
		session.onSignedOut(() => {
			this.list = [];
			this.loaded = false;
			this.error = null;
			this.removing = null;
			clearTimeout(this.#timer);
		});
		session.onSignedIn(() => void this.load());
		if (typeof window !== 'undefined')
			window.addEventListener('pagehide', () => void this.flushRemove());
	}

	/** Reads the list; never throws, `error` says what went wrong. */
	async load(): Promise<void> {
		try {
			const { conversations } = await api.conversations();
			const known = new Set(conversations.map((c) => c.id));
			// Conversations that hob has not heard of yet live only here.
			const local = this.list.filter((c) => !known.has(c.id) && this.#local.has(c.id));
			for (const id of known) this.#local.delete(id);
			this.#set([...local, ...conversations]);
			this.loaded = true;
			this.error = null;
		} catch (e) {
			this.error = e instanceof Error ? e.message : String(e);
		}
	}

	readonly #local = new Set<string>();

	get(id: string | null | undefined): Conversation | undefined {
		return id ? this.list.find((c) => c.id === id) : undefined;
	}

	/** Runs when a conversation is gone for good. */
	onRemoved(fn: (id: string) => void): () => void {
		this.#removed.add(fn);
		return () => this.#removed.delete(fn);
	}

	/** Shows a conversation whose first message hob has not acknowledged yet. */
	addLocal(id: string, title: string, serverId: string | null, now = Date.now()): void {
		if (this.get(id)) return;
		this.#local.add(id);
		this.#set([
			{
				id,
				title,
				titled_by: 'message',
				server_id: serverId,
				created_at: now,
				updated_at: now,
				generating: false,
				pinned: false,
				archived: false,
				folder_id: null,
				leaf_id: null
			},
			...this.list
		]);
	}

	apply(conversation: Conversation): void {
		this.#local.delete(conversation.id);
		this.#set([conversation, ...this.list.filter((c) => c.id !== conversation.id)]);
	}

	async rename(id: string, title: string): Promise<void> {
		const before = this.get(id);
		if (!before || before.title === title) return;
		this.#patch({ ...before, title });
		try {
			this.#patch((await api.updateConversation(id, { title })).conversation);
		} catch (e) {
			this.#patch(before);
			throw e;
		}
	}

	/** Hides it now and deletes it after UNDO_MS; `undoRemove` brings it back until then. */
	remove(id: string): void {
		const conversation = this.get(id);
		if (!conversation) return;
		void this.flushRemove();
		this.removing = conversation;
		this.list = this.list.filter((c) => c.id !== id);
		this.#timer = setTimeout(() => void this.flushRemove(), UNDO_MS);
	}

	undoRemove(): void {
		clearTimeout(this.#timer);
		const conversation = this.removing;
		this.removing = null;
		if (conversation) this.#set([conversation, ...this.list]);
	}

	/** Deletes the hidden conversation at once (the time is up, or the page closes). */
	async flushRemove(): Promise<void> {
		clearTimeout(this.#timer);
		const conversation = this.removing;
		this.removing = null;
		if (!conversation) return;
		try {
			if (!this.#local.delete(conversation.id)) await api.deleteConversation(conversation.id);
			for (const fn of this.#removed) fn(conversation.id);
		} catch (e) {
			this.#set([conversation, ...this.list]);
			this.error = e instanceof Error ? e.message : String(e);
		}
	}

	#drop(id: string): void {
		if (!this.get(id)) return;
		this.list = this.list.filter((c) => c.id !== id);
		for (const fn of this.#removed) fn(id);
	}

	#patch(conversation: Conversation): void {
		this.list = this.list.map((c) => (c.id === conversation.id ? conversation : c));
	}

	#setGenerating(id: string, state: string): void {
		const conversation = this.get(id);
		const generating = state === 'queued' || state === 'connecting' || state === 'streaming';
		if (conversation && conversation.generating !== generating)
			this.#patch({ ...conversation, generating });
	}

	#set(list: Conversation[]): void {
		this.list = list
			.filter((c) => c.id !== this.removing?.id)
			.sort((a, b) => b.updated_at - a.updated_at);
	}
}

export const conversations = new Conversations();
