/** What went wrong with an account, and what to do about it. */
import { ApiError } from '$lib/api/client';
import { formatDuration } from '$lib/format';

const BY_CODE: Record<string, string> = {
	bad_credentials: 'The name or the password is wrong.',
	account_pending: 'An admin has not approved this account yet. Ask them, then log in.',
	account_disabled: 'This account is disabled. Ask an admin to enable it.',
	bad_setup_token:
		'The set-up link is not valid. Open the newest link that hob printed on its console.',
	already_set_up: 'hob is already set up. Log in, or ask an admin for an account.'
};

export function accountError(e: unknown): string {
	if (!(e instanceof ApiError)) return e instanceof Error ? e.message : String(e);
	if (e.status === 0) return 'hob cannot be reached. Check that it is running, then try again.';
	if (e.status === 429)
		return e.retryAfterS === null
			? 'Too many attempts. Wait a moment, then try again.'
			: `Too many attempts. Try again in ${formatDuration(Math.max(1, e.retryAfterS))}.`;
	return (e.code && BY_CODE[e.code]) || e.message;
}

export const MIN_PASSWORD = 8;

/** null when the password will do. Length is in characters, as hob counts it. */
export function passwordProblem(password: string): string | null {
	const missing = MIN_PASSWORD - [...password].length;
	if (missing <= 0) return null;
	return `The password needs at least ${String(MIN_PASSWORD)} characters (${String(missing)} more).`;
}
