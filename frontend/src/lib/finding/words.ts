import { formatCount } from '$lib/format';
import type { Search } from './search.svelte';

/** How a search stands, for the line above its hits. */
export function searchLine({ busy, hits, next, answered }: Search): string {
	if (busy && hits.length === 0) return 'Searching...';
	if (!answered) return '';
	if (hits.length === 0) return 'No title or message has these words.';
	return next
		? `More than ${formatCount(hits.length, 'result')}`
		: formatCount(hits.length, 'result');
}
