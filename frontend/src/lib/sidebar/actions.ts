/** What can be done with conversations, wherever it is asked for: the rows, the palette, a shortcut. */
import { goto } from '$app/navigation';
import { resolve } from '$app/paths';
import { exportUrl } from '$lib/api/client';
import type { ExportFormat } from '$lib/api/types';
import { chats } from '$lib/state/chats.svelte';
import { conversations } from '$lib/state/conversations.svelte';

/** Deletes with Undo; what was on the screen makes room for a new chat. */
export function removeAll(ids: readonly string[]): void {
	const shown = chats.currentId;
	conversations.remove(ids);
	if (shown && ids.includes(shown)) void goto(resolve('/chat'));
}

export function download(id: string | null, format: ExportFormat): void {
	const link = document.createElement('a');
	link.href = exportUrl(id, format);
	link.download = '';
	link.click();
}
