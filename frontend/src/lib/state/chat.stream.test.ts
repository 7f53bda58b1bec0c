import { describe, expect, it, vi } from 'vitest';
import { answerStream, failure, FakeStream, json } from '$lib/api/fake';
import type { Generation } from '$lib/api/types';
import type { Chat } from './chat.svelte';
import { aChat as anyChat, hob, pass, said, settle, useFakeHob, user } from './fake_hob';
import { slots } from './slots';
import type { Turn } from './turn.svelte';

const aChat = (): Chat => anyChat(true);
const only = (chat: Chat): Turn => chat.turns[0] as Turn;

useFakeHob();

describe('the stream', () => {
	it('that breaks is taken up after the last event: nothing missing, nothing twice', async () => {
		const first = answerStream();
		const second = new FakeStream({}, 2);
		hob.onPost = () => first.response;
		hob.onGet = () => second.response;
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('one ').text('two ');
		await settle();
		first.tear();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'streaming' });
		expect(only(chat).answer).toMatchObject({ text: 'one two ', lost: true });
		await pass(300);
		second.text('two ').text('three').done();
		await settle();
		expect(only(chat).answer?.text).toBe('one two three');
		expect(hob.posts).toHaveLength(1);
		expect(hob.calls.at(-1)?.headers['last-event-id']).toBe('2');
	});
	it('that cannot be had is asked for less and less often, and soon again once it was there', async () => {
		const first = answerStream();
		const second = new FakeStream({}, 2);
		hob.onPost = () => first.response;
		hob.onGet = () => new TypeError('refused');
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('one ');
		await settle();
		const waits = async (lost: FakeStream, ms: number): Promise<number[]> => {
			const [from, seen] = [performance.now(), hob.calls.length];
			lost.tear();
			await pass(ms);
			const at = [from, ...hob.calls.slice(seen).map((c) => c.at)];
			return at.slice(1).map((t, i) => Math.round(t - (at[i] as number)));
		};
		expect(await waits(first, 32_000)).toEqual([300, 1000, 2000, 4000, 8000, 8000, 8000]);
		hob.onGet = () => second.response;
		await pass(8_000);
		second.text('two');
		await settle();
		expect(only(chat).answer).toMatchObject({ text: 'one two', lost: false });
		hob.onGet = () => new TypeError('refused');
		expect(await waits(second, 2_000)).toEqual([300, 1000]);
	});
	it('that ends without an end is taken up too', async () => {
		const first = answerStream();
		const second = new FakeStream({}, 2);
		hob.onPost = () => first.response;
		hob.onGet = () => second.response;
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('one ').end();
		await pass(400);
		second.text('two').done();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'one two' } });
	});
	it('whose last events hob lost in a crash is read from the start, and ends', async () => {
		const first = answerStream();
		const beyond = new FakeStream();
		const whole = new FakeStream();
		const streams = [beyond, whole];
		hob.onPost = () => first.response;
		hob.onGet = () => streams.shift()?.response ?? failure(404);
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('one ').text('two ').text('three ').text('four');
		await settle();
		first.tear();
		await pass(400);
		beyond.raw('data: [DONE]\n\n').end();
		whole
			.text('one ')
			.text('two ')
			.error({ message: 'hob ended', code: 'hob_died' }, 'interrupted');
		await pass(2000);
		expect(only(chat)).toMatchObject({
			phase: 'interrupted',
			answer: { text: 'one two ', lost: false, error: { code: 'hob_died' } }
		});
		expect(hob.posts).toHaveLength(1);
	});
	it('with a gap is opened again', async () => {
		const first = answerStream();
		const second = new FakeStream({}, 2);
		hob.onPost = () => first.response;
		hob.onGet = () => second.response;
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('one ').raw('id: 5\ndata: {"choices":[{"delta":{"content":"five"}}]}\n\n');
		await pass(400);
		second.text('two').done();
		await settle();
		expect(only(chat).answer?.text).toBe('one two');
	});
	it('is opened anew when the network is back, however long the old one would be silent', async () => {
		const first = answerStream();
		const second = new FakeStream({}, 2);
		hob.onPost = () => first.response;
		hob.streams = { g1: second };
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('one ');
		await settle();
		window.dispatchEvent(new Event('online'));
		await settle();
		expect(hob.asked[0]?.signal?.aborted).toBe(true);
		const again = hob.calls.find((c) => c.path === '/api/generations/g1/events');
		expect(again?.headers['last-event-id']).toBe('1');
		second.text('two').done();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'one two' } });
		expect(hob.posts).toHaveLength(1);
	});
	it('of a tab that nobody looks at is given back, and taken up when it is over or looked at', async () => {
		const hidden = vi.spyOn(document, 'visibilityState', 'get');
		const first = answerStream();
		const second = new FakeStream({}, 2);
		hob.onPost = () => first.response;
		hob.onGet = () => second.response;
		const chat = aChat();
		const turn = chat.send('hi', 's1');
		await settle();
		first.text('one ');
		hidden.mockReturnValue('hidden');
		document.dispatchEvent(new Event('visibilitychange'));
		await pass(30_000);
		expect(hob.asked[0]?.signal?.aborted).toBe(true);
		expect(hob.calls.at(-1)?.method).toBe('POST');
		chat.onGeneration({ id: 'g1', message_id: turn.id, state: 'done' } as Generation);
		await settle();
		second.text('two').done();
		await pass(500);
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'one two' } });
		expect(hob.posts).toHaveLength(1);
	});
	it('interrupted keeps the text, says why, and goes on only when asked', async () => {
		const first = answerStream();
		const more = answerStream('g2', 'a1');
		hob.onPost = (n) => (n === 1 ? first.response : more.response);
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('half').error({ message: 'killed', retryable: true }, 'interrupted');
		await pass(30_000);
		expect(hob.posts).toHaveLength(1);
		expect(only(chat)).toMatchObject({
			phase: 'interrupted',
			answer: { text: 'half', error: { message: 'killed' } }
		});
		chat.continueAnswer(only(chat));
		await settle();
		expect(hob.posts[1]?.mode).toBe('continue');
		more.text(' and half').done();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'half and half' } });
	});
	it('Retry of an interrupted answer keeps the old one to look at', async () => {
		const first = answerStream();
		const again = answerStream('g2', 'a2');
		hob.onPost = (n) => (n === 1 ? first.response : again.response);
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.text('half').error({ message: 'killed' }, 'interrupted');
		await settle();
		chat.retry(only(chat));
		await settle();
		again.text('whole').done();
		await settle();
		expect(only(chat).answers.map((a) => a.text)).toEqual(['half', 'whole']);
		expect(only(chat).answer?.text).toBe('whole');
	});
	it('is not read twice when the news of its beginning come after its end', async () => {
		const first = answerStream();
		hob.onPost = () => first.response;
		hob.onGet = () => {
			const again = new FakeStream();
			again.text('one ').text('two').done();
			return again.response;
		};
		const chat = aChat();
		const turn = chat.send('hi', 's1');
		await settle();
		first.text('one ').text('two').done();
		await settle();
		for (const state of ['connecting', 'streaming', 'done'] as const) {
			chat.onGeneration({ id: 'g1', answer_id: 'a1', message_id: turn.id, state } as Generation);
			await settle();
		}
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'one two' } });
		expect(hob.calls.filter((c) => c.path.includes('generations'))).toEqual([]);
	});
	it('of a tab that can only ask again and again is not read anew for its silence', async () => {
		vi.spyOn(slots, 'take').mockResolvedValue(null);
		let log = ['one ', 'two ', 'three'];
		let state = 'streaming';
		hob.onPost = () => answerStream().response;
		hob.onGet = (path) => {
			if (!path.includes('/events')) return json({ generation: { id: 'g1', state } });
			const after = Number(hob.calls.at(-1)?.headers['last-event-id'] ?? 0);
			const stream = new FakeStream({}, after + 1);
			for (const text of log.slice(after)) stream.text(text);
			if (state === 'streaming' || after > log.length) stream.end();
			else stream.error({ message: 'hob ended' }, 'interrupted');
			return stream.response;
		};
		const chat = aChat();
		chat.send('hi', 's1');
		await pass(60_000);
		expect(only(chat).answer?.text).toBe('one two three');
		const polls = hob.calls.filter((c) => c.path.includes('follow=false'));
		expect(polls.length).toBeGreaterThan(100);
		expect(polls.filter((c) => !c.headers['last-event-id'])).toHaveLength(1);
		// A crash took the end of what was read.
		log = ['one '];
		state = 'interrupted';
		await pass(15_000);
		expect(only(chat)).toMatchObject({ phase: 'interrupted', answer: { text: 'one ' } });
	});
	it('that hob has queued again under another id is waited for under that one', async () => {
		hob.onPost = () => json({ generation: { id: 'g1', answer_id: 'a1', state: 'queued' } }, 202);
		const again = (hob.streams.g2 = new FakeStream());
		const chat = aChat();
		const { id } = chat.send('hi', 's1', 'when_ready');
		const more = { state: 'queued', content: '', generation_id: 'g2' } as const;
		hob.messages = [user(id, null), said('a1', id, more)];
		hob.leaf = 'a1';
		await settle();
		expect(only(chat).phase).toBe('outbox');
		again.text('late').done();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'late' } });
	});
	it('that hob has not got any more, and nothing of it, can be asked for again', async () => {
		hob.onPost = () => json({ generation: { id: 'g1', answer_id: 'a1', state: 'queued' } }, 202);
		const chat = aChat();
		const { id } = chat.send('hi', 's1', 'when_ready');
		const more = { state: 'queued', content: '', generation_id: 'g1' } as const;
		hob.messages = [user(id, null), said('a1', id, more)];
		await pass(10_000);
		expect(only(chat).phase).toBe('unsent');
		expect(hob.calls.length).toBeLessThan(8);
	});
	it('Stop keeps the text and tells hob', async () => {
		const stream = answerStream();
		hob.onPost = () => stream.response;
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		stream.text('some');
		await settle();
		chat.stop();
		await settle();
		expect(hob.calls.at(-1)).toMatchObject({ method: 'POST', path: '/api/generations/g1/stop' });
		await pass(2_000);
		expect(only(chat)).toMatchObject({ phase: 'stopped', answer: { text: 'some' } });
	});
});

describe('an answer with reasoning, text and tool calls', () => {
	const delta = (content: Record<string, unknown>): string =>
		`data: ${JSON.stringify({ choices: [{ delta: content }] })}`;
	const call = (more: Record<string, unknown>): string =>
		delta({ tool_calls: [{ index: 0, ...more }] });
	const EVENTS = [
		delta({ reasoning_content: 'Salt ' }),
		delta({ reasoning_content: 'or not?' }),
		delta({ content: 'Take ' }),
		delta({ content: 'salt.' }),
		call({ id: 't1', type: 'function', function: { name: 'weigh', arguments: '{"g"' } }),
		call({ function: { arguments: ':5}' } }),
		delta({ tool_calls: [{ index: 1, id: 't2', function: { name: 'stir', arguments: '{}' } }] }),
		delta({ content: ' Stir.' }),
		'event: done\ndata: {"state":"done","meta":{"completion_tokens":9}}'
	];
	const write = (stream: FakeStream, from: number, to = EVENTS.length): void => {
		for (let i = from; i < to; i++) stream.raw(`id: ${String(i + 1)}\n${EVENTS[i] ?? ''}\n\n`);
	};

	it.each(EVENTS.map((_, n) => n))('is the same when it is torn after event %i', async (n) => {
		const first = answerStream();
		const second = new FakeStream();
		hob.onPost = () => first.response;
		hob.onGet = () => second.response;
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		write(first, 0, n);
		await settle();
		first.tear();
		await pass(400);
		expect(hob.calls.at(-1)?.headers['last-event-id']).toBe(n ? String(n) : undefined);
		write(second, n);
		await settle();
		expect(only(chat)).toMatchObject({
			phase: 'done',
			answer: {
				text: 'Take salt. Stir.',
				reasoning: 'Salt or not?',
				toolCalls: [
					{ id: 't1', type: 'function', function: { name: 'weigh', arguments: '{"g":5}' } },
					{ id: 't2', function: { name: 'stir', arguments: '{}' } }
				],
				meta: { completion_tokens: 9 },
				lost: false
			}
		});
		expect(hob.posts).toHaveLength(1);
	});
});
