import { render, screen, waitFor, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { api, ApiError } from '$lib/api/client';
import type { Account, ApiKey } from '$lib/api/types';
import { session } from '$lib/state/session.svelte';
import Accounts from './Accounts.svelte';
import ApiKeys from './ApiKeys.svelte';
import { NO_LIMITS } from './rights';

const account = (name: string, part: Partial<Account> = {}): Account => ({
	id: name,
	name,
	role: 'user',
	status: 'active',
	created_at: Date.now(),
	limits: NO_LIMITS,
	...part
});

const apiKey = (part: Partial<ApiKey> = {}): ApiKey => ({
	id: 'k',
	name: 'ci',
	prefix: 'hob_ab',
	created_at: Date.now(),
	last_used_at: null,
	expires_at: null,
	routes: null,
	models: null,
	limits: NO_LIMITS,
	...part
});

describe('accounts', () => {
	it('shows requests first and approves them', async () => {
		session.user = { id: 'ada', name: 'ada', role: 'admin' };
		vi.spyOn(api, 'users').mockResolvedValue({
			users: [account('ada', { role: 'admin' }), account('linus', { status: 'pending' })]
		});
		const approve = vi.spyOn(api, 'approveUser').mockResolvedValue({ user: account('linus') });
		render(Accounts);
		await userEvent.click(await screen.findByRole('button', { name: 'Approve linus' }));
		expect(approve).toHaveBeenCalledWith('linus');
		await waitFor(() => expect(screen.queryByText('Requests')).not.toBeInTheDocument());
		expect(screen.getByRole('button', { name: 'Disable linus' })).toBeInTheDocument();
		expect(screen.queryByRole('button', { name: 'Disable ada' })).not.toBeInTheDocument();
	});

	it('disables only after a question', async () => {
		session.user = { id: 'ada', name: 'ada', role: 'admin' };
		vi.spyOn(api, 'users').mockResolvedValue({ users: [account('grace')] });
		const disable = vi
			.spyOn(api, 'disableUser')
			.mockResolvedValue({ user: account('grace', { status: 'disabled' }) });
		render(Accounts);
		await userEvent.click(await screen.findByRole('button', { name: 'Disable grace' }));
		expect(disable).not.toHaveBeenCalled();
		await userEvent.click(screen.getByRole('button', { name: 'Disable' }));
		expect(await screen.findByRole('button', { name: 'Enable grace' })).toBeInTheDocument();
	});

	it('limits an account, and says how', async () => {
		session.user = { id: 'ada', name: 'ada', role: 'admin' };
		const limits = { requests_per_minute: 60, tokens_per_minute: null, max_parallel: 2 };
		vi.spyOn(api, 'users').mockResolvedValue({ users: [account('grace')] });
		const limit = vi
			.spyOn(api, 'limitUser')
			.mockResolvedValue({ user: account('grace', { limits }) });
		render(Accounts);
		await userEvent.click(await screen.findByRole('button', { name: 'Limits of grace' }));
		expect(screen.getByLabelText('Requests a minute')).toHaveFocus();
		await userEvent.type(screen.getByLabelText('Requests a minute'), '60');
		await userEvent.type(screen.getByLabelText('Requests at once'), 'two');
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		expect(screen.getByRole('alert')).toHaveTextContent('Type a number from 1');
		expect(limit).not.toHaveBeenCalled();
		await userEvent.clear(screen.getByLabelText('Requests at once'));
		await userEvent.type(screen.getByLabelText('Requests at once'), '2{Enter}');
		expect(limit).toHaveBeenCalledWith('grace', limits);
		expect(await screen.findByText('At most 60 requests a minute, 2 at once')).toBeInTheDocument();
		expect(screen.queryByRole('button', { name: 'Save' })).not.toBeInTheDocument();
	});
});

describe('API keys', () => {
	it('shows the secret of a new key once', async () => {
		vi.spyOn(api, 'keys').mockResolvedValue({ keys: [] });
		const key = apiKey();
		vi.spyOn(api, 'createKey').mockResolvedValue({ key, secret: 'hob_abcdef' });
		render(ApiKeys);
		expect(await screen.findByText('You have no key yet.')).toBeInTheDocument();
		await userEvent.click(screen.getByRole('button', { name: 'Create key' }));
		expect(screen.getByRole('alert')).toHaveTextContent('Type what the key is for');
		await userEvent.type(screen.getByLabelText('Name of a new key'), 'ci');
		await userEvent.click(screen.getByRole('button', { name: 'Create key' }));
		expect(await screen.findByTestId('secret')).toHaveTextContent('hob_abcdef');
		await userEvent.click(screen.getByRole('button', { name: 'Done' }));
		expect(screen.queryByTestId('secret')).not.toBeInTheDocument();
		expect(screen.getByText(/hob_ab…/)).toBeInTheDocument();
	});

	it('deletes after a question and says when that fails', async () => {
		const key = apiKey();
		vi.spyOn(api, 'keys').mockResolvedValue({ keys: [key] });
		const remove = vi.spyOn(api, 'deleteKey');
		remove.mockRejectedValueOnce(new ApiError(0, 'hob cannot be reached'));
		remove.mockResolvedValueOnce();
		render(ApiKeys);
		await userEvent.click(await screen.findByRole('button', { name: 'Delete key ci' }));
		await userEvent.click(screen.getByRole('button', { name: 'Delete' }));
		expect(await screen.findByRole('alert')).toHaveTextContent('hob cannot be reached');
		await userEvent.click(screen.getByRole('button', { name: 'Delete' }));
		expect(await screen.findByText('You have no key yet.')).toBeInTheDocument();
	});

	it('makes a key with limits, and does not hide what is wrong with them', async () => {
		vi.spyOn(api, 'keys').mockResolvedValue({ keys: [] });
		const limits = { ...NO_LIMITS, tokens_per_minute: 100000 };
		const key = apiKey({ routes: ['embeddings'], models: ['qwen3*', 'embed'], limits });
		const create = vi.spyOn(api, 'createKey').mockResolvedValue({ key, secret: 'hob_abcdef' });
		render(ApiKeys);
		await userEvent.type(await screen.findByLabelText('Name of a new key'), 'ci');
		await userEvent.click(screen.getByText('Limits'));
		const fold = screen.getByRole('group', { name: 'For' });
		for (const box of within(fold).getAllByRole('checkbox')) await userEvent.click(box);
		await userEvent.type(screen.getByLabelText('Tokens a minute'), '100 000');
		await userEvent.click(screen.getByText('Limits')); // shut
		await userEvent.click(screen.getByRole('button', { name: 'Create key' }));
		expect(create).not.toHaveBeenCalled();
		expect(screen.getByRole('alert')).toHaveTextContent('Choose at least one.');
		expect(screen.getByRole('alert').closest('details')).toHaveAttribute('open');
		await userEvent.click(screen.getByLabelText('Embeddings'));
		await userEvent.type(screen.getByLabelText('Models'), 'qwen3*, embed,');
		await userEvent.click(screen.getByRole('button', { name: 'Create key' }));
		expect(create).toHaveBeenCalledWith({
			name: 'ci',
			models: ['qwen3*', 'embed'],
			routes: ['embeddings'],
			limits
		});
		expect(await screen.findByText('Models: qwen3*, embed')).toBeInTheDocument();
		expect(screen.getByText('For: Embeddings')).toBeInTheDocument();
		expect(screen.getByText('100,000 tokens a minute')).toBeInTheDocument();
		// the next one starts without them
		expect(screen.getByLabelText('Models')).toHaveValue('');
		expect(screen.getByLabelText('Chat completions')).toBeChecked();
	});

	it('changes a key’s limits; an expired one says so', async () => {
		const old = apiKey({ expires_at: Date.now() - 86_400_000 * 3, routes: ['chat'] });
		vi.spyOn(api, 'keys').mockResolvedValue({ keys: [old] });
		const update = vi.spyOn(api, 'updateKey');
		update.mockRejectedValueOnce(new ApiError(0, 'hob cannot be reached'));
		update.mockResolvedValueOnce({ key: apiKey() });
		render(ApiKeys);
		expect(await screen.findByText('Expired')).toBeInTheDocument();
		await userEvent.click(screen.getByRole('button', { name: 'Limits of key ci' }));
		const form = within(screen.getByRole('form', { name: 'Limits of key ci' }));
		await userEvent.clear(form.getByLabelText('Last day'));
		await userEvent.click(form.getByRole('button', { name: 'Save' }));
		expect(await form.findByRole('alert')).toHaveTextContent('hob cannot be reached');
		await userEvent.click(form.getByRole('button', { name: 'Save' }));
		expect(update).toHaveBeenLastCalledWith('k', {
			models: null,
			routes: ['chat'],
			expires_at: null,
			limits: NO_LIMITS
		});
		await waitFor(() => expect(screen.queryByText('Expired')).not.toBeInTheDocument());
		expect(screen.queryByRole('form', { name: 'Limits of key ci' })).not.toBeInTheDocument();
	});
});
