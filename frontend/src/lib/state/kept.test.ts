import { beforeEach, describe, expect, it } from 'vitest';
import { answerStream, failure, json } from '$lib/api/fake';
import type { Settings } from '$lib/api/types';
import { aChat, closeAll, hob, pass, said, settle, shown, useFakeHob, user } from './fake_hob';

useFakeHob();

const WARM: Settings = { options: { temperature: 1.5 }, system_prompt: 'Rhyme.' };
const COLD: Settings = { options: { temperature: 0 }, system_prompt: null };
const patched = (): unknown[] => hob.of('PATCH').map((c) => c.body);
/** hob takes what it is given. */
const takes = (): void => {
	hob.onPatch = () => {
		hob.settings = patched().at(-1) as Settings;
		return json({ conversation: hob.conversation, settings: hob.settings });
	};
};

describe('settings of a conversation that hob does not know yet', () => {
	it('are there after a reload, and go out with the first message', async () => {
		void aChat(true).saveSettings(WARM);
		closeAll();
		hob.onPost = () => answerStream().response;
		const chat = aChat(true);
		expect(chat.settings).toEqual(WARM);
		chat.send('one', 's1');
		await settle();
		expect(hob.posts[0]?.settings).toEqual(WARM);
		expect(hob.of('PATCH')).toEqual([]);
		closeAll();
		expect(aChat(true).settings).toEqual({ options: {}, system_prompt: null });
	});
	it('stay with a first message that did not get through, also over a reload', async () => {
		hob.onPost = () => new TypeError('refused');
		const before = aChat(true);
		void before.saveSettings(WARM);
		before.send('one', 's1');
		await settle();
		closeAll();
		const chat = aChat();
		await settle();
		const reply = answerStream();
		hob.onPost = () => reply.response;
		const [turn] = chat.turns;
		if (turn) chat.retry(turn);
		reply.text('yes').done();
		await settle();
		expect(hob.posts.at(-1)?.settings).toEqual(WARM);
		expect(localStorage).toHaveLength(0);
	});
	it('are told to hob when another message than that with them makes the conversation', async () => {
		takes();
		hob.onPost = () => new TypeError('refused');
		const chat = aChat(true);
		void chat.saveSettings(WARM);
		chat.send('one', 's1');
		await settle();
		chat.send('two', 's1');
		await settle();
		expect(patched()).toEqual([WARM]);
		hob.messages = [];
		await chat.load();
		expect(chat.settings).toEqual(WARM);
	});
	it('that the message took along are not told again; those chosen since are', async () => {
		takes();
		const reply = answerStream();
		hob.onPost = (n) => (n === 1 ? failure(503) : reply.response);
		const chat = aChat(true);
		void chat.saveSettings(WARM);
		chat.send('one', 's1');
		await settle();
		void chat.saveSettings(COLD);
		await pass(2000);
		expect(hob.posts.map((p) => p.settings)).toEqual([WARM, COLD]);
		expect(patched()).toEqual([]);
	});
});

describe('settings that hob may have others of', () => {
	const BOTH: Settings = { options: { temperature: 0, seed: 7 }, system_prompt: 'Rhyme.' };
	beforeEach(() => {
		hob.messages = [user('u1', null), said('a1', 'u1')];
		hob.settings = { options: { seed: 7 }, system_prompt: 'Rhyme.' };
		hob.onPatch = () => {
			hob.settings = { ...hob.settings, ...(patched().at(-1) as Partial<Settings>) };
			return json({ conversation: hob.conversation, settings: hob.settings });
		};
	});
	it('keep what was not changed, when they are chosen before the conversation is read', async () => {
		let read = (): void => undefined;
		const { onGet } = hob;
		hob.onGet = (path) => new Promise((resolve) => (read = () => resolve(onGet(path) as Response)));
		const chat = aChat();
		chat.onConversation(hob.conversation);
		void chat.saveSettings(COLD);
		await settle();
		expect(patched()).toEqual([]);
		read();
		await settle();
		expect(chat.settings).toEqual(BOTH);
		expect(hob.settings).toEqual(BOTH);
		expect(localStorage).toHaveLength(0);
	});
	it('keep a prompt that another tab has set meanwhile, and show it', async () => {
		hob.settings = { options: {}, system_prompt: null };
		const chat = aChat();
		await settle();
		hob.settings = { options: {}, system_prompt: 'Rhyme.' };
		await chat.saveSettings(COLD);
		expect(patched()).toEqual([{ options: { temperature: 0 } }]);
		expect(chat.settings).toEqual({ options: { temperature: 0 }, system_prompt: 'Rhyme.' });
	});
	it('keep what another tab has set, also while one types on', async () => {
		hob.settings = { options: {}, system_prompt: null };
		const chat = aChat();
		await settle();
		hob.settings = { options: {}, system_prompt: 'Rhyme.' };
		void chat.saveSettings({ options: { seed: 7 }, system_prompt: null });
		void chat.saveSettings({ options: { seed: 7, temperature: 0 }, system_prompt: null });
		await settle();
		expect(hob.settings).toEqual(BOTH);
		expect(chat.settings).toEqual(BOTH);
	});
	it('are not taken from a list that was asked for before they were saved', async () => {
		const chat = aChat();
		await settle();
		const old = hob.onGet('/api/conversations/c1');
		let read = (): void => undefined;
		hob.onGet = () => new Promise((resolve) => (read = () => resolve(old as Response)));
		const reading = chat.load();
		await chat.saveSettings(BOTH);
		read();
		await reading;
		expect(chat.settings).toEqual(BOTH);
	});
	it('take back what was unset here, also over a reload', async () => {
		const before = aChat();
		await settle();
		const { onPatch } = hob;
		hob.onPatch = () => new TypeError('refused');
		void before.saveSettings({ options: {}, system_prompt: 'Rhyme.' });
		await settle();
		closeAll();
		hob.onPatch = onPatch;
		hob.settings = { options: { seed: 7, top_k: 3 }, system_prompt: 'Sing.' };
		const chat = aChat();
		await settle();
		expect(hob.settings).toEqual({ options: { top_k: 3 }, system_prompt: 'Sing.' });
		expect(chat.settings).toEqual(hob.settings);
	});
});

describe('settings', () => {
	it('are sent again until hob can be reached, and are there after a reload meanwhile', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1')];
		const before = aChat();
		await settle();
		hob.onPatch = () => new TypeError('refused');
		let done = false;
		void before.saveSettings(WARM).then(() => (done = true));
		await pass(2000);
		expect(before.settings).toEqual(WARM);
		expect(before.notice).toContain('not saved yet');
		expect(before.unsavedSettings).toBe(true);
		expect(done).toBe(false);
		closeAll();
		takes();
		const chat = aChat();
		await settle();
		expect(chat.settings).toEqual(WARM);
		expect(hob.settings).toEqual(WARM);
		expect(localStorage).toHaveLength(0);
	});
	it('that cannot be saved yet are told of once, not again after that was dismissed', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1')];
		const chat = aChat();
		await settle();
		hob.onPatch = () => new TypeError('refused');
		void chat.saveSettings(WARM);
		await pass(2000);
		expect(chat.notice).toContain('not saved yet');
		chat.notice = null;
		const before = patched().length;
		await pass(60_000);
		expect(patched().length).toBeGreaterThan(before);
		expect(chat.notice).toBeNull();
		hob.onPatch = () => failure(400, 'too hot');
		await pass(60_000);
		expect(chat.notice).toContain('too hot');
	});
	it('go out one after the other, and the last ones count', async () => {
		hob.messages = [user('u1', null), said('a1', 'u1')];
		const chat = aChat();
		await settle();
		hob.onPatch = () => failure(503);
		const saved = [chat.saveSettings(WARM), chat.saveSettings(COLD)];
		await settle();
		expect(patched()).toEqual([WARM]);
		takes();
		await pass(2000);
		await Promise.all(saved);
		expect(patched()).toEqual([WARM, COLD]);
		expect(chat.settings).toEqual(COLD);
		expect(chat.notice).toBeNull();
		expect(chat.unsavedSettings).toBe(false);
	});
});

it('of many moves that hob refuses the last one is taken back', async () => {
	hob.messages = [user('u1', null), said('a1', 'u1'), said('a2', 'u1'), said('a3', 'u1')];
	hob.leaf = 'a3';
	const chat = aChat();
	await settle();
	hob.onPatch = () => (hob.of('PATCH').length === 1 ? json({}) : failure(400));
	chat.show('a2');
	chat.show('a1');
	expect(shown(chat)).toBe('u1 a1');
	await settle();
	expect(shown(chat)).toBe('u1 a2');
});
