import { describe, expect, it } from 'vitest';
import { actionsFor } from './actions';

describe('actionsFor', () => {
	it.each([
		['stopped', true, true, 'start chat'],
		['stopped', false, true, 'start chat'],
		['stopped', false, false, 'start'],
		['starting', true, true, 'chat stop restart'],
		['loading', false, true, 'chat'],
		['ready', true, false, 'chat stop restart'],
		['ready', false, false, 'chat'],
		['stopping', true, true, ''],
		['failed', true, true, 'start'],
		['failed', false, true, 'start']
	] as const)('%s, admin %s, on demand %s: %s', (state, admin, onDemand, words) => {
		expect(actionsFor(state, admin, onDemand).join(' ')).toBe(words);
	});

	it('one that waits for memory cannot be started, but be told not to', () => {
		expect(actionsFor('stopped', true, true, true)).toEqual(['chat', 'stop']);
		expect(actionsFor('failed', false, true, true)).toEqual(['chat']);
	});
});
