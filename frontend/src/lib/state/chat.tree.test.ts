import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
	aMessage,
	answerStream,
	aServer,
	failure,
	fakeFetch,
	FakeStream,
	json,
	type Answer,
	type Call
} from '$lib/api/fake';
import type { ChatRequest, Conversation, Generation, Message, Settings } from '$lib/api/types';
import { Chat } from './chat.svelte';
import { servers } from './servers.svelte';
import { session } from './session.svelte';
import type { Turn } from './turn.svelte';

let calls: Call[];
let onPost: (n: number, body: ChatRequest) => Answer;
let onPatch: () => Answer;
let onDelete: () => Answer;
/** What hob has. */
let messages: Message[];
let leaf: string | null;
let settings: Settings;
let streams: Record<string, FakeStream>;
const open: Chat[] = [];

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const settle = (): Promise<unknown> => pass(50);
const posts = (): ChatRequest[] =>
	calls.filter((c) => c.path === '/api/chat/completions').map((c) => c.body as ChatRequest);
const of = (method: string): Call[] => calls.filter((c) => c.method === method);
const conversation = (): Conversation =>
	({ id: 'c1', server_id: 's1', leaf_id: leaf, title: 't' }) as Conversation;

const user = (id: string, parent: string | null, more: Partial<Message> = {}): Message =>
	aMessage(id, { parent_id: parent, state: 'answered', ...more });
const said = (id: string, parent: string, more: Partial<Message> = {}): Message =>
	aMessage(id, {
		parent_id: parent,
		role: 'assistant',
		state: 'done',
		generation_id: `g-${id}`,
		...more
	});
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
	const chat = new Chat('c1', 'ada', fresh);
	open.push(chat);
	chat.view();
	await settle();
	return chat;
}
const shown = (chat: Chat): string =>
	chat.turns.flatMap((t) => [t.id, ...(t.answer ? [t.answer.id] : [])]).join(' ');
const turn = (chat: Chat, id: string): Turn => {
	const found = chat.turns.find((t) => t.id === id);
	if (!found) throw new Error(`${id} is not shown`);
	return found;
};
const news = (more: Partial<Generation>): Generation =>
	({ conversation_id: 'c1', state: 'streaming', ...more }) as Generation;

beforeEach(() => {
	vi.useFakeTimers();
	localStorage.clear();
	messages = TREE();
	leaf = null;
	settings = { options: {}, system_prompt: null };
	streams = {};
	onPost = () => failure(503, 'loading', { code: 'engine_loading' });
	onPatch = () => json({ conversation: conversation(), settings });
	onDelete = () => json(null, 204);
	calls = fakeFetch((call) => {
		if (call.path === '/api/chat/completions')
			return onPost(posts().length, call.body as ChatRequest);
		if (call.method === 'PATCH') return onPatch();
		if (call.method === 'DELETE') return onDelete();
		const generation = /generations\/([^/]+)\/events/.exec(call.path)?.[1];
		if (generation) return streams[generation]?.response ?? failure(404);
		if (call.path.startsWith('/api/conversations/'))
			return json({ conversation: conversation(), settings, messages });
		return json({ message: {}, generation: {} });
	});
	session.user = { id: 'ada', name: 'ada', role: 'user' };
	servers.apply(aServer('s1'));
});
afterEach(() => {
	for (const chat of open.splice(0)) chat.close();
	session.user = null;
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

describe('the shown path', () => {
	it.each([
		[null, 'u1 a1 u3 a3', false],
		['a2', 'u1 a1 u2 a2', false],
		['a1', 'u1 a1', true],
		['gone', 'u1 a1 u3 a3', false]
	])('with leaf %s is %s', async (at, path, branching) => {
		leaf = at;
		const chat = await aChat();
		expect(shown(chat)).toBe(path);
		expect(chat.branching).toBe(branching);
		expect(of('PATCH')).toEqual([]);
	});
	it('is chosen by version, kept in hob, and taken back when hob refuses', async () => {
		const chat = await aChat();
		expect(turn(chat, 'u3').versions).toEqual(['u2', 'u3']);
		chat.show('u2');
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		await settle();
		expect(of('PATCH').map((c) => c.body)).toEqual([{ leaf_id: 'a2' }]);
		onPatch = () => failure(500, 'no room');
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
		expect(of('PATCH').map((c) => c.body)).toEqual(
			[{ leaf_id: 'a2' }, { leaf_id: 'a2' }].slice(0, 1)
		);
		expect(shown(chat)).toBe('u1 a1 u2 a2');
	});
	it('follows another tab', async () => {
		const chat = await aChat();
		leaf = 'a2';
		chat.onConversation(conversation());
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		messages.push(user('u4', 'a2'), said('a4', 'u4'));
		leaf = 'a4';
		chat.onConversation(conversation());
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
		messages[2] = user('u2', 'a1', { content: [{ type: 'text', text: 'look' }, ...files] });
		leaf = 'a2';
		const chat = await aChat();
		const stream = answerStream('g9', 'a9');
		onPost = () => stream.response;
		chat.edit(turn(chat, 'u2'), 'look again', 's2');
		await settle();
		stream.text('yes').done();
		await settle();
		const [body] = posts();
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
		expect(of('PATCH').map((c) => c.body)).toEqual([{ leaf_id: 'a1' }]);
		chat.toLatest();
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		if (first?.answer) chat.branchFrom(first.answer);
		chat.send('elsewhere', 's1');
		await settle();
		expect(chat.branching).toBe(false);
		expect(posts()[0]?.message.parent_id).toBe('a1');
		expect(chat.turns).toHaveLength(2);
	});
	it('begins also while something is answered elsewhere, which goes on and is there afterwards', async () => {
		const chat = await aChat();
		const first = answerStream('g8', 'a8');
		const second = answerStream('g9', 'a9');
		onPost = (n) => (n === 1 ? first.response : second.response);
		const long = chat.send('long', 's1');
		await settle();
		first.text('once ');
		await settle();
		chat.show('u2');
		expect(chat.busy).toBeNull();
		chat.send('here', 's1');
		await settle();
		expect(posts()).toHaveLength(2);
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
		onPost = () => stream.response;
		chat.regenerate(turn(chat, 'u3'), 's2');
		await settle();
		expect(posts()[0]).toMatchObject({
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
		expect(turn(chat, 'u3').shown).toBe(0);
	});
	it('to an earlier message is shown with nothing behind it; what followed stays with the old one', async () => {
		const chat = await aChat();
		const stream = answerStream('g9', 'a9');
		onPost = () => stream.response;
		chat.regenerate(turn(chat, 'u1'), 's1');
		await settle();
		stream.text('anew').done();
		await settle();
		expect(of('PATCH').map((c) => c.body)).toEqual([{ leaf_id: 'u1' }]);
		expect(shown(chat)).toBe('u1 a9');
		chat.show('a1');
		expect(shown(chat)).toBe('u1 a1 u3 a3');
	});
	it('that never comes leaves those that were there, and a card', async () => {
		const chat = await aChat();
		chat.regenerate(turn(chat, 'u3'), 's1');
		await pass(30_000);
		expect(posts()).toHaveLength(4);
		expect(new Set(posts().map((p) => p.instead_of))).toEqual(new Set(['g-a3']));
		expect(turn(chat, 'u3').cycle?.name).toBe('exhausted');
		expect(turn(chat, 'u3').answer?.id).toBe('a3');
	});
	it('that fails before its first word leaves those that were there', async () => {
		const chat = await aChat();
		const stream = answerStream('g9', 'a9');
		onPost = () => stream.response;
		chat.regenerate(turn(chat, 'u3'), 's1');
		await settle();
		expect(shown(chat)).toBe('u1 a1 u3 a9');
		stream.error({ message: 'no memory', retryable: false });
		await settle();
		expect(shown(chat)).toBe('u1 a1 u3 a3');
		expect(turn(chat, 'u3').phase).toBe('unsent');
	});
	it('from another tab is shown where the message was the end, and grows unseen where it was not', async () => {
		const chat = await aChat();
		streams = { g9: new FakeStream() };
		chat.show('u2');
		await settle();
		chat.onGeneration(news({ id: 'g9', message_id: 'u3', answer_id: 'a9' }));
		await settle();
		expect(shown(chat)).toBe('u1 a1 u2 a2');
		streams.g9?.text('grown');
		await settle();
		chat.show('u3');
		expect(shown(chat)).toBe('u1 a1 u3 a9');
		expect(turn(chat, 'u3')).toMatchObject({ phase: 'streaming' });
		expect(turn(chat, 'u3').answer?.text).toBe('grown');
		chat.show('a3');
		expect(turn(chat, 'u3')).toMatchObject({ phase: 'done', working: true });
	});
	it('by hand is beside the one that it changes', async () => {
		const chat = await aChat();
		const u3 = turn(chat, 'u3');
		const a3 = u3.answer;
		if (!a3) throw new Error('no answer');
		calls.length = 0;
		const reply = chat.editAnswer(u3, a3, 'better');
		const [call] = calls;
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
		expect(turn(chat, 'u2').versions).toEqual(['u2']);
		expect(chat.removals.offered?.count).toBe(2);
		await pass(5_000);
		expect(of('DELETE')).toEqual([]);
		messages = messages.filter((m) => !['u3', 'a3'].includes(m.id));
		await pass(2_000);
		expect(of('DELETE').map((c) => c.path)).toEqual(['/api/messages/u3?branch=true']);
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
		expect(of('DELETE')).toEqual([]);
	});
	it('that hob refuses brings it back, with a word', async () => {
		onDelete = () => failure(500, 'disk full');
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
		expect(of('DELETE')).toHaveLength(1);
	});
});

describe('settings', () => {
	const WARM: Settings = { options: { temperature: 1.5 }, system_prompt: 'Rhyme.' };
	it('come with the conversation, and what is changed shows at once', async () => {
		settings = WARM;
		const chat = await aChat();
		expect(chat.settings).toEqual(WARM);
		const cold: Settings = { options: { temperature: 0 }, system_prompt: null };
		settings = cold;
		const saved = chat.saveSettings(cold);
		expect(chat.settings).toEqual(cold);
		await saved;
		expect(of('PATCH').map((c) => c.body)).toEqual([cold]);
	});
	it('that hob refuses are taken back, with a word', async () => {
		settings = WARM;
		const chat = await aChat();
		onPatch = () => failure(400, 'too hot');
		await chat.saveSettings({ options: { temperature: 99 }, system_prompt: null });
		expect(chat.settings).toEqual(WARM);
		expect(chat.notice).toContain('too hot');
	});
	it('of a new conversation go out with its first message, and only with that', async () => {
		onPost = () => answerStream().response;
		const chat = await aChat(true);
		void chat.saveSettings(WARM);
		expect(of('PATCH')).toEqual([]);
		chat.send('one', 's1');
		await settle();
		expect(posts()[0]?.settings).toEqual(WARM);
		chat.send('two', 's1');
		await settle();
		expect(of('PATCH')).toEqual([]);
		void chat.saveSettings({ options: {}, system_prompt: 'Stop.' });
		await settle();
		expect(of('PATCH')).toHaveLength(1);
	});
	it('the server that is chosen is kept in hob', async () => {
		const chat = await aChat();
		chat.chooseServer('s2');
		await settle();
		expect(of('PATCH').map((c) => c.body)).toEqual([{ server_id: 's2' }]);
		chat.chooseServer('s2');
		await settle();
		expect(of('PATCH')).toHaveLength(1);
	});
});

describe('the outbox', () => {
	it('takes a message straight from the input', async () => {
		onPost = () => json({ generation: { id: 'g5', answer_id: 'a5', state: 'queued' } }, 202);
		streams = { g5: new FakeStream() };
		const chat = await aChat(true);
		const sent = chat.send('later', 's1', 'when_ready');
		await settle();
		expect(posts()[0]?.mode).toBe('when_ready');
		expect(sent.phase).toBe('outbox');
		chat.stop(sent);
		await settle();
		expect(calls.some((c) => c.path === '/api/generations/g5/stop')).toBe(true);
	});
});

it('the editor of the last message opens from outside', async () => {
	const chat = await aChat();
	expect(chat.editLast()).toBe(true);
	expect(turn(chat, 'u3').editing).toBe(true);
	expect((await aChat(true)).editLast()).toBe(false);
});
