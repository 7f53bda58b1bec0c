/** An import on its way: by XMLHttpRequest, because fetch does not say how much of a body has gone out. */
import { ApiError, errorOf, heedRefusal } from './client';
import type { ImportResult } from './types';

const PATH = '/api/import';

export interface ImportOptions {
	/** How many bytes have gone out; all of them have when hob is storing. */
	onprogress: (sent: number) => void;
	/** Calls it off; nothing is imported then, unless hob was done already. */
	signal: AbortSignal;
}

/** Sends a file that an export wrote. Throws ApiError, or the browser's AbortError. */
export function importFile(
	file: Blob,
	{ onprogress, signal }: ImportOptions
): Promise<ImportResult> {
	return new Promise((resolve, reject) => {
		if (signal.aborted) return reject(new DOMException('Aborted', 'AbortError'));
		const request = new XMLHttpRequest();
		const abort = (): void => request.abort();
		const fail = (e: Error): void => {
			if (e instanceof ApiError) heedRefusal(PATH, e);
			reject(e);
		};
		request.open('POST', PATH);
		request.setRequestHeader('content-type', 'application/json');
		request.upload.onprogress = (e) => onprogress(e.loaded);
		request.upload.onload = () => onprogress(file.size);
		request.onload = () => {
			const { status, responseText } = request;
			if (status < 200 || status >= 300)
				return void errorOf(new Response(responseText, { status })).then(fail);
			try {
				resolve(JSON.parse(responseText) as ImportResult);
			} catch {
				fail(new ApiError(0, 'The answer of hob cannot be read.', { code: 'network' }));
			}
		};
		request.onerror = () =>
			fail(new ApiError(0, 'The connection to hob broke off.', { code: 'network' }));
		request.onabort = () => reject(new DOMException('Aborted', 'AbortError'));
		request.onloadend = () => signal.removeEventListener('abort', abort);
		signal.addEventListener('abort', abort);
		request.send(file);
	});
}
