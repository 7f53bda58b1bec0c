import { redirect } from '@sveltejs/kit';
import { loadSession } from '$lib/account/guard';
import { session } from '$lib/state/session.svelte';

export async function load({ url }: { url: URL }): Promise<void> {
	await loadSession();
	if (session.setupNeeded) redirect(307, '/setup');
	if (!session.user) {
		const here = url.pathname + url.search;
		redirect(307, here === '/chat' ? '/login' : `/login?next=${encodeURIComponent(here)}`);
	}
}
