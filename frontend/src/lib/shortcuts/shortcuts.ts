/**
 * Every shortcut, once: what listens to the keys, the help sheet and the palette read this table. None
 * is a single character, and none is a key that browsers keep for themselves: those of tabs, windows and
 * quitting. Some are the browser's while the page leaves them (Chrome's bookmarks, its task manager).
 */
import { goto } from '$app/navigation';
import { resolve } from '$app/paths';
import { tick } from 'svelte';
import { copyText } from '$lib/clipboard';
import { notices } from '$lib/notices/notices.svelte';
import { panels } from '$lib/shell/panels.svelte';
import { rail } from '$lib/shell/rail.svelte';
import { folding } from '$lib/sidebar/folding.svelte';
import { isHeading, sectionRows } from '$lib/sidebar/sections';
import { today } from '$lib/sidebar/today.svelte';
import { chats } from '$lib/state/chats.svelte';
import { conversations } from '$lib/state/conversations.svelte';
import { folders } from '$lib/state/folders.svelte';
import { isMac } from './keys';

export type Group = 'Everywhere' | 'Conversations' | 'Messages' | 'In the list of conversations';

export interface Shortcut {
	keys: string;
	label: string;
	group: Group;
	/** False: nothing was done, the key is the browser's. Absent: the part that has the focus listens itself. */
	run?: (e?: KeyboardEvent) => boolean | void;
	/** It works while a dialog is open: the one that it opens. */
	always?: boolean;
}

export function newChat(): void {
	void goto(resolve('/chat'));
}

/** The field in the sidebar, which is opened for it. Where it is open no key that follows goes elsewhere. */
export async function focusSearch(): Promise<void> {
	const focus = (): void => {
		const fields = document.querySelectorAll<HTMLInputElement>('[data-search-field]');
		[...fields].find((f) => f.checkVisibility())?.focus();
	};
	if (matchMedia('(min-width: 48rem)').matches ? !rail.collapsed : rail.sheet) {
		focus();
		return;
	}
	rail.toggle();
	await tick();
	// A sheet that opens takes the focus first.
	requestAnimationFrame(focus);
}

export function focusInput(): boolean {
	const input = document.querySelector<HTMLElement>('#composer textarea');
	input?.focus();
	return input !== null;
}

/** To the conversation before or after this one, as the sidebar lists them. */
function step(by: 1 | -1, e?: KeyboardEvent): boolean {
	const field = e?.target;
	// There these keys go by paragraphs.
	if (isMac && field instanceof HTMLTextAreaElement && field.value) return false;
	const ids = sectionRows(conversations.list, folders.list, folding.ids, today.now)
		.filter((row) => !isHeading(row))
		.map((row) => row.id);
	const at = chats.currentId ? ids.indexOf(chats.currentId) : -1;
	const next = ids[at < 0 ? (by > 0 ? 0 : -1) : at + by];
	if (next) void goto(resolve(`/chat/${next}`));
	return true;
}

export async function copyLastAnswer(): Promise<void> {
	const chat = chats.currentId ? chats.get(chats.currentId) : null;
	const text = chat?.turns.findLast((t) => t.answer?.text)?.answer?.text;
	if (!text) notices.say('There is no answer to copy.', null, 'copy');
	else if (await copyText(text)) notices.say('The last answer was copied.', null, 'copy');
	else notices.say('The browser did not let the answer be copied.', null, 'copy');
}

export const SHORTCUTS = {
	palette: {
		keys: '$mod+k',
		label: 'Command palette',
		group: 'Everywhere',
		always: true,
		run: () => panels.toggle('palette')
	},
	search: {
		keys: '$mod+Shift+f',
		label: 'Search conversations',
		group: 'Everywhere',
		run: () => void focusSearch()
	},
	sidebar: {
		keys: '$mod+b',
		label: 'Open or close the sidebar',
		group: 'Everywhere',
		run: () => rail.toggle()
	},
	help: {
		keys: '$mod+/',
		label: 'Keyboard shortcuts',
		group: 'Everywhere',
		always: true,
		run: () => panels.toggle('shortcuts')
	},
	newChat: { keys: '$mod+Shift+o', label: 'New chat', group: 'Conversations', run: newChat },
	previous: {
		keys: 'Alt+ArrowUp',
		label: 'Previous conversation',
		group: 'Conversations',
		run: (e) => step(-1, e)
	},
	next: {
		keys: 'Alt+ArrowDown',
		label: 'Next conversation',
		group: 'Conversations',
		run: (e) => step(1, e)
	},
	input: {
		keys: 'Shift+Escape',
		label: 'Go to the message input',
		group: 'Messages',
		run: focusInput
	},
	copy: {
		keys: '$mod+Shift+Enter',
		label: 'Copy the last answer',
		group: 'Messages',
		run: () => void copyLastAnswer()
	},
	send: { keys: 'Enter', label: 'Send', group: 'Messages' },
	line: { keys: 'Shift+Enter', label: 'New line', group: 'Messages' },
	editLast: {
		keys: 'ArrowUp',
		label: 'Edit the last message, while the input is empty',
		group: 'Messages'
	},
	save: { keys: '$mod+Enter', label: 'Save or send what is edited', group: 'Messages' },
	rename: { keys: 'F2', label: 'Rename', group: 'In the list of conversations' },
	remove: { keys: 'Delete', label: 'Delete, with Undo', group: 'In the list of conversations' }
} as const satisfies Record<string, Shortcut>;

/** In the order of the table. */
export const shortcutList: readonly Shortcut[] = Object.values(SHORTCUTS);
