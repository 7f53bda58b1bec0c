/** Keys as tinykeys reads them ("$mod+Shift+o"), for people and for the keyboards they have. */
import type { KeyBindingMap } from 'tinykeys';
import { isComposing } from '$lib/ime';

export const isMac =
	typeof navigator !== 'undefined' && /Mac|iPod|iPhone|iPad/.test(navigator.platform);

const NAMES: Record<string, string> = {
	Alt: 'Alt',
	Shift: 'Shift',
	Escape: 'Esc',
	ArrowUp: '↑',
	ArrowDown: '↓'
};
const MAC_NAMES: Record<string, string> = {
	...NAMES,
	$mod: '⌘',
	Alt: '⌥',
	Shift: '⇧',
	Delete: '⌫'
};

/** What is written on the keys: ["Ctrl", "Shift", "O"]. */
export function keyNames(keys: string, mac = isMac): string[] {
	const names = mac ? MAC_NAMES : { ...NAMES, $mod: 'Ctrl' };
	return keys.split('+').map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key));
}

/** The key writes a letter of another script, so that only its place tells which one is meant. */
function isForeign(e: KeyboardEvent): boolean {
	return e.key.length === 1 && e.key > '\x7f';
}

/**
 * Bindings for tinykeys. Letters count by what the key writes (Dvorak, AZERTY), by their place where
 * it writes another script; "/" also where Shift makes it. What an input method takes, or what
 * somebody has acted on already, is left alone.
 */
export function bindings(
	list: readonly { keys: string; run: (e: KeyboardEvent) => boolean | void }[]
): KeyBindingMap {
	const map: KeyBindingMap = {};
	for (const { keys, run } of list) {
		const act = (e: KeyboardEvent): void => {
			if (isComposing(e) || e.defaultPrevented) return;
			if (run(e) !== false) e.preventDefault();
		};
		map[keys] = act;
		const letter = /\+([a-z])$/.exec(keys)?.[1];
		if (letter)
			map[`${keys.slice(0, -1)}Key${letter.toUpperCase()}`] = (e) => {
				if (isForeign(e)) act(e);
			};
		else if (keys.endsWith('+/')) map[`${keys.slice(0, -1)}Shift+/`] = act;
	}
	return map;
}
