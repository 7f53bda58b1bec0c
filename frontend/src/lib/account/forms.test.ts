import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { api, ApiError } from '$lib/api/client';
import { session } from '$lib/state/session.svelte';
import LoginForm from './LoginForm.svelte';
import { accountError, passwordProblem } from './messages';
import SignupForm from './SignupForm.svelte';

describe('accountError', () => {
	it.each([
		[new ApiError(401, 'x', { code: 'bad_credentials' }), 'The name or the password is wrong.'],
		[new ApiError(403, 'x', { code: 'account_pending' }), 'approved'],
		[new ApiError(403, 'x', { code: 'account_disabled' }), 'disabled'],
		[new ApiError(403, 'x', { code: 'bad_setup_token' }), 'newest link'],
		[new ApiError(429, 'x', { retryAfterS: 125 }), 'Try again in 2 min 5 s.'],
		[new ApiError(429, 'x'), 'Wait a moment'],
		[new ApiError(0, 'x', { code: 'network' }), 'cannot be reached'],
		[new ApiError(500, 'the disk is full'), 'the disk is full']
	])('%s', (error, words) => expect(accountError(error)).toContain(words));
});

describe('passwordProblem', () => {
	it.each([
		['', '8 more'],
		['short', '3 more'],
		['12345678', null],
		['пароль12', null],
		['🔥🔥🔥🔥', '4 more']
	])('%j', (password, words) =>
		words === null
			? expect(passwordProblem(password)).toBeNull()
			: expect(passwordProblem(password)).toContain(words)
	);
});

describe('log-in', () => {
	it('logs in with the trimmed name and tells the page', async () => {
		const login = vi.spyOn(session, 'login').mockResolvedValue();
		const ondone = vi.fn();
		render(LoginForm, { ondone });
		expect(screen.getByLabelText('Name')).toHaveFocus();
		await userEvent.type(screen.getByLabelText('Name'), ' ada ');
		await userEvent.type(screen.getByLabelText('Password'), 'correct horse{Enter}');
		expect(login).toHaveBeenCalledExactlyOnceWith('ada', 'correct horse');
		expect(ondone).toHaveBeenCalledOnce();
	});
	it('says why not, keeps the name, and is ready for the next try', async () => {
		vi.spyOn(session, 'login').mockRejectedValue(
			new ApiError(401, 'x', { code: 'bad_credentials' })
		);
		render(LoginForm, { name: 'ada' });
		expect(screen.getByLabelText('Password')).toHaveFocus();
		await userEvent.type(screen.getByLabelText('Password'), 'wrong{Enter}');
		expect(await screen.findByRole('alert')).toHaveTextContent('name or the password is wrong');
		expect(screen.getByLabelText('Name')).toHaveValue('ada');
		expect(screen.getByRole('button', { name: 'Log in' })).toBeEnabled();
	});
	it('sends nothing without a password', async () => {
		const login = vi.spyOn(session, 'login');
		render(LoginForm, { name: 'ada' });
		await userEvent.click(screen.getByRole('button', { name: 'Log in' }));
		expect(screen.getByRole('alert')).toHaveTextContent('Type your name and your password.');
		expect(login).not.toHaveBeenCalled();
	});
});

describe('asking for an account', () => {
	it('names what is wrong, then says what happens next', async () => {
		const signup = vi.spyOn(api, 'signup');
		signup.mockRejectedValueOnce(new ApiError(409, 'taken'));
		signup.mockResolvedValueOnce({ status: 'pending' });
		render(SignupForm, { onback: vi.fn() });
		const ask = screen.getByRole('button', { name: 'Ask for an account' });
		await userEvent.type(screen.getByLabelText('Name'), 'grace');
		await userEvent.type(screen.getByLabelText('Password'), 'short');
		await userEvent.click(ask);
		expect(screen.getByRole('alert')).toHaveTextContent('3 more');
		expect(signup).not.toHaveBeenCalled();
		await userEvent.type(screen.getByLabelText('Password'), ' no more');
		await userEvent.click(ask);
		expect(await screen.findByRole('alert')).toHaveTextContent('This name is taken.');
		await userEvent.type(screen.getByLabelText('Name'), '2');
		await userEvent.click(ask);
		expect(await screen.findByText(/An admin of this hob sees your request/)).toBeInTheDocument();
		expect(signup).toHaveBeenLastCalledWith({ name: 'grace2', password: 'short no more' });
	});
});
