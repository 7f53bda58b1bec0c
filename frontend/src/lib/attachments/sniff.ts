/** What a file is, by its bytes: names and the types that systems give are often wrong. */

export type FileKind =
	| { is: 'image'; mime: string }
	| { is: 'pdf' }
	/** `encoding` as TextDecoder names it. */
	| { is: 'text'; encoding: string }
	| { is: 'unknown' };

/** Enough for every signature, and to tell text from something else. */
const HEAD_BYTES = 64 * 1024;
/** In less, zero bytes are no sign of UTF-16. */
const UTF16_MIN_BYTES = 8;

const HEIC_BRANDS: ReadonlySet<string> = new Set([
	'heic',
	'heix',
	'hevc',
	'heim',
	'heis',
	'mif1',
	'msf1'
]);

function ascii(bytes: Uint8Array, from: number, to: number): string {
	return String.fromCharCode(...bytes.subarray(from, to));
}

function imageType(head: Uint8Array): string | null {
	const start = ascii(head, 0, 12);
	if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
	if (start.startsWith('\xff\xd8\xff')) return 'image/jpeg';
	if (/^GIF8[79]a/.test(start)) return 'image/gif';
	if (/^RIFF[^]{4}WEBP/.test(start)) return 'image/webp';
	if (start.slice(4, 8) === 'ftyp') {
		const brand = start.slice(8, 12);
		if (brand === 'avif' || brand === 'avis') return 'image/avif';
		if (HEIC_BRANDS.has(brand)) return 'image/heic';
	}
	// "BM" alone begins many a text; the two reserved words of the header are zero.
	if (start.startsWith('BM\x00') || /^BM[^]{4}\0\0\0\0/.test(start)) return 'image/bmp';
	return null;
}

/** The encoding of a text, or null when these bytes are none. `whole`: the head is all of the file. */
function textEncoding(head: Uint8Array, whole: boolean): string | null {
	if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
	if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
	let odd = 0;
	let even = 0;
	head.forEach((byte, i) => {
		if (byte === 0) {
			if (i % 2) odd++;
			else even++;
		}
	});
	if (odd + even > 0) {
		// UTF-16 without a mark: in Western text every other byte is zero, in no other kind of file so regularly.
		if (head.length < UTF16_MIN_BYTES) return null;
		if (odd > head.length * 0.35 && even === 0) return 'utf-16le';
		if (even > head.length * 0.35 && odd === 0) return 'utf-16be';
		return null;
	}
	try {
		new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: !whole });
		return 'utf-8';
	} catch {
		// No zero byte and not UTF-8: an old 8-bit text, if it has hardly any control characters.
		const controls = head.filter((b) => b < 32 && b !== 9 && b !== 10 && b !== 12 && b !== 13);
		return controls.length <= head.length / 500 ? 'windows-1252' : null;
	}
}

export async function kindOf(file: Blob): Promise<FileKind> {
	const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
	const mime = imageType(head);
	if (mime) return { is: 'image', mime };
	if (ascii(head, 0, 1024).includes('%PDF-')) return { is: 'pdf' };
	const encoding = textEncoding(head, file.size <= HEAD_BYTES);
	return encoding ? { is: 'text', encoding } : { is: 'unknown' };
}
