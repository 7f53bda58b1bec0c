/**
 * The text of a PDF, page by page. pdf.js comes when the first PDF is added; it and its worker are
 * files of hob's, and nothing else is fetched: no character maps, no fonts, no WebAssembly.
 */
import workerUrl from 'pdfjs-dist/build/pdf.worker.min.mjs?url';

/** The message is for people. */
export class UnreadablePdf extends Error {}

export interface PdfProgress {
	page: number;
	pages: number;
}

const NO_TEXT =
	'This PDF has no text; it may be a scan, or an old one without a table from its characters to text. Add its pages as images, or a copy with recognised text.';

interface Piece {
	str: string;
	hasEOL: boolean;
}

/** The pieces of a page in reading order as lines; without zero bytes, which hob takes for no text. */
export function pageText(items: readonly (Piece | object)[]): string {
	let text = '';
	for (const item of items) if ('str' in item) text += item.str + (item.hasEOL ? '\n' : '');
	return text
		.replaceAll('\0', '')
		.replace(/[^\S\n]+\n/g, '\n')
		.replace(/\n{3,}/g, '\n\n')
		.trim();
}

/** With "Page 3" before the text of each page, so that a model can say where it read something. */
export function joinPages(pages: readonly string[]): string {
	return pages.map((text, i) => `Page ${String(i + 1)}\n\n${text || '(no text)'}`).join('\n\n\n');
}

function why(e: unknown): string {
	const name = e instanceof Error ? e.name : '';
	if (name === 'PasswordException')
		return 'This PDF is protected by a password. Save a copy without one and add that.';
	if (name === 'InvalidPDFException' || name === 'FormatError')
		return 'This PDF cannot be read; it may be damaged. Print it to a new PDF and add that.';
	return `This PDF cannot be read: ${e instanceof Error ? e.message : String(e)}`;
}

/** Throws UnreadablePdf, or the signal's reason. */
export async function readPdf(
	file: Blob,
	onProgress: (progress: PdfProgress) => void,
	signal: AbortSignal
): Promise<string> {
	const { getDocument, GlobalWorkerOptions } = await import('pdfjs-dist');
	GlobalWorkerOptions.workerSrc = workerUrl;
	const data = new Uint8Array(await file.arrayBuffer());
	signal.throwIfAborted();
	const task = getDocument({
		data,
		isEvalSupported: false,
		useWasm: false,
		useSystemFonts: false,
		disableFontFace: true,
		useWorkerFetch: false,
		verbosity: 0
	});
	const onAbort = (): void => void task.destroy();
	signal.addEventListener('abort', onAbort);
	try {
		const document = await task.promise;
		const texts: string[] = [];
		for (let n = 1; n <= document.numPages; n++) {
			signal.throwIfAborted();
			onProgress({ page: n, pages: document.numPages });
			const page = await document.getPage(n);
			texts.push(pageText((await page.getTextContent()).items));
			page.cleanup();
		}
		if (texts.every((text) => !text)) throw new UnreadablePdf(NO_TEXT);
		return joinPages(texts);
	} catch (e) {
		signal.throwIfAborted();
		throw e instanceof UnreadablePdf ? e : new UnreadablePdf(why(e));
	} finally {
		signal.removeEventListener('abort', onAbort);
		void task.destroy();
	}
}
