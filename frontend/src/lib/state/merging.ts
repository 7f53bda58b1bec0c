/**
 * Takes up what hob says of a conversation, and what this browser wrote down of what hob has not got:
 * into turns that may be newer than the list, which was on its way meanwhile.
 */
import type { Conversation, Generation, Message } from '$lib/api/types';
import type { BranchEdits } from './branches.svelte';
import type { Kept } from './kept.svelte';
import type { ShownPath } from './path.svelte';
import type { Storing } from './storing';
import { isActive, Turn } from './turn.svelte';

export interface MergingHooks {
	/** A request or a stream of this page is about it. */
	isDriven(turn: Turn): boolean;
	/** The user asked for something that waits its turn. */
	isWanted(turn: Turn): boolean;
	/** hob writes an answer to it that nobody here reads. */
	onRunning(turn: Turn, generation: Pick<Generation, 'id' | 'answer_id'>): void;
}

export class Merging {
	readonly #path: ShownPath;
	readonly #branches: BranchEdits;
	readonly #storing: Storing;
	readonly #kept: Kept;
	readonly #hooks: MergingHooks;
	/** Turns that changed here since hob was asked for its list. */
	readonly #newer = new Set<Turn>();
	/** The count of moves along the tree at that time. */
	#moves = 0;

	constructor(
		path: ShownPath,
		branches: BranchEdits,
		storing: Storing,
		kept: Kept,
		hooks: MergingHooks
	) {
		this.#path = path;
		this.#branches = branches;
		this.#storing = storing;
		this.#kept = kept;
		this.#hooks = hooks;
	}

	/** hob is asked for its list now. */
	begin(): void {
		this.#newer.clear();
		this.#moves = this.#kept.moves;
	}
	/** What hob was asked for before this does not say how the turn is. */
	touch(turn: Turn): void {
		this.#newer.add(turn);
	}

	/** Takes the list that hob was last asked for. */
	take(conversation: Conversation, messages: readonly Message[]): void {
		this.#merge(messages);
		if (this.#moves === this.#kept.moves) this.takeLeaf(conversation.leaf_id);
		this.#newer.clear();
	}

	#merge(messages: readonly Message[]): void {
		const known = new Map(this.#path.all.map((t) => [t.id, t]));
		const listed = new Set(messages.map((m) => m.id));
		const turns: Turn[] = [];
		for (const m of messages) {
			if (m.role !== 'user' || (this.#branches.isGone(m.id) && !known.has(m.id))) continue;
			const turn = known.get(m.id) ?? new Turn(m.id, m.created_at);
			known.delete(m.id);
			this.#takeUser(turn, m, listed);
			turns.push(turn);
		}
		// What hob does not list is not acknowledged yet, or was deleted elsewhere.
		for (const turn of known.values())
			if (!turn.stored || turn.standing === 'busy' || this.#newer.has(turn)) turns.push(turn);
		const byId = new Map(turns.map((t) => [t.id, t]));
		for (const turn of turns)
			if (!this.#isAhead(turn) && turn.answers.some((a) => !listed.has(a.id)))
				turn.answers = turn.answers.filter((a) => listed.has(a.id));
		for (const m of messages)
			if (m.role === 'assistant' && m.parent_id && !this.#branches.isGone(m.id))
				this.#takeAnswer(byId.get(m.parent_id), m);
		this.#path.setAll(turns);
	}

	/** What is here is newer than the list. */
	#isAhead(turn: Turn): boolean {
		return this.#hooks.isDriven(turn) || this.#newer.has(turn);
	}

	#takeUser(turn: Turn, m: Message, listed: ReadonlySet<string>): void {
		const ahead = this.#isAhead(turn);
		turn.stored = true;
		if (!turn.dirty) {
			this.#storing.forget(turn);
			if (!ahead) turn.content = m.content;
		}
		if (ahead || turn.cycle) return;
		const before = this.#path.turnOf(turn.parentId);
		// What waits keeps its place on the screen, unless what it waits behind is gone.
		const stays = before ? !before.stored || (turn.queued && listed.has(before.id)) : false;
		if (!stays) turn.parentId = m.parent_id;
		turn.serverId = m.server_id ?? turn.serverId;
		turn.error = m.error;
		if (!this.#hooks.isWanted(turn)) turn.queued = m.state === 'queued';
	}

	#takeAnswer(turn: Turn | undefined, m: Message): void {
		if (!turn || this.#isAhead(turn) || turn.cycle?.name === 'sending') return;
		turn.listedAnswer(m.id).takeStored(m);
		const running = isActive(m.state as Generation['state']);
		// Another answer that was asked for still waits its turn.
		if (running || !this.#hooks.isWanted(turn)) turn.queued = false;
		if (running && m.generation_id && !turn.isUnwanted(m.generation_id))
			this.#hooks.onRunning(turn, { id: m.generation_id, answer_id: m.id });
	}

	/** hob's word about the path; true when this page did not know. */
	takeLeaf(id: string | null): boolean {
		const { leaf } = this.#path;
		if (id === leaf || this.#kept.moving) return false;
		const mine = this.#path.turnOf(leaf);
		// What this page does at the moment is newer than what hob said about the time before.
		const doing = mine && (!mine.stored || this.#isAhead(mine));
		if (doing && (id === null || this.#path.isAbove(id, leaf) || mine === this.#path.turnOf(id)))
			return false;
		if (id !== null && !this.#path.has(id)) return true;
		this.#path.setLeaf(id);
		return true;
	}

	/** Messages that hob has not acknowledged, from this browser's storage. `known`: what hob has is here. */
	addUnsent(known: boolean): void {
		for (const m of this.#storing.written()) {
			if (this.#path.turnOf(m.id) || this.#branches.isGone(m.id)) continue;
			const turn = new Turn(m.id, m.created_at);
			turn.content = m.content;
			turn.serverId = m.server;
			turn.queued = m.queued;
			turn.parentId = this.#path.has(m.parent_id) ? m.parent_id : this.#path.end;
			if (!known) turn.parentId ??= m.parent_id;
			this.#kept.serverId ??= m.server;
			this.#path.add([turn]);
			if (!this.#path.isShown(turn.id)) {
				// A message that did not go out is never out of sight.
				turn.parentId = this.#path.end;
				this.#path.update();
			}
			if (turn.queued) void this.#storing.store(turn);
		}
	}
}
