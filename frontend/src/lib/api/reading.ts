/** Bodies of answers, read in a way that notices when no more comes: a line that is cut may say nothing. */

/** Nothing came for too long. */
export class Silence extends Error {
	override name = 'Silence';
}

/** The next piece. Throws Silence after `silenceMs`, or the browser's AbortError. */
export async function readOrStall(
	reader: ReadableStreamDefaultReader<Uint8Array>,
	silenceMs: number,
	signal?: AbortSignal
): Promise<ReadableStreamReadResult<Uint8Array>> {
	let undo = (): void => undefined;
	const ended = new Promise<never>((_, reject) => {
		const onAbort = (): void => reject(new DOMException('Aborted', 'AbortError'));
		const timer = setTimeout(() => reject(new Silence('The connection went silent')), silenceMs);
		if (signal?.aborted) onAbort();
		signal?.addEventListener('abort', onAbort);
		undo = () => {
			clearTimeout(timer);
			signal?.removeEventListener('abort', onAbort);
		};
	});
	try {
		return await Promise.race([reader.read(), ended]);
	} finally {
		undo();
	}
}

/** The whole body. Throws as `readOrStall`, or whatever breaks the connection. */
export async function readText(
	response: Response,
	silenceMs: number,
	signal?: AbortSignal
): Promise<string> {
	if (!response.body) return '';
	const reader = response.body.getReader();
	const decoder = new TextDecoder();
	let text = '';
	try {
		for (;;) {
			const { done, value } = await readOrStall(reader, silenceMs, signal);
			text += decoder.decode(value, { stream: !done });
			if (done) return text;
		}
	} finally {
		reader.cancel().catch(() => undefined);
	}
}
