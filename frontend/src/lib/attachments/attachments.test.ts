import { describe, expect, it } from 'vitest';
import { fit, MAX_SIDE } from './downscale';
import { MAX_TEXT_BYTES, safeName, textBytes, withExtension } from './limits';
import { joinPages, pageText } from './pdf';
import { prepare, Refused, sameBytes } from './prepare';
import { kindOf } from './sniff';

const bytes = (...parts: (string | number[])[]): Blob =>
	new Blob(
		parts.map((p) => (typeof p === 'string' ? new TextEncoder().encode(p) : new Uint8Array(p)))
	);
const utf16 = (text: string, big = false): number[] =>
	[...text].flatMap((c) => {
		const code = c.charCodeAt(0);
		return big ? [code >> 8, code & 255] : [code & 255, code >> 8];
	});
const signal = new AbortController().signal;
const ready = (name: string, ...parts: (string | number[])[]): ReturnType<typeof prepare> =>
	prepare(new File([bytes(...parts)], name), () => undefined, signal);

describe('what a file is', () => {
	it.each([
		['PNG', [[0x89], 'PNG\r\n', [0x1a, 0x0a]], { is: 'image', mime: 'image/png' }],
		['JPEG', [[0xff, 0xd8, 0xff, 0xe1]], { is: 'image', mime: 'image/jpeg' }],
		['GIF', ['GIF89a'], { is: 'image', mime: 'image/gif' }],
		['WebP', ['RIFF', [1, 2, 3, 4], 'WEBPVP8 '], { is: 'image', mime: 'image/webp' }],
		['AVIF', [[0, 0, 0, 32], 'ftypavif'], { is: 'image', mime: 'image/avif' }],
		['HEIC', [[0, 0, 0, 24], 'ftypheic'], { is: 'image', mime: 'image/heic' }],
		['BMP', ['BM', [70, 0, 0, 0, 0, 0, 0, 0, 54, 0]], { is: 'image', mime: 'image/bmp' }],
		['text that begins like a BMP', ['BMW is a maker of cars'], { is: 'text', encoding: 'utf-8' }],
		['PDF', ['%PDF-1.7\n'], { is: 'pdf' }],
		['PDF behind other bytes', ['\n\n%PDF-1.4'], { is: 'pdf' }],
		['an SVG, which is text', ['<svg xmlns="x"/>'], { is: 'text', encoding: 'utf-8' }],
		['UTF-16 with a mark', [[0xff, 0xfe], utf16('hi')], { is: 'text', encoding: 'utf-16le' }],
		['UTF-16 without one', [utf16('plain words', true)], { is: 'text', encoding: 'utf-16be' }],
		['8-bit text', ['caf', [0xe9], ' au lait'], { is: 'text', encoding: 'windows-1252' }],
		['a program', [[0x7f], 'ELF', [2, 1, 1, 0, 0, 0, 0, 0]], { is: 'unknown' }],
		['noise', [[1, 2, 3, 250, 251, 4, 5, 6, 255, 128]], { is: 'unknown' }]
	])('%s', async (_, parts, kind) => {
		expect(await kindOf(bytes(...(parts as (string | number[])[])))).toEqual(kind);
	});
	it('does not trip over a character that the head cuts in two', async () => {
		expect(await kindOf(bytes('a', 'ü'.repeat(40_000)))).toEqual({ is: 'text', encoding: 'utf-8' });
	});
});

describe('a text file', () => {
	it.each([
		['UTF-8 with a mark', [[0xef, 0xbb, 0xbf], 'grün'], 'grün'],
		['UTF-16', [[0xfe, 0xff], utf16('grün', true)], 'grün'],
		['Windows-1252', ['gr', [0xfc], 'n'], 'grün']
	])('%s goes out as UTF-8', async (_, parts, text) => {
		const upload = await ready('a.txt', ...parts);
		expect(upload.is).toBe('text');
		expect([...new Uint8Array(await upload.file.arrayBuffer())]).toEqual([
			...new TextEncoder().encode(text)
		]);
	});
	it('keeps a type that hob knows, and has none that hob does not', async () => {
		const typed = (type: string): File => new File(['a {}'], 'a.css', { type });
		for (const [given, sent] of [
			['text/css', 'text/css'],
			['application/x-httpd-php', 'text/plain'],
			['', 'text/plain']
		] as const)
			expect((await prepare(typed(given), () => undefined, signal)).file.type).toBe(sent);
	});
	it.each([
		['empty', [''], 'empty'],
		['blank', ['  \n\t'], 'no text'],
		['not text', [[0, 1, 2, 3]], 'Not an image, a PDF or a text file']
	])('that is %s is refused with the reason', async (_, parts, words) => {
		const error = await ready('x', ...parts).catch((e: unknown) => e);
		expect(error).toBeInstanceOf(Refused);
		expect((error as Error).message).toContain(words);
	});
	it('that is too big is refused before it is read', async () => {
		const file = new File(['x'], 'big.txt');
		Object.defineProperty(file, 'size', { value: 33 * 1024 * 1024 });
		await expect(prepare(file, () => undefined, signal)).rejects.toThrow(
			'The file is 33.0 MiB; hob takes 32 MiB a file.'
		);
	});
});

describe('names', () => {
	it.each([
		['plain.txt', 'plain.txt'],
		['a\u0000b\n.txt', 'ab.txt'],
		['   ', 'file'],
		['\ud800x.md', '\ufffdx.md']
	])('%j becomes %j', (name, safe) => {
		expect(safeName(name)).toBe(safe);
	});
	it('are cut at a whole character, and keep their extension', () => {
		const safe = safeName(`${'ü'.repeat(300)}.txt`);
		expect(safe).toMatch(/^ü+\.txt$/);
		expect(new TextEncoder().encode(safe).length).toBeLessThanOrEqual(255);
	});
	it('take a new extension', () => {
		expect(withExtension('photo.heic', 'jpg')).toBe('photo.jpg');
		expect(withExtension('photo', 'jpg')).toBe('photo.jpg');
	});
});

it('counts bytes exactly where it matters', () => {
	expect(textBytes('ü'.repeat(MAX_TEXT_BYTES / 2))).toBe(MAX_TEXT_BYTES);
	expect(textBytes('ü'.repeat(MAX_TEXT_BYTES / 2 + 1))).toBeGreaterThan(MAX_TEXT_BYTES);
});

it('compares files by their bytes', async () => {
	expect(await sameBytes(bytes('same'), bytes('same'))).toBe(true);
	expect(await sameBytes(bytes('same'), bytes('some'))).toBe(false);
	expect(await sameBytes(bytes('same'), bytes('same!'))).toBe(false);
});

it.each([
	[100, 50, 100, 50],
	[8000, 6000, MAX_SIDE, 1536],
	[30, 9000, 7, MAX_SIDE],
	[100_000, 10, MAX_SIDE, 1]
])('an image of %d x %d gets %d x %d', (w, h, width, height) => {
	expect(fit(w, h)).toEqual({ width, height });
});

describe('the text of a PDF', () => {
	it('has lines, and no heaps of empty ones', () => {
		const piece = (str: string, hasEOL: boolean): { str: string; hasEOL: boolean } => ({
			str,
			hasEOL
		});
		expect(
			pageText([
				piece('O\0ne', false),
				piece(' two  ', true),
				{ type: 'beginMarkedContent' },
				piece('', true),
				piece('', true),
				piece('', true),
				piece('three', false)
			])
		).toBe('One two\n\nthree');
	});
	it('says on which page it stands', () => {
		expect(joinPages(['first', '', 'third'])).toBe(
			'Page 1\n\nfirst\n\n\nPage 2\n\n(no text)\n\n\nPage 3\n\nthird'
		);
	});
});
