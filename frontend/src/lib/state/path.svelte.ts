/* eslint-disable svelte/prefer-svelte-reactivity -- the sets here are bookkeeping that no screen shows */
/**
 * All turns of a conversation and which of them are on the screen: the path to `leaf`. Knows no
 * network; chat.svelte.ts says what is there and where to go.
 */
import { Tree, type TreeNode } from './tree';
import type { Answer, Turn } from './turn.svelte';

/** A place on a path: a message and the answer through which the path goes. */
export interface Step {
	turn: Turn;
	answer: Answer | undefined;
}

interface Node extends TreeNode {
	turn: Turn;
	/** Undefined: the user's message itself. */
	answer: Answer | undefined;
}

export class ShownPath {
	/** What the screen shows, in order. */
	turns = $state.raw<Turn[]>([]);
	/** More follows the end of the path: the next message begins another branch there. */
	branching = $state(false);

	#all: readonly Turn[] = [];
	/** Deleted branches that can still be brought back. */
	readonly #hidden = new Set<Turn>();
	#leaf: string | null = null;
	/** The user said where the path ends: what waits behind it is not shown. */
	#pinned = false;
	#tree = new Tree<Node>([]);

	/** Every turn that is not deleted, in order of creation. */
	get all(): readonly Turn[] {
		return this.#all;
	}
	get leaf(): string | null {
		return this.#leaf;
	}
	/** The id of the last message on the screen. */
	get end(): string | null {
		const last = this.turns.at(-1);
		return last?.answer?.id ?? last?.id ?? null;
	}

	setAll(turns: readonly Turn[]): void {
		this.#all = turns;
		this.update();
	}
	add(turns: readonly Turn[]): void {
		this.setAll([...this.#all, ...turns]);
	}

	/** Ends the path with this message; null: the newest path. */
	setLeaf(id: string | null, pinned = false): void {
		this.#leaf = id;
		this.#pinned = pinned;
		this.update();
	}

	/** The turn that this message, or the message that it answers, belongs to. */
	turnOf(id: string | null): Turn | undefined {
		return this.#all.find((t) => t.id === id || t.answers.some((a) => a.id === id));
	}
	has(id: string | null): boolean {
		return this.#tree.has(id);
	}
	isShown(id: string): boolean {
		return this.turns.some((t) => t.id === id || t.answer?.id === id);
	}
	/** Whether `id` is on the path to `leaf`, before its end. */
	isAbove(id: string, leaf: string | null): boolean {
		return id !== leaf && this.#tree.pathTo(leaf).some((n) => n.id === id);
	}
	newestLeaf(id: string | null): string | null {
		return this.#tree.newestLeaf(id);
	}
	parent(id: string): string | null {
		return this.#tree.parent(id);
	}
	/** The version that takes the place of this one when it goes; null: there is none. */
	neighbour(id: string): string | null {
		const versions = this.#tree.siblings(id);
		const at = versions.findIndex((n) => n.id === id);
		return (versions[at - 1] ?? versions[at + 1])?.id ?? null;
	}
	/** Everything from this message on, as messages. */
	branch(id: string): ReadonlySet<string> {
		return this.#tree.branch(id);
	}

	hide(turns: readonly Turn[]): void {
		for (const turn of turns) this.#hidden.add(turn);
		this.update();
	}
	unhide(turns: readonly Turn[]): void {
		for (const turn of turns) this.#hidden.delete(turn);
		this.update();
	}
	/** They are gone for good. */
	drop(turns: readonly Turn[]): void {
		for (const turn of turns) this.#hidden.delete(turn);
		this.setAll(this.#all.filter((t) => !turns.includes(t)));
	}

	/**
	 * The paths on which messages wait their turn, each answered one by one: the shown one, and those
	 * to messages that wait elsewhere in the tree.
	 */
	lanes(): Step[][] {
		const lanes = [this.turns.map((turn) => ({ turn, answer: turn.answer }))];
		for (const turn of this.#all) {
			if (!turn.queued || this.#hidden.has(turn)) continue;
			// Where an older answer is shown, the lane is another one.
			if (this.turns.includes(turn) && turn.answer === turn.newest) continue;
			const lane = steps(this.#tree.pathTo(turn.id));
			// Those before it in its own lane bring it along.
			if (lane.every((s) => s.turn === turn || !s.turn.queued)) lanes.push(lane);
		}
		return lanes;
	}

	/** Looks at the tree again: turns or answers came or went. */
	update(): void {
		const before = this.#tree;
		this.#tree = new Tree(this.#nodes());
		// Where the end went away, what came before it is the end.
		while (before.has(this.#leaf) && !this.#tree.has(this.#leaf))
			this.#leaf = before.parent(this.#leaf ?? '');
		const path = this.#tree.path(this.#leaf);
		if (!this.#pinned) this.#extend(path);
		const shown = steps(path);
		for (const { turn, answer } of shown) {
			turn.shownId = answer?.id ?? null;
			const versions = this.#tree.siblings(turn.id).map((n) => n.id);
			if (!isSame(turn.versions, versions)) turn.versions = versions;
		}
		const turns = shown.map((s) => s.turn);
		if (!isSame(this.turns, turns)) this.turns = turns;
		const end = path.at(-1);
		this.branching = end?.answer !== undefined && this.#tree.children(end.id).length > 0;
	}

	#nodes(): Node[] {
		const nodes: Node[] = [];
		for (const turn of this.#all) {
			if (this.#hidden.has(turn)) continue;
			nodes.push({ id: turn.id, parentId: turn.parentId, role: 'user', turn, answer: undefined });
			for (const answer of turn.answers)
				nodes.push({ id: answer.id, parentId: turn.id, role: 'assistant', turn, answer });
		}
		return nodes;
	}

	/** What waits behind the end is shown too: hob has not answered it, or not even heard of it. */
	#extend(path: Node[]): void {
		for (let n = 0; n < this.#all.length; n++) {
			const last = path.at(-1);
			const end = last && !last.answer ? this.#newestAnswer(last) : undefined;
			const from = end ?? last;
			const next = this.#tree
				.children(from?.id ?? null)
				.findLast((c) => !c.answer && (c.turn.queued || c.turn.cycle !== null || !c.turn.stored));
			if (!next) return;
			if (end) path.push(end);
			path.push(next);
		}
	}

	#newestAnswer(node: Node): Node | undefined {
		return this.#tree.children(node.id).findLast((c) => c.answer);
	}
}

function steps(path: readonly Node[]): Step[] {
	const found: Step[] = [];
	for (const node of path) {
		const last = found.at(-1);
		if (!node.answer) found.push({ turn: node.turn, answer: undefined });
		else if (last?.turn === node.turn) last.answer = node.answer;
	}
	return found;
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
	return a.length === b.length && a.every((x, i) => x === b[i]);
}
