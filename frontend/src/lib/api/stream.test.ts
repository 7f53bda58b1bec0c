import { afterEach, describe, expect, it, vi } from 'vitest';
import { failure, fakeFetch, FakeStream, json } from './fake';
import {
	openChat,
	openGeneration,
	readGeneration,
	readSse,
	STALL_MS,
	toGenerationEvent,
	type GenerationEvent
} from './stream';
import type { ChatRequest } from './types';

const REQUEST: ChatRequest = {
	conversation_id: 'c',
	message: { id: 'm', parent_id: null, content: 'hi' },
	server: 's',
	mode: 'send'
};
async function all(
	steps: AsyncGenerator<GenerationEvent[], void, void>
): Promise<GenerationEvent[]> {
	const out: GenerationEvent[] = [];
	for await (const batch of steps) out.push(...batch);
	return out;
}
afterEach(() => {
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

const WIRE =
	': 1 ahead of you\n\n' +
	'id: 1\ndata: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n' +
	'id: 2\ndata: {"choices":[{"delta":{"content":"hé"}}]}\n\n' +
	'id: 3\r\ndata: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\r\n\r\n' +
	'data: not json\n\n' +
	'id: 4\nevent: done\ndata: {"state":"done","meta":{"tokens_per_s":5}}\n\ndata: [DONE]\n\n';
const EVENTS = [
	{ kind: 'waiting', text: '1 ahead of you' },
	{ kind: 'text', id: 1, content: '', reasoning: '', tools: [] },
	{ kind: 'text', id: 2, content: 'hé', reasoning: '', tools: [] },
	{ kind: 'text', id: 3, content: '', reasoning: 'hm', tools: [] },
	{ kind: 'done', id: 4, state: 'done', meta: { tokens_per_s: 5 } }
];

describe('a stream', () => {
	it.each([1, 2, 3, 7, 64, 1000])('reads the same in pieces of %i bytes', async (size) => {
		const bytes = new TextEncoder().encode(WIRE);
		const body = new ReadableStream<Uint8Array>({
			start(c) {
				for (let i = 0; i < bytes.length; i += size) c.enqueue(bytes.slice(i, i + size));
				c.close();
			}
		});
		expect(await all(readGeneration(new Response(body)))).toEqual(EVENTS);
	});
	it('that breaks throws a network error after what came', async () => {
		const stream = new FakeStream().text('a');
		const steps = readGeneration(stream.response);
		expect((await steps.next()).value).toHaveLength(1);
		stream.tear();
		await expect(steps.next()).rejects.toMatchObject({ status: 0, code: 'network' });
	});
	it('that goes silent counts as broken', async () => {
		vi.useFakeTimers();
		const items = readSse(new FakeStream().response, undefined);
		const next = expect(items.next()).rejects.toMatchObject({ code: 'timeout' });
		await vi.advanceTimersByTimeAsync(STALL_MS);
		await next;
	});
});

describe('one event', () => {
	it.each([
		[
			{
				id: '7',
				event: 'error',
				data: '{"error":{"message":"x","retryable":true},"state":"interrupted"}'
			},
			{
				kind: 'error',
				id: 7,
				state: 'interrupted',
				error: { message: 'x', type: '', code: null, retryable: true }
			}
		],
		[
			{ id: undefined, event: undefined, data: '{"error":{"message":"plain"}}' },
			{
				kind: 'error',
				id: null,
				state: 'failed',
				error: { message: 'plain', type: '', code: null, retryable: false }
			}
		],
		[
			{ id: '9', event: 'done', data: '{"state":"stopped"}' },
			{ kind: 'done', id: 9, state: 'stopped', meta: null }
		],
		[
			{ id: 'x', event: undefined, data: '{"choices":[]}' },
			{ kind: 'text', id: null, content: '', reasoning: '', tools: [] }
		],
		[{ comment: ' ping ' }, null],
		[{ id: undefined, event: undefined, data: '[DONE]' }, null]
	])('%j', (item, event) => {
		expect(toGenerationEvent(item)).toEqual(event);
	});
});

describe('opening', () => {
	it('posts the message and reads the ids from the headers', async () => {
		const stream = new FakeStream({ 'x-generation-id': 'g', 'x-answer-id': 'a' });
		const calls = fakeFetch(() => stream.response);
		const reply = await openChat(REQUEST, new AbortController().signal);
		expect(reply).toMatchObject({ kind: 'stream', generationId: 'g', answerId: 'a' });
		expect(calls[0]).toMatchObject({
			method: 'POST',
			path: '/api/chat/completions',
			body: REQUEST
		});
	});
	it('takes 202 as accepted', async () => {
		fakeFetch(() => json({ generation: { id: 'g' } }, 202));
		expect(await openChat(REQUEST, new AbortController().signal)).toEqual({
			kind: 'accepted',
			generation: { id: 'g' }
		});
	});
	it('throws what hob says', async () => {
		fakeFetch(() => failure(404, 'no such server', { code: 'server_not_found' }));
		await expect(openChat(REQUEST, new AbortController().signal)).rejects.toMatchObject({
			status: 404,
			code: 'server_not_found'
		});
	});
	it('gives up when no headers come within 10 s', async () => {
		vi.useFakeTimers();
		fakeFetch(() => null);
		const e = expect(openChat(REQUEST, new AbortController().signal)).rejects.toMatchObject({
			status: 0,
			code: 'timeout'
		});
		await vi.advanceTimersByTimeAsync(10_000);
		await e;
	});
	it('asks for what follows the last event', async () => {
		const calls = fakeFetch(() => new FakeStream().response);
		await openGeneration('g', 0, new AbortController().signal);
		await openGeneration('g', 12, new AbortController().signal);
		expect(calls.map((c) => c.headers['last-event-id'])).toEqual([undefined, '12']);
	});
});
