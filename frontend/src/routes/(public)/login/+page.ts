import { redirect } from '@sveltejs/kit';
import { loadSession } from '$lib/account/guard';
import { safeNext } from '$lib/account/next';
import { session } from '$lib/state/session.svelte';

export async function load({ url }: { url: URL }): Promise<{ next: string }> {
	await loadSession();
	const next = safeNext(url.searchParams.get('next'));
	if (session.setupNeeded) redirect(307, '/setup');
	if (session.user) redirect(307, next);
	return { next };
}
