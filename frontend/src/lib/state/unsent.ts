/**
 * Messages that hob has not acknowledged yet, in localStorage, so that no reload loses one, also
 * when hob cannot be reached. One key a message: tabs do not overwrite each other.
 */
import type { Content } from '$lib/api/types';

export interface Unsent {
	id: string;
	conversation_id: string;
	parent_id: string | null;
	content: Content;
	server: string;
	created_at: number;
	/** It was waiting behind others when it was written down. */
	queued: boolean;
}

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

function isUnsent(value: unknown): value is Unsent {
	if (!value || typeof value !== 'object') return false;
	const v = value as Record<string, unknown>;
	return (
		typeof v.id === 'string' &&
		typeof v.conversation_id === 'string' &&
		(typeof v.content === 'string' || Array.isArray(v.content)) &&
		typeof v.server === 'string' &&
		typeof v.created_at === 'number'
	);
}

export class UnsentStore {
	readonly #prefix: string;
	readonly #store: Store | undefined;

	/** `store` undefined: the browser forbids storage; then nothing is kept. */
	constructor(userId: string, store: Store | undefined) {
		this.#prefix = `hob.unsent.${userId}.`;
		this.#store = store;
	}

	/** False when it could not be kept (storage full or forbidden). */
	put(message: Unsent): boolean {
		try {
			this.#store?.setItem(this.#prefix + message.id, JSON.stringify(message));
			return this.#store !== undefined;
		} catch {
			return false;
		}
	}

	remove(id: string): void {
		try {
			this.#store?.removeItem(this.#prefix + id);
		} catch {
			// Forbidden storage holds nothing to remove.
		}
	}

	/** All of this user's, oldest first. Unreadable entries are left out. */
	all(): Unsent[] {
		const found: Unsent[] = [];
		try {
			for (let i = 0; i < (this.#store?.length ?? 0); i++) {
				const key = this.#store?.key(i);
				if (!key?.startsWith(this.#prefix)) continue;
				const value = parse(this.#store?.getItem(key) ?? '');
				if (isUnsent(value)) found.push(value);
			}
		} catch {
			return found;
		}
		return found.sort((a, b) => a.created_at - b.created_at);
	}

	of(conversationId: string): Unsent[] {
		return this.all().filter((m) => m.conversation_id === conversationId);
	}
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}
