/* eslint-disable svelte/prefer-svelte-reactivity -- sets are replaced here, never changed once the screen has them */
/** Which folders are folded, remembered in this browser. */
import { recall, remember } from '$lib/storage';

const KEY = 'hob.folded';

class Folding {
	ids = $state.raw<ReadonlySet<string>>(new Set(recall<string[]>(KEY, [])));

	set(id: string, folded: boolean): void {
		const ids = new Set(this.ids);
		if (folded) ids.add(id);
		else ids.delete(id);
		this.ids = ids;
		remember(KEY, [...ids]);
	}
}

export const folding = new Folding();
