import { redirect } from '@sveltejs/kit';
import { loadSession } from '$lib/account/guard';
import { session } from '$lib/state/session.svelte';

export async function load(): Promise<void> {
	await loadSession();
	if (!session.setupNeeded) redirect(307, session.user ? '/chat' : '/login');
}
