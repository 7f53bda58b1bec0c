/** All conversations that this tab has open, by id, and the one that is being begun. */
import { live } from '$lib/api/events';
import { Chat, titleOf } from './chat.svelte';
import { conversations } from './conversations.svelte';
import { servers } from './servers.svelte';
import { session } from './session.svelte';
import { browserStorage } from '$lib/storage';
import { UnsentStore } from './unsent';
import { uuid } from '$lib/uuid';

const SERVER_KEY = 'hob.server';

class Chats {
	/** The conversation on the screen, for the rail to mark. */
	currentId = $state<string | null>(null);
	readonly #open = new Map<string, Chat>();
	#fresh: Chat | null = null;

	constructor() {
		live.on('generation', (g) => this.#open.get(g.conversation_id)?.onGeneration(g));
		live.on('conversation', (c) => this.#open.get(c.id)?.onConversation(c));
		live.on('reset', () => {
			for (const chat of this.#open.values()) chat.refresh();
		});
		session.onSignedIn((user) => {
			for (const chat of this.#open.values()) chat.refresh();
			this.#listUnsent(user.id);
		});
		if (session.user) this.#listUnsent(session.user.id);
		session.onSignedOut(() => {
			for (const chat of this.#open.values()) chat.close();
			this.#fresh?.close();
			this.#open.clear();
			this.#fresh = null;
		});
		// Else a deleted message would be back, and sent, after a reload.
		window.addEventListener('pagehide', () => {
			for (const chat of this.#open.values()) chat.flushRemovals();
		});
		conversations.onRemoved((id) => {
			this.#open.get(id)?.close();
			this.#open.delete(id);
		});
	}

	/** Conversations whose first message hob never acknowledged are in the list too. */
	#listUnsent(userId: string): void {
		for (const m of new UnsentStore(userId, browserStorage()).all())
			conversations.addLocal(m.conversation_id, titleOf(m.content), m.server, m.created_at);
	}

	get(id: string): Chat {
		let chat = this.#open.get(id);
		if (!chat) this.#open.set(id, (chat = new Chat(id, session.user?.id ?? '', false)));
		return chat;
	}

	/** The conversation that does not exist yet; the same one until its first message is sent. */
	fresh(): Chat {
		if (this.#fresh && !this.#fresh.isNew) this.#fresh = null;
		if (!this.#fresh) {
			this.#fresh = new Chat(uuid(), session.user?.id ?? '', true);
			this.#open.set(this.#fresh.id, this.#fresh);
		}
		return this.#fresh;
	}

	/** The server that the next message goes to: chosen here, else used last, else a running one. */
	serverFor(chat: Chat): string | null {
		const wanted = [chat.serverId, browserStorage()?.getItem(SERVER_KEY) ?? null];
		for (const id of wanted) if (servers.get(id) ?? (id && !servers.loaded)) return id;
		const running = servers.list.find((s) => s.engine.state === 'ready');
		return (running ?? servers.list[0])?.id ?? chat.serverId;
	}

	chooseServer(chat: Chat, id: string): void {
		chat.chooseServer(id);
		try {
			browserStorage()?.setItem(SERVER_KEY, id);
		} catch {
			// Remembered for this conversation only.
		}
	}
}

export const chats = new Chats();
