import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { api, ApiError } from '$lib/api/client';
import type { Account } from '$lib/api/types';
import { session } from '$lib/state/session.svelte';
import Accounts from './Accounts.svelte';
import ApiKeys from './ApiKeys.svelte';

const account = (name: string, part: Partial<Account> = {}): Account => ({
	id: name,
	name,
	role: 'user',
	status: 'active',
	created_at: Date.now(),
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
});

describe('API keys', () => {
	it('shows the secret of a new key once', async () => {
		vi.spyOn(api, 'keys').mockResolvedValue({ keys: [] });
		const key = {
			id: 'k',
			name: 'ci',
			prefix: 'hob_ab',
			created_at: Date.now(),
			last_used_at: null
		};
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
		const key = {
			id: 'k',
			name: 'ci',
			prefix: 'hob_ab',
			created_at: Date.now(),
			last_used_at: null
		};
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
});
