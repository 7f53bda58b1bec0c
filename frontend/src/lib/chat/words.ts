/** What the chat says about engines, errors and speed. */
import type { AnswerMeta, Engine, Options } from '$lib/api/types';
import { engineLine, formatDuration, formatExact } from '$lib/format';
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

/** What the engine is doing, or why it may not yet, for the end of a line; empty when that adds nothing. */
export function engineNote(engine: Engine, reason: string | null = null): string {
	if (engine.state === 'stopped' && reason) return reason;
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

function speed(tokensPerS: number): string {
	return `${tokensPerS < 10 ? tokensPerS.toFixed(1) : String(Math.round(tokensPerS))} tok/s`;
}

/** "48 tok/s · first token after 0.4 s · 212 tokens" */
export function metaText(meta: AnswerMeta): string {
	const parts: string[] = [];
	// One token has no speed.
	if (meta.tokens_per_s !== null && meta.completion_tokens !== 1)
		parts.push(speed(meta.tokens_per_s));
	if (meta.ttft_ms !== null) parts.push(`first token after ${seconds(meta.ttft_ms)}`);
	if (meta.completion_tokens !== null) parts.push(tokens(meta.completion_tokens));
	if (meta.finish_reason === 'length') parts.push('cut off at the length limit');
	return parts.join(' · ');
}

/** "Thought for 12 s"; the title of reasoning that has ended. */
export function thoughtText(ms: number | null): string {
	if (ms === null) return 'Reasoning';
	return ms < 1000 ? 'Thought for less than 1 s' : `Thought for ${formatDuration(ms / 1000)}`;
}

/** JSON in lines; anything else, such as arguments that are still coming, as it is. */
export function prettyArguments(text: string): string {
	try {
		return JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
}

const FINISH_WORDS: Record<string, string> = {
	stop: 'the model ended its answer',
	length:
		'the answer reached the token limit; ask it to go on, or raise the limit in the parameters',
	tool_calls: 'the model asked for a tool',
	function_call: 'the model asked for a tool',
	content_filter: 'the engine withheld the rest'
};

export function finishText(reason: string): string {
	const words = FINISH_WORDS[reason];
	return words ? `${reason}: ${words}` : reason;
}

const OPTION_NAMES: Record<keyof Options, string> = {
	temperature: 'Temperature',
	top_p: 'Top p',
	top_k: 'Top k',
	min_p: 'Min p',
	max_tokens: 'Max tokens',
	seed: 'Seed',
	presence_penalty: 'Presence penalty',
	frequency_penalty: 'Frequency penalty',
	stop: 'Stop'
};

/** What is known about an answer, for its details; what is not known has no row. */
export function detailRows(
	answer: {
		meta: AnswerMeta | null;
		options: Options | null;
		reasoningMs: number | null;
		createdAt: number;
	},
	server: string | null
): { name: string; value: string }[] {
	const { meta, options } = answer;
	const rows: [string, string | null | undefined][] = [
		['Model', meta?.model],
		['Server', server],
		['Begun', formatExact(answer.createdAt)],
		['Prompt', meta?.prompt_tokens != null ? tokens(meta.prompt_tokens) : null],
		['Answer', meta?.completion_tokens != null ? tokens(meta.completion_tokens) : null],
		['Speed', meta?.tokens_per_s != null ? speed(meta.tokens_per_s) : null],
		['First token', meta?.ttft_ms != null ? `after ${seconds(meta.ttft_ms)}` : null],
		['Reasoning', answer.reasoningMs !== null ? seconds(answer.reasoningMs) : null],
		['Total', meta?.total_ms != null ? seconds(meta.total_ms) : null],
		['Finish', meta?.finish_reason ? finishText(meta.finish_reason) : null]
	];
	for (const [key, name] of Object.entries(OPTION_NAMES)) {
		const value = options?.[key as keyof Options];
		if (value !== undefined)
			rows.push([name, typeof value === 'number' ? String(value) : JSON.stringify(value)]);
	}
	if (options && Object.keys(options).length === 0) rows.push(['Parameters', 'the engine’s own']);
	return rows.flatMap(([name, value]) => (value ? [{ name, value }] : []));
}

function tokens(n: number): string {
	return `${n.toLocaleString('en')} ${n === 1 ? 'token' : 'tokens'}`;
}
