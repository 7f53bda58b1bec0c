import { expect, it } from 'vitest';
import { textHeight } from './slots.svelte';

it.each([
	['', 600, 0],
	['one line', 600, 1],
	['two\nlines', 600, 2],
	['x'.repeat(600), 740, 6],
	['narrow columns hold at least twenty characters', 1, 3]
])('%j in %i px takes about so many lines', (text, width, lines) => {
	expect(textHeight(text, width) / 25).toBe(lines);
});
