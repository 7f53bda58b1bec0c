/* eslint-disable svelte/prefer-svelte-reactivity -- the maps here are bookkeeping that no screen shows */
/**
 * One conversation: its turns, who is sent next, and what hob says about it. Lives in a module
 * (chats.svelte.ts), so leaving the page changes nothing.
 */
import { api, ApiError } from '$lib/api/client';
import type { Content, Conversation, Generation, SendMode, Settings } from '$lib/api/types';
import { BranchEdits } from './branches.svelte';
import { titleOf, withText } from './contents';
import { conversations } from './conversations.svelte';
import { Draft, type ComposerMode } from './draft.svelte';
import { stopGeneration } from './follower';
import { Kept } from './kept.svelte';
import { stopLateAnswer, stopUnwanted } from './late';
import { Merging } from './merging';
import { ShownPath, type Step } from './path.svelte';
import { mustQueue, queueStep, type QueueItem } from './queue';
import type { Removals } from './removals.svelte';
import { Sender, type SenderHooks } from './sender';
import { Storing } from './storing';
import { isActive, Turn, type Answer } from './turn.svelte';
import { browserStorage } from '$lib/storage';
import { UnsentStore } from './unsent';
import { uuid } from '$lib/uuid';

const draftKey = (userId: string, id: string): string => `hob.draft.${userId}.${id}`;
const settingsKey = (userId: string, id: string): string => `hob.settings.${userId}.${id}`;

export class Chat {
	readonly id: string;
	readonly draft: Draft;
	/** hob's list of messages is here (or hob has none). */
	loaded = $state(false);
	loadError = $state.raw<ApiError | null>(null);
	/** hob does not know this conversation and nothing of it waits here. */
	missing = $state(false);
	/** The message to bring into view and mark; who did that sets it to null. */
	target = $state<string | null>(null);

	readonly #userId: string;
	readonly #path = new ShownPath();
	readonly #kept: Kept;
	readonly #storing: Storing;
	readonly #branches: BranchEdits;
	readonly #merging: Merging;
	readonly #senders = new Map<string, Sender>();
	readonly #modes = new Map<string, SendMode>();
	/** Failed messages that the queue may go past. */
	#passed = $state.raw<ReadonlySet<string>>(new Set());
	/** Generations that hob turned out not to have. */
	readonly #lost = new Set<string>();
	#viewers = 0;
	#stale = true;
	#wantedTarget: string | null = null;
	#loading: Promise<void> | undefined;
	/** hob has something that the list on its way may not have. */
	#outdated = false;
	#reloadTimer: ReturnType<typeof setTimeout> | undefined;
	#closed = false;

	/** `fresh`: made by this page just now, hob cannot know it. `draft`: what is being written in it. */
	constructor(id: string, userId: string, fresh: boolean, draft?: Draft) {
		this.id = id;
		this.#userId = userId;
		this.draft = draft ?? new Draft(draftKey(userId, fresh ? 'new' : id));
		this.#kept = new Kept(id, settingsKey(userId, fresh ? 'new' : id));
		this.#storing = new Storing(id, new UnsentStore(userId, browserStorage()), {
			parentOf: (turn) => this.#parentOf(turn),
			onStored: (turn) => this.#onStored(turn, false)
		});
		this.#branches = new BranchEdits(this.#path, this.#kept, this.#storing, {
			drop: (turn) => this.#dropSender(turn),
			pump: () => this.pump(),
			touch: (turn) => this.#merging.touch(turn),
			reload: () => this.#reloadSoon(0)
		});
		this.#merging = new Merging(this.#path, this.#branches, this.#storing, this.#kept, {
			isDriven: (turn) => this.#senders.has(turn.id),
			isWanted: (turn) => this.#modes.has(turn.id),
			onRunning: (turn, generation) => this.#attach(turn, generation)
		});
		this.loaded = fresh;
		this.#stale = !fresh;
	}

	// Getters and not $derived: a derived made while a component renders dies with that component.
	/** What the screen shows, in order. */
	get turns(): Turn[] {
		return this.#path.turns;
	}
	/** More follows the end of what is shown: the next message begins another branch there. */
	get branching(): boolean {
		return this.#path.branching;
	}
	/** Nothing was ever said here. */
	get isNew(): boolean {
		return this.#path.all.length === 0;
	}
	get removals(): Removals {
		return this.#branches.removals;
	}
	get settings(): Settings {
		return this.#kept.settings;
	}
	/** hob could not take the settings yet; it is asked again. */
	get unsavedSettings(): boolean {
		return this.#kept.unsaved;
	}
	/** The server for the next message; null: not chosen here. */
	get serverId(): string | null {
		return this.#kept.serverId;
	}
	set serverId(id: string | null) {
		this.#kept.serverId = id;
	}
	/** What hob refused to change, for people; null: nothing. */
	get notice(): string | null {
		return this.#kept.notice;
	}
	set notice(text: string | null) {
		this.#kept.notice = text;
	}
	get #items(): QueueItem[] {
		return items(this.turns.map((turn) => ({ turn, answer: turn.answer })));
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

	get isOnScreen(): boolean {
		return this.#viewers > 0;
	}

	/** A screen shows this conversation; returns what ends that. */
	view(): () => void {
		this.#viewers++;
		if (this.#stale) this.#reload();
		return () => {
			this.#viewers--;
		};
	}

	// --- sending ---

	/** Sends what the composer holds, or queues it; when_ready leaves it in hob's outbox. */
	send(content: Content, serverId: string, mode: ComposerMode = 'send'): Turn {
		const shown = this.#items;
		const wait = mustQueue(shown);
		if (!wait) for (const item of shown) if (item.standing === 'failed') this.#pass(item.id);
		const last = this.turns.findLast((t) => !t.removing);
		// Behind one that may yet be answered anew it follows whatever comes of that.
		const parent = !wait && last?.answer?.settled ? last.answer.id : (last?.id ?? null);
		if (this.isNew) {
			this.draft.rename(draftKey(this.#userId, this.id));
			this.#kept.rename(settingsKey(this.#userId, this.id));
			conversations.addLocal(this.id, titleOf(content), serverId);
		}
		return this.#add(content, serverId, parent, wait, mode);
	}

	#add(
		content: Content,
		serverId: string,
		parentId: string | null,
		wait: boolean,
		mode: SendMode = 'send'
	): Turn {
		const turn = new Turn(uuid(), Date.now());
		turn.parentId = parentId;
		turn.content = content;
		turn.serverId = serverId;
		turn.queued = wait;
		this.#storing.write(turn);
		turn.queued = true;
		if (mode !== 'send') this.#modes.set(turn.id, mode);
		this.#path.add([turn]);
		this.#path.setLeaf(turn.id);
		if (wait) void this.#storing.store(turn);
		this.pump();
		return turn;
	}

	/** Resends in place: a new cycle with the same id. Waits its turn while another is answered. */
	retry(turn: Turn): void {
		this.#again(turn, 'retry');
	}
	/** Asks for another answer beside those that are there. */
	regenerate(turn: Turn, serverId: string): void {
		turn.serverId = serverId;
		this.#again(turn, 'retry');
	}
	/** Goes on with an answer that broke off. */
	continueAnswer(turn: Turn): void {
		this.#again(turn, 'continue');
	}
	/** Leaves it with hob, which answers when the engine is ready, also with the browser closed. */
	sendWhenReady(turn: Turn): void {
		this.#again(turn, 'when_ready');
	}

	#again(turn: Turn, mode: SendMode): void {
		this.#dropSender(turn);
		turn.cycle = null;
		turn.error = null;
		turn.queued = true;
		this.#modes.set(turn.id, mode);
		const next = this.turns[this.turns.indexOf(turn) + 1];
		// What follows an older answer stays with it; what follows the message itself follows the new one.
		if (next && next.parentId !== turn.id && mode !== 'continue') this.#branches.go(turn.id);
		else if (!next) this.#path.setLeaf(turn.id);
		this.pump(turn);
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
	stop(turn: Turn | null = this.busy): void {
		if (!turn) return;
		const sender = this.#senders.get(turn.id);
		if (sender) sender.stop();
		else void stopGeneration(turn.newest?.generationId ?? '');
		if (turn.stopWanted) stopLateAnswer(this.id, turn);
	}

	/** Sends whoever is next, on each path where somebody waits; what is being edited and not `asked` for goes later. */
	pump(asked?: Turn): void {
		if (this.#closed) return;
		for (const lane of this.#path.lanes()) {
			const { next } = queueStep(items(lane), this.#passed);
			const turn = lane.find((s) => s.turn.id === next)?.turn;
			if (!turn || (turn.editing && turn !== asked)) continue;
			const mode = this.#modes.get(turn.id) ?? 'send';
			this.#modes.delete(turn.id);
			turn.queued = false;
			this.#newSender(turn, mode).start();
		}
	}

	#newSender(turn: Turn, mode: SendMode): Sender {
		this.#senders.get(turn.id)?.close();
		const sender = new Sender(turn, this.id, mode, this.#hooks);
		this.#senders.set(turn.id, sender);
		return sender;
	}
	#dropSender(turn: Turn): void {
		this.#senders.get(turn.id)?.close();
		this.#senders.delete(turn.id);
	}

	readonly #hooks: SenderHooks = {
		parentOf: (turn) => this.#settleParent(turn),
		settings: () => this.#kept.firstSettings(),
		onStored: (turn) => this.#onStored(turn, true),
		onAnswer: (turn, answer) => this.#onAnswer(turn, answer),
		onSettled: (turn) => {
			if (turn.cycle?.name !== 'signed_out') this.#senders.delete(turn.id);
			this.#merging.touch(turn);
			// The card says what became of it; the answers that were there come back.
			if (turn.cycle && turn.newest?.empty && turn.answers.length > 1)
				turn.answers = turn.answers.slice(0, -1);
			this.#path.update();
			this.pump();
			// It may be queued again, under another id.
			const lost = turn.newest?.error?.code === 'generation_gone' ? turn.newest.generationId : '';
			if (!lost || this.#lost.has(lost)) return;
			this.#lost.add(lost);
			this.#reload();
		}
	};

	/** An answer has begun: it is shown where its message, or another answer to it, was the end. */
	#onAnswer(turn: Turn, answer: Answer): void {
		answer.serverId = turn.serverId;
		answer.options = this.settings.options;
		const { leaf } = this.#path;
		if (leaf === turn.id || turn.answers.some((a) => a.id === leaf)) this.#path.setLeaf(answer.id);
		else this.#path.update();
	}

	/** The answer, or else the message, before this one; only what hob has can be named. */
	#parentOf(turn: Turn): string | null {
		let id = turn.parentId;
		for (let n = this.#path.all.length; id !== null && n > 0; n--) {
			const before = this.#path.turnOf(id);
			if (!before) return id;
			if (before.stored && !before.removing) {
				const answer =
					before.id === id
						? before.answers.findLast((a) => a.settled)
						: before.answers.find((a) => a.id === id);
				const open = turn.queued && before.standing !== 'settled';
				return answer && !open ? answer.id : before.id;
			}
			id = before.parentId;
		}
		return null;
	}

	/** The place of a message that goes out now. */
	#settleParent(turn: Turn): string | null {
		const parent = this.#parentOf(turn);
		const before = this.#path.turnOf(turn.parentId);
		// Behind one that hob does not have it stays where it is on the screen.
		if (before?.stored && !before.removing && turn.answers.every((a) => a.empty)) {
			turn.parentId = parent;
			this.#path.update();
		}
		return parent;
	}

	/** `sent`: it was on its way to be answered, and not only to be kept. */
	#onStored(turn: Turn, sent: boolean): void {
		turn.stored = true;
		this.#merging.touch(turn);
		if (!turn.dirty) this.#storing.forget(turn);
		this.#kept.onStored(turn.serverId, sent);
		for (const behind of this.#path.all)
			if (behind.queued && behind.parentId === turn.id && this.#storing.isMisplaced(behind))
				void this.#storing.store(behind);
	}

	// --- changing what was said ---

	/** Changes a message: in place while it was not answered, else by sending another version of it. */
	edit(turn: Turn, text: string, serverId: string = turn.serverId): void {
		const { phase } = turn;
		const fresh = turn.answers.every((a) => a.empty);
		if (phase === 'queued' && fresh) this.#rewrite(turn, text);
		else if ((phase === 'unsent' || turn.cycle?.name === 'waiting') && fresh) {
			this.#rewrite(turn, text);
			this.retry(turn);
		} else this.#add(withText(turn.content, text), serverId, turn.parentId, false);
	}

	#rewrite(turn: Turn, text: string): void {
		turn.content = withText(turn.content, text);
		turn.dirty = true;
		this.#storing.write(turn);
		if (turn.queued) void this.#storing.store(turn);
	}

	/** Opens the editor of the last message; false when there is none. */
	editLast(): boolean {
		const last = this.turns.findLast((t) => !t.removing);
		if (last) last.editing = true;
		return last !== undefined;
	}

	/** Puts a changed answer beside this one; what went wrong, or null. */
	editAnswer(turn: Turn, answer: Answer, text: string): Promise<string | null> {
		return this.#branches.editAnswer(turn, answer, text);
	}

	/** Sends it to another server, when the one it was pinned to is gone. */
	moveTo(turn: Turn, serverId: string): void {
		turn.serverId = serverId;
		this.retry(turn);
	}

	/** Takes a message that was not answered away; `undoRemove` brings it back for UNDO_MS. */
	remove(turn: Turn): void {
		this.#branches.removeOpen(turn);
	}
	undoRemove(turn: Turn): void {
		this.removals.undo(turn.id);
	}
	/** Takes any message away, with everything below it; `removals` brings it back. */
	removeBranch(messageId: string): void {
		this.#branches.removeBranch(messageId);
	}
	/** Deletes at once what could still be undone: the page closes, or one logs out. */
	flushRemovals(): Promise<void> {
		return this.removals.flush();
	}

	// --- moving in the tree ---

	/** Shows the newest path through this message. */
	show(messageId: string): void {
		const leaf = this.#path.newestLeaf(messageId);
		if (leaf !== null) this.#branches.go(leaf);
	}
	/** Ends the path with this answer: the next message begins another branch. */
	branchFrom(answer: Answer): void {
		this.#branches.go(answer.id, true);
	}
	/** Back to what follows the end of the path. */
	toLatest(): void {
		if (this.#path.end !== null) this.show(this.#path.end);
	}
	/** Brings a message into view, on another path if need be. */
	goTo(messageId: string): void {
		this.#wantedTarget = messageId;
		if (this.loaded) this.#reachTarget();
	}

	#reachTarget(): void {
		const id = this.#wantedTarget;
		this.#wantedTarget = null;
		if (id === null) return;
		if (!this.#path.has(id)) {
			this.notice = 'This message is not there any more.';
			return;
		}
		if (!this.#path.isShown(id)) this.show(id);
		this.target = id;
	}

	/** Keeps settings for this conversation; a new one takes them along with its first message. */
	saveSettings(settings: Settings): Promise<void> {
		return this.#kept.saveSettings(settings);
	}
	/** Talks to this server from the next message on. */
	chooseServer(serverId: string): void {
		this.#kept.chooseServer(serverId);
	}

	// --- what hob says ---

	/** Reads the conversation from hob; also again, to take up what others did to it. */
	load(): Promise<void> {
		this.#stale = false;
		this.#loading ??= this.#loadAll().finally(() => {
			this.#loading = undefined;
		});
		return this.#loading;
	}

	/** As `load`, but a list that is on its way already may be too old. */
	#reload(): void {
		if (this.#loading) this.#outdated = true;
		void this.load();
	}

	async #loadAll(): Promise<void> {
		do {
			this.#outdated = false;
			await this.#loadNow();
		} while (this.#outdated && !this.#closed);
	}

	async #loadNow(): Promise<void> {
		try {
			this.#merging.begin();
			const { version } = this.#kept;
			const { conversation, settings, messages } = await api.conversation(this.id);
			if (this.#closed) return;
			this.#kept.take(conversation, settings, version);
			this.#merging.take(conversation, messages);
			this.#merging.addUnsent(true);
			this.loadError = null;
			this.missing = false;
		} catch (e) {
			if (!(e instanceof ApiError)) throw e;
			if (this.#closed) return;
			this.#merging.addUnsent(e.status === 404);
			if (e.status === 404) {
				this.loadError = null;
				this.missing = this.isNew;
			} else {
				this.loadError = e;
				this.#stale = true;
				if (e.status === 0 || e.status >= 500) this.#reloadSoon(3000);
				if (this.isNew) return;
			}
		}
		this.loaded = true;
		this.#reachTarget();
		this.pump();
	}

	/** It is looked at, or a message waits until it is read. */
	get #isWanted(): boolean {
		return this.isOnScreen || this.draft.sendSoon !== null;
	}

	#reloadSoon(ms: number): void {
		clearTimeout(this.#reloadTimer);
		this.#reloadTimer = setTimeout(() => {
			if (this.#isWanted && !this.#closed) this.#reload();
			else this.#stale = true;
		}, ms);
	}

	#attach(turn: Turn, generation: Pick<Generation, 'id' | 'answer_id'>): void {
		turn.cycle = null;
		this.#newSender(turn, 'send').attach(generation);
	}

	/** News of the conversation itself, perhaps from another tab. */
	onConversation(conversation: Conversation): void {
		this.#kept.take(conversation);
		if (!this.loaded) return;
		if (this.#merging.takeLeaf(conversation.leaf_id)) this.#reloadSoon(150);
	}
	/** A message that was not answered is changed or taken back, perhaps in another tab. */
	onMessageChanged(id: string): void {
		const turn = this.#path.all.find((t) => t.id === id);
		if (!turn?.stored || turn.dirty || turn.removing || this.#senders.has(id)) return;
		// Of what waits here the old version must not go out.
		if (turn.queued || this.#viewers > 0) this.#reload();
		else this.#stale = true;
	}
	/** A message is gone with what was below it, perhaps deleted in another tab. */
	onMessageRemoved(id: string): void {
		this.#branches.takeRemoval(id);
	}

	/** News of a generation, perhaps begun by another tab. */
	onGeneration(g: Generation): void {
		const turn = this.#path.turnOf(g.message_id);
		if (turn && isActive(g.state) && stopUnwanted(turn, g.id)) return;
		const sender = turn ? this.#senders.get(turn.id) : undefined;
		if (sender) {
			sender.onGeneration(g);
			return;
		}
		const known = turn?.answers.find((a) => a.id === g.answer_id);
		// News come by another connection: what has ended here already is nothing new.
		if (known?.generationId === g.id && !isActive(known.state)) return;
		if (this.#viewers === 0) this.#stale = true;
		else if (turn && !known && this.loaded && isActive(g.state)) {
			turn.stored = true;
			turn.queued = false;
			this.#attach(turn, { id: g.id, answer_id: g.answer_id });
		} else this.#reloadSoon(150);
	}

	/** hob came back: look again at what it has. */
	refresh(): void {
		if (this.#isWanted) this.#reload();
		else this.#stale = true;
	}

	/** Nobody looks at it, and another one made from what hob and this browser have would be the same. */
	get idle(): boolean {
		const open = (t: Turn): boolean => !t.stored || t.dirty || t.queued || t.cycle !== null;
		return (
			this.#viewers === 0 &&
			this.#senders.size === 0 &&
			this.removals.list.length === 0 &&
			!this.#kept.busy &&
			!this.draft.atRisk &&
			this.draft.sendSoon === null &&
			!this.#path.all.some(open)
		);
	}
	/** A reload would lose something that was written here. */
	get atRisk(): boolean {
		return this.draft.atRisk || this.#storing.atRisk;
	}

	/** Forgets everything here; what runs in hob goes on. */
	close(): void {
		this.#closed = true;
		this.#kept.close();
		this.draft.sendSoon = null;
		clearTimeout(this.#reloadTimer);
		for (const sender of this.#senders.values()) sender.close();
		this.removals.close();
		this.#storing.close();
		this.#senders.clear();
	}
}

/** The conversation is deleted: nothing of it stays in this browser. */
export function forgetChat(id: string, userId: string): void {
	const store = browserStorage();
	store?.removeItem(draftKey(userId, id));
	store?.removeItem(settingsKey(userId, id));
	const unsent = new UnsentStore(userId, store);
	for (const m of unsent.of(id)) unsent.remove(m.id);
}

function items(lane: readonly Step[]): QueueItem[] {
	return lane
		.filter((s) => !s.turn.removing)
		.map((s) => ({ id: s.turn.id, standing: s.turn.standingWith(s.answer) }));
}
