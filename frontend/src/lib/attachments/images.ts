/** Images for upload: one at a time, in a worker that is gone afterwards with all its memory. */
import { downscale, type Prepared } from './downscale';
import type { Job, Outcome } from './downscale.worker';
import { withExtension } from './limits';

export class UnreadableImage extends Error {}

let last: Promise<unknown> = Promise.resolve();

function inWorker(job: Job, signal: AbortSignal): Promise<Prepared> {
	return new Promise((resolve, reject) => {
		const worker = new Worker(new URL('./downscale.worker.ts', import.meta.url), {
			type: 'module'
		});
		const end = (): void => {
			worker.terminate();
			signal.removeEventListener('abort', onAbort);
		};
		const onAbort = (): void => {
			end();
			reject(new DOMException('Aborted', 'AbortError'));
		};
		signal.addEventListener('abort', onAbort);
		worker.onmessage = (e: MessageEvent<Outcome>) => {
			end();
			if ('prepared' in e.data) resolve(e.data.prepared);
			else reject(new UnreadableImage(e.data.error));
		};
		worker.onerror = (e) => {
			end();
			reject(new UnreadableImage(e.message));
		};
		worker.postMessage(job);
	});
}

function onPage(job: Job): Promise<Prepared> {
	return downscale(job.file, job.mime, (width, height) =>
		Object.assign(document.createElement('canvas'), { width, height })
	);
}

export interface Image {
	file: File;
	/** What was done to it, in words; empty when nothing was. */
	note: string;
}

/** Throws UnreadableImage with a sentence for people. */
export function prepareImage(file: File, mime: string, signal: AbortSignal): Promise<Image> {
	const next = last.then(() => {
		signal.throwIfAborted();
		return prepare(file, mime, signal);
	});
	last = next.catch(() => undefined);
	return next;
}

async function prepare(file: File, mime: string, signal: AbortSignal): Promise<Image> {
	const job = { file, mime };
	let prepared: Prepared;
	try {
		prepared = await (typeof OffscreenCanvas === 'undefined' ? onPage(job) : inWorker(job, signal));
	} catch (e) {
		if (signal.aborted) throw e;
		throw new UnreadableImage(unreadableText(mime));
	}
	const { blob, width, height, smaller } = prepared;
	if (!blob)
		return {
			file: file.type === mime ? file : new File([file], file.name, { type: mime }),
			note: ''
		};
	const extension = blob.type === 'image/png' ? 'png' : 'jpg';
	const name = blob.type === mime ? file.name : withExtension(file.name, extension);
	const what = smaller ? `made smaller, ${String(width)} × ${String(height)} px` : 'converted';
	return {
		file: new File([blob], name, { type: blob.type }),
		note: `${what}; camera data removed`
	};
}

function unreadableText(mime: string): string {
	const format = mime.slice('image/'.length).toUpperCase();
	return mime === 'image/heic' || mime === 'image/avif'
		? `This browser cannot read ${format} images. Save it as JPEG or PNG and add that.`
		: `This ${format} image cannot be read; it may be damaged. Open it and save it again.`;
}
