import { resolve } from '$app/paths';
import type { SearchHit } from '$lib/api/types';

/** The conversation, at the message if it is one that was found. */
export function hitLink({ conversation_id, message_id }: SearchHit): string {
	const path = resolve(`/chat/${conversation_id}`);
	return message_id ? `${path}?m=${message_id}` : path;
}
