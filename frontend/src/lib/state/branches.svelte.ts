/* eslint-disable svelte/prefer-svelte-reactivity -- the sets here are bookkeeping that no screen shows */
/** Changes of a conversation's tree by the user: moving in it, edited answers, deletions with undo. */
import { api, ApiError, mayPass } from '$lib/api/client';
import type { Kept } from './kept.svelte';
import type { ShownPath } from './path.svelte';
import { Removals } from './removals.svelte';
import type { Storing } from './storing';
import type { Answer, Turn } from './turn.svelte';
import { uuid } from '$lib/uuid';

export interface BranchHooks {
	/** The turn is gone: nobody drives it any more. */
	drop(turn: Turn): void;
	/** Who waits may go now. */
	pump(): void;
	/** It is newer here than in a list that hob was asked for before. */
	touch(turn: Turn): void;
	/** hob has something else than what is shown. */
	reload(): void;
}

export class BranchEdits {
	readonly removals = new Removals();
	readonly #path: ShownPath;
	readonly #kept: Kept;
	readonly #storing: Storing;
	readonly #hooks: BranchHooks;
	/** Messages that were deleted here; hob's list may still have them. */
	readonly #gone = new Set<string>();
	/** The id of an edited answer by that of the one it changes, until hob has it. */
	readonly #edits = new Map<string, string>();

	constructor(path: ShownPath, kept: Kept, storing: Storing, hooks: BranchHooks) {
		this.#path = path;
		this.#kept = kept;
		this.#storing = storing;
		this.#hooks = hooks;
	}

	isGone(id: string): boolean {
		return this.#gone.has(id);
	}

	/** Ends the path with this message, here and in hob; what hob refuses is taken back. */
	go(leafId: string, pinned = false): void {
		const { leaf } = this.#path;
		this.#path.setLeaf(leafId, pinned);
		if (leaf !== leafId && this.#path.turnOf(leafId)?.stored)
			this.#kept.moveTo(leafId, () => {
				if (this.#path.leaf === leafId) this.#path.setLeaf(leaf);
			});
		this.#hooks.pump();
	}

	/** Puts a changed answer beside this one; what went wrong, or null. */
	async editAnswer(turn: Turn, answer: Answer, text: string): Promise<string | null> {
		// The same id on every try, so that no try makes a second one.
		const key = `${answer.id} ${text}`;
		const id = this.#edits.get(key) ?? uuid();
		this.#edits.set(key, id);
		try {
			const { message } = await api.editAnswer(answer.id, id, text);
			this.#edits.delete(key);
			turn.answerFor(message.id).takeStored(message);
			this.#hooks.touch(turn);
			this.#path.setLeaf(message.id);
			return null;
		} catch (e) {
			return e instanceof Error ? e.message : String(e);
		}
	}

	/** Takes a message away that was not answered; what waits behind it moves up. */
	removeOpen(turn: Turn): void {
		turn.removing = true;
		this.#hooks.drop(turn);
		this.#offerRemoval(turn);
		this.#hooks.pump();
	}

	#offerRemoval(turn: Turn): void {
		this.removals.add({
			id: turn.id,
			count: 1,
			inPlace: true,
			undo: () => {
				turn.removing = false;
				this.#hooks.pump();
			},
			commit: () => this.#removeOpenNow(turn)
		});
	}

	async #removeOpenNow(turn: Turn): Promise<void> {
		if (!turn.stored) await this.#storing.settled(turn);
		try {
			await api.deleteMessage(turn.id);
		} catch (e) {
			const gone = e instanceof ApiError && e.status === 404;
			if (!gone && turn.stored) {
				// Back again it would be sent: it stays away, and hob is told once more when the time is up again.
				if (mayPass(e)) this.#offerRemoval(turn);
				else {
					turn.removing = false;
					this.#kept.notice = `The message was not deleted: ${e instanceof Error ? e.message : String(e)}.`;
					this.#hooks.pump();
				}
				return;
			}
		}
		this.#gone.add(turn.id);
		this.#storing.forget(turn);
		for (const behind of this.#path.all)
			if (behind.parentId === turn.id) behind.parentId = turn.parentId;
		if (this.#path.leaf === turn.id) this.#path.setLeaf(turn.parentId);
		this.#path.drop([turn]);
		this.#hooks.pump();
	}

	/** Takes any message away with everything below it. */
	removeBranch(id: string): void {
		const turn = this.#path.turnOf(id);
		if (!turn) return;
		const ids = this.#path.branch(id);
		const answer = turn.answers.find((a) => a.id === id);
		const at = answer ? turn.answers.indexOf(answer) : 0;
		const hidden = this.#path.all.filter((t) => ids.has(t.id));
		const before = this.#path.leaf;
		const rest = this.#leafWithout(id, ids);
		for (const goneId of ids) this.#gone.add(goneId);
		if (answer) turn.answers = turn.answers.filter((a) => a !== answer);
		this.#path.hide(hidden);
		if (rest.moves) this.#move(rest.leaf);
		const bringBack = (): void => {
			for (const goneId of ids) this.#gone.delete(goneId);
			// hob's clock and this one may differ: its place is where it was.
			if (answer) turn.answers = turn.answers.toSpliced(at, 0, answer);
			this.#path.unhide(hidden);
			if (rest.moves) this.#move(before);
			this.#hooks.pump();
		};
		this.removals.add({
			id,
			count: ids.size,
			inPlace: false,
			undo: bringBack,
			commit: () => this.#removeBranchNow(id, hidden, bringBack)
		});
		this.#hooks.pump();
	}

	/** Another tab has deleted a message with everything below it. */
	takeRemoval(id: string): void {
		const turn = this.#path.has(id) ? this.#path.turnOf(id) : undefined;
		if (!turn) return;
		const ids = this.#path.branch(id);
		const parent = this.#path.parent(id);
		const gone = this.#path.all.filter((t) => ids.has(t.id) && t.stored);
		for (const goneId of ids) this.#gone.add(goneId);
		for (const t of gone) {
			this.#hooks.drop(t);
			this.#storing.forget(t);
		}
		if (turn.id !== id) {
			this.#hooks.touch(turn);
			turn.answers = turn.answers.filter((a) => a.id !== id);
		}
		// What was written behind it here is not what was deleted there.
		for (const t of this.#path.all)
			if (!t.stored && ids.has(t.id)) {
				this.#gone.delete(t.id);
				if (ids.has(t.parentId ?? '')) t.parentId = parent;
			}
		this.#path.drop(gone);
		this.#hooks.pump();
	}

	/** Where the path ends when these are gone: with another version, else with what came before. */
	#leafWithout(id: string, ids: ReadonlySet<string>): { moves: boolean; leaf: string | null } {
		const { end } = this.#path;
		if (end === null || !ids.has(end)) return { moves: false, leaf: this.#path.leaf };
		const other = this.#path.neighbour(id);
		return { moves: true, leaf: other ? this.#path.newestLeaf(other) : this.#path.parent(id) };
	}

	#move(leaf: string | null): void {
		if (leaf === null) this.#path.setLeaf(null);
		else this.go(leaf);
	}

	async #removeBranchNow(id: string, turns: readonly Turn[], undo: () => void): Promise<void> {
		for (const turn of turns) if (!turn.stored) await this.#storing.settled(turn);
		try {
			await api.deleteBranch(id);
		} catch (e) {
			// What hob does not have is deleted.
			if (!(e instanceof ApiError && e.status === 404)) {
				undo();
				this.#kept.notice = `The messages were not deleted: ${e instanceof Error ? e.message : String(e)}.`;
				return;
			}
		}
		for (const turn of turns) {
			this.#hooks.drop(turn);
			this.#storing.forget(turn);
		}
		this.#path.drop(turns);
		this.#hooks.reload();
	}
}
