import { tinykeys } from 'tinykeys';
import { panels } from '$lib/shell/panels.svelte';
import { session } from '$lib/state/session.svelte';
import { bindings } from './keys';
import { shortcutList } from './shortcuts';

/** Something asks, and what is behind it must wait. */
function isAsked(): boolean {
	return session.loginNeeded || document.querySelector('[data-slot=dialog-content]') !== null;
}

/** Acts on the shortcuts from now on; returns what ends that. */
export function listen(): () => void {
	const bound = shortcutList.flatMap(({ keys, run, always }) =>
		run
			? [
					{
						keys,
						run: (e: KeyboardEvent) => {
							const free = panels.open ? always : !isAsked();
							return free ? run(e) : false;
						}
					}
				]
			: []
	);
	return tinykeys(window, bindings(bound));
}
