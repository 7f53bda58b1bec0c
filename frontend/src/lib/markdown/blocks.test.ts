import { describe, expect, it } from 'vitest';
import { BlockStream, isClosedFence, languageName } from './blocks';
import { marked } from './render';

const TEXT =
	'# Title\n\nPara one\nstill one.\n\n- a\n- b\n\n  b2\n\n```c\nint main(void) {\n\n}\n```\n\n' +
	'| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n$$\nx^2\n$$\n\nend $x^2$ done.\n\n[1]: https://example.org\n';

const whole = new BlockStream(marked.defaults).update(TEXT).map((b) => b.raw.trim());

describe('BlockStream', () => {
	it.each([1, 3, 7, 64])('gives the same blocks whatever the chunk size (%i)', (size) => {
		const stream = new BlockStream(marked.defaults);
		let last = stream.update('');
		for (let i = 0; i <= TEXT.length + size; i += size) last = stream.update(TEXT.slice(0, i));
		expect(last.map((b) => b.raw.trim())).toEqual(whole);
	});
	it('keeps the objects of finished blocks', () => {
		const stream = new BlockStream(marked.defaults);
		const first = stream.update('one\n\ntwo\n\nthree\n\nfo')[0];
		const later = stream.update('one\n\ntwo\n\nthree\n\nfour\n\nfive');
		expect(later[0]).toBe(first);
		expect(later.map((b) => b.id)).toEqual([0, 1, 2, 3, 4]);
	});
	it('starts anew when the text is another one', () => {
		const stream = new BlockStream(marked.defaults);
		stream.update('one\n\ntwo\n\nthree');
		expect(stream.update('other').map((b) => b.raw)).toEqual(['other']);
		expect(stream.update('').map((b) => b.raw)).toEqual([]);
	});
	it('loses no text at any prefix', () => {
		const stream = new BlockStream(marked.defaults);
		for (let i = 1; i <= TEXT.length; i++) {
			const raw = stream
				.update(TEXT.slice(0, i))
				.map((b) => b.raw)
				.join('');
			expect(raw.replace(/\s/g, '')).toBe(TEXT.slice(0, i).replace(/\s/g, ''));
		}
	});
	it('takes CRLF, also split between two chunks', () => {
		const stream = new BlockStream(marked.defaults);
		stream.update('one\r');
		stream.update('one\r\n\r');
		expect(stream.update('one\r\n\r\ntwo').map((b) => b.raw.trim())).toEqual(['one', 'two']);
	});
	it('survives nesting deeper than the stack', () => {
		const text = '>'.repeat(60_000) + ' deep';
		const blocks = new BlockStream(marked.defaults).update(text);
		expect(blocks.map((b) => b.raw).join('')).toBe(text);
	});
});

describe('isClosedFence', () => {
	it.each([
		['```c\nint x;', false],
		['```c\nint x;\n``', false],
		['```c\nint x;\n```', true],
		['```c\nint x;\n```\n', true],
		['````\n```\n', false],
		['````\n```\n````', true],
		['~~~\n```\n~~~', true],
		['```', false],
		['    indented', true]
	])('%j: %s', (raw, closed) => expect(isClosedFence(raw)).toBe(closed));
});

describe('languageName', () => {
	it.each([
		[undefined, ''],
		['', ''],
		['Python', 'python'],
		['c++ title="x"', 'c++'],
		['{.js .numberLines}', 'js'],
		['"><img src=x onerror=alert(1)>', '']
	])('%j is %j', (info, name) => expect(languageName(info)).toBe(name));
});
