/** What the palette offers, and which of it fits what was typed. */
import { goto } from '$app/navigation';
import { resolve } from '$app/paths';
import { setMode } from 'mode-watcher';
import { panels } from '$lib/shell/panels.svelte';
import { SHORTCUTS } from '$lib/shortcuts/shortcuts';
import { download, removeAll } from '$lib/sidebar/actions';
import { naming } from '$lib/sidebar/naming.svelte';
import type { Chat } from '$lib/state/chat.svelte';
import { chats } from '$lib/state/chats.svelte';
import { conversations } from '$lib/state/conversations.svelte';
import { servers } from '$lib/state/servers.svelte';
import { session } from '$lib/state/session.svelte';

export interface Command {
	/** Unique. */
	id: string;
	label: string;
	/** Other words that one may look for it by. */
	words?: string;
	keys?: string;
	run: () => unknown;
}

/** Whether each word of `query` begins a word of `text`; case and accents do not count. */
export function fits(query: string, text: string): boolean {
	const words = plain(text).split(/[^\p{L}\p{N}]+/u);
	return plain(query)
		.split(/\s+/)
		.filter(Boolean)
		.every((part) => words.some((word) => word.startsWith(part)));
}
function plain(text: string): string {
	return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Of the conversation on the screen; one that hob does not know yet has fewer. */
export function chatCommands(chat: Chat): Command[] {
	const list: Command[] = [];
	const { busy, id } = chat;
	if (busy)
		list.push({ id: 'stop', label: 'Stop the answer', words: 'cancel', run: () => chat.stop() });
	const c = conversations.isStored(id) ? conversations.get(id) : undefined;
	if (c) {
		const { pinned, archived } = c;
		list.push(
			{
				id: 'copy',
				label: SHORTCUTS.copy.label,
				keys: SHORTCUTS.copy.keys,
				run: SHORTCUTS.copy.run
			},
			{
				id: 'rename',
				label: 'Rename this conversation',
				words: 'title',
				run: () => naming.conversation(c)
			},
			{
				id: 'pin',
				label: pinned ? 'Unpin this conversation' : 'Pin this conversation',
				run: () => conversations.change([id], { pinned: !pinned })
			},
			{
				id: 'archive',
				label: archived ? 'Take this conversation out of the archive' : 'Archive this conversation',
				words: 'unarchive restore',
				run: () => conversations.change([id], { archived: !archived })
			},
			{
				id: 'json',
				label: 'Export this conversation as JSON',
				words: 'download save',
				run: () => download(id, 'json')
			},
			{
				id: 'markdown',
				label: 'Export this conversation as Markdown',
				words: 'download save',
				run: () => download(id, 'markdown')
			},
			{
				id: 'delete',
				label: 'Delete this conversation',
				words: 'remove',
				run: () => removeAll([id])
			}
		);
	}
	const current = chats.serverFor(chat);
	for (const s of servers.list)
		if (s.id !== current)
			list.push({
				id: `server-${s.id}`,
				label: `Answer here with ${s.name}`,
				words: 'switch server model',
				run: () => chats.chooseServer(chat, s.id)
			});
	return list;
}

/** Of the whole page. */
export function pageCommands(): Command[] {
	const { newChat, search, sidebar, help } = SHORTCUTS;
	return [
		{
			id: 'new',
			label: newChat.label,
			words: 'conversation',
			keys: newChat.keys,
			run: newChat.run
		},
		{ id: 'search', label: search.label, words: 'find', keys: search.keys, run: search.run },
		{
			id: 'servers',
			label: 'Servers',
			words: 'go page models engines',
			run: () => goto(resolve('/servers'))
		},
		{
			id: 'activity',
			label: 'Activity',
			words: 'go page requests log usage tokens',
			run: () => goto(resolve('/activity'))
		},
		...(session.isAdmin
			? [
					{
						id: 'users',
						label: 'Users',
						words: 'go page accounts',
						run: () => goto(resolve('/users'))
					}
				]
			: []),
		{
			id: 'archive-page',
			label: 'Archive',
			words: 'go page archived',
			run: () => goto(resolve('/archive'))
		},
		{ id: 'keys', label: 'API keys', words: 'go page', run: () => goto(resolve('/keys')) },
		{
			id: 'transfer',
			label: 'Export and import',
			words: 'download backup upload all',
			run: () => panels.show('transfer')
		},
		{
			id: 'sidebar',
			label: sidebar.label,
			words: 'toggle rail',
			keys: sidebar.keys,
			run: sidebar.run
		},
		...(['system', 'light', 'dark'] as const).map((mode) => ({
			id: mode,
			label: `${mode.charAt(0).toUpperCase()}${mode.slice(1)} theme`,
			words: 'mode colours',
			run: () => setMode(mode)
		})),
		{
			id: 'help',
			label: help.label,
			words: 'help keys',
			keys: help.keys,
			run: () => panels.show('shortcuts')
		}
	];
}
