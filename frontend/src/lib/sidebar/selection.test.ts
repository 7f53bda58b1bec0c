import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aConversation } from '$lib/api/fake';
import { conversations } from '$lib/state/conversations.svelte';
import SelectBar from './SelectBar.svelte';
import { selection } from './selection.svelte';

vi.mock('$app/navigation', () => ({ goto: vi.fn() }));

const order = ['a', 'b', 'c', 'd', 'e'];
const chosen = (): string[] => [...selection.ids].sort();

beforeEach(() => selection.begin());
afterEach(() => selection.end());

describe('choosing', () => {
	it.each([
		['down', 'b', 'd'],
		['up', 'd', 'b']
	])('a range %s has both ends', (_, from, to) => {
		selection.toggle(from);
		selection.toggle(to, true, order);
		expect(chosen()).toEqual(['b', 'c', 'd']);
	});
	it('a range becomes as its last one: it takes out, too', () => {
		selection.all(order);
		selection.toggle('b');
		selection.toggle('d', true, order);
		expect(chosen()).toEqual(['a', 'e']);
	});
	it('a range from one that is not listed any more is that one alone', () => {
		selection.toggle('gone');
		selection.toggle('c', true, order);
		expect(chosen()).toEqual(['c', 'gone']);
		selection.keep((id) => id !== 'gone');
		expect(chosen()).toEqual(['c']);
	});
});

describe('the bar', () => {
	const button = (name: string) => screen.getByRole('button', { name });
	const onend = vi.fn();
	beforeEach(() => {
		for (const id of order) conversations.apply(aConversation(id));
		onend.mockReset();
		render(SelectBar, { all: () => order, onend });
	});

	it('can do nothing with nothing', () => {
		expect(screen.getByRole('status')).toHaveTextContent('0 selected');
		for (const name of ['Archive', 'Move', 'Delete']) expect(button(name)).toBeDisabled();
	});
	it('asks before it deletes, with the count; Cancel leaves all as it was', async () => {
		const remove = vi.spyOn(conversations, 'remove').mockImplementation(() => {});
		await userEvent.click(button('Select all'));
		selection.toggle('e');
		await userEvent.click(button('Delete'));
		expect(screen.getByRole('alertdialog', { name: 'Delete 4 conversations?' })).toBeVisible();
		expect(button('Cancel')).toHaveFocus();
		await userEvent.click(button('Cancel'));
		expect(remove).not.toHaveBeenCalled();
		expect(chosen()).toEqual(['a', 'b', 'c', 'd']);
		await userEvent.click(button('Delete'));
		await userEvent.click(button('Delete'));
		expect(remove).toHaveBeenCalledWith(['a', 'b', 'c', 'd']);
		expect(selection.on).toBe(false);
		expect(onend).toHaveBeenCalled();
	});
	it('archives what is chosen', async () => {
		const change = vi.spyOn(conversations, 'change').mockResolvedValue();
		selection.toggle('b');
		await vi.waitFor(() => expect(button('Archive')).toBeEnabled());
		await userEvent.click(button('Archive'));
		expect(change).toHaveBeenCalledWith(['b'], { archived: true });
		expect(selection.on).toBe(false);
	});
});
