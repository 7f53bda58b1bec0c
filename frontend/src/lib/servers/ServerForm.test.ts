import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { api, ApiError } from '$lib/api/client';
import ServerForm from './ServerForm.svelte';
import { testServer } from './testing';

const props = () => ({ ondone: vi.fn(), oncancel: vi.fn() });

describe('the form of a server', () => {
	it('sends argv arrays and tells which field is wrong', async () => {
		const create = vi.spyOn(api, 'createServer').mockResolvedValue({ server: testServer() });
		const p = props();
		render(ServerForm, p);
		await userEvent.click(screen.getByRole('button', { name: 'Add server' }));
		expect(screen.getByText('Type the path of a GGUF file.')).toBeInTheDocument();
		expect(screen.getByLabelText('Name')).toHaveAttribute('aria-invalid', 'true');
		expect(create).not.toHaveBeenCalled();

		await userEvent.type(screen.getByLabelText('Name'), ' qwen3 ');
		await userEvent.type(screen.getByLabelText('Model file'), '/models/q.gguf');
		await userEvent.type(screen.getByLabelText('Extra options'), '--ctx-size 8192 --alias "my q"');
		await userEvent.click(screen.getByRole('button', { name: 'Add server' }));
		expect(create).toHaveBeenCalledWith({
			name: 'qwen3',
			kind: 'llama-server',
			model_path: '/models/q.gguf',
			args: ['--ctx-size', '8192', '--alias', 'my q'],
			system_prompt: '',
			on_demand: true,
			autostart: false
		});
		expect(p.ondone).toHaveBeenCalledOnce();
	});

	it('asks a command of the engine that is one', async () => {
		const create = vi.spyOn(api, 'createServer').mockResolvedValue({ server: testServer() });
		render(ServerForm, props());
		await userEvent.type(screen.getByLabelText('Name'), 'v');
		await userEvent.selectOptions(screen.getByLabelText('Engine'), 'command');
		expect(screen.queryByLabelText('Model file')).not.toBeInTheDocument();
		await userEvent.type(screen.getByLabelText('Command'), 'vllm serve x --port $', {});
		await userEvent.paste('{PORT}');
		await userEvent.click(screen.getByRole('button', { name: 'Add server' }));
		expect(create.mock.calls[0]?.[0]).toMatchObject({
			kind: 'command',
			command: ['vllm', 'serve', 'x', '--port', '${PORT}']
		});
	});

	it('puts what hob refuses at the field it is about', async () => {
		const create = vi.spyOn(api, 'createServer');
		create.mockRejectedValueOnce(new ApiError(409, 'taken', { param: 'name' }));
		create.mockRejectedValueOnce(
			new ApiError(400, 'There is no such file.', { param: 'model_path' })
		);
		const p = props();
		render(ServerForm, p);
		await userEvent.type(screen.getByLabelText('Name'), 'q');
		await userEvent.type(screen.getByLabelText('Model file'), '/x');
		await userEvent.click(screen.getByRole('button', { name: 'Add server' }));
		expect(await screen.findByRole('alert')).toHaveTextContent('Another server has this name');
		await userEvent.click(screen.getByRole('button', { name: 'Add server' }));
		expect(await screen.findByText('There is no such file.')).toBeInTheDocument();
		expect(p.ondone).not.toHaveBeenCalled();
	});

	it('keeps what is typed while live news of the server comes in', async () => {
		const server = testServer({}, { state: 'ready' });
		const view = render(ServerForm, { server, ...props() });
		const name = screen.getByLabelText('Name');
		await userEvent.clear(name);
		await userEvent.type(name, 'new name');
		await view.rerender({ server: testServer({}, { state: 'ready', cpu_percent: 5 }) });
		expect(name).toHaveValue('new name');
	});

	it('restarts a running engine only when asked to', async () => {
		const server = testServer({}, { state: 'ready' });
		vi.spyOn(api, 'updateServer').mockResolvedValue({ server });
		const restart = vi.spyOn(api, 'restartServer').mockResolvedValue({ server });
		render(ServerForm, { server, ...props() });
		expect(screen.getByText(/keeps its old options until it is restarted/)).toBeInTheDocument();
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		expect(restart).not.toHaveBeenCalled();
		await userEvent.click(screen.getByRole('button', { name: 'Save and restart' }));
		expect(restart).toHaveBeenCalledWith(server.id);
	});
});
