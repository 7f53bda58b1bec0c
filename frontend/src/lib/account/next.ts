/** Where to go after log-in: a path of this page only, so that a link cannot send people elsewhere. */
export function safeNext(next: string | null): string {
	const fallback = '/chat';
	if (!next?.startsWith('/')) return fallback;
	const base = 'http://hob.invalid';
	if (!URL.canParse(next, base)) return fallback;
	const url = new URL(next, base);
	if (url.origin !== base || /^\/(?:login|setup|api|v1)(?:\/|$)/.test(url.pathname))
		return fallback;
	return url.pathname + url.search + url.hash;
}
