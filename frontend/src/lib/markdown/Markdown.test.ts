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
	await user.click(screen.getByRole('button', { name: 'Wrap' }));
});

it('highlights a short open fence up to its last whole line', async () => {
	const view = render(Markdown, { text: '```c\nint x;\nint y', streaming: true });
	const code = screen.getByRole('region', { name: 'c code' });
	expect(code.textContent).toBe('int x;\nint y');
	await waitFor(() => expect(code.querySelectorAll('.hljs-type')).toHaveLength(1));
	await view.rerender({ text: '```c\nint x;\nint y;\n```', streaming: false });
	await waitFor(() => expect(code.querySelectorAll('.hljs-type')).toHaveLength(2));
});

it('highlights a long open fence in pieces, and keeps them', async () => {
	const body = 'int x;\n'.repeat(800);
	const view = render(Markdown, { text: '```c\n' + body, streaming: true });
	const code = screen.getByRole('region', { name: 'c code' });
	await waitFor(() => expect(code.querySelectorAll('.hljs-type')).toHaveLength(799));
	const first = code.querySelector('.hljs-type');
	await view.rerender({ text: '```c\n' + body + 'int y;\n```', streaming: false });
	await waitFor(() => expect(code.querySelectorAll('.hljs-type')).toHaveLength(801));
	expect(code.querySelector('.hljs-type')).toBe(first);
	expect(code.textContent).toBe(body + 'int y;');
});

it('folds long code that was there already, copies all of it, and unfolds', async () => {
	const user = userEvent.setup();
	const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
	const body = Array.from({ length: 200 }, (_, i) => `line ${String(i + 1)}`).join('\n');
	render(Markdown, { text: '```text\n' + body + '\n```' });
	const code = screen.getByRole('region', { name: 'text code' });
	expect(code.textContent.split('\n')).toHaveLength(40);
	await user.click(screen.getByRole('button', { name: 'Copy' }));
	expect(write).toHaveBeenCalledWith(body);
	await user.click(screen.getByRole('button', { name: 'Show all 200 lines' }));
	expect(code.textContent).toBe(body);
	await user.click(screen.getByRole('button', { name: 'Show the first 40 lines' }));
	expect(code.textContent.split('\n')).toHaveLength(40);
});

it('does not fold code that was watched while it came', async () => {
	const body = 'x\n'.repeat(100);
	const view = render(Markdown, { text: '```\n' + body, streaming: true });
	await view.rerender({ text: '```\n' + body + '```\n\nend', streaming: false });
	expect(screen.getByRole('region', { name: 'Code' }).textContent.split('\n')).toHaveLength(100);
});

it('remembers that code is to wrap', async () => {
	const user = userEvent.setup();
	const first = render(Markdown, { text: '```c\nint x;\n```' });
	await user.click(screen.getByRole('button', { name: 'Wrap' }));
	first.unmount();
	render(Markdown, { text: '```c\nint x;\n```\n\n- a\n\n  ```c\n  int y;\n  ```' });
	for (const button of screen.getAllByRole('button', { name: 'Wrap' }))
		expect(button).toHaveAttribute('aria-pressed', 'true');
	await user.click(screen.getAllByRole('button', { name: 'Wrap' })[0] as HTMLElement);
});

it('brings a long text to the screen step by step, all of it', async () => {
	const text = Array.from(
		{ length: 400 },
		(_, i) => `Paragraph ${String(i)} ${'word '.repeat(20)}`
	).join('\n\n');
	render(Markdown, { text });
	expect(screen.queryByText(/^Paragraph 399 /)).toBeNull();
	expect(screen.getByText(/^Paragraph 0 /)).toBeInTheDocument();
	await screen.findByText(/^Paragraph 399 /);
});
