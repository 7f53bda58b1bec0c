/* eslint-disable svelte/prefer-svelte-reactivity -- the maps here are bookkeeping that no screen shows */
/**
 * One conversation: its turns in order, who is sent next, and what hob says about it. Lives in a
 * module (chats.svelte.ts), so leaving the page changes nothing.
 */
import { api, ApiError } from '$lib/api/client';
import { live } from '$lib/api/events';
import type { Content, Generation, Message, SendMode } from '$lib/api/types';
import { conversations } from './conversations.svelte';
import { Draft } from './draft.svelte';
import { stopGeneration } from './follower';
import { mustQueue, queueStep, type QueueItem } from './queue';
import { Sender, type SenderHooks } from './sender';
import { contentText, isActive, Turn } from './turn.svelte';
import { browserStorage, UnsentStore } from './unsent';
import { uuid } from './uuid';

const STORE_BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000];
/** After Stop in mid-request: hob may have begun to answer; look once after this long. */
const LATE_ANSWER_MS = 800;
/** A deleted message can be brought back for this long. */
export const UNDO_MS = 6000;
const TITLE_CHARS = 60;

export class Chat {
	readonly id: string;
	readonly draft: Draft;
	turns = $state.raw<Turn[]>([]);
	/** hob's list of messages is here (or hob has none). */
	loaded = $state(false);
	loadError = $state.raw<ApiError | null>(null);
	/** hob does not know this conversation and nothing of it waits here. */
	missing = $state(false);
	/** The server for the next message; null: not chosen here. */
	serverId = $state<string | null>(null);

	readonly #userId: string;
	readonly #unsent: UnsentStore;
	readonly #senders = new Map<string, Sender>();
	readonly #modes = new Map<string, SendMode>();
	readonly #storing = new Map<string, Promise<void>>();
	readonly #removals = new Map<string, ReturnType<typeof setTimeout>>();
	/** Failed messages that the queue may go past. */
	#passed = $state.raw<ReadonlySet<string>>(new Set());
	#viewers = 0;
	#stale = true;
	#loading: Promise<void> | undefined;
	#reloadTimer: ReturnType<typeof setTimeout> | undefined;
	#closed = false;

	/** `fresh`: made by this page just now, hob cannot know it. */
	constructor(id: string, userId: string, fresh: boolean) {
		this.id = id;
		this.#userId = userId;
		this.#unsent = new UnsentStore(userId, browserStorage());
		this.draft = new Draft(`hob.draft.${userId}.${fresh ? 'new' : id}`);
		this.loaded = fresh;
		this.#stale = !fresh;
	}

	// Getters and not $derived: a derived made while a component renders dies with that component.
	get #items(): QueueItem[] {
		return this.turns.filter((t) => !t.removing).map((t) => ({ id: t.id, standing: t.standing }));
	}
	/** The failed message that queued ones wait behind. */
	get blockedBy(): string | null {
		return queueStep(this.#items, this.#passed).blockedBy;
	}
	get queuedCount(): number {
		return this.#items.filter((i) => i.standing === 'queued').length;
	}
	/** The turn that is being sent or answered. */
	get busy(): Turn | null {
		return this.turns.find((t) => t.standing === 'busy') ?? null;
	}

	/** A screen shows this conversation; returns what ends that. */
	view(): () => void {
		this.#viewers++;
		if (this.#stale) void this.load();
		return () => {
			this.#viewers--;
		};
	}

	// --- sending ---

	/** Sends what the composer holds, or queues it. Returns the new turn. */
	send(content: Content, serverId: string): Turn {
		const turn = new Turn(uuid(), Date.now());
		turn.content = content;
		turn.serverId = serverId;
		turn.queued = true;
		const wait = mustQueue(this.#items);
		if (!wait) for (const item of this.#items) if (item.standing === 'failed') this.#pass(item.id);
		const first = this.turns.length === 0;
		this.turns = [...this.turns, turn];
		this.#write(turn, wait);
		if (first) {
			this.draft.rename(`hob.draft.${this.#userId}.${this.id}`);
			conversations.addLocal(this.id, titleOf(content), serverId);
		}
		if (wait) void this.#store(turn);
		this.pump();
		return turn;
	}

	/** Resends in place: a new cycle with the same id. Waits its turn while another is answered. */
	retry(turn: Turn): void {
		this.#again(turn, 'retry');
	}
	/** Goes on with an answer that broke off. */
	continueAnswer(turn: Turn): void {
		turn.shown = turn.answers.length - 1;
		this.#again(turn, 'continue');
	}
	/** Leaves it with hob, which answers when the engine is ready, also with the browser closed. */
	sendWhenReady(turn: Turn): void {
		this.#again(turn, 'when_ready');
	}

	#again(turn: Turn, mode: SendMode): void {
		this.#senders.get(turn.id)?.close();
		this.#senders.delete(turn.id);
		turn.cycle = null;
		turn.error = null;
		turn.queued = true;
		this.#modes.set(turn.id, mode);
		this.pump();
	}

	/** Lets the queue go past the failed message that it waits behind. */
	resumeQueue(): void {
		if (this.blockedBy) this.#pass(this.blockedBy);
		this.pump();
	}

	#pass(id: string): void {
		this.#passed = new Set([...this.#passed, id]);
	}

	/** Stops the timer, the request or the answer that is under way. */
	stop(): void {
		const turn = this.busy;
		if (!turn) return;
		const sender = this.#senders.get(turn.id);
		if (sender) sender.stop();
		else void stopGeneration(turn.newest?.generationId ?? '');
		if (turn.stopWanted) setTimeout(() => void this.#stopLate(turn), LATE_ANSWER_MS);
	}

	/** Stop came while the request was out: an answer that began nevertheless is stopped too. */
	async #stopLate(turn: Turn): Promise<void> {
		if (!turn.stopWanted) return;
		try {
			const { messages } = await api.conversation(this.id);
			const found = messages.find((m) => m.role === 'assistant' && m.parent_id === turn.id);
			if (!turn.stopWanted) return;
			if (found && isActive(found.state as Generation['state']))
				await stopGeneration(found.generation_id ?? '');
		} catch {
			// hob is out of reach; its `generation` event still stops it.
		}
	}

	/** Sends whoever is next. */
	pump(): void {
		if (this.#closed) return;
		const { next } = queueStep(this.#items, this.#passed);
		const turn = next ? this.turns.find((t) => t.id === next) : undefined;
		if (!turn) return;
		const mode = this.#modes.get(turn.id) ?? 'send';
		this.#modes.delete(turn.id);
		turn.queued = false;
		const sender = this.#newSender(turn, mode);
		sender.start();
	}

	#newSender(turn: Turn, mode: SendMode): Sender {
		this.#senders.get(turn.id)?.close();
		const sender = new Sender(turn, this.id, mode, this.#hooks);
		this.#senders.set(turn.id, sender);
		return sender;
	}

	readonly #hooks: SenderHooks = {
		parentOf: (turn) => this.#parentOf(turn),
		onStored: (turn) => this.#onStored(turn),
		onSettled: (turn) => {
			if (turn.cycle?.name !== 'signed_out') this.#senders.delete(turn.id);
			this.pump();
		}
	};

	/** The answer, or else the message, before this one; only what hob has can be named. */
	#parentOf(turn: Turn): string | null {
		for (let i = this.turns.indexOf(turn) - 1; i >= 0; i--) {
			const before = this.turns[i];
			if (!before?.stored || before.removing) continue;
			const answer = before.answer;
			return answer && !answer.empty ? answer.id : before.id;
		}
		return null;
	}

	// --- what hob and this browser keep ---

	#write(turn: Turn, queued: boolean): void {
		this.#unsent.put({
			id: turn.id,
			conversation_id: this.id,
			parent_id: null,
			content: turn.content,
			server: turn.serverId,
			created_at: turn.createdAt,
			queued
		});
	}

	#onStored(turn: Turn): void {
		turn.stored = true;
		if (!turn.dirty) this.#unsent.remove(turn.id);
	}

	/** Gives a waiting message to hob; tries again until hob has it or it has gone out. */
	#store(turn: Turn): Promise<void> {
		const running = this.#storing.get(turn.id);
		const job = (running ?? Promise.resolve()).then(() => this.#storeNow(turn));
		this.#storing.set(turn.id, job);
		return job;
	}

	async #storeNow(turn: Turn): Promise<void> {
		for (let n = 0; turn.queued && !turn.removing && !this.#closed; n++) {
			const { content } = turn;
			try {
				await api.putMessage(turn.id, {
					conversation_id: this.id,
					parent_id: this.#parentOf(turn),
					content,
					server: turn.serverId,
					state: 'queued'
				});
				if (turn.content === content) turn.dirty = false;
				this.#onStored(turn);
				return;
			} catch (e) {
				// What hob refuses outright says so when the message goes out.
				const again =
					e instanceof ApiError && (e.status === 0 || e.status === 401 || e.status >= 500);
				if (!again) return;
				await pause(STORE_BACKOFF_MS[Math.min(n, STORE_BACKOFF_MS.length - 1)] ?? 15_000);
			}
		}
	}

	/** Changes a message that was not answered yet. */
	edit(turn: Turn, text: string): void {
		const parts = typeof turn.content === 'string' ? [] : turn.content;
		const files = parts.filter((p) => p.type !== 'text');
		turn.content = files.length ? [{ type: 'text', text }, ...files] : text;
		turn.dirty = true;
		this.#write(turn, turn.queued);
		if (turn.queued) void this.#store(turn);
	}

	/** Sends it to another server, when the one it was pinned to is gone. */
	moveTo(turn: Turn, serverId: string): void {
		turn.serverId = serverId;
		this.retry(turn);
	}

	/** Takes a message that was not answered away; `undoRemove` brings it back for UNDO_MS. */
	remove(turn: Turn): void {
		turn.removing = true;
		this.#senders.get(turn.id)?.close();
		this.#senders.delete(turn.id);
		this.#removals.set(
			turn.id,
			setTimeout(() => void this.#removeNow(turn), UNDO_MS)
		);
		this.pump();
	}

	undoRemove(turn: Turn): void {
		clearTimeout(this.#removals.get(turn.id));
		this.#removals.delete(turn.id);
		turn.removing = false;
		this.pump();
	}

	/** Deletes at once what could still be undone: the page closes. */
	flushRemovals(): void {
		for (const [id, timer] of this.#removals) {
			clearTimeout(timer);
			const turn = this.turns.find((t) => t.id === id);
			if (turn) void this.#removeNow(turn);
		}
	}

	async #removeNow(turn: Turn): Promise<void> {
		this.#removals.delete(turn.id);
		const storing = this.#storing.get(turn.id);
		if (storing && !turn.stored) await storing;
		try {
			await api.deleteMessage(turn.id);
		} catch (e) {
			const gone = e instanceof ApiError && e.status === 404;
			if (!gone && turn.stored) {
				turn.removing = false;
				return;
			}
		}
		this.#unsent.remove(turn.id);
		this.turns = this.turns.filter((t) => t !== turn);
		this.pump();
	}

	// --- what hob says ---

	/** Reads the conversation from hob; also again, to take up what others did to it. */
	load(): Promise<void> {
		this.#stale = false;
		this.#loading ??= this.#loadNow().finally(() => {
			this.#loading = undefined;
		});
		return this.#loading;
	}

	async #loadNow(): Promise<void> {
		try {
			const { conversation, messages } = await api.conversation(this.id);
			this.serverId ??= conversation.server_id;
			this.#merge(messages);
			this.loadError = null;
			this.missing = false;
		} catch (e) {
			if (!(e instanceof ApiError)) throw e;
			this.#addUnsent();
			if (e.status === 404) {
				this.loadError = null;
				this.missing = this.turns.length === 0;
			} else {
				this.loadError = e;
				this.#stale = true;
				if (e.status === 0 || e.status >= 500) this.#reloadSoon(3000);
				if (this.turns.length === 0) return;
			}
		}
		this.loaded = true;
		this.pump();
	}

	#reloadSoon(ms: number): void {
		clearTimeout(this.#reloadTimer);
		this.#reloadTimer = setTimeout(() => {
			if (this.#viewers > 0 && !this.#closed) void this.load();
			else this.#stale = true;
		}, ms);
	}

	#merge(messages: Message[]): void {
		const known = new Map(this.turns.map((t) => [t.id, t]));
		const turns: Turn[] = [];
		for (const m of messages) {
			if (m.role !== 'user') continue;
			const turn = known.get(m.id) ?? new Turn(m.id, m.created_at);
			known.delete(m.id);
			this.#takeUser(turn, m);
			turns.push(turn);
		}
		// What hob does not list is not acknowledged yet, or was deleted elsewhere.
		for (const turn of known.values())
			if (!turn.stored || turn.standing === 'busy') turns.push(turn);
		this.turns = turns;
		const byId = new Map(turns.map((t) => [t.id, t]));
		for (const m of messages)
			if (m.role === 'assistant' && m.parent_id) this.#takeAnswer(byId.get(m.parent_id), m);
		this.#addUnsent();
	}

	#takeUser(turn: Turn, m: Message): void {
		const driven = this.#senders.has(turn.id);
		turn.stored = true;
		if (!turn.dirty) {
			this.#unsent.remove(turn.id);
			if (!driven) turn.content = m.content;
		}
		if (driven || turn.cycle) return;
		turn.serverId = m.server_id ?? turn.serverId;
		turn.error = m.error;
		if (!this.#modes.has(turn.id)) turn.queued = m.state === 'queued';
	}

	#takeAnswer(turn: Turn | undefined, m: Message): void {
		if (!turn) return;
		const active = isActive(m.state as Generation['state']);
		if (this.#senders.has(turn.id) || turn.cycle?.name === 'sending') return;
		const answer = turn.answerFor(m.id);
		answer.takeStored(m);
		turn.queued = false;
		if (active && m.generation_id && !turn.stopWanted)
			this.#attach(turn, { id: m.generation_id, answer_id: m.id });
	}

	#attach(turn: Turn, generation: Pick<Generation, 'id' | 'answer_id'>): void {
		turn.cycle = null;
		this.#newSender(turn, 'send').attach(generation);
	}

	/** Messages that hob has not acknowledged, from this browser's storage. */
	#addUnsent(): void {
		const known = new Set(this.turns.map((t) => t.id));
		const added: Turn[] = [];
		for (const m of this.#unsent.of(this.id)) {
			if (known.has(m.id)) continue;
			const turn = new Turn(m.id, m.created_at);
			turn.content = m.content;
			turn.serverId = m.server;
			turn.queued = m.queued;
			added.push(turn);
			this.serverId ??= m.server;
		}
		if (added.length === 0) return;
		this.turns = [...this.turns, ...added];
		for (const turn of added) if (turn.queued) void this.#store(turn);
	}

	/** News of a generation, perhaps begun by another tab. */
	onGeneration(g: Generation): void {
		const turn = this.turns.find((t) => t.id === g.message_id);
		if (turn?.stopWanted && isActive(g.state)) {
			void stopGeneration(g.id);
			return;
		}
		const sender = turn ? this.#senders.get(turn.id) : undefined;
		if (sender) {
			sender.onGeneration(g);
			return;
		}
		if (this.#viewers === 0) this.#stale = true;
		else if (turn && this.loaded && isActive(g.state)) {
			turn.stored = true;
			turn.queued = false;
			this.#attach(turn, { id: g.id, answer_id: g.answer_id });
		} else if (turn?.newest?.generationId !== g.id || isActive(turn.newest.state))
			this.#reloadSoon(150);
	}

	/** hob came back: look again at what it has. */
	refresh(): void {
		if (this.#viewers > 0) void this.load();
		else this.#stale = true;
	}

	/** Forgets everything here; what runs in hob goes on. */
	close(): void {
		this.#closed = true;
		clearTimeout(this.#reloadTimer);
		for (const sender of this.#senders.values()) sender.close();
		for (const timer of this.#removals.values()) clearTimeout(timer);
		this.#senders.clear();
	}
}

export function titleOf(content: Content): string {
	const text = contentText(content).trim().replace(/\s+/g, ' ');
	if (!text) return 'New chat';
	return text.length > TITLE_CHARS ? `${text.slice(0, TITLE_CHARS - 1)}…` : text;
}

/** Waits, but no longer than until hob is heard again. */
function pause(ms: number): Promise<void> {
	return new Promise((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			undo();
			resolve();
		};
		const timer = setTimeout(done, ms);
		const undo = live.onLink((state) => {
			if (state === 'open') done();
		});
	});
}
