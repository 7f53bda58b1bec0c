import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { api } from '$lib/api/client';
import { session } from '$lib/state/session.svelte';
import ConfigNotice from './ConfigNotice.svelte';
import EditServer from './EditServer.svelte';
import ServerForm from './ServerForm.svelte';
import ServerTile from './ServerTile.svelte';
import { testServer } from './testing';

const ofFile = { source: 'file', file: 'hob.yaml' } as const;

beforeEach(() => {
	session.user = { id: 'u', name: 'ada', role: 'admin' };
});

describe('a server of the configuration file', () => {
	it('says where it is from, and offers no change', async () => {
		render(ServerTile, { server: testServer(ofFile), onedit: vi.fn() });
		expect(screen.getByText('from hob.yaml')).toBeInTheDocument();
		await userEvent.click(screen.getByRole('button', { name: 'More actions for qwen3' }));
		expect(await screen.findByText('Settings')).toBeInTheDocument();
		expect(screen.queryByText('Edit')).not.toBeInTheDocument();
		expect(screen.queryByText('Remove')).not.toBeInTheDocument();
	});

	it('is for reading', async () => {
		render(EditServer, { server: testServer({ ...ofFile, slots: 4 }), onclose: vi.fn() });
		expect(await screen.findByText(/This server is from hob.yaml/)).toBeInTheDocument();
		expect(screen.getByText('Requests at once')).toBeInTheDocument();
		expect(screen.queryByLabelText('Name')).not.toBeInTheDocument();
	});
});

it('says that an engine runs with old options, and restarts it for an admin', async () => {
	const server = testServer({ needs_restart: true }, { state: 'ready' });
	const restart = vi.spyOn(api, 'restartServer').mockResolvedValue({ server: testServer() });
	render(ServerTile, { server, onedit: vi.fn() });
	expect(screen.getByText(/Changed; restart it to apply/)).toBeInTheDocument();
	await userEvent.click(screen.getByRole('button', { name: 'Restart qwen3' }));
	expect(restart).toHaveBeenCalledWith(server.id);
});

describe('the notice of the configuration file', () => {
	const config = { file: '/etc/hob.yaml', read_at: 1, error: null, needs_restart: [] };

	it('shows a fault with its place', async () => {
		const error = '/etc/hob.yaml:4:21: unknown key "slotz"; did you mean "slots"?';
		vi.spyOn(api, 'config').mockResolvedValue({ config: { ...config, error } });
		render(ConfigNotice);
		expect(await screen.findByText(error)).toBeInTheDocument();
		expect(screen.getByText('hob.yaml has a fault and is not in force')).toBeInTheDocument();
	});

	it('names what waits for a restart, and is silent else', async () => {
		const get = vi.spyOn(api, 'config');
		get.mockResolvedValue({ config: { ...config, needs_restart: ['listen', 'data'] } });
		const view = render(ConfigNotice);
		expect(
			await screen.findByText(/hob.yaml: listen, data\s+hold after a restart/)
		).toBeInTheDocument();
		view.unmount();
		get.mockResolvedValue({ config });
		const { container } = render(ConfigNotice);
		await Promise.resolve();
		expect(container.textContent).toBe('');
	});
});

describe('the fold of the form', () => {
	it('sends what was set, and opens when something in it is wrong', async () => {
		const update = vi.spyOn(api, 'updateServer').mockResolvedValue({ server: testServer() });
		render(ServerForm, { server: testServer({ slots: 2 }), ondone: vi.fn(), oncancel: vi.fn() });
		expect(screen.getByText('· 1 set')).toBeInTheDocument();
		await userEvent.click(screen.getByText('Advanced'));
		await userEvent.type(screen.getByLabelText('Other names'), 'gpt-4o, x/y');
		await userEvent.click(screen.getByLabelText('Rewrite requests'));
		await userEvent.paste('{"set": {"n": 1');
		await userEvent.click(screen.getByText('Advanced'));
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		expect(await screen.findByText(/This is not JSON/)).toBeVisible();
		expect(update).not.toHaveBeenCalled();
		await userEvent.click(screen.getByLabelText('Rewrite requests'));
		await userEvent.paste('}}');
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		const sent = update.mock.calls[0]?.[1];
		expect(sent).toMatchObject({ aliases: ['gpt-4o', 'x/y'], rewrite: { set: { n: 1 } } });
		expect(sent).not.toHaveProperty('slots');
	});
});
