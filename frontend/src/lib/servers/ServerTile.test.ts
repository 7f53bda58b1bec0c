import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { api, ApiError } from '$lib/api/client';
import { aMemory } from '$lib/api/fake';
import { session } from '$lib/state/session.svelte';
import ServerTile from './ServerTile.svelte';
import { testServer } from './testing';

const onedit = vi.fn();

beforeEach(() => {
	session.user = { id: 'u', name: 'ada', role: 'admin' };
});

describe('a tile', () => {
	it('says how far a load is and offers to stop it', () => {
		const progress = { value: 0.42, left_s: 20, text: null, source: 'bytes' as const };
		render(ServerTile, { server: testServer({}, { state: 'loading', progress }), onedit });
		expect(screen.getByText('Loading 42 %, about 20 s left')).toBeInTheDocument();
		expect(screen.getByRole('progressbar', { name: 'Loading qwen3' })).toHaveAttribute(
			'aria-valuenow',
			'42'
		);
		expect(screen.getByRole('button', { name: 'Stop qwen3' })).toBeEnabled();
		expect(screen.getByText('Qwen3-8B.gguf · 5.0 GB')).toBeInTheDocument();
	});

	it('says for whom it waits, and offers to give that up', () => {
		const memory = aMemory({
			waiting_for: ['gemma'],
			reason: 'waiting for memory, gemma is being unloaded'
		});
		render(ServerTile, { server: testServer({ memory }), onedit });
		expect(screen.getByText('Waiting for memory')).toBeInTheDocument();
		expect(screen.getByText('gemma is being unloaded.')).toBeInTheDocument();
		expect(screen.queryByRole('button', { name: 'Start qwen3' })).toBeNull();
		expect(screen.getByRole('button', { name: 'Stop qwen3' })).toBeEnabled();
	});

	it('shows the cause of a failure first, then the hint, the exit code and the last lines', () => {
		const failure = {
			reason: 'The engine ended while loading',
			exit_code: 1,
			signal: null,
			hint: 'Port 8080 is taken.',
			log: ['one', '', '\u001b[31mbind: Address already in use\u001b[0m']
		};
		render(ServerTile, { server: testServer({}, { state: 'failed', failure }), onedit });
		const group = screen.getByRole('group', { name: 'Why it failed' });
		expect(group.textContent).toMatch(
			/ended while loading.*Port 8080 is taken.*exit code 1.*one\nbind: Address already in use$/s
		);
		expect(screen.getByRole('button', { name: 'Start again: qwen3' })).toBeEnabled();
	});

	it('shows meters of a ready engine and a link into the chat with it', () => {
		const server = testServer(
			{},
			{ state: 'ready', rss_bytes: 4.6e9, cpu_percent: 311.6, tokens_per_s: 41.66, uptime_s: 65 }
		);
		render(ServerTile, { server, onedit });
		expect(screen.getByText('Ready for 1 min 5 s')).toBeInTheDocument();
		for (const text of ['4.6 GB', '312 %', '41.7 tok/s'])
			expect(screen.getByText(text)).toBeInTheDocument();
		expect(screen.getByRole('link', { name: 'Chat with qwen3' })).toHaveAttribute(
			'href',
			`/chat?server=${server.id}`
		);
	});

	it('says what is wrong with an engine that is ready and answers nobody', () => {
		const trouble =
			'It says that it is well, but left the last 3 requests without an answer in time';
		render(ServerTile, { server: testServer({}, { state: 'ready', trouble }), onedit });
		expect(screen.getByText(`${trouble}.`)).toBeInTheDocument();
	});

	it('shows the memory that an engine has on GPUs', () => {
		const more = { state: 'ready', rss_bytes: 1.2e9, gpu_bytes: 8.9e9 } as const;
		const { rerender } = render(ServerTile, { server: testServer({}, more), onedit });
		expect(screen.getByText('GPU memory').nextElementSibling).toHaveTextContent('8.9 GB');
		return rerender({ server: testServer({}, { ...more, gpu_bytes: 0 }), onedit }).then(() =>
			expect(screen.queryByText('GPU memory')).toBeNull()
		);
	});

	it('starts on click and says what went wrong', async () => {
		const start = vi.spyOn(api, 'startServer');
		start.mockRejectedValueOnce(new ApiError(409, 'The model file is gone.'));
		const server = testServer();
		render(ServerTile, { server, onedit });
		await userEvent.click(screen.getByRole('button', { name: 'Start qwen3' }));
		expect(start).toHaveBeenCalledWith(server.id);
		expect(await screen.findByRole('alert')).toHaveTextContent('The model file is gone.');
	});

	it('removes only after a question that names it', async () => {
		const remove = vi.spyOn(api, 'deleteServer').mockResolvedValue();
		const server = testServer();
		render(ServerTile, { server, onedit });
		await userEvent.click(screen.getByRole('button', { name: 'More actions for qwen3' }));
		await userEvent.click(await screen.findByText('Remove'));
		expect(await screen.findByRole('alertdialog')).toHaveTextContent('Remove qwen3?');
		expect(remove).not.toHaveBeenCalled();
		await userEvent.click(screen.getByRole('button', { name: 'Remove' }));
		expect(remove).toHaveBeenCalledWith(server.id);
	});

	it('lets people who are no admin start and chat, and nothing else', () => {
		session.user = { id: 'v', name: 'grace', role: 'user' };
		render(ServerTile, { server: testServer(), onedit });
		expect(screen.getAllByRole('button').map((b) => b.getAttribute('aria-label'))).toEqual([
			'Start qwen3'
		]);
		expect(screen.getByRole('link', { name: 'Chat with qwen3' })).toBeInTheDocument();
	});
});
