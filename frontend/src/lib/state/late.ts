/**
 * Stop that came while a request was out: hob may have begun to answer nevertheless. That one answer is
 * stopped too, and none that somebody asks for later.
 */
import { api } from '$lib/api/client';
import type { Generation } from '$lib/api/types';
import { stopGeneration } from './follower';
import { isActive, type Turn } from './turn.svelte';

/** hob is asked once, after this long. */
const LATE_ANSWER_MS = 800;
/** What begins later than this after Stop, somebody asked for anew. */
const STOP_HOLDS_MS = 10_000;

/** Looks for the answer, and lets its `generation` event find it (stopUnwanted) for a while. */
export function stopLateAnswer(conversationId: string, turn: Turn): void {
	const wanted = turn.stopWanted;
	setTimeout(() => void look(conversationId, turn), LATE_ANSWER_MS);
	setTimeout(() => {
		if (turn.stopWanted === wanted) turn.stopWanted = null;
	}, STOP_HOLDS_MS);
}

async function look(conversationId: string, turn: Turn): Promise<void> {
	if (!turn.stopWanted) return;
	try {
		const { messages } = await api.conversation(conversationId);
		const found = messages.findLast((m) => m.role === 'assistant' && m.parent_id === turn.id);
		if (found && isActive(found.state as Generation['state']))
			stopUnwanted(turn, found.generation_id ?? '');
	} catch {
		// hob is out of reach; its `generation` event still stops it.
	}
}

/** Stops the one answer that Stop was meant for; false: it was not meant for this one. */
export function stopUnwanted(turn: Turn, generationId: string): boolean {
	if (!turn.isUnwanted(generationId)) return false;
	if (!turn.stopWanted?.generationId) void stopGeneration(generationId);
	turn.stopWanted = { generationId };
	return true;
}
