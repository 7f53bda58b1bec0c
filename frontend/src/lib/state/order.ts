/** The order of the list of conversations: newest first, and where one stands in it. */
import type { Conversation } from '$lib/api/types';

/** Total: two conversations are never equal. */
export function byAge(a: Conversation, b: Conversation): number {
	return b.updated_at - a.updated_at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The index of `c` in a list ordered by `byAge`, or where it belongs. */
export function placeOf(list: readonly Conversation[], c: Conversation): number {
	let low = 0;
	let high = list.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		const other = list[middle];
		if (other && byAge(other, c) < 0) low = middle + 1;
		else high = middle;
	}
	return low;
}
