import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { api, ApiError, open } from '$lib/api/client';
import { live, type LinkState } from '$lib/api/events';
import { loadSession } from '$lib/account/guard';
import LoginDialog from '$lib/components/LoginDialog.svelte';
import { session } from '$lib/state/session.svelte';
import { link } from './link.svelte';
import LinkBar from './LinkBar.svelte';

describe('the line of a lost connection', () => {
	afterEach(() => void vi.useRealTimers());

	it('waits out a blink, then says so until the connection is back', async () => {
		vi.useFakeTimers();
		let tell: (state: LinkState) => void = () => {};
		vi.spyOn(live, 'onLink').mockImplementation((handler) => {
			tell = handler;
			return () => true;
		});
		render(LinkBar);
		const end = link.watch();
		tell('lost');
		await vi.advanceTimersByTimeAsync(1000);
		tell('open');
		await vi.advanceTimersByTimeAsync(5000);
		expect(screen.getByRole('status')).toBeEmptyDOMElement();
		tell('lost');
		await vi.advanceTimersByTimeAsync(2000);
		expect(screen.getByRole('status')).toHaveTextContent('Reconnecting to hob...');
		tell('connecting');
		await vi.advanceTimersByTimeAsync(100);
		expect(screen.getByRole('status')).toHaveTextContent('Reconnecting to hob...');
		tell('open');
		await vi.advanceTimersByTimeAsync(100);
		expect(screen.getByRole('status')).toBeEmptyDOMElement();
		end();
	});
});

describe('the log-in dialog', () => {
	it('opens in place when the session ends and closes when somebody logs in', async () => {
		const user = { id: 'u', name: 'ada', role: 'admin' as const };
		vi.spyOn(live, 'start').mockImplementation(() => {});
		vi.spyOn(api, 'login').mockResolvedValue({ user });
		session.user = user;
		render(LoginDialog);
		expect(screen.queryByRole('dialog')).not.toBeInTheDocument();
		session.loginNeeded = true;
		expect(await screen.findByRole('dialog', { name: 'Log in to continue' })).toBeInTheDocument();
		expect(screen.getByLabelText('Name')).toHaveValue('ada');
		await userEvent.type(screen.getByLabelText('Password'), 'correct horse{Enter}');
		await vi.waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
		expect(session.loginNeeded).toBe(false);
	});

	it('stays closed when it was closed, until a message is sent; a banner offers it', async () => {
		const user = { id: 'u', name: 'ada', role: 'admin' as const };
		vi.spyOn(live, 'start').mockImplementation(() => {});
		vi.spyOn(live, 'stop').mockImplementation(() => {});
		vi.spyOn(api, 'login').mockResolvedValue({ user });
		vi.stubGlobal('fetch', () =>
			Promise.resolve(
				new Response('{"error":{"message":"Log in first","code":"not_signed_in"}}', { status: 401 })
			)
		);
		const refused = (path: string): Promise<unknown> =>
			open(path, { headerTimeoutMs: 1000 }).catch(() => undefined);
		session.user = user;
		render(LinkBar);
		await refused('/api/events');
		expect(session.loginNeeded).toBe(true);
		session.loginNeeded = false;
		await refused('/api/events');
		expect(session.loginNeeded).toBe(false);
		await userEvent.click(screen.getByRole('button', { name: 'Log in' }));
		expect(session.loginNeeded).toBe(true);
		session.loginNeeded = false;
		await refused('/api/chat/completions');
		expect(session.loginNeeded).toBe(true);
		await session.login('ada', 'correct horse');
		expect(screen.getByRole('status')).toBeEmptyDOMElement();
		vi.unstubAllGlobals();
	});
});

describe('loadSession', () => {
	it('becomes an error page with a status while hob cannot be reached, then tries again', async () => {
		const ask = vi.spyOn(api, 'session');
		ask.mockRejectedValueOnce(new ApiError(0, 'x', { code: 'network' }));
		ask.mockRejectedValueOnce(new ApiError(500, 'broken'));
		ask.mockResolvedValue({ user: null, setup_needed: true, version: '0.1.0' });
		await expect(loadSession()).rejects.toMatchObject({ status: 503 });
		await expect(loadSession()).rejects.toMatchObject({ status: 500 });
		await loadSession();
		expect(session.setupNeeded).toBe(true);
		await loadSession();
		expect(ask).toHaveBeenCalledTimes(3);
	});
});
