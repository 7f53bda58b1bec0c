/**
 * Splits reasoning that a model wrote into its answer as `<think>...</think>` from the answer
 * itself. Only a block that opens the answer counts: later ones are text about tags. Pure, and
 * given the whole text each time, so it does not matter where the stream was cut.
 */
const OPEN = '<think>';
const CLOSE = '</think>';

export interface Split {
	reasoning: string;
	content: string;
	/** The reasoning block is open: the model is still thinking. */
	thinking: boolean;
}

/** Length of the longest end of `text` that could be the beginning of `tag`. */
function partialTag(text: string, tag: string): number {
	for (let n = Math.min(tag.length - 1, text.length); n > 0; n--)
		if (text.endsWith(tag.slice(0, n))) return n;
	return 0;
}

/** `final`: no more text will come, so a cut-off tag is text after all. */
export function splitThink(text: string, final: boolean): Split {
	const start = text.length - text.trimStart().length;
	if (!text.startsWith(OPEN, start)) {
		const undecided = !final && OPEN.startsWith(text.slice(start));
		return { reasoning: '', content: undecided ? '' : text, thinking: false };
	}
	const from = start + OPEN.length;
	const to = text.indexOf(CLOSE, from);
	if (to < 0) {
		const held = final ? 0 : partialTag(text.slice(-CLOSE.length), CLOSE);
		const cut = Math.max(from, text.length - held);
		return { reasoning: text.slice(from, cut).trim(), content: '', thinking: !final };
	}
	return {
		reasoning: text.slice(from, to).trim(),
		content: text.slice(to + CLOSE.length).trimStart(),
		thinking: false
	};
}
