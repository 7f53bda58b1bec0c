import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { failure } from '$lib/api/fake';
import type { Chat } from '$lib/state/chat.svelte';
import { aChat, hob, pass, said, settle, useFakeHob, user } from '$lib/state/fake_hob';
import ChatBars from './ChatBars.svelte';
import TurnView from './TurnView.svelte';

const undo = (): HTMLElement => screen.getByRole('button', { name: 'Undo' });
const deletions = (): string[] => hob.of('DELETE').map((c) => c.path);

useFakeHob();

/** A branch was deleted: the line above the composer says so. */
async function branch(): Promise<Chat> {
	hob.messages = [user('u1', null), said('a1', 'u1'), user('u2', 'a1'), said('a2', 'u2')];
	const chat = aChat();
	await settle();
	render(ChatBars, { chat });
	chat.removeBranch('u2');
	await settle();
	return chat;
}
/** A message that was not answered was deleted: its place says so. */
async function inPlace(): Promise<Chat> {
	hob.onPost = () => failure(400);
	const chat = aChat(true);
	const turn = chat.send('one', 's1');
	await settle();
	render(TurnView, { chat, turn });
	chat.remove(turn);
	await settle();
	return chat;
}

describe.each([
	['above the composer', branch],
	['in the place of the message', inPlace]
])('Undo %s', (_, begin) => {
	it('stays while it has the focus, and for its time afterwards', async () => {
		await begin();
		undo().focus();
		await pass(60_000);
		expect(undo()).toHaveFocus();
		expect(deletions()).toEqual([]);
		undo().blur();
		await pass(5_900);
		expect(deletions()).toEqual([]);
		await pass(200);
		expect(deletions()).toHaveLength(1);
	});
	it('stays while the pointer is moved there', async () => {
		await begin();
		const pointer = userEvent.setup({ delay: null });
		await pointer.hover(undo());
		await pass(60_000);
		expect(deletions()).toEqual([]);
		await pointer.hover(document.body);
		await pass(6_100);
		expect(deletions()).toHaveLength(1);
	});
	it('takes it back for good, by pointer and by key', async () => {
		const chat = await begin();
		await userEvent.setup({ delay: null }).click(undo());
		await pass(60_000);
		expect(deletions()).toEqual([]);
		expect(chat.removals.list).toEqual([]);
		cleanup();
		await begin();
		undo().focus();
		await userEvent.setup({ delay: null }).keyboard('{Enter}');
		await pass(60_000);
		expect(deletions()).toEqual([]);
	});
	it('goes where it came up under a pointer that rests', async () => {
		await begin();
		await fireEvent.pointerEnter(undo().parentElement as HTMLElement);
		await pass(6_100);
		expect(deletions()).toHaveLength(1);
	});
});

it('Undo holds nothing any more when its page has gone', async () => {
	const chat = await branch();
	undo().focus();
	await pass(60_000);
	cleanup();
	await pass(6_100);
	expect(deletions()).toHaveLength(1);
	expect(chat.removals.list).toEqual([]);
});
