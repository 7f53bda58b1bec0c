/**
 * All conversations, newest first, kept true by live events. An event costs one search and one copy of
 * the list, so that tens of thousands of conversations stay smooth.
 */
import { api, ApiError } from '$lib/api/client';
import { live } from '$lib/api/events';
import type { Conversation, ConversationInput } from '$lib/api/types';
import { formatCount } from '$lib/format';
import { breathe } from '$lib/pace';
import { byAge, placeOf } from './order';
import { session } from './session.svelte';

/** What was deleted or archived can be brought back for this long; only then is hob told of a deletion. */
export const UNDO_MS = 6000;
/** As many as hob takes in one call. */
const CHUNK = 1000;
/** A list of more than this is read in one task and put in order in another. */
const LONG = 3000;
/** From here on putting all in order again costs less than finding a place for each. */
const MANY = 50;

export type Change = Pick<ConversationInput, 'pinned' | 'archived' | 'folder_id'>;

/** Something was done that can be undone. */
export interface Done {
	text: string;
	undo: () => void;
}

export function nameOf(conversation: { title: string }): string {
	return conversation.title || 'New chat';
}

function nameAll(list: readonly Conversation[]): string {
	const [only] = list;
	return only && list.length === 1 ? `"${nameOf(only)}"` : formatCount(list.length, 'conversation');
}

class Conversations {
	/** Newest first, with archived ones, without those that are being deleted. */
	list = $state.raw<readonly Conversation[]>([]);
	loaded = $state(false);
	/** The list could not be read. */
	error = $state<string | null>(null);
	/** A change could not be made. */
	problem = $state<string | null>(null);
	/** What Undo would take back now. */
	done = $state.raw<Done | null>(null);

	readonly #byId = new Map<string, Conversation>();
	/** Hidden: waiting to be deleted, or being deleted. */
	readonly #hidden = new Map<string, Conversation>();
	/** Those of #hidden that wait. */
	#waiting: Conversation[] = [];
	/** hob has not heard of these. */
	readonly #local = new Set<string>();
	/** For each list that is being read: what has changed since, so that what it says of these is old. */
	readonly #reads = new Set<Set<string>>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#holds = 0;
	readonly #removed = new Set<(id: string) => void>();
	readonly #loads = new Set<() => void>();

	constructor() {
		live.on('conversation', (c) => this.apply(c));
		live.on('conversation_removed', ({ id }) => this.#drop(id));
		// A removed folder's conversations stay; hob does not tell of each.
		live.on('folder_removed', ({ id }) =>
			this.#putAll(
				[...this.#byId.values(), ...this.#hidden.values()]
					.filter((c) => c.folder_id === id)
					.map((c) => ({ ...c, folder_id: null }))
			)
		);
		live.on('generation', (g) => this.#setGenerating(g.conversation_id, g.state));
		live.on('reset', () => void this.load());
		live.on('imported', () => void this.load());
		// What was deleted is not back after a log-out.
		session.onLeaving(() => this.flushRemove());
		session.onSignedOut(() => this.#clear());
		session.onSignedIn(() => void this.load());
		if (typeof window !== 'undefined')
			window.addEventListener('pagehide', () => void this.flushRemove());
	}

	/** Reads the list; never throws, `error` says what went wrong. */
	async load(): Promise<void> {
		const newer = new Set<string>();
		this.#reads.add(newer);
		try {
			const { conversations } = await api.conversations();
			if (conversations.length > LONG) await breathe();
			const known = new Set(conversations.map((c) => c.id));
			const kept = this.list.filter(
				({ id }) => newer.has(id) || (!known.has(id) && this.#local.has(id))
			);
			for (const id of known) this.#local.delete(id);
			this.#byId.clear();
			this.#sortIn([...kept, ...conversations.filter((c) => !newer.has(c.id))]);
			this.loaded = true;
			this.error = null;
			for (const fn of this.#loads) fn();
		} catch (e) {
			this.error = e instanceof Error ? e.message : String(e);
		} finally {
			this.#reads.delete(newer);
		}
	}

	get(id: string | null | undefined): Conversation | undefined {
		void this.list; // what changes when an entry does
		return id ? this.#byId.get(id) : undefined;
	}

	/** hob knows it: its first message has been acknowledged. */
	isStored(id: string): boolean {
		return this.get(id) !== undefined && !this.#local.has(id);
	}

	/** It waits to be deleted, or is being deleted. */
	isHidden(id: string): boolean {
		return this.#hidden.has(id);
	}

	/** Runs when a conversation is gone for good. */
	onRemoved(fn: (id: string) => void): () => void {
		this.#removed.add(fn);
		return () => this.#removed.delete(fn);
	}
	/** Runs each time the list was read as a whole. */
	onLoaded(fn: () => void): () => void {
		this.#loads.add(fn);
		return () => this.#loads.delete(fn);
	}

	/** Shows a conversation whose first message hob has not acknowledged yet. */
	addLocal(id: string, title: string, serverId: string | null, now = Date.now()): void {
		if (this.get(id)) return;
		this.#local.add(id);
		this.#put({
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
		});
	}

	apply(conversation: Conversation): void {
		this.#local.delete(conversation.id);
		this.#put(conversation);
	}

	async rename(id: string, title: string): Promise<void> {
		const before = this.get(id);
		if (!before || before.title === title) return;
		this.#put({ ...before, title });
		try {
			this.#put((await api.updateConversation(id, { title })).conversation);
			this.problem = null;
		} catch (e) {
			this.#put(before);
			this.#fail(e);
		}
	}

	/** Pins, moves or archives; shown at once, taken back when hob refuses. Never throws. */
	async change(ids: readonly string[], set: Change): Promise<void> {
		const before = this.#found(ids).filter((c) => !this.#local.has(c.id));
		if (before.length === 0) return;
		this.#putAll(before.map((c) => ({ ...c, ...set })));
		if (set.archived) {
			const undo = (): void =>
				void this.change(
					before.filter((c) => !c.archived).map((c) => c.id),
					{ archived: false }
				);
			void this.flushRemove();
			this.#offerUndo({ text: `Archived ${nameAll(before)}`, undo });
		}
		let n = 0;
		try {
			const [only] = before;
			if (only && before.length === 1)
				this.#put((await api.updateConversation(only.id, set)).conversation);
			else
				for (; n < before.length; n += CHUNK)
					await api.changeConversations(
						before.slice(n, n + CHUNK).map((c) => c.id),
						{ set }
					);
			this.problem = null;
		} catch (e) {
			if (set.archived) this.#endUndo();
			this.#putAll(before.slice(n));
			this.#fail(e);
		}
	}

	/** Hides them now and deletes them after UNDO_MS; Undo brings them back until then. */
	remove(ids: readonly string[]): void {
		const found = this.#found(ids);
		if (found.length === 0) return;
		void this.flushRemove();
		for (const c of found) {
			this.#byId.delete(c.id);
			this.#hidden.set(c.id, c);
		}
		this.#waiting = found;
		this.list = this.list.filter((c) => this.#byId.has(c.id));
		this.#offerUndo({ text: `Deleted ${nameAll(found)}`, undo: () => this.#unhide(found) });
	}

	/** Until what it returns is called Undo stays; then it has its full time again. */
	hold(): () => void {
		this.#holds++;
		clearTimeout(this.#timer);
		return () => {
			this.#holds--;
			if (this.done) this.#arm();
		};
	}

	/** Takes back what `done` says. */
	undo(): void {
		const { done } = this;
		this.#endUndo();
		this.#waiting = [];
		done?.undo();
	}

	/** Deletes what is hidden at once (the time is up, the page closes, or one logs out). */
	async flushRemove(): Promise<void> {
		const waiting = this.#waiting;
		this.#waiting = [];
		this.#endUndo();
		const known = waiting.filter((c) => !this.#local.has(c.id));
		this.#forget(waiting.filter((c) => this.#local.has(c.id)));
		// One chunk a call, one call at a time: a closing page may send about 64 kB more, which is one chunk.
		for (let n = 0; n < known.length; n += CHUNK) {
			const part = known.slice(n, n + CHUNK);
			try {
				const [only] = part;
				if (only && part.length === 1) await api.deleteConversation(only.id);
				else
					await api.changeConversations(
						part.map((c) => c.id),
						{ delete: true }
					);
			} catch (e) {
				const isGone = e instanceof ApiError && e.status === 404;
				if (!isGone) {
					this.#unhide(known.slice(n));
					this.#fail(e);
					return;
				}
			}
			// Those whose news came first are forgotten already.
			this.#forget(part.filter((c) => this.#hidden.has(c.id)));
		}
	}

	#found(ids: readonly string[]): Conversation[] {
		return ids.flatMap((id) => this.#byId.get(id) ?? []);
	}

	#fail(e: unknown): void {
		this.problem = e instanceof Error ? e.message : String(e);
	}

	#offerUndo(done: Done): void {
		this.done = done;
		this.#arm();
	}

	#arm(): void {
		clearTimeout(this.#timer);
		if (this.#holds === 0) this.#timer = setTimeout(() => void this.flushRemove(), UNDO_MS);
	}

	#endUndo(): void {
		clearTimeout(this.#timer);
		this.done = null;
	}

	#unhide(list: readonly Conversation[]): void {
		const back = list.flatMap((c) => this.#hidden.get(c.id) ?? []);
		for (const c of list) this.#hidden.delete(c.id);
		this.#putAll(back);
	}

	/** They are gone for good. */
	#forget(list: readonly Conversation[]): void {
		for (const c of list) {
			this.#hidden.delete(c.id);
			this.#local.delete(c.id);
			this.#outdate(c.id);
			for (const fn of this.#removed) fn(c.id);
		}
	}

	#drop(id: string): void {
		const hidden = this.#hidden.get(id);
		const conversation = this.#byId.get(id);
		this.#waiting = this.#waiting.filter((c) => c.id !== id);
		this.#outdate(id);
		if (hidden) this.#forget([hidden]);
		if (!conversation) return;
		const list = this.list.slice();
		list.splice(placeOf(list, conversation), 1);
		this.#byId.delete(id);
		this.list = list;
		this.#forget([conversation]);
	}

	/** Puts it into its place, or leaves it hidden. */
	#put(conversation: Conversation): void {
		const { id } = conversation;
		this.#outdate(id);
		if (this.#hidden.has(id)) {
			this.#hidden.set(id, conversation);
			return;
		}
		const list = this.list.slice();
		const before = this.#byId.get(id);
		if (before) list.splice(placeOf(list, before), 1);
		list.splice(placeOf(list, conversation), 0, conversation);
		this.#byId.set(id, conversation);
		this.list = list;
	}

	#putAll(conversations: readonly Conversation[]): void {
		if (this.#byId.size > 0 && conversations.length < MANY) {
			for (const c of conversations) this.#put(c);
			return;
		}
		for (const c of conversations) this.#outdate(c.id);
		this.#sortIn(conversations);
	}

	#sortIn(conversations: readonly Conversation[]): void {
		for (const c of conversations)
			(this.#hidden.has(c.id) ? this.#hidden : this.#byId).set(c.id, c);
		this.list = [...this.#byId.values()].sort(byAge);
	}

	#outdate(id: string): void {
		for (const newer of this.#reads) newer.add(id);
	}

	#setGenerating(id: string, state: string): void {
		const conversation = this.#byId.get(id);
		const generating = state === 'queued' || state === 'connecting' || state === 'streaming';
		if (conversation && conversation.generating !== generating)
			this.#put({ ...conversation, generating });
	}

	#clear(): void {
		this.#endUndo();
		this.#byId.clear();
		this.#hidden.clear();
		this.#local.clear();
		this.#waiting = [];
		this.list = [];
		this.loaded = false;
		this.error = null;
		this.problem = null;
	}
}

export const conversations = new Conversations();
