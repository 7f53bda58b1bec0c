/**
 * Who goes next in a conversation: messages are answered one by one, in order. Pure.
 */

/** busy: being sent or answered. failed: was not answered, or only in part. settled: needs nothing. */
export type Standing = 'queued' | 'busy' | 'failed' | 'settled';

export interface QueueItem {
	id: string;
	standing: Standing;
}

export interface QueueStep {
	/** Send this one now. */
	next: string | null;
	/** The failed message that the queue waits behind. */
	blockedBy: string | null;
}

/**
 * `passed` names failed messages that the queue may go past (the user said so). A failed message
 * that a later one has already overtaken does not hold anybody up.
 */
export function queueStep(items: readonly QueueItem[], passed: ReadonlySet<string>): QueueStep {
	const first = items.findIndex((i) => i.standing === 'queued');
	if (first < 0 || items.some((i) => i.standing === 'busy')) return { next: null, blockedBy: null };
	const head = items[first - 1];
	if (head?.standing === 'failed' && !passed.has(head.id))
		return { next: null, blockedBy: head.id };
	return { next: items[first]?.id ?? null, blockedBy: null };
}

/** Whether a new message must wait behind others. */
export function mustQueue(items: readonly QueueItem[]): boolean {
	return items.some((i) => i.standing === 'busy' || i.standing === 'queued');
}
