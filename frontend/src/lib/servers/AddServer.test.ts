import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { api } from '$lib/api/client';
import { servers } from '$lib/state/servers.svelte';
import AddServer from './AddServer.svelte';
import { testServer } from './testing';

const model = (name: string) => ({
	path: `/models/${name}`,
	name,
	size_bytes: 1_915_305_312,
	architecture: 'smollm3',
	server_id: null
});

it('makes a server of a found model with one click', async () => {
	servers.list = [
		testServer({ name: 'SmolLM3', model: { name: 'x', path: '/x', size_bytes: null } })
	];
	vi.spyOn(api, 'models').mockResolvedValue({
		models: [model('SmolLM3.gguf')],
		llama_server: { path: '/usr/bin/llama-server' },
		folders: ['/models']
	});
	const create = vi.spyOn(api, 'createServer').mockResolvedValue({ server: testServer() });
	render(AddServer, { open: true });
	expect(await screen.findByText('smollm3 · 1.9 GB')).toBeInTheDocument();
	expect(screen.queryByText(/llama-server is not/)).not.toBeInTheDocument();
	await userEvent.click(screen.getByRole('button', { name: 'Make a server of SmolLM3.gguf' }));
	expect(create).toHaveBeenCalledWith({
		name: 'SmolLM3-2',
		kind: 'llama-server',
		model_path: '/models/SmolLM3.gguf'
	});
});

it('says what is missing and where to put it', async () => {
	vi.spyOn(api, 'models').mockResolvedValue({
		models: [],
		llama_server: null,
		folders: ['/data/models']
	});
	render(AddServer, { open: true });
	expect(await screen.findByText('/data/models')).toBeInTheDocument();
	expect(screen.getByRole('note')).toHaveTextContent('script/get-llama-server');
});
