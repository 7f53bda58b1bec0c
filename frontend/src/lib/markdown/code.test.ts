import { describe, expect, it } from 'vitest';
import { CodePieces, countLines, endOfLines } from './code';

const FUNCTION = 'def f(a):\n    """text"""\n\n    return a\n\n\n';

describe('CodePieces', () => {
	it.each([
		['functions', FUNCTION.repeat(300)],
		['lines', 'x = 1\n'.repeat(3000)],
		['one line', 'x'.repeat(20_000)],
		['pairs', '\u{1F600}'.repeat(5000)],
		['nothing', '']
	])('%s: all of the text, in pieces that whole characters begin', (_, text) => {
		const pieces = new CodePieces().update(text);
		expect(pieces.map((p) => p.text).join('')).toBe(text);
		for (const piece of pieces) {
			expect(piece.text.length).toBeLessThanOrEqual(3000);
			expect(piece.text).not.toMatch(/^[\udc00-\udfff]/);
		}
	});
	it('cuts before what begins at the margin', () => {
		const pieces = new CodePieces().update(FUNCTION.repeat(300));
		for (const piece of pieces) expect(piece.text).toMatch(/^def /);
	});
	it('is the same however the text came, and keeps finished pieces', () => {
		const text = FUNCTION.repeat(300);
		const whole = new CodePieces().update(text);
		const grown = new CodePieces();
		let first;
		for (let n = 0; n < text.length; n += 97)
			first ??= grown.update(text.slice(0, n))[3] && grown.update(text.slice(0, n))[0];
		const last = grown.update(text);
		expect(last).toEqual(whole);
		expect(last[0]).toBe(first);
	});
	it('begins anew when the text is another', () => {
		const pieces = new CodePieces();
		pieces.update('a'.repeat(9000));
		expect(pieces.update('b').map((p) => p.text)).toEqual(['b']);
	});
});

it.each([
	['a\nb\nc', 2, 'a\nb', 3],
	['a\nb\nc', 9, 'a\nb\nc', 3],
	['', 1, '', 1],
	['\n\n', 1, '', 3]
])('the first lines of %j', (text, lines, head, count) => {
	expect(text.slice(0, endOfLines(text, lines))).toBe(head);
	expect(countLines(text)).toBe(count);
});
