/** From a file as somebody added it to what is uploaded. Nothing is uploaded here. */
import { formatBytes } from '$lib/format';
import { MAX_FILE_BYTES, mebibytes, safeName, withExtension } from './limits';
import type { PdfProgress } from './pdf';
import { kindOf } from './sniff';

export type Upload =
	| { is: 'image'; file: File; note: string }
	| { is: 'text'; file: File; note: string }
	| { is: 'pdf'; file: File; text: File; note: string };

/** hob or a model cannot use the file. The message says why and what can be done. */
export class Refused extends Error {}

const TEXT_TYPES = /^(text\/|application\/(json|xml|yaml|x-yaml|toml|javascript|sql|x-sh)$)/;
/** A photo may be larger than what is uploaded of it. */
const MAX_IMAGE_FILE_BYTES = 256 * 1024 * 1024;

function tooBig(bytes: number, what: string, remedy: string): Refused {
	return new Refused(`${what} is ${mebibytes(bytes)}; hob takes 32 MiB a file. ${remedy}`);
}

export async function prepare(
	file: File,
	onPdf: (progress: PdfProgress) => void,
	signal: AbortSignal
): Promise<Upload> {
	if (file.size === 0) throw new Refused('The file is empty, or it is a folder.');
	const name = safeName(file.name);
	const kind = await kindOf(file).catch(() => {
		throw new Refused('The file cannot be read any more. Was it moved? Add it again.');
	});
	signal.throwIfAborted();
	switch (kind.is) {
		case 'image':
			return { is: 'image', ...(await image(file, name, kind.mime, signal)) };
		case 'pdf':
			return pdf(file, name, onPdf, signal);
		case 'text':
			return { is: 'text', ...(await text(file, name, kind.encoding)) };
		case 'unknown':
			throw new Refused('Not an image, a PDF or a text file. Export it as one of these.');
	}
}

async function image(
	file: File,
	name: string,
	mime: string,
	signal: AbortSignal
): Promise<{ file: File; note: string }> {
	if (file.size > MAX_IMAGE_FILE_BYTES)
		throw new Refused(`The image is ${mebibytes(file.size)}; more than 256 MiB is not opened.`);
	const { prepareImage, UnreadableImage } = await import('./images');
	try {
		const done = await prepareImage(new File([file], name, { type: file.type }), mime, signal);
		if (done.file.size > MAX_FILE_BYTES)
			throw tooBig(done.file.size, 'The image', 'Save it smaller.');
		return done;
	} catch (e) {
		throw e instanceof UnreadableImage ? new Refused(e.message) : e;
	}
}

async function pdf(
	file: File,
	name: string,
	onPdf: (progress: PdfProgress) => void,
	signal: AbortSignal
): Promise<Upload> {
	if (file.size > MAX_FILE_BYTES)
		throw tooBig(file.size, 'The PDF', 'Split it, or save it with smaller images.');
	const { readPdf, UnreadablePdf } = await import('./pdf');
	let pages = 0;
	try {
		const read = await readPdf(
			file,
			(progress) => {
				pages = progress.pages;
				onPdf(progress);
			},
			signal
		);
		const extracted = new File([read], safeName(`${withExtension(name, 'pdf')}.txt`), {
			type: 'text/plain'
		});
		if (extracted.size > MAX_FILE_BYTES) throw tooBig(extracted.size, 'Its text', 'Split the PDF.');
		return {
			is: 'pdf',
			file: new File([file], name, { type: 'application/pdf' }),
			text: extracted,
			note: `${String(pages)} ${pages === 1 ? 'page' : 'pages'}, ${formatBytes(extracted.size)} of text`
		};
	} catch (e) {
		throw e instanceof UnreadablePdf ? new Refused(e.message) : e;
	}
}

async function text(
	file: File,
	name: string,
	encoding: string
): Promise<{ file: File; note: string }> {
	if (file.size > MAX_FILE_BYTES)
		throw tooBig(file.size, 'The file', 'Split it, or add the part that matters.');
	const type = TEXT_TYPES.test(file.type) ? file.type : 'text/plain';
	// TextDecoder takes a byte order mark away by itself.
	const decoded = new TextDecoder(encoding).decode(await file.arrayBuffer());
	if (decoded.trim() === '') throw new Refused('The file has no text in it.');
	return {
		file: new File([decoded.replaceAll('\0', '')], name, { type }),
		note: encoding === 'utf-8' ? '' : `read as ${encoding.toUpperCase()}`
	};
}

/** Whether two files hold the same bytes. */
export async function sameBytes(a: Blob, b: Blob): Promise<boolean> {
	if (a.size !== b.size) return false;
	const CHUNK = 1 << 20;
	for (let at = 0; at < a.size; at += CHUNK) {
		const [x, y] = await Promise.all(
			[a, b].map(async (f) => new Uint8Array(await f.slice(at, at + CHUNK).arrayBuffer()))
		);
		if (!x || !y || x.some((byte, i) => byte !== y[i])) return false;
	}
	return true;
}
