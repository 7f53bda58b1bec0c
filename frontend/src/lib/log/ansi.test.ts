import { describe, expect, it } from 'vitest';
import { colouredParts, plainText } from './ansi';

describe('log lines', () => {
	it('turn colours into classes', () => {
		expect(colouredParts('\u001b[31merror\u001b[0m: \u001b[1mbad\u001b[0m')).toEqual([
			{ text: 'error', class: 'ansi-red' },
			{ text: ': ', class: '' },
			{ text: 'bad', class: 'font-semibold' }
		]);
	});
	it.each([
		['\u001b[2Kloading', 'loading'],
		['\u001b[?25lhidden cursor', 'hidden cursor'],
		['\u001b]0;title\u0007text', 'text'],
		['\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\', 'link'],
		['a\u0000b\u0007c\rd', 'abcd'],
		['tab\tstays', 'tab\tstays'],
		['\u001b[38;5;196mred\u001b[m', 'red']
	])('lose every other control: %j', (line, text) => {
		expect(plainText(line)).toBe(text);
		expect(
			colouredParts(line)
				.map((p) => p.text)
				.join('')
		).toBe(text);
	});
	it('keep markup as text', () => {
		expect(colouredParts('<img src=x onerror=alert(1)>')).toEqual([
			{ text: '<img src=x onerror=alert(1)>', class: '' }
		]);
	});
});
