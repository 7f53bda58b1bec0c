/** Tells of answers that ended where nobody looked: in the page, and by the browser if it may. */
import { goto } from '$app/navigation';
import { resolve } from '$app/paths';
import { live } from '$lib/api/events';
import type { Generation } from '$lib/api/types';
import { chats } from '$lib/state/chats.svelte';
import { conversations, nameOf } from '$lib/state/conversations.svelte';
import { desktop } from './desktop.svelte';
import { notices } from './notices.svelte';

const WORDS: Partial<Record<Generation['state'], string>> = {
	done: 'Answer finished',
	interrupted: 'Answer interrupted',
	failed: 'Message not answered'
};

/** Listens until what it returns is called. */
export function tellOfAnswers(): () => void {
	const told = new Set<string>();
	return live.on('generation', (g) => {
		const words = WORDS[g.state];
		if (!words) {
			// A failed one may be taken up again under the same id.
			told.delete(g.id);
			return;
		}
		if (told.has(g.id)) return;
		told.add(g.id);
		const conversation = conversations.get(g.conversation_id);
		const title = conversation ? nameOf(conversation) : 'a conversation';
		const open = (): void => void goto(resolve(`/chat/${g.conversation_id}`));
		if (live.leading) void desktop.show(words, title, g.id, g.conversation_id);
		if (chats.currentId !== g.conversation_id)
			notices.say(`${words}: ${title}`, { label: 'Open', run: open }, g.conversation_id);
	});
}
