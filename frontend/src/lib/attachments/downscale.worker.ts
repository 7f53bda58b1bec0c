/** downscale.ts off the page's thread: decoding and scaling a photo takes seconds on a phone. */
import { downscale, type Prepared } from './downscale';

export interface Job {
	file: Blob;
	mime: string;
}
export type Outcome = { prepared: Prepared } | { error: string };

addEventListener('message', (e: MessageEvent<Job>) => {
	downscale(e.data.file, e.data.mime, (w, h) => new OffscreenCanvas(w, h))
		.then((prepared): Outcome => ({ prepared }))
		.catch((error: unknown): Outcome => ({ error: String(error) }))
		.then((outcome) => {
			postMessage(outcome);
		});
});
