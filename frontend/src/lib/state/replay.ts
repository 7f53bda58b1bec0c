/**
 * Joins the text that a reload found stored with the replay of the generation that goes on writing
 * it. A fresh answer's replay starts over; a continued one's carries only what was added, of which
 * the stored text may already hold a part. Pure.
 */

/** Length of the longest end of `a` that `b` starts with. */
function overlap(a: string, b: string): number {
	for (let n = Math.min(a.length, b.length); n > 0; n--)
		if (a.charCodeAt(a.length - 1) === b.charCodeAt(n - 1) && a.endsWith(b.slice(0, n))) return n;
	return 0;
}

/**
 * Never shorter than `stored`. `caughtUp`: the replay has passed what was stored, so a replay that
 * fits nowhere is new text.
 */
export function joinReplay(stored: string, replay: string, caughtUp: boolean): string {
	if (replay.startsWith(stored)) return replay;
	if (stored.startsWith(replay)) return stored;
	const n = overlap(stored, replay);
	return n > 0 || caughtUp ? stored + replay.slice(n) : stored;
}
