import { describe, expect, it } from 'vitest';
import { Tree, type TreeNode } from './tree';

/** "u1 a1<u1 u2<a1": user messages and answers, each behind its parent, in order of creation. */
function tree(text: string): Tree {
	return new Tree(
		text.split(' ').map((word): TreeNode => {
			const [id = '', parentId = null] = word.split('<');
			return { id, parentId, role: id.startsWith('u') ? 'user' : 'assistant' };
		})
	);
}
const ids = (nodes: readonly TreeNode[]): string => nodes.map((n) => n.id).join(' ');

const CHAIN = 'u1 a1<u1 u2<a1 a2<u2';
const EDITED = `${CHAIN} u3<a1 a3<u3`;
const AGAIN = 'u1 a1<u1 u2<a1 a2<u2 a4<u1';
/** u2 was sent while u1 had no answer; it came later. */
const LATE = 'u1 u2<u1 a2<u2 a1<u1';

describe('a path', () => {
	it.each([
		[CHAIN, null, 'u1 a1 u2 a2'],
		[CHAIN, 'a2', 'u1 a1 u2 a2'],
		[CHAIN, 'a1', 'u1 a1'],
		[CHAIN, 'not there', 'u1 a1 u2 a2'],
		[EDITED, null, 'u1 a1 u3 a3'],
		[EDITED, 'a2', 'u1 a1 u2 a2'],
		[AGAIN, null, 'u1 a4'],
		[AGAIN, 'a2', 'u1 a1 u2 a2'],
		['u1 a1<u1 u2', null, 'u2'],
		['u1 u2<u1 u3<u2', null, 'u1 u2 u3'],
		[LATE, null, 'u1 a1 u2 a2'],
		[LATE, 'a2', 'u1 a1 u2 a2'],
		[LATE, 'a1', 'u1 a1'],
		['u2<gone a2<u2', null, 'u2 a2']
	])('in %s to %s is %s', (text, leaf, path) => {
		expect(ids(tree(text).path(leaf))).toBe(path);
	});
	it('through a circle ends', () => {
		expect(ids(tree('u1<a1 a1<u1').pathTo('a1'))).toBe('u1 a1');
		expect(tree('u1 a1<u1').newestLeaf('a1')).toBe('a1');
	});
});

it.each([
	[EDITED, 'u2', 'u2 u3'],
	[EDITED, 'u1', 'u1'],
	[AGAIN, 'a4', 'a1 a4'],
	[LATE, 'u2', 'u2'],
	['u1 u2 u3', 'u2', 'u1 u2 u3'],
	[CHAIN, 'not there', '']
])('in %s the versions of %s are %s', (text, id, versions) => {
	expect(ids(tree(text).siblings(id))).toBe(versions);
});

it.each([
	[EDITED, 'u2', 'a2 u2'],
	[EDITED, 'a1', 'a1 a2 a3 u2 u3'],
	[LATE, 'a1', 'a1'],
	[LATE, 'u1', 'a1 a2 u1 u2'],
	['u1<a1 a1<u1', 'u1', 'a1 u1'],
	[CHAIN, 'not there', '']
])('in %s with %s go %s', (text, id, gone) => {
	expect([...tree(text).branch(id)].sort().join(' ')).toBe(gone);
});

describe('any tree', () => {
	/** A linear congruential generator: the same trees on every run. */
	function random(seed: number): (below: number) => number {
		let x = seed;
		return (below) => {
			x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
			return Math.floor((x / 2 ** 32) * below);
		};
	}
	function anyTree(seed: number): TreeNode[] {
		const below = random(seed);
		const nodes: TreeNode[] = [];
		for (let i = 0; i < 40; i++) {
			const parent = nodes[below(nodes.length + 1)];
			const role = parent?.role === 'user' && below(4) > 0 ? 'assistant' : 'user';
			nodes.push({ id: `m${String(i)}`, parentId: parent?.id ?? null, role });
		}
		return nodes;
	}

	it.each(Array.from({ length: 60 }, (_, i) => i + 1))('no. %i', (seed) => {
		const nodes = anyTree(seed);
		const made = new Tree(nodes);
		for (const node of nodes) {
			const path = made.pathTo(node.id);
			expect(path.at(-1)).toBe(node);
			expect(made.parent(path[0]?.id ?? '')).toBeNull();
			// No two answers after each other, and each one behind its own message.
			path.forEach((n, i) => {
				if (n.role === 'assistant') expect(path[i - 1]?.id).toBe(n.parentId);
			});
			expect(made.siblings(node.id)).toContain(node);
			const leaf = made.newestLeaf(node.id);
			expect(made.children(leaf)).toHaveLength(0);
			expect(made.pathTo(leaf)).toContain(node);
			// Who chooses a version sees it.
			for (const version of made.siblings(node.id))
				expect(made.path(made.newestLeaf(version.id))).toContain(version);
			// Everything that hangs on it by its parent goes with it, and nothing else.
			const branch = made.branch(node.id);
			for (const other of nodes)
				if (other !== node)
					expect(branch.has(other.id)).toBe(other.parentId !== null && branch.has(other.parentId));
		}
	});
});
