import { tick } from 'svelte';
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aConversation, fakeFetch, json } from '$lib/api/fake';
import { conversations } from '$lib/state/conversations.svelte';
import { session } from '$lib/state/session.svelte';
import MessageEditor from './MessageEditor.svelte';

const field = (): HTMLElement => screen.getByRole('textbox');
function open(id: string) {
	const props = {
		id,
		conversationId: 'c1',
		text: 'as it was',
		label: 'Edit',
		save: 'Save',
		onsave: vi.fn<(text: string) => Promise<string | null> | void>(),
		oncancel: vi.fn()
	};
	return { ...render(MessageEditor, props), ...props };
}
async function write(text: string): Promise<void> {
	await fireEvent.input(field(), { target: { value: text } });
}

beforeEach(() => {
	fakeFetch(() => json({ user: null, setup_needed: false, version: '' }));
	session.user = { id: 'ada', name: 'ada', role: 'user' };
});
afterEach(async () => {
	cleanup();
	await session.load(); // signs out: nothing half written is left
	vi.unstubAllGlobals();
});

describe('the editor of a message', () => {
	it('keeps what was written when one goes elsewhere, for that message only', async () => {
		const first = open('a');
		await write('half of a new');
		first.unmount();
		const other = open('b');
		expect(field()).toHaveValue('as it was');
		other.unmount();
		open('a');
		expect(field()).toHaveValue('half of a new');
	});
	it.each([
		['given up', async () => fireEvent.keyDown(field(), { key: 'Escape' })],
		['saved', async () => fireEvent.keyDown(field(), { key: 'Enter', ctrlKey: true })]
	])('forgets what was %s', async (what, end) => {
		const first = open(what);
		await write('new');
		await end();
		first.unmount();
		open(what);
		expect(field()).toHaveValue('as it was');
	});
	it('keeps what could not be saved', async () => {
		const first = open('c');
		first.onsave.mockResolvedValue('hob is away');
		await write('new');
		await fireEvent.keyDown(field(), { key: 'Enter', ctrlKey: true });
		expect(await screen.findByRole('alert')).toHaveTextContent('hob is away');
		first.unmount();
		open('c');
		expect(field()).toHaveValue('new');
	});
	it.each([
		['not saved', 'hob is away', 'new', 'Not saved: hob is away'],
		['saved', null, 'as it was', null]
	] as const)('keeps what is %s after one went elsewhere', async (what, problem, text, words) => {
		const first = open(`left ${what}`);
		let answer: (problem: string | null) => void = () => undefined;
		first.onsave.mockReturnValue(new Promise((resolve) => (answer = resolve)));
		await write('new');
		await fireEvent.keyDown(field(), { key: 'Enter', ctrlKey: true });
		first.unmount();
		answer(problem);
		await tick();
		open(`left ${what}`);
		expect(field()).toHaveValue(text);
		expect(screen.queryByRole('alert')?.textContent ?? null).toBe(words);
	});
	it('lets the browser ask before it closes the page with something half written', async () => {
		const closing = (): boolean =>
			window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
		const first = open('e');
		expect(closing()).toBe(true);
		await write('half');
		expect(closing()).toBe(false);
		first.unmount();
		expect(closing()).toBe(false);
		open('e');
		await fireEvent.keyDown(field(), { key: 'Escape' });
		expect(closing()).toBe(true);
	});
	it.each([
		['signs out', () => session.load()],
		[
			'deletes the conversation',
			async () => {
				conversations.remove(['c1']);
				await conversations.flushRemove();
			}
		]
	])('forgets it when one %s', async (what, end) => {
		conversations.apply(aConversation('c1'));
		const first = open(what);
		await write('half');
		first.unmount();
		await end();
		open(what);
		expect(field()).toHaveValue('as it was');
	});
	it('is not ended by keys of an input method', async () => {
		const { onsave, oncancel } = open('d');
		await fireEvent.keyDown(field(), { key: 'Escape', isComposing: true });
		await fireEvent.keyDown(field(), { key: 'Enter', ctrlKey: true, keyCode: 229 });
		expect(onsave).not.toHaveBeenCalled();
		expect(oncancel).not.toHaveBeenCalled();
	});
});
