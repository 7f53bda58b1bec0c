/**
 * Event streams over fetch: chat answers and their replays. EventSource would do neither POST nor
 * a status before the body, and hides comments. Reading is in batches: one network read gives one
 * array, so that 5,000 small events do not cost 5,000 turns of the event loop.
 */
import { createParser } from 'eventsource-parser';
import { ApiError, open, readJson } from './client';
import { readOrStall, Silence } from './reading';
import {
	CHAT_PATH,
	type AnswerMeta,
	type ChatRequest,
	type Generation,
	type MessageError,
	type ToolCallDelta
} from './types';

/** Headers later than this count as a failed attempt (docs/openapi.yaml: hob answers within 5 s). */
export const HEADER_TIMEOUT_MS = 10_000;
/** hob sends a comment every 15 s at least; three missed ones mean a dead connection. */
export const STALL_MS = 45_000;

export type SseItem =
	{ comment: string } | { id: string | undefined; event: string | undefined; data: string };

/** Items of an event stream, as they arrive. Ends at the end of the body, throws ApiError when it breaks. */
export async function* readSse(
	response: Response,
	signal: AbortSignal | undefined,
	stallMs = STALL_MS
): AsyncGenerator<SseItem[], void, void> {
	if (!response.body) throw new ApiError(0, 'The answer has no body', { code: 'network' });
	const reader = response.body.getReader();
	const decoder = new TextDecoder();
	let batch: SseItem[] = [];
	const parser = createParser({
		onEvent: (e) => batch.push({ id: e.id, event: e.event, data: e.data }),
		onComment: (comment) => batch.push({ comment })
	});
	try {
		for (;;) {
			const { done, value } = await readOrStall(reader, stallMs, signal);
			if (value) parser.feed(decoder.decode(value, { stream: true }));
			if (batch.length) {
				const full = batch;
				batch = [];
				yield full;
			}
			if (done) return;
		}
	} catch (e) {
		if (signal?.aborted) throw new DOMException('Aborted', 'AbortError');
		if (e instanceof Silence) throw new ApiError(0, e.message, { code: 'timeout' });
		throw new ApiError(0, 'The connection was lost', { code: 'network' });
	} finally {
		reader.cancel().catch(() => undefined);
	}
}

/** One step of a generation; `id` is its number in the log, null where the stream gives none. */
export type GenerationEvent =
	| {
			kind: 'text';
			id: number | null;
			content: string;
			reasoning: string;
			tools: ToolCallDelta[];
	  }
	| { kind: 'waiting'; text: string }
	| { kind: 'done'; id: number | null; state: 'done' | 'stopped'; meta: AnswerMeta | null }
	| { kind: 'error'; id: number | null; state: 'failed' | 'interrupted'; error: MessageError };

interface Chunk {
	choices?: {
		delta?: {
			content?: string | null;
			reasoning_content?: string | null;
			tool_calls?: ToolCallDelta[] | null;
		};
	}[];
	state?: string;
	meta?: AnswerMeta | null;
	error?: Partial<MessageError> | string;
}

function toMessageError(error: Chunk['error']): MessageError {
	const e: Partial<MessageError> = typeof error === 'string' ? { message: error } : (error ?? {});
	return {
		message: e.message ? e.message : 'The answer ended with an error',
		type: e.type ?? '',
		code: e.code ?? null,
		retryable: e.retryable === true
	};
}

/** Reads one item; null for what carries nothing (`[DONE]`, pings, an unreadable line). */
export function toGenerationEvent(item: SseItem): GenerationEvent | null {
	if ('comment' in item) {
		const text = item.comment.trim();
		return text && text !== 'ping' ? { kind: 'waiting', text } : null;
	}
	if (item.data === '[DONE]') return null;
	const number = Number(item.id);
	const id = item.id !== undefined && Number.isInteger(number) && number > 0 ? number : null;
	let chunk: Chunk;
	try {
		chunk = JSON.parse(item.data) as Chunk;
	} catch {
		return null;
	}
	if (item.event === 'done')
		return {
			kind: 'done',
			id,
			state: chunk.state === 'stopped' ? 'stopped' : 'done',
			meta: chunk.meta ?? null
		};
	if (item.event === 'error' || chunk.error !== undefined)
		return {
			kind: 'error',
			id,
			state: chunk.state === 'interrupted' ? 'interrupted' : 'failed',
			error: toMessageError(chunk.error)
		};
	const delta = chunk.choices?.[0]?.delta;
	return {
		kind: 'text',
		id,
		content: delta?.content ?? '',
		reasoning: delta?.reasoning_content ?? '',
		tools: Array.isArray(delta?.tool_calls) ? delta.tool_calls : []
	};
}

export async function* readGeneration(
	response: Response,
	signal?: AbortSignal
): AsyncGenerator<GenerationEvent[], void, void> {
	for await (const items of readSse(response, signal)) {
		const events = items.map(toGenerationEvent).filter((e) => e !== null);
		if (events.length) yield events;
	}
}

export type EventSteps = AsyncGenerator<GenerationEvent[], void, void>;

export type ChatReply =
	| { kind: 'stream'; generationId: string; answerId: string; events: EventSteps }
	/** Taken into the outbox (mode when_ready). */
	| { kind: 'accepted'; generation: Generation };

/** Posts one attempt to /api/chat/completions. Throws ApiError for whatever is not 200 or 202. */
export async function openChat(request: ChatRequest, signal: AbortSignal): Promise<ChatReply> {
	const response = await open(CHAT_PATH, {
		method: 'POST',
		headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
		body: JSON.stringify(request),
		signal,
		headerTimeoutMs: HEADER_TIMEOUT_MS
	});
	if (response.status === 202) {
		const body = await readJson<{ generation: Generation }>(response, signal);
		return { kind: 'accepted', generation: body.generation };
	}
	return {
		kind: 'stream',
		generationId: response.headers.get('x-generation-id') ?? '',
		answerId: response.headers.get('x-answer-id') ?? '',
		events: readGeneration(response, signal)
	};
}

/** Replays a generation after event number `after`, then goes on live, or ends if not to `follow`. */
export async function openGeneration(
	generationId: string,
	after: number,
	signal: AbortSignal,
	follow = true
): Promise<EventSteps> {
	const path = `/api/generations/${encodeURIComponent(generationId)}/events`;
	const response = await open(follow ? path : `${path}?follow=false`, {
		headers: {
			accept: 'text/event-stream',
			...(after > 0 ? { 'last-event-id': String(after) } : {})
		},
		signal,
		headerTimeoutMs: HEADER_TIMEOUT_MS
	});
	return readGeneration(response, signal);
}
