import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { api } from '$lib/api/client';
import Log from './Log.svelte';

const lines = ['main: model loaded', '\u001b[31merror\u001b[0m: out of memory', 'slot 0 ready'].map(
	(text, n) => ({ n, at: 1_700_000_000_000, stream: 'err' as const, text })
);

it('filters by what is on the screen, colours or not', async () => {
	vi.spyOn(api, 'serverLog').mockResolvedValue({ lines, next: 3 });
	render(Log, { serverId: 's', label: 'Log of qwen3' });
	expect(await screen.findByText('slot 0 ready')).toBeInTheDocument();
	expect(screen.getByText('error')).toHaveClass('ansi-red');
	await userEvent.type(screen.getByLabelText('Filter lines'), 'ERROR: OUT');
	expect(screen.getByRole('status')).toHaveTextContent('1 of 3 lines');
	expect(screen.queryByText('slot 0 ready')).not.toBeInTheDocument();
	await userEvent.type(screen.getByLabelText('Filter lines'), 'x');
	expect(screen.getByText(/No line contains/)).toBeInTheDocument();
});

it('stops following when the reader scrolls up, and follows again at the end', async () => {
	vi.spyOn(api, 'serverLog').mockResolvedValue({ lines, next: 3 });
	render(Log, { serverId: 's', label: 'Log of qwen3' });
	await screen.findByText('slot 0 ready');
	const box = screen.getByRole('log');
	const follow = screen.getByRole('button', { name: 'Follow' });
	Object.defineProperties(box, { scrollHeight: { value: 1000 }, clientHeight: { value: 200 } });
	expect(follow).toHaveAttribute('aria-pressed', 'true');
	box.scrollTop = 300;
	box.dispatchEvent(new Event('scroll'));
	await vi.waitFor(() => expect(follow).toHaveAttribute('aria-pressed', 'false'));
	await userEvent.click(follow);
	expect(box.scrollTop).toBe(1000);
	expect(follow).toHaveAttribute('aria-pressed', 'true');
});
