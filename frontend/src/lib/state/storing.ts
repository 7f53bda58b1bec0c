/**
 * Keeps what was written until hob has it: in this browser at once, and with hob as soon as it can
 * be reached. Knows nothing of answers.
 */
import { api, mayPass } from '$lib/api/client';
import { pauseAfter } from './patience';
import type { Turn } from './turn.svelte';
import type { Unsent, UnsentStore } from './unsent';

export interface StoringHooks {
	/** The message that a waiting one is stored behind. */
	parentOf(turn: Turn): string | null;
	onStored(turn: Turn): void;
}

export class Storing {
	readonly #conversationId: string;
	readonly #unsent: UnsentStore;
	readonly #hooks: StoringHooks;
	readonly #jobs = new Map<string, Promise<void>>();
	/** The parent that each message was last stored with. */
	readonly #behind = new Map<string, string | null>();
	/** Messages that neither hob nor this browser's storage has. */
	readonly #unkept = new Set<string>();
	#closed = false;

	constructor(conversationId: string, unsent: UnsentStore, hooks: StoringHooks) {
		this.#conversationId = conversationId;
		this.#unsent = unsent;
		this.#hooks = hooks;
	}

	/** Into this browser's storage. */
	write(turn: Turn): void {
		const kept = this.#unsent.put({
			id: turn.id,
			conversation_id: this.#conversationId,
			parent_id: turn.parentId,
			content: turn.content,
			server: turn.serverId,
			created_at: turn.createdAt,
			queued: turn.queued
		});
		if (kept) this.#unkept.delete(turn.id);
		else this.#unkept.add(turn.id);
	}
	forget(turn: Turn): void {
		this.#unsent.remove(turn.id);
		this.#unkept.delete(turn.id);
	}
	/** The browser's storage is full or forbidden, and hob has not got a message: a reload loses it. */
	get atRisk(): boolean {
		return this.#unkept.size > 0;
	}
	/** What hob has not acknowledged. */
	written(): Unsent[] {
		return this.#unsent.of(this.#conversationId);
	}

	/** Gives a waiting message to hob; tries again until hob has it or it has gone out. */
	store(turn: Turn): Promise<void> {
		const job = this.settled(turn)
			.then(() => this.#storeNow(turn))
			.finally(() => {
				if (this.#jobs.get(turn.id) === job) this.#jobs.delete(turn.id);
			});
		this.#jobs.set(turn.id, job);
		return job;
	}
	/** Resolves when nothing of this message is on its way. */
	settled(turn: Turn): Promise<void> {
		return this.#jobs.get(turn.id) ?? Promise.resolve();
	}
	/** It was stored behind another message than it waits behind now. */
	isMisplaced(turn: Turn): boolean {
		const behind = this.#behind.get(turn.id);
		return behind !== undefined && behind !== this.#hooks.parentOf(turn);
	}

	close(): void {
		this.#closed = true;
	}

	async #storeNow(turn: Turn): Promise<void> {
		for (let n = 0; turn.queued && !turn.removing && !this.#closed; n++) {
			const { content } = turn;
			const parentId = this.#hooks.parentOf(turn);
			this.#behind.set(turn.id, parentId);
			try {
				await api.putMessage(turn.id, {
					conversation_id: this.#conversationId,
					parent_id: parentId,
					content,
					server: turn.serverId,
					state: 'queued'
				});
				if (turn.content === content) turn.dirty = false;
				this.#hooks.onStored(turn);
				return;
			} catch (e) {
				// What hob refuses outright says so when the message goes out.
				if (!mayPass(e)) return;
				await pauseAfter(n);
			}
		}
	}
}
