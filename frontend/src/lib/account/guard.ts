/** Reads the session once per visit. An unreachable hob becomes the error page, which can try again. */
import { error } from '@sveltejs/kit';
import { ApiError } from '$lib/api/client';
import { session } from '$lib/state/session.svelte';

export async function loadSession(): Promise<void> {
	if (session.loaded) return;
	try {
		await session.load();
	} catch (e) {
		if (e instanceof ApiError && e.status > 0) error(e.status, e.message);
		error(503, 'hob cannot be reached');
	}
}
