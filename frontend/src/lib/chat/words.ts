/** What the chat says about engines, errors and speed. */
import type { AnswerMeta, Engine } from '$lib/api/types';
import { engineLine, formatDuration } from '$lib/format';
import { MAX_ATTEMPTS, type Failure } from '$lib/state/retry';

export function connectingText(attempt: number): string {
	return `Connecting to model... (attempt ${String(attempt)}/${String(MAX_ATTEMPTS)})`;
}

/** "Waiting: 1 ahead of you"; hob's own "waiting for the engine" as it is. */
export function waitingText(note: string): string {
	if (!note) return 'Waiting for the first word';
	return note.startsWith('waiting') ? `W${note.slice(1)}` : `Waiting: ${note}`;
}

export const EXHAUSTED_TITLE = `Failed to connect to model after ${String(MAX_ATTEMPTS)} attempts`;

/** What the engine is doing, for the end of a line; empty when that adds nothing. */
export function engineNote(engine: Engine): string {
	if (engine.state === 'ready') return '';
	const line = engineLine(engine);
	return line.charAt(0).toLowerCase() + line.slice(1);
}

/** "503 engine_loading", or nothing where no status came. */
export function failureCode(failure: Failure): string {
	const status = failure.status > 0 && failure.from === 'request' ? String(failure.status) : '';
	const code = failure.code === status ? '' : (failure.code ?? '');
	return [status, code].filter(Boolean).join(' ');
}

export function retryAfterText(failure: Failure): string {
	return failure.retryAfterS ? `Try again in ${formatDuration(failure.retryAfterS)}.` : '';
}

/** Less than a tenth of a second in ms: "0.0 s" says nothing. */
function seconds(ms: number): string {
	if (ms < 100) return `${String(Math.round(ms))} ms`;
	return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

/** "48 tok/s · first token after 0.4 s · 212 tokens" */
export function metaText(meta: AnswerMeta): string {
	const parts: string[] = [];
	// One token has no speed.
	if (meta.tokens_per_s !== null && meta.completion_tokens !== 1)
		parts.push(
			`${meta.tokens_per_s < 10 ? meta.tokens_per_s.toFixed(1) : String(Math.round(meta.tokens_per_s))} tok/s`
		);
	if (meta.ttft_ms !== null) parts.push(`first token after ${seconds(meta.ttft_ms)}`);
	if (meta.completion_tokens !== null)
		parts.push(
			`${String(meta.completion_tokens)} ${meta.completion_tokens === 1 ? 'token' : 'tokens'}`
		);
	if (meta.finish_reason === 'length') parts.push('cut off at the length limit');
	return parts.join(' · ');
}
