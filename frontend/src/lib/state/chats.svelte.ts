/** All conversations that this tab has open, by id, and the one that is being begun. */
import { live } from '$lib/api/events';
import { Chat, forgetChat } from './chat.svelte';
import { titleOf } from './contents';
import { conversations } from './conversations.svelte';
import { servers } from './servers.svelte';
import { session } from './session.svelte';
import { browserStorage } from '$lib/storage';
import { UnsentStore } from './unsent';
import { uuid } from '$lib/uuid';

const SERVER_KEY = 'hob.server';
/** So many are kept in memory at least; of more, those that nobody looks at and that do nothing go. */
const MAX_OPEN = 30;

class Chats {
	/** The conversation on the screen, for the rail to mark. */
	currentId = $state<string | null>(null);
	readonly #open = new Map<string, Chat>();
	#fresh: Chat | null = null;
	/** So many were deleted: a screen that shows one of them asks for it again. */
	#forgotten = $state(0);

	constructor() {
		live.on('generation', (g) => this.#open.get(g.conversation_id)?.onGeneration(g));
		live.on('conversation', (c) => this.#open.get(c.id)?.onConversation(c));
		live.on('message_changed', ({ id }) => {
			for (const chat of this.#open.values()) chat.onMessageChanged(id);
		});
		live.on('message_removed', ({ id }) => {
			for (const chat of this.#open.values()) chat.onMessageRemoved(id);
		});
		live.on('reset', () => {
			for (const chat of this.#open.values()) chat.refresh();
		});
		session.onSignedIn((user) => {
			for (const chat of this.#open.values()) chat.refresh();
			this.#listUnsent(user.id);
		});
		if (session.user) this.#listUnsent(session.user.id);
		session.onLeaving(() => this.#flushRemovals());
		session.onSignedOut(() => {
			for (const chat of this.#open.values()) chat.close();
			this.#fresh?.close();
			this.#open.clear();
			this.#fresh = null;
		});
		window.addEventListener('pagehide', () => {
			// Else a deleted message would be back, and sent, after a reload.
			void this.#flushRemovals();
			for (const { conversation_id: id } of this.#unsent().all())
				if (conversations.isHidden(id)) this.#forget(id);
		});
		window.addEventListener('beforeunload', (e) => {
			if ([...this.#open.values()].some((chat) => chat.atRisk)) e.preventDefault();
		});
		conversations.onRemoved((id) => this.#forget(id));
	}

	#flushRemovals(): Promise<unknown> {
		return Promise.all([...this.#open.values()].map((chat) => chat.flushRemovals()));
	}

	#unsent(userId = session.user?.id ?? ''): UnsentStore {
		return new UnsentStore(userId, browserStorage());
	}

	/** The conversation is deleted. */
	#forget(id: string): void {
		const chat = this.#open.get(id);
		const userId = session.user?.id ?? '';
		chat?.close();
		this.#open.delete(id);
		forgetChat(id, userId);
		// What is being written on the screen is not what was deleted.
		if (chat && id === this.currentId && !chat.draft.empty)
			this.#open.set(id, new Chat(id, userId, false, chat.draft.stay()));
		this.#forgotten++;
	}

	/** Conversations whose first message hob never acknowledged are in the list too. */
	#listUnsent(userId: string): void {
		for (const m of this.#unsent(userId).all())
			conversations.addLocal(m.conversation_id, titleOf(m.content), m.server, m.created_at);
	}

	get(id: string): Chat {
		void this.#forgotten;
		let chat = this.#open.get(id);
		if (!chat) this.#tidy();
		chat ??= new Chat(id, session.user?.id ?? '', false);
		// Those that were asked for last are last.
		this.#open.delete(id);
		this.#open.set(id, chat);
		return chat;
	}

	/** Forgets what was not looked at for longest, so that a page that is open for weeks does not grow. */
	#tidy(): void {
		for (const [id, chat] of this.#open) {
			if (this.#open.size < MAX_OPEN) return;
			if (chat === this.#fresh || id === this.currentId || !chat.idle) continue;
			chat.close();
			this.#open.delete(id);
		}
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
