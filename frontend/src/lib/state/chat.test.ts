import { describe, expect, it, vi } from 'vitest';
import { aMessage, answerStream, aServer, failure, FakeStream, json } from '$lib/api/fake';
import type { ChatRequest, Generation } from '$lib/api/types';
import type { Chat } from './chat.svelte';
import { aChat as anyChat, closeAll, hob, pass, settle, useFakeHob } from './fake_hob';
import { servers } from './servers.svelte';
import { session } from './session.svelte';
import type { Turn } from './turn.svelte';

const aChat = (fresh = true): Chat => anyChat(fresh);
const body = (n: number): ChatRequest => hob.posts[n] as ChatRequest;
const contents = (): unknown[] => hob.posts.map((p) => p.message.content);
const at = (): number[] =>
	hob.asked.map((c) => Math.round((c.at - (hob.asked[0]?.at ?? 0)) / 100) / 10);
const engine = (state: 'loading' | 'ready' | 'failed', attempt = 1): void =>
	servers.apply(aServer('s1', { state, attempt }));
const only = (chat: Chat): Turn => chat.turns[0] as Turn;
const deletions = (): string[] => hob.of('DELETE').map((c) => c.path);

/** "one" is being answered, until `end`; "two" waits behind it. */
async function twoWaits(mode?: 'when_ready'): Promise<{ chat: Chat; two: Turn; end: () => void }> {
	const first = answerStream();
	hob.onPost = (n) => (n === 1 ? first.response : answered('g2'));
	const chat = aChat();
	chat.send('one', 's1');
	const two = chat.send('two', 's1', mode);
	await settle();
	return { chat, two, end: () => first.text('1').done() };
}

useFakeHob();

describe('the cycle', () => {
	it.each([
		[503, undefined],
		[502, undefined],
		[504, undefined],
		[0, undefined]
	])('%i: four requests with one id, 2, 4 and 6 s apart, then the card', async (status) => {
		hob.onPost = () => (status === 0 ? new TypeError('refused') : failure(status, 'not yet'));
		const chat = aChat();
		chat.send('hi', 's1');
		await pass(30_000);
		expect(at()).toEqual([0, 2, 6, 12]);
		expect(new Set(hob.posts.map((p) => p.message.id)).size).toBe(1);
		expect(only(chat).cycle).toMatchObject({ name: 'exhausted', cause: { status } });
		expect(only(chat).phase).toBe('unsent');
		expect(chat.busy).toBeNull();
	});
	it('no headers within 10 s is a failed attempt', async () => {
		hob.onPost = () => null;
		const chat = aChat();
		chat.send('hi', 's1');
		await pass(9_900);
		expect(only(chat).phase).toBe('sending');
		await pass(200);
		expect(only(chat).phase).toBe('connecting');
		await pass(2_000);
		expect(hob.posts).toHaveLength(2);
	});
	it.each([400, 401, 403, 404, 409, 413, 422, 429, 500, 501])('%i sends once', async (status) => {
		hob.onPost = () => failure(status, 'own words');
		const chat = aChat();
		chat.send('hi', 's1');
		await pass(60_000);
		expect(hob.posts).toHaveLength(1);
		expect(only(chat).cycle).toMatchObject({ name: 'refused', cause: { message: 'own words' } });
	});
	it.each([
		[1, [0, 1], 2],
		[5, [0, 2, 5], 3],
		[11, [0, 2, 6, 11], 4]
	])('ready after %i s sends at once', async (seconds, times, requests) => {
		const stream = answerStream();
		hob.onPost = (n) => (n === requests ? stream.response : failure(503));
		const chat = aChat();
		chat.send('hi', 's1');
		await pass(seconds * 1000);
		engine('ready');
		await settle();
		expect(at()).toEqual(times);
		stream.text('Hello').done();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'done', cycle: null });
		expect(only(chat).answer?.text).toBe('Hello');
	});
	it('metrics of an engine that is ready already change nothing', async () => {
		engine('ready');
		const chat = aChat();
		chat.send('hi', 's1');
		for (let i = 0; i < 20; i++) {
			await pass(1000);
			engine('ready');
		}
		expect(at()).toEqual([0, 2, 6, 12]);
	});
	it('a failed engine ends it with the cause, and Retry starts a new cycle', async () => {
		const chat = aChat();
		const { id } = chat.send('hi', 's1');
		await pass(1000);
		engine('failed');
		await pass(10_000);
		expect(hob.posts).toHaveLength(1);
		expect(only(chat).cycle?.name).toBe('engine_failed');
		chat.retry(only(chat));
		await pass(20_000);
		expect(hob.posts).toHaveLength(5);
		expect(body(0)).toMatchObject({ mode: 'send', message: { id } });
		for (let n = 1; n < 5; n++) expect(body(n)).toMatchObject({ mode: 'retry', message: { id } });
	});
	it('stays with the server that the message was sent to, whichever is chosen meanwhile', async () => {
		const chat = aChat();
		const turn = chat.send('hi', 's1');
		await pass(3_000);
		chat.chooseServer('s2');
		await pass(20_000);
		chat.retry(turn);
		await settle();
		expect(chat.serverId).toBe('s2');
		expect(hob.posts.map((p) => p.server)).toEqual(['s1', 's1', 's1', 's1', 's1']);
	});
	it('Stop in a wait ends it at once', async () => {
		const chat = aChat();
		chat.send('hi', 's1');
		await pass(500);
		chat.stop();
		expect(only(chat).cycle?.name).toBe('stopped');
		await pass(30_000);
		expect(hob.posts).toHaveLength(1);
	});
	it('Stop while the request is out aborts it and stops an answer that began nevertheless', async () => {
		hob.onPost = () => null;
		const chat = aChat();
		const turn = chat.send('hi', 's1');
		await pass(100);
		chat.stop();
		expect(hob.asked[0]?.signal?.aborted).toBe(true);
		chat.onGeneration({ id: 'g9', message_id: turn.id, state: 'streaming' } as Generation);
		await settle();
		expect(hob.calls.map((c) => c.path)).toContain('/api/generations/g9/stop');
		expect(turn.phase).toBe('unsent');
	});
	it('Stop leaves alone what another tab asks for later', async () => {
		hob.onPost = () => null;
		const chat = aChat();
		const turn = chat.send('hi', 's1');
		await pass(100);
		chat.stop();
		await pass(11_000);
		chat.onGeneration({ id: 'g9', message_id: turn.id, state: 'streaming' } as Generation);
		await settle();
		expect(hob.of('POST').map((c) => c.path)).toEqual(['/api/chat/completions']);
	});
	it('Stop stops one answer that began nevertheless, not the next', async () => {
		hob.onPost = () => null;
		const chat = aChat();
		const turn = chat.send('hi', 's1');
		await pass(100);
		chat.stop();
		for (const id of ['g8', 'g8', 'g9']) {
			const states = ['connecting', 'streaming'] as const;
			for (const state of states)
				chat.onGeneration({ id, message_id: turn.id, state } as Generation);
			await pass(1_000);
		}
		expect(hob.calls.filter((c) => c.path.endsWith('/stop')).map((c) => c.path)).toEqual([
			'/api/generations/g8/stop'
		]);
	});
	it('a retryable error before the first token counts as a failed attempt', async () => {
		const first = answerStream();
		const second = answerStream('g2', 'a2');
		hob.onPost = (n) => (n === 1 ? first.response : second.response);
		const chat = aChat();
		chat.send('hi', 's1');
		await settle();
		first.error({ message: 'died', retryable: true });
		await settle();
		expect(only(chat).phase).toBe('connecting');
		await pass(2_000);
		second.text('Hello').done();
		await settle();
		expect(only(chat).phase).toBe('done');
		expect(only(chat).answers).toHaveLength(1);
	});
	it('log-in that expires keeps the message and sends it afterwards', async () => {
		const stream = answerStream();
		hob.onPost = (n) => (n === 1 ? failure(401, 'no', { code: 'not_signed_in' }) : stream.response);
		const chat = aChat();
		chat.send('keep me', 's1');
		await pass(10_000);
		expect(hob.posts).toHaveLength(1);
		expect(session.loginNeeded).toBe(true);
		expect(only(chat)).toMatchObject({ phase: 'unsent', text: 'keep me' });
		vi.spyOn(session, 'login').mockImplementation(() => {
			session.loginNeeded = false;
			return Promise.resolve();
		});
		hob.onGet = (path) =>
			path === '/api/session'
				? json({ user: session.user, setup_needed: false, version: '1' })
				: failure(404);
		await session.load();
		await settle();
		expect(contents()).toEqual(['keep me', 'keep me']);
		stream.text('ok').done();
		await settle();
		expect(only(chat).phase).toBe('done');
	});
});

describe('the queue', () => {
	it('stores what waits, and sends it one by one, in order, each after the answer before it', async () => {
		const streams = [answerStream('g1', 'a1'), answerStream('g2', 'a2'), answerStream('g3', 'a3')];
		hob.onPost = (n) => streams[n - 1]?.response ?? failure(500);
		const chat = aChat();
		for (const text of ['one', 'two', 'three']) chat.send(text, 's1');
		await settle();
		expect(contents()).toEqual(['one']);
		expect(chat.turns.map((t) => t.phase)).toEqual(['waiting', 'queued', 'queued']);
		const [one, two, three] = chat.turns;
		const behind = new Map(
			hob.calls
				.filter((c) => c.method === 'PUT')
				.map((c) => [c.path, (c.body as { parent_id: string | null }).parent_id])
		);
		expect(behind).toEqual(
			new Map([
				[`/api/messages/${two?.id ?? ''}`, one?.id],
				[`/api/messages/${three?.id ?? ''}`, two?.id]
			])
		);
		streams[0]?.text('1').done();
		await settle();
		streams[1]?.text('2').done();
		await settle();
		streams[2]?.text('3').done();
		await settle();
		expect(contents()).toEqual(['one', 'two', 'three']);
		expect(hob.posts.map((p) => p.message.parent_id)).toEqual([null, 'a1', 'a2']);
		expect(chat.turns.map((t) => t.phase)).toEqual(['done', 'done', 'done']);
	});
	it('pauses behind a failed head; Retry resumes it', async () => {
		const chat = aChat();
		hob.onPost = (n) => (n <= 4 ? failure(503) : answered(`g${String(n)}`));
		chat.send('one', 's1');
		chat.send('two', 's1');
		await pass(30_000);
		expect(contents()).toEqual(['one', 'one', 'one', 'one']);
		expect(chat.blockedBy).toBe(chat.turns[0]?.id);
		chat.send('three', 's1');
		await settle();
		expect(hob.posts).toHaveLength(4);
		chat.retry(only(chat));
		await pass(500);
		expect(contents().slice(4)).toEqual(['one', 'two', 'three']);
	});
	it('does what a click asks for also while the editor of that message is open', async () => {
		hob.onPost = (n) => (n === 1 ? failure(400) : answered('g2'));
		const chat = aChat();
		const turn = chat.send('one', 's1');
		await settle();
		turn.editing = true;
		chat.retry(turn);
		await settle();
		expect(hob.posts.map((p) => p.mode)).toEqual(['send', 'retry']);
		expect(turn.phase).toBe('done');
	});
	it('leaves alone what is being edited until that has ended', async () => {
		const { chat, two, end } = await twoWaits('when_ready');
		two.editing = true;
		end();
		await settle();
		expect(contents()).toEqual(['one']);
		two.editing = false;
		chat.pump();
		await settle();
		expect(contents()).toEqual(['one', 'two']);
	});
	it('can go on without the failed head', async () => {
		hob.onPost = (n) => (n === 1 ? failure(400) : answered('g'));
		const chat = aChat();
		chat.send('one', 's1');
		chat.send('two', 's1');
		await settle();
		expect(hob.posts).toHaveLength(1);
		chat.resumeQueue();
		await settle();
		expect(contents()).toEqual(['one', 'two']);
	});
	it('a new message after a failed one goes out at once', async () => {
		hob.onPost = (n) => (n === 1 ? failure(400) : answered('g'));
		const chat = aChat();
		chat.send('one', 's1');
		await settle();
		chat.send('two', 's1');
		await settle();
		expect(contents()).toEqual(['one', 'two']);
	});
	it('sends what an edit made of a message, and not what was deleted', async () => {
		const { chat, two, end } = await twoWaits();
		const three = chat.send('three', 's1');
		await settle();
		chat.edit(two, 'TWO');
		chat.remove(three);
		await settle();
		end();
		await pass(10_000);
		expect(contents()).toEqual(['one', 'TWO']);
		expect(deletions()).toEqual([`/api/messages/${three.id}`]);
		expect(chat.turns).toHaveLength(2);
	});
	it('a deletion can be undone', async () => {
		hob.onPost = () => failure(400);
		const chat = aChat();
		const turn = chat.send('one', 's1');
		await settle();
		chat.remove(turn);
		await pass(3_000);
		chat.undoRemove(turn);
		await pass(10_000);
		expect(chat.turns).toEqual([turn]);
		expect(deletions()).toEqual([]);
	});
	it('a deletion holds while hob is out of reach, and hob is told again', async () => {
		const { chat, two, end } = await twoWaits();
		hob.onDelete = () => (deletions().length === 1 ? failure(503) : json(null, 204));
		chat.remove(two);
		end();
		await pass(6_500);
		expect(deletions()).toHaveLength(1);
		expect(chat.turns.every((t) => t !== two || t.removing)).toBe(true);
		await pass(6_000);
		expect(deletions()).toHaveLength(2);
		expect(chat.turns).not.toContain(two);
		expect(contents()).toEqual(['one']);
	});
	it('a deletion that hob refuses is taken back with a word', async () => {
		const { chat, two, end } = await twoWaits();
		hob.onDelete = () => failure(409, 'It is being answered');
		chat.remove(two);
		end();
		await pass(6_500);
		expect(chat.notice).toBe('The message was not deleted: It is being answered.');
		expect(contents()).toEqual(['one', 'two']);
	});
	it('a deletion that could be undone holds when the page closes', async () => {
		const { chat, two } = await twoWaits();
		chat.remove(two);
		await settle();
		void chat.flushRemovals();
		// Not a millisecond: nothing waits for a page that is gone.
		await pass(0);
		expect(deletions()).toEqual([`/api/messages/${two.id}`]);
	});
	it('Send when ready leaves the message with hob and shows the answer when it comes', async () => {
		const stream = new FakeStream();
		hob.onPost = (n) =>
			n <= 4
				? failure(503)
				: json({ generation: { id: 'g5', answer_id: 'a5', state: 'queued' } }, 202);
		hob.onGet = () => stream.response;
		const chat = aChat();
		chat.send('one', 's1');
		await pass(20_000);
		chat.sendWhenReady(only(chat));
		await settle();
		expect(body(4).mode).toBe('when_ready');
		expect(only(chat).phase).toBe('outbox');
		stream.text('late').done();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'late' } });
	});
});

function answered(generationId: string): Response {
	const stream = answerStream(generationId, `a-${generationId}`);
	stream.text('answer').done();
	return stream.response;
}

describe('a reload', () => {
	it('finds a message that hob never heard of, as not sent', async () => {
		hob.onPost = () => new TypeError('refused');
		aChat().send('first words', 's1');
		await pass(100);
		closeAll();

		const chat = aChat(false);
		await settle();
		expect(chat).toMatchObject({ loaded: true, missing: false });
		expect(only(chat)).toMatchObject({ text: 'first words', phase: 'unsent', stored: false });
		expect(hob.posts).toHaveLength(1);
		hob.onPost = () => answered('g');
		chat.retry(only(chat));
		await settle();
		expect(only(chat).phase).toBe('done');
		expect(localStorage).toHaveLength(0);
	});
	it('finds it also while hob cannot be reached at all', async () => {
		hob.onPost = () => new TypeError('refused');
		hob.onGet = () => new TypeError('refused');
		aChat().send('first words', 's1');
		await pass(100);
		closeAll();
		const chat = aChat(false);
		await settle();
		expect(only(chat)).toMatchObject({ text: 'first words', phase: 'unsent' });
	});
	it('shows pending messages as not sent and the queue paused behind them', async () => {
		hob.onGet = () =>
			json({
				conversation: { id: 'c1', server_id: 's1' },
				messages: [aMessage('m1'), aMessage('m2', { state: 'queued', parent_id: 'm1' })]
			});
		const chat = aChat(false);
		await settle();
		expect(chat.turns.map((t) => t.phase)).toEqual(['unsent', 'queued']);
		expect(chat.blockedBy).toBe('m1');
		await pass(30_000);
		expect(hob.posts).toHaveLength(0);
	});
	it('takes up a running answer, then sends what waited behind it', async () => {
		const stream = new FakeStream();
		hob.onGet = (path) =>
			path.includes('generations')
				? stream.response
				: json({
						conversation: { id: 'c1', server_id: 's1' },
						messages: [
							aMessage('m1', { state: 'answered', generation_id: 'g1' }),
							aMessage('a1', {
								role: 'assistant',
								parent_id: 'm1',
								content: 'Once',
								state: 'streaming',
								generation_id: 'g1'
							}),
							aMessage('m2', { state: 'queued', parent_id: 'm1' })
						]
					});
		hob.onPost = () => answered('g2');
		const chat = aChat(false);
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'streaming', answer: { text: 'Once' } });
		stream.text(' upon').text(' a time').done();
		await settle();
		expect(only(chat)).toMatchObject({ phase: 'done', answer: { text: 'Once upon a time' } });
		await settle();
		expect(body(0)).toMatchObject({ message: { id: 'm2', parent_id: 'a1' }, mode: 'send' });
	});
	it('says that a conversation is not there', async () => {
		const chat = aChat(false);
		await settle();
		expect(chat.missing).toBe(true);
	});
});

describe('storage', () => {
	it('keeps a message until hob has acknowledged it', async () => {
		hob.onPost = () => failure(502, 'a proxy without hob behind it');
		aChat().send('hi', 's1');
		await settle();
		expect(localStorage).toHaveLength(1);
		hob.onPost = () => failure(503, 'loading', { code: 'engine_loading' });
		await pass(2_000);
		expect(localStorage).toHaveLength(0);
	});
	it('gives a waiting message to hob as soon as hob can be reached', async () => {
		hob.onPost = () => null;
		hob.onPut = () => new TypeError('refused');
		const chat = aChat();
		chat.send('one', 's1');
		chat.send('two', 's1');
		await pass(1_500);
		expect(chat.turns[1]?.stored).toBe(false);
		hob.onPut = () => json({ message: {} });
		await pass(5_000);
		expect(chat.turns[1]?.stored).toBe(true);
	});
});
