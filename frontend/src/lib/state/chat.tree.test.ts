import { beforeEach, describe, expect, it } from 'vitest';
import { answerStream, failure, FakeStream, json } from '$lib/api/fake';
import type { Message, Settings } from '$lib/api/types';
import type { Chat } from './chat.svelte';
import {
	aChat as anyChat,
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

/** u1 a1 u2 a2, u2 edited as u3 with a3. */
const TREE = (): Message[] => [
	user('u1', null),
	said('a1', 'u1'),
	user('u2', 'a1'),
	said('a2', 'u2'),
	user('u3', 'a1'),
	said('a3', 'u3')
];

async function aChat(fresh = false): Promise<Chat> {
	const chat = anyChat(fresh);
	await settle();
	return chat;
}

useFakeHob();
beforeEach(() => {
	hob.messages = TREE();
});

describe('the shown path', () => {
	it.each([
		[null, 'u1 a1 u3 a3', false],
		['a2', 'u1 a1 u2 a2', false],
		['a1', 'u1 a1', true],
		['gone', 'u1 a1 u3 a3', false]
	])('with leaf %s is %s', async (at, path, branching) => {
		hob.leaf = at;
		const chat = await aChat();
		expect(shown(chat)).toBe(path);
		expect(chat.branching).toBe(branching);
		expect(hob.of('PATCH')).toEqual([]);
	});
	it('is chosen by version, kept in hob, and taken back when hob refuses', async () => {
		const chat = await aChat();
		expect(turnOf(chat, 'u3').versions).toEqual(['u2', 'u3']);
		chat.show('u2');
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		await settle();
		expect(hob.of('PATCH').map((c) => c.body)).toEqual([{ leaf_id: 'a2' }]);
		hob.onPatch = () => failure(500, 'no room');
		chat.show('u3');
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		await settle();
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		expect(chat.notice).toContain('no room');
	});
	it('sends only the last of many wishes', async () => {
		const chat = await aChat();
		for (const id of ['u2', 'u3', 'u2', 'u3', 'u2']) chat.show(id);
		await settle();
		expect(hob.of('PATCH').map((c) => c.body)).toEqual([{ leaf_id: 'a2' }]);
		expect(shown(chat)).toBe('u1 a1 u2 a2');
	});
	it('follows another tab', async () => {
		const chat = await aChat();
		hob.leaf = 'a2';
		chat.onConversation(hob.conversation);
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		hob.messages?.push(user('u4', 'a2'), said('a4', 'u4'));
		hob.leaf = 'a4';
		chat.onConversation(hob.conversation);
		await pass(300);
		expect(shown(chat)).toBe('u1 a1 u2 a2 u4 a4');
	});
	it('is that of the message which a link names', async () => {
		const chat = await aChat();
		chat.goTo('a2');
		expect(chat.target).toBe('a2');
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		chat.goTo('nobody');
		expect(chat.notice).toContain('not there');
	});
});

describe('another branch', () => {
	it('begins with an edited message; the old one stays, files and all', async () => {
		const files = [{ type: 'image_url', image_url: { url: 'attachment:x' } }] as const;
		if (hob.messages)
			hob.messages[2] = user('u2', 'a1', { content: [{ type: 'text', text: 'look' }, ...files] });
		hob.leaf = 'a2';
		const chat = await aChat();
		const stream = answerStream('g9', 'a9');
		hob.onPost = () => stream.response;
		chat.edit(turnOf(chat, 'u2'), 'look again', 's2');
		await settle();
		stream.text('yes').done();
		await settle();
		const [body] = hob.posts;
		expect(body).toMatchObject({
			mode: 'send',
			server: 's2',
			message: { parent_id: 'a1', content: [{ type: 'text', text: 'look again' }, ...files] }
		});
		expect(shown(chat)).toBe(`u1 a1 ${body?.message.id ?? ''} a9`);
		expect(chat.turns[1]?.versions).toEqual(['u2', 'u3', body?.message.id]);
		chat.show('u2');
		expect(shown(chat)).toBe('u1 a1 u2 a2');
	});
	it('begins at an answer in the middle, and says so until it is there', async () => {
		const chat = await aChat();
		const [first] = chat.turns;
		if (first?.answer) chat.branchFrom(first.answer);
		expect(chat.branching).toBe(true);
		expect(shown(chat)).toBe('u1 a1');
		await settle();
		expect(hob.of('PATCH').map((c) => c.body)).toEqual([{ leaf_id: 'a1' }]);
		chat.toLatest();
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		if (first?.answer) chat.branchFrom(first.answer);
		chat.send('elsewhere', 's1');
		await settle();
		expect(chat.branching).toBe(false);
		expect(hob.posts[0]?.message.parent_id).toBe('a1');
		expect(chat.turns).toHaveLength(2);
	});
	it('begins also while something is answered elsewhere, which goes on and is there afterwards', async () => {
		const chat = await aChat();
		const first = answerStream('g8', 'a8');
		const second = answerStream('g9', 'a9');
		hob.onPost = (n) => (n === 1 ? first.response : second.response);
		const long = chat.send('long', 's1');
		await settle();
		first.text('once ');
		await settle();
		chat.show('u2');
		expect(chat.busy).toBeNull();
		chat.send('here', 's1');
		await settle();
		expect(hob.posts).toHaveLength(2);
		first.text('upon a time').done();
		second.text('short').done();
		await settle();
		expect(chat.turns.at(-1)?.answer?.text).toBe('short');
		chat.show(long.id);
		expect(chat.turns.at(-1)).toBe(long);
		expect(long).toMatchObject({ phase: 'done', answer: { text: 'once upon a time' } });
	});
});

describe('another answer', () => {
	it('is asked for beside the newest one, from the chosen server, and both can be read', async () => {
		const chat = await aChat();
		const stream = answerStream('g9', 'a9');
		hob.onPost = () => stream.response;
		chat.regenerate(turnOf(chat, 'u3'), 's2');
		await settle();
		expect(hob.posts[0]).toMatchObject({
			mode: 'retry',
			server: 's2',
			instead_of: 'g-a3',
			message: { id: 'u3', parent_id: 'a1' }
		});
		stream.text('anew').done();
		await settle();
		expect(shown(chat)).toBe('u1 a1 u3 a9');
		chat.show('a3');
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		expect(turnOf(chat, 'u3').shown).toBe(0);
	});
	it('to an earlier message is shown with nothing behind it; what followed stays with the old one', async () => {
		const chat = await aChat();
		const stream = answerStream('g9', 'a9');
		hob.onPost = () => stream.response;
		chat.regenerate(turnOf(chat, 'u1'), 's1');
		await settle();
		stream.text('anew').done();
		await settle();
		expect(hob.of('PATCH').map((c) => c.body)).toEqual([{ leaf_id: 'u1' }]);
		expect(shown(chat)).toBe('u1 a9');
		chat.show('a1');
		expect(shown(chat)).toBe('u1 a1 u3 a3');
	});
	it('that never comes leaves those that were there, and a card', async () => {
		const chat = await aChat();
		chat.regenerate(turnOf(chat, 'u3'), 's1');
		await pass(30_000);
		expect(hob.posts).toHaveLength(4);
		expect(new Set(hob.posts.map((p) => p.instead_of))).toEqual(new Set(['g-a3']));
		expect(turnOf(chat, 'u3').cycle?.name).toBe('exhausted');
		expect(turnOf(chat, 'u3').answer?.id).toBe('a3');
	});
	it('that fails before its first word leaves those that were there', async () => {
		const chat = await aChat();
		const stream = answerStream('g9', 'a9');
		hob.onPost = () => stream.response;
		chat.regenerate(turnOf(chat, 'u3'), 's1');
		await settle();
		expect(shown(chat)).toBe('u1 a1 u3 a9');
		stream.error({ message: 'no memory', retryable: false });
		await settle();
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		expect(turnOf(chat, 'u3').phase).toBe('unsent');
	});
	it('from another tab is shown where the message was the end, and grows unseen where it was not', async () => {
		const chat = await aChat();
		hob.streams = { g9: new FakeStream() };
		chat.show('u2');
		await settle();
		chat.onGeneration(news({ id: 'g9', message_id: 'u3', answer_id: 'a9' }));
		await settle();
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		hob.streams.g9?.text('grown');
		await settle();
		chat.show('u3');
		expect(shown(chat)).toBe('u1 a1 u3 a9');
		expect(turnOf(chat, 'u3')).toMatchObject({ phase: 'streaming' });
		expect(turnOf(chat, 'u3').answer?.text).toBe('grown');
		chat.show('a3');
		expect(turnOf(chat, 'u3')).toMatchObject({ phase: 'done', working: true });
	});
	it('by hand is beside the one that it changes', async () => {
		const chat = await aChat();
		const u3 = turnOf(chat, 'u3');
		const a3 = u3.answer;
		if (!a3) throw new Error('no answer');
		hob.calls.length = 0;
		const reply = chat.editAnswer(u3, a3, 'better');
		const [call] = hob.calls;
		expect(call).toMatchObject({ method: 'POST', path: '/api/messages/a3/edit' });
		expect(call?.body).toMatchObject({ content: 'better' });
		await reply;
	});
});

describe('deleting a branch', () => {
	it('shows another version at once, and hob is told when the time is up', async () => {
		const chat = await aChat();
		chat.removeBranch('u3');
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		expect(turnOf(chat, 'u2').versions).toEqual(['u2']);
		expect(chat.removals.offered?.count).toBe(2);
		await pass(5_000);
		expect(hob.of('DELETE')).toEqual([]);
		hob.messages = TREE().filter((m) => !['u3', 'a3'].includes(m.id));
		await pass(2_000);
		expect(hob.of('DELETE').map((c) => c.path)).toEqual(['/api/messages/u3?branch=true']);
		expect(chat.removals.offered).toBeUndefined();
		expect(shown(chat)).toBe('u1 a1 u2 a2');
	});
	it.each(['u3', 'a3', 'u1', 'a1'])('of %s can be undone', async (id) => {
		const chat = await aChat();
		chat.removeBranch(id);
		expect(shown(chat)).not.toContain(id);
		await pass(3_000);
		// hob still has it all.
		await chat.load();
		expect(shown(chat)).not.toContain(id);
		chat.removals.undo(id);
		await pass(10_000);
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		expect(hob.of('DELETE')).toEqual([]);
	});
	it('that hob refuses brings it back, with a word', async () => {
		hob.onDelete = () => failure(500, 'disk full');
		const chat = await aChat();
		chat.removeBranch('a3');
		await pass(7_000);
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		expect(chat.notice).toContain('disk full');
	});
	it('holds when the page closes', async () => {
		const chat = await aChat();
		chat.removeBranch('u3');
		chat.flushRemovals();
		await pass(0);
		expect(hob.of('DELETE')).toHaveLength(1);
	});
});

describe('settings', () => {
	const WARM: Settings = { options: { temperature: 1.5 }, system_prompt: 'Rhyme.' };
	it('come with the conversation, and what is changed shows at once', async () => {
		hob.settings = WARM;
		const chat = await aChat();
		expect(chat.settings).toEqual(WARM);
		const cold: Settings = { options: { temperature: 0 }, system_prompt: null };
		hob.settings = cold;
		const saved = chat.saveSettings(cold);
		expect(chat.settings).toEqual(cold);
		await saved;
		expect(hob.of('PATCH').map((c) => c.body)).toEqual([cold]);
	});
	it('that hob refuses are taken back, with a word', async () => {
		hob.settings = WARM;
		const chat = await aChat();
		hob.onPatch = () => failure(400, 'too hot');
		await chat.saveSettings({ options: { temperature: 99 }, system_prompt: null });
		expect(chat.settings).toEqual(WARM);
		expect(chat.notice).toContain('too hot');
	});
	it('of a new conversation go out with its first message, and only with that', async () => {
		hob.onPost = () => answerStream().response;
		const chat = await aChat(true);
		void chat.saveSettings(WARM);
		expect(hob.of('PATCH')).toEqual([]);
		chat.send('one', 's1');
		await settle();
		expect(hob.posts[0]?.settings).toEqual(WARM);
		chat.send('two', 's1');
		await settle();
		expect(hob.of('PATCH')).toEqual([]);
		void chat.saveSettings({ options: {}, system_prompt: 'Stop.' });
		await settle();
		expect(hob.of('PATCH')).toHaveLength(1);
	});
	it('the server that is chosen is kept in hob', async () => {
		const chat = await aChat();
		chat.chooseServer('s2');
		await settle();
		expect(hob.of('PATCH').map((c) => c.body)).toEqual([{ server_id: 's2' }]);
		chat.chooseServer('s2');
		await settle();
		expect(hob.of('PATCH')).toHaveLength(1);
	});
});

describe('the outbox', () => {
	it('takes a message straight from the input', async () => {
		hob.onPost = () => json({ generation: { id: 'g5', answer_id: 'a5', state: 'queued' } }, 202);
		hob.streams = { g5: new FakeStream() };
		const chat = await aChat(true);
		const sent = chat.send('later', 's1', 'when_ready');
		await settle();
		expect(hob.posts[0]?.mode).toBe('when_ready');
		expect(sent.phase).toBe('outbox');
		chat.stop(sent);
		await settle();
		expect(hob.calls.some((c) => c.path === '/api/generations/g5/stop')).toBe(true);
	});
});

it('the editor of the last message opens from outside', async () => {
	const chat = await aChat();
	expect(chat.editLast()).toBe(true);
	expect(turnOf(chat, 'u3').editing).toBe(true);
	expect((await aChat(true)).editLast()).toBe(false);
});
