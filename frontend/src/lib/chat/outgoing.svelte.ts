/**
 * Sends what a composer holds: at once, or as soon as its files are uploaded, it is known what was said
 * before and who can answer. In no component, so that it goes out whatever is on the screen by then.
 */
import { untrack } from 'svelte';
import { goto } from '$app/navigation';
import { resolve } from '$app/paths';
import type { Content } from '$lib/api/types';
import { notices } from '$lib/notices/notices.svelte';
import type { Chat } from '$lib/state/chat.svelte';
import { chats } from '$lib/state/chats.svelte';
import type { ComposerMode, Draft } from '$lib/state/draft.svelte';
import { servers } from '$lib/state/servers.svelte';

/** `first`: nothing was said there before. */
type Sent = (chat: Chat, first: boolean) => void;

// eslint-disable-next-line svelte/prefer-svelte-reactivity -- no screen shows it
const watchers = new Set<Sent>();

/** Runs after each message that a composer or an example sent. */
export function onSent(fn: Sent): () => void {
	watchers.add(fn);
	return () => watchers.delete(fn);
}

export function sendContent(
	chat: Chat,
	content: Content,
	serverId: string,
	mode: ComposerMode = 'send'
): void {
	const first = chat.isNew;
	// New conversations begin with what was used last where one is.
	if (chat.isOnScreen) chats.chooseServer(chat, serverId);
	else chat.chooseServer(serverId);
	chat.send(content, serverId, mode);
	for (const fn of watchers) fn(chat, first);
}

/** Sends the draft, or keeps it until it can go out; an upload that fails meanwhile, or a change of its text, ends the waiting. */
export function sendDraft(chat: Chat, mode: ComposerMode): void {
	const { draft } = chat;
	const serverId = chats.serverFor(chat);
	draft.sendSoon = canGo(draft, serverId) ? mode : null;
	draft.failed = null;
	draft.notice = '';
	if (isOver(chat)) return;
	// What is picked in other conversations meanwhile is not for this one.
	if (serverId && chat.loaded) chats.chooseServer(chat, serverId);
	const end = $effect.root(() => {
		$effect(() => {
			if (isOver(chat)) end();
		});
	});
}

function canGo(draft: Draft, serverId: string | null): boolean {
	const something = draft.text.trim() !== '' || draft.files.some((f) => !f.error);
	return something && !draft.problem(servers.get(serverId));
}

/** Sends what waits if it can go out; true when nothing waits any more. */
function isOver(chat: Chat): boolean {
	const { draft } = chat;
	const { failed, sendSoon: mode } = draft;
	if (!mode) return true;
	const serverId = chats.serverFor(chat);
	if (!failed && (draft.uploading || !chat.loaded || !serverId)) return false;
	untrack(() => {
		if (failed) {
			draft.sendSoon = null;
			draft.notice = `Not sent: ${failed.name} could not be uploaded.`;
			tellElsewhere(chat, draft.notice);
		} else if (serverId && canGo(draft, serverId)) sendContent(chat, draft.take(), serverId, mode);
		else draft.sendSoon = null;
	});
	return true;
}

function tellElsewhere(chat: Chat, text: string): void {
	if (chat.isOnScreen) return;
	const path = chat.isNew ? resolve('/chat') : resolve(`/chat/${chat.id}`);
	notices.say(text, { label: 'Open', run: () => void goto(path) });
}
