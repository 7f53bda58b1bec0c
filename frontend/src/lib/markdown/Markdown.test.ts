import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import Markdown from './Markdown.svelte';

it('shows what arrives and keeps finished blocks in the page', async () => {
	const view = render(Markdown, { text: 'First paragraph.\n\nSec', streaming: true });
	const first = screen.getByText('First paragraph.');
	await view.rerender({ text: 'First paragraph.\n\nSecond.\n\nThird.', streaming: true });
	await screen.findByText('Third.');
	expect(screen.getByText('First paragraph.')).toBe(first);
});

it('shows the end at once when the answer is done', async () => {
	const view = render(Markdown, { text: 'a', streaming: true });
	await view.rerender({ text: 'a [b][1]\n\n[1]: https://example.org/', streaming: false });
	expect(screen.getByRole('link', { name: 'b' })).toHaveAttribute('href', 'https://example.org/');
});

it('copies the code as it was written', async () => {
	const user = userEvent.setup();
	const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
	render(Markdown, { text: '```python\nif a < b:\n\tprint("x")\n```', streaming: false });
	await user.click(screen.getByRole('button', { name: 'Copy' }));
	expect(write).toHaveBeenCalledWith('if a < b:\n\tprint("x")');
	expect(await screen.findByRole('button', { name: 'Copied' })).toBeInTheDocument();
});

it('copies and wraps code inside a list too', async () => {
	const user = userEvent.setup();
	const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
	render(Markdown, { text: '- step\n\n  ```sh\n  ls -l\n  ```', streaming: false });
	await user.click(screen.getByRole('button', { name: 'Wrap' }));
	expect(screen.getByRole('button', { name: 'Wrap' })).toHaveAttribute('aria-pressed', 'true');
	await user.click(screen.getByRole('button', { name: 'Copy' }));
	expect(write).toHaveBeenCalledWith('ls -l');
});

it('highlights a short open fence up to its last whole line', async () => {
	const view = render(Markdown, { text: '```c\nint x;\nint y', streaming: true });
	const code = screen.getByRole('region', { name: 'c code' });
	expect(code.textContent).toBe('int x;\nint y');
	await waitFor(() => expect(code.querySelectorAll('.hljs-type')).toHaveLength(1));
	await view.rerender({ text: '```c\nint x;\nint y;\n```', streaming: false });
	await waitFor(() => expect(code.querySelectorAll('.hljs-type')).toHaveLength(2));
});

it('leaves a long open fence plain until it closes', async () => {
	const body = 'int x;\n'.repeat(800);
	const view = render(Markdown, { text: '```c\n' + body, streaming: true });
	const code = screen.getByRole('region', { name: 'c code' });
	await new Promise((resolve) => requestAnimationFrame(resolve));
	expect(code.querySelector('.hljs-type')).toBeNull();
	await view.rerender({ text: '```c\n' + body + '```', streaming: false });
	await waitFor(() => expect(code.querySelector('.hljs-type')).not.toBeNull());
});
