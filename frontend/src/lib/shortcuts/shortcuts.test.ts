import { createKeybindingsHandler, parseKeybinding } from 'tinykeys';
import { describe, expect, it, vi } from 'vitest';
import { bindings, keyNames } from './keys';
import { shortcutList } from './shortcuts';

describe('the table', () => {
	it('has each key once, and none that is a single character', () => {
		const global = shortcutList.filter((s) => s.run);
		expect(new Set(global.map((s) => s.keys)).size).toBe(global.length);
		for (const { keys } of global) {
			const [[mods]] = parseKeybinding(keys) as [[string[], string]];
			expect(mods.length, keys).toBeGreaterThan(0);
			expect(keys).not.toMatch(/^Shift\+.$/);
		}
	});
	// Tabs, windows, quitting: pages do not hear of these keys, or cannot keep them. All others come to the page first.
	it('has none that Chrome, Firefox or Safari keep for themselves', () => {
		const kept = [
			'n',
			't',
			'w',
			'q',
			'Shift+n',
			'Shift+t',
			'Shift+w',
			'Shift+q',
			'Shift+p',
			'm',
			'h'
		];
		const taken = [...kept.map((k) => `$mod+${k}`), '$mod+Tab', '$mod+Shift+Tab', '$mod+PageUp'];
		taken.push('$mod+PageDown', 'Alt+F4', '$mod+`', '$mod+Shift+Delete');
		for (const { keys } of shortcutList) expect(taken).not.toContain(keys);
	});
});

describe('keyNames', () => {
	it.each([
		['$mod+Shift+o', ['Ctrl', 'Shift', 'O'], ['⌘', '⇧', 'O']],
		['Alt+ArrowUp', ['Alt', '↑'], ['⌥', '↑']],
		['Shift+Escape', ['Shift', 'Esc'], ['⇧', 'Esc']],
		['Delete', ['Delete'], ['⌫']],
		['$mod+/', ['Ctrl', '/'], ['⌘', '/']]
	])('%s', (keys, other, mac) => {
		expect(keyNames(keys, false)).toEqual(other);
		expect(keyNames(keys, true)).toEqual(mac);
	});
});

describe('bindings', () => {
	function press(keys: string, init: KeyboardEventInit, result?: boolean) {
		const run = vi.fn(() => result);
		const event = new KeyboardEvent('keydown', { cancelable: true, ...init });
		createKeybindingsHandler(bindings([{ keys, run }]))(event);
		return { ran: run.mock.calls.length, prevented: event.defaultPrevented };
	}
	const ctrl = { ctrlKey: true };
	it.each<[string, string, KeyboardEventInit, number]>([
		['the key', '$mod+k', { ...ctrl, key: 'k', code: 'KeyK' }, 1],
		['a letter by what it writes', '$mod+k', { ...ctrl, key: 'k', code: 'KeyV' }, 1],
		['not by its place', '$mod+b', { ...ctrl, key: 'x', code: 'KeyB' }, 0],
		['by its place in another script', '$mod+k', { ...ctrl, key: 'л', code: 'KeyK' }, 1],
		[
			'a slash that Shift makes',
			'$mod+/',
			{ ...ctrl, shiftKey: true, key: '/', code: 'Digit7' },
			1
		],
		['not without the modifier', '$mod+k', { key: 'k', code: 'KeyK' }, 0],
		['not with one more', '$mod+k', { ...ctrl, shiftKey: true, key: 'K', code: 'KeyK' }, 0],
		['not what an input method takes', '$mod+k', { ...ctrl, key: 'k', isComposing: true }, 0]
	])('%s', (_, keys, init, times) => {
		expect(press(keys, init).ran).toBe(times);
	});
	it('leaves the key to the browser when nothing was done', () => {
		const key = { ...ctrl, key: 'k', code: 'KeyK' };
		expect(press('$mod+k', key).prevented).toBe(true);
		expect(press('$mod+k', key, false).prevented).toBe(false);
	});
});
