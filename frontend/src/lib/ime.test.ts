import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aConversation, fakeFetch, json, type Call } from '$lib/api/fake';
import SearchField from '$lib/finding/SearchField.svelte';
import { Search } from '$lib/finding/search.svelte';
import Palette from '$lib/palette/Palette.svelte';
import ConversationList from '$lib/sidebar/ConversationList.svelte';
import { conversations } from '$lib/state/conversations.svelte';

const navigation = vi.hoisted(() => ({ goto: vi.fn(), afterNavigate: vi.fn() }));
vi.mock('$app/navigation', () => navigation);
vi.mock('$app/state', () => ({ page: { state: {}, url: new URL('http://hob/servers') } }));

/** The second: browsers that end the composition first, and send its Enter after that. */
const COMPOSING = [
	['while composing', { isComposing: true }],
	['that ends a composition', { keyCode: 229 }]
] as const;
let calls: Call[];

beforeEach(() => {
	calls = fakeFetch(() =>
		json({
			hits: [
				{
					conversation_id: 'c1',
					title: 'スープ',
					archived: false,
					message_id: 'm1',
					role: 'user',
					at: 1,
					snippet: [{ text: 'にほん', hit: true }]
				}
			],
			next: null
		})
	);
});
afterEach(() => {
	conversations.list = [];
	vi.unstubAllGlobals();
	navigation.goto.mockClear();
});

describe.each(COMPOSING)('Enter %s', (_, key) => {
	const press = (on: HTMLElement, more: KeyboardEventInit): Promise<boolean> =>
		fireEvent.keyDown(on, { key: 'Enter', ...more });

	it('opens no hit of the search, and Escape clears nothing', async () => {
		render(SearchField, { search: new Search(5), listId: 'hits' });
		const field = screen.getByRole('combobox', { name: 'Search conversations' });
		await fireEvent.input(field, { target: { value: 'にほん' } });
		await press(field, key);
		await fireEvent.keyDown(field, { key: 'Escape', ...key });
		expect(field).toHaveValue('にほん');
		expect(calls).toEqual([]);
		await press(field, {});
		await vi.waitFor(() => expect(navigation.goto).toHaveBeenCalledOnce());
	});
	it('runs nothing in the palette', async () => {
		const onclose = vi.fn();
		render(Palette, { onclose });
		const field = await screen.findByRole('combobox');
		await fireEvent.input(field, { target: { value: 'new' } });
		await screen.findByText('New chat');
		await press(field, key);
		expect(onclose).not.toHaveBeenCalled();
		await press(field, {});
		await vi.waitFor(() => expect(onclose).toHaveBeenCalled());
	});
	it('ends no renaming', async () => {
		const rename = vi.spyOn(conversations, 'rename').mockResolvedValue();
		conversations.list = [aConversation('c1', { title: 'soup' })];
		render(ConversationList);
		const row = await screen.findByText('soup');
		await fireEvent.keyDown(row.closest('a') ?? row, { key: 'F2' });
		const title = await screen.findByLabelText('Title');
		await fireEvent.input(title, { target: { value: 'スープ' } });
		await press(title, key);
		expect(title).toBeInTheDocument();
		expect(rename).not.toHaveBeenCalled();
		await press(title, {});
		expect(rename).toHaveBeenCalledExactlyOnceWith('c1', 'スープ');
	});
});
