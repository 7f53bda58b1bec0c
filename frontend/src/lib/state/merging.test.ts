import { describe, expect, it } from 'vitest';
import { answerStream, failure, FakeStream, json } from '$lib/api/fake';
import {
	aChat,
	closeAll,
	hob,
	news,
	pass,
	said,
	settle,
	shown,
	turnOf,
	useFakeHob,
	user
} from './fake_hob';

useFakeHob();

/** What hob has now, in an answer that comes when the test says so. */
function slowList(): { come: () => void } {
	const { conversation, settings, messages } = hob;
	const text = JSON.stringify({ conversation, settings, messages });
	let control!: ReadableStreamDefaultController<Uint8Array>;
	const body = new ReadableStream<Uint8Array>({ start: (c) => (control = c) });
	const usual = hob.onGet;
	hob.onGet = () => {
		hob.onGet = usual;
		return new Response(body);
	};
	return {
		come: () => {
			control.enqueue(new TextEncoder().encode(text));
			control.close();
		}
	};
}
const lists = (): number =>
	hob.of('GET').filter((c) => c.path.startsWith('/api/conversations/')).length;

describe('a list that was on its way', () => {
	it('does not take away what was said and answered meanwhile', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1')];
		hob.leaf = 'a1';
		const chat = aChat();
		await settle();
		const old = slowList();
		void chat.load();
		hob.onPost = () => {
			const stream = answerStream('g2', 'a2');
			stream.text('quick').done();
			return stream.response;
		};
		const { id } = chat.send('now', 's1');
		await settle();
		expect(turnOf(chat, id).phase).toBe('done');
		old.come();
		await settle();
		expect(shown(chat)).toBe(`u1 a1 ${id} a2`);
		expect(turnOf(chat, id).answer?.text).toBe('quick');
	});
	it('does not take away another answer that came meanwhile, or one by hand', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1')];
		hob.leaf = 'a1';
		const chat = aChat();
		await settle();
		for (const [n, answer] of ['a2', 'a3'].entries()) {
			const old = slowList();
			void chat.load();
			if (n === 0) {
				const stream = answerStream('g2', answer);
				stream.text('again').done();
				hob.onPost = () => stream.response;
				chat.regenerate(turnOf(chat, 'u1'), 's1');
			} else {
				hob.onPut = () => failure(500);
				hob.answer = () => json({ message: said(answer, 'u1') });
				const turn = turnOf(chat, 'u1');
				if (turn.answer) await chat.editAnswer(turn, turn.answer, 'by hand');
			}
			await settle();
			old.come();
			await settle();
			expect(shown(chat)).toBe(`u1 ${answer}`);
		}
	});
	it.each([
		['after', 0],
		['before', 1]
	])('does not take back a step to another version, made %s it was asked for', async (_, order) => {
		hob.messages = [user('u1', null), said('a1', 'u1'), said('a2', 'u1')];
		hob.leaf = 'a2';
		const chat = aChat();
		await settle();
		if (order === 1) chat.show('a1');
		const old = slowList();
		void chat.load();
		if (order === 0) chat.show('a1');
		await settle();
		expect(hob.of('PATCH')).toHaveLength(1);
		old.come();
		await settle();
		expect(shown(chat)).toBe('u1 a1');
	});
	it('is asked for again when there are news meanwhile', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1')];
		hob.leaf = 'a1';
		const chat = aChat();
		await settle();
		const old = slowList();
		void chat.load();
		await settle();
		hob.messages.push(user('u2', 'a1'), said('a2', 'u2'));
		hob.leaf = 'a2';
		chat.onConversation(hob.conversation);
		await pass(300);
		expect(shown(chat)).toBe('u1 a1');
		old.come();
		await settle();
		expect(shown(chat)).toBe('u1 a1 u2 a2');
	});
	it('begins nothing when the conversation was closed meanwhile', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1', { state: 'streaming' })];
		const old = slowList();
		aChat();
		await settle();
		closeAll();
		old.come();
		await settle();
		expect(hob.calls).toHaveLength(1);
	});
});

describe('another tab', () => {
	it('deletes a branch that is not on the screen: its versions go', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1'), said('a2', 'u1')];
		hob.leaf = 'a2';
		const chat = aChat();
		await settle();
		chat.onMessageRemoved('a1');
		expect(turnOf(chat, 'u1').answers.map((a) => a.id)).toEqual(['a2']);
		expect(lists()).toBe(1);
	});
	it('deletes what is written at the moment: nobody reads it any more', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1'), user('u2', 'a1')];
		hob.messages.push(said('a2', 'u2', { state: 'streaming', content: '' }));
		hob.leaf = 'a2';
		hob.streams = { 'g-a2': new FakeStream() };
		const chat = aChat();
		await settle();
		hob.streams['g-a2']?.text('some');
		await settle();
		expect(chat.busy?.id).toBe('u2');
		chat.onMessageRemoved('u2');
		expect(shown(chat)).toBe('u1 a1');
		expect(chat.busy).toBeNull();
		expect(hob.calls.at(-1)?.signal?.aborted).toBe(true);
	});
	it('deletes what a message waits behind that hob does not have: that stays, and goes out', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1'), user('u2', 'a1')];
		hob.messages.push(said('a2', 'u2', { state: 'streaming', content: '' }));
		hob.leaf = 'a2';
		hob.streams = { 'g-a2': new FakeStream() };
		hob.onPut = () => new TypeError('refused');
		const chat = aChat();
		await settle();
		const { id } = chat.send('mine', 's1');
		await settle();
		chat.onMessageRemoved('u2');
		await settle();
		expect(chat.turns.map((t) => t.id)).toEqual(['u1', id]);
		expect(hob.posts.map((p) => p.message)).toEqual([{ id, parent_id: 'a1', content: 'mine' }]);
	});
	it('changes what waits: the new version goes out', async () => {
		const waiting = user('u2', 'u1', { state: 'queued', content: 'old' });
		hob.messages = [
			user('u1', null),
			said('a1', 'u1', { state: 'streaming', content: '' }),
			waiting
		];
		hob.streams = { 'g-a1': new FakeStream() };
		const chat = aChat();
		await settle();
		waiting.content = 'new';
		chat.onMessageChanged('u2');
		await settle();
		expect(turnOf(chat, 'u2').text).toBe('new');
		hob.streams['g-a1']?.text('one').done();
		await settle();
		expect(hob.posts.map((p) => p.message.content)).toEqual(['new']);
	});
	it('takes back what waits: what waited behind it moves up', async () => {
		hob.messages = [
			user('u1', null, { state: 'pending' }),
			user('u2', 'u1', { state: 'queued' }),
			user('u3', 'u2', { state: 'queued' })
		];
		const chat = aChat();
		await settle();
		expect(shown(chat)).toBe('u1 u2 u3');
		hob.messages.splice(1, 2, user('u3', 'u1', { state: 'queued' }));
		chat.onMessageChanged('u2');
		await settle();
		expect(shown(chat)).toBe('u1 u3');
	});
	it('goes on with an answer: what hob has of it is what it goes on from', async () => {
		const half = said('a1', 'u1', { state: 'interrupted', content: 'hal' });
		hob.messages = [user('u1', null), half];
		const chat = aChat();
		await settle();
		hob.streams = { g9: new FakeStream() };
		Object.assign(half, { content: 'half', generation_id: 'g9', state: 'streaming' });
		chat.onGeneration(news({ id: 'g9', message_id: 'u1', answer_id: 'a1' }));
		await pass(300);
		hob.streams.g9?.text(' and half');
		await settle();
		expect(turnOf(chat, 'u1').answer?.text).toBe('half and half');
	});
});

it('what was asked for and waits its turn still does after a look at hob', async () => {
	hob.messages = [
		user('u1', null),
		said('a1', 'u1', { state: 'streaming', content: '' }),
		user('u2', 'u1'),
		said('a2', 'u2', { state: 'interrupted' })
	];
	hob.streams = { 'g-a1': new FakeStream() };
	const chat = aChat();
	await settle();
	chat.continueAnswer(turnOf(chat, 'u2'));
	await chat.load();
	expect(turnOf(chat, 'u2').phase).toBe('queued');
	hob.streams['g-a1']?.text('one').done();
	await settle();
	expect(hob.posts.map((p) => [p.message.id, p.mode])).toEqual([['u2', 'continue']]);
});

it('an empty answer keeps its place: what was said behind it is not a beginning', async () => {
	hob.messages = [
		user('u1', null),
		said('a1', 'u1', { content: '' }),
		user('u2', 'a1'),
		said('a2', 'u2'),
		said('a3', 'u1')
	];
	hob.leaf = 'a2';
	const chat = aChat();
	await settle();
	expect(shown(chat)).toBe('u1 a1 u2 a2');
});

it('a message that did not go out goes where it belongs, also before hob says what is there', async () => {
	hob.messages = [user('u1', null), said('a1', 'u1')];
	hob.leaf = 'a1';
	hob.onPost = () => new TypeError('refused');
	const before = aChat();
	await settle();
	const { id } = before.send('mine', 's1');
	await settle();
	closeAll();
	const usual = hob.onGet;
	hob.onGet = () => new TypeError('refused');
	const chat = aChat();
	await settle();
	chat.retry(turnOf(chat, id));
	await settle();
	expect(hob.posts.at(-1)?.message.parent_id).toBe('a1');
	hob.onGet = usual;
	await chat.load();
	expect(shown(chat)).toBe(`u1 a1 ${id}`);
});
