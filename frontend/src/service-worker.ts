/// <reference lib="webworker" />
/**
 * For browsers that let no page show a notification (Chrome on Android): it shows the page's, and leads to
 * what one is about. Registered when notifications are switched on, by lib/notices/desktop.svelte.ts. It
 * keeps nothing and stands in the way of no request.
 */
const worker = self as unknown as ServiceWorkerGlobalScope;

worker.addEventListener('notificationclick', (event) => {
	event.notification.close();
	event.waitUntil(lead(event.notification.data as { conversation: string }));
});

/** The page of hob that was used last is shown and told where to go; without one, a new one is opened. */
async function lead(to: { conversation: string }): Promise<void> {
	const [page] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
	if (!page) {
		await worker.clients.openWindow(`/chat/${to.conversation}`);
		return;
	}
	page.postMessage(to);
	// A browser may refuse it; the page is there nevertheless.
	await page.focus().catch(() => undefined);
}
