import { expect, it } from 'vitest';
import { aConversation } from '$lib/api/fake';
import { byAge, placeOf } from './order';

it('finds each conversation in an ordered list, also among equal times', () => {
	const list = [5, 5, 5, 9, 1, 1, 7]
		.map((updated_at, i) => aConversation(`c${String(i)}`, { updated_at }))
		.sort(byAge);
	expect(list.map((c) => c.id)).toEqual(['c3', 'c6', 'c0', 'c1', 'c2', 'c4', 'c5']);
	for (const [i, c] of list.entries()) expect(placeOf(list, c)).toBe(i);
});
it('says where a new one belongs', () => {
	const list = [9, 5, 1].map((updated_at) =>
		aConversation(`t${String(updated_at)}`, { updated_at })
	);
	for (const [updated_at, place] of [
		[10, 0],
		[7, 1],
		[3, 2],
		[0, 3]
	] as const)
		expect(placeOf(list, aConversation('x', { updated_at }))).toBe(place);
	expect(placeOf([], aConversation('x'))).toBe(0);
});
