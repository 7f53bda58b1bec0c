import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { createRawSnippet } from 'svelte';
import { expect, it, vi } from 'vitest';
import { Button } from './button';
import { Confirm } from './confirm';

const text = (words: string) => createRawSnippet(() => ({ render: () => `<span>${words}</span>` }));

it('a busy button takes no second click', async () => {
	const onclick = vi.fn();
	const view = render(Button, { onclick, children: text('Start') });
	const button = screen.getByRole('button', { name: 'Start' });
	expect(button).toHaveAttribute('type', 'button');
	await userEvent.click(button);
	await view.rerender({ busy: true });
	await userEvent.click(button);
	expect(onclick).toHaveBeenCalledOnce();
});

it('a button with an address is a link', () => {
	render(Button, { href: '/chat', children: text('Chat') });
	expect(screen.getByRole('link', { name: 'Chat' })).toHaveAttribute('href', '/chat');
});

it('a confirmation begins at Cancel, and Escape means no', async () => {
	const onconfirm = vi.fn();
	const oncancel = vi.fn();
	render(Confirm, { question: 'Remove qwen3?', verb: 'Remove', onconfirm, oncancel });
	expect(screen.getByRole('alertdialog', { name: 'Remove qwen3?' })).toBeInTheDocument();
	expect(screen.getByRole('button', { name: 'Cancel' })).toHaveFocus();
	await userEvent.keyboard('{Escape}');
	expect(oncancel).toHaveBeenCalledOnce();
	await userEvent.click(screen.getByRole('button', { name: 'Remove' }));
	expect(onconfirm).toHaveBeenCalledOnce();
});
