import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { aConversation, fakeFetch, json, type Call } from '$lib/api/fake';
import { conversations, UNDO_MS } from '$lib/state/conversations.svelte';
import UndoBar from './UndoBar.svelte';

let calls: Call[];
const undo = (): HTMLElement => screen.getByRole('button', { name: 'Undo' });
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const deletions = (): string[] => calls.filter((c) => c.method === 'DELETE').map((c) => c.path);

beforeEach(async () => {
	vi.useFakeTimers();
	calls = fakeFetch(() => json(null, 204));
	for (const id of ['a', 'b']) conversations.apply(aConversation(id));
	render(UndoBar);
	conversations.remove(['a']);
	await pass(0);
});
afterEach(() => {
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

it('Undo stays while it has the focus or the pointer, and for its time afterwards', async () => {
	const pointer = userEvent.setup({ delay: null });
	await pass(UNDO_MS - 1);
	undo().focus();
	await pointer.hover(undo());
	await pass(60_000);
	expect(undo()).toHaveFocus();
	undo().blur();
	await pass(60_000);
	expect(deletions()).toEqual([]);
	await pointer.hover(document.body);
	await pass(UNDO_MS - 1);
	expect(deletions()).toEqual([]);
	await pass(1);
	expect(deletions()).toEqual(['/api/conversations/a']);
});
it('pressing it lets go: what is deleted next is deleted in time', async () => {
	const pointer = userEvent.setup({ delay: null });
	await pointer.click(undo());
	await pass(0);
	conversations.remove(['b']);
	await pass(UNDO_MS);
	expect(deletions()).toEqual(['/api/conversations/b']);
});
