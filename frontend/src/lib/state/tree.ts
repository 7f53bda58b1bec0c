/**
 * A conversation's messages as a tree, and paths through it. Pure.
 *
 * A user's message that hangs on another user's message (sent while that one was not answered)
 * follows its newest answer as soon as there is one: what was said one after the other is shown so.
 */
export interface TreeNode {
	readonly id: string;
	readonly parentId: string | null;
	readonly role: 'user' | 'assistant';
}

export class Tree<N extends TreeNode = TreeNode> {
	readonly #nodes = new Map<string, N>();
	readonly #parents = new Map<string, string | null>();
	readonly #children = new Map<string | null, N[]>();
	/** By `parentId` alone. */
	readonly #below = new Map<string, string[]>();

	/** `nodes` in order of creation. One whose parent is not among them is a beginning. */
	constructor(nodes: readonly N[]) {
		const newestAnswer = new Map<string, string>();
		for (const node of nodes) {
			this.#nodes.set(node.id, node);
			if (node.role === 'assistant' && node.parentId) newestAnswer.set(node.parentId, node.id);
		}
		for (const node of nodes) {
			let parent = node.parentId !== null && this.has(node.parentId) ? node.parentId : null;
			if (node.role === 'user' && parent) parent = newestAnswer.get(parent) ?? parent;
			this.#parents.set(node.id, parent);
			const brood = this.#children.get(parent);
			if (brood) brood.push(node);
			else this.#children.set(parent, [node]);
			if (node.parentId === null) continue;
			const below = this.#below.get(node.parentId);
			if (below) below.push(node.id);
			else this.#below.set(node.parentId, [node.id]);
		}
	}

	has(id: string | null): boolean {
		return id !== null && this.#nodes.has(id);
	}

	/** Null: the beginnings. */
	children(id: string | null): readonly N[] {
		return this.#children.get(id) ?? [];
	}

	parent(id: string): string | null {
		return this.#parents.get(id) ?? null;
	}

	/** From the beginning to this one; empty when it is not there. */
	pathTo(id: string | null): N[] {
		const path: N[] = [];
		const seen = new Set<string>();
		for (let at = id; at !== null && !seen.has(at); at = this.parent(at)) {
			const node = this.#nodes.get(at);
			if (!node) break;
			seen.add(at);
			path.push(node);
		}
		return path.reverse();
	}

	/** The end of the path that takes the newest child each time; null: of the whole tree. */
	newestLeaf(id: string | null): string | null {
		const seen = new Set<string>();
		for (let at = id; ;) {
			const next = this.children(at).at(-1)?.id;
			if (next === undefined || seen.has(next)) return at;
			seen.add(next);
			at = next;
		}
	}

	/** The path that ends with `leafId`; the newest one when that is not there. */
	path(leafId: string | null): N[] {
		return this.pathTo(this.has(leafId) ? leafId : this.newestLeaf(null));
	}

	/** The versions of one message, itself among them, in order of creation. */
	siblings(id: string): readonly N[] {
		const node = this.#nodes.get(id);
		return node ? this.children(this.parent(id)).filter((n) => n.role === node.role) : [];
	}

	/** It and everything that hangs on it by `parentId`: what hob deletes with it. */
	branch(id: string): Set<string> {
		const found = new Set<string>();
		const open = this.has(id) ? [id] : [];
		for (let at = open.pop(); at !== undefined; at = open.pop()) {
			if (found.has(at)) continue;
			found.add(at);
			open.push(...(this.#below.get(at) ?? []));
		}
		return found;
	}
}
