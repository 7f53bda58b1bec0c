import { describe, expect, it } from 'vitest';
import { fits } from './commands';

describe('fits', () => {
	it.each([
		['', 'New chat', true],
		['new', 'New chat', true],
		['ch ne', 'New chat', true],
		['ew', 'New chat', false],
		['new x', 'New chat', false],
		['cafe', 'Das Café', true],
		['json', 'Export as (JSON)', true]
	])('"%s" in "%s"', (query, text, expected) => {
		expect(fits(query, text)).toBe(expected);
	});
});
