import { beforeEach, expect, it } from 'vitest';
import { UnsentStore, type Unsent } from './unsent';

const message = (id: string, created_at: number, conversation_id = 'c1'): Unsent => ({
	id,
	conversation_id,
	parent_id: null,
	content: `text of ${id}`,
	server: 's1',
	created_at,
	queued: false
});
beforeEach(() => localStorage.clear());

it('keeps messages over a reload, oldest first, by user and conversation', () => {
	const before = new UnsentStore('ada', localStorage);
	before.put(message('b', 2));
	before.put(message('a', 1));
	before.put(message('other', 3, 'c2'));
	new UnsentStore('bob', localStorage).put(message('x', 0));

	const after = new UnsentStore('ada', localStorage);
	expect(after.of('c1').map((m) => m.id)).toEqual(['a', 'b']);
	expect(after.all()).toHaveLength(3);
	after.remove('a');
	expect(after.of('c1')).toEqual([message('b', 2)]);
});

it('leaves out what it cannot read', () => {
	localStorage.setItem('hob.unsent.ada.1', '{');
	localStorage.setItem('hob.unsent.ada.2', '{"id":5}');
	localStorage.setItem('hob.unsent.ada.3', 'null');
	localStorage.setItem('something else', '1');
	expect(new UnsentStore('ada', localStorage).all()).toEqual([]);
});

it('says when a message could not be kept', () => {
	const full = {
		length: 0,
		key: () => null,
		getItem: () => null,
		removeItem: () => undefined,
		setItem: () => {
			throw new DOMException('full', 'QuotaExceededError');
		}
	};
	expect(new UnsentStore('ada', full).put(message('a', 1))).toBe(false);
	expect(new UnsentStore('ada', undefined).put(message('a', 1))).toBe(false);
	expect(new UnsentStore('ada', undefined).all()).toEqual([]);
});
