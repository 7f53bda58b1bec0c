/**
 * Cuts code into pieces that are highlighted one by one, so that neither a long block nor one that is still
 * growing costs a whole reading at once. Finished pieces keep their object. Pure.
 */
export interface Piece {
	id: number;
	text: string;
}

const PIECE_CHARS = 3000;

/** Where the first piece of `text` ends: before a line that begins something new, else at a line end. */
function cutAt(text: string): number {
	for (const seam of [/\n\n(?=[^\s}\])])/g, /\n/g]) {
		let cut = 0;
		for (const match of text.slice(0, PIECE_CHARS + 1).matchAll(seam)) {
			const end = match.index + match[0].length;
			if (end > PIECE_CHARS) break;
			cut = end;
		}
		if (cut > PIECE_CHARS / 3) return cut;
	}
	const inPair = /[\ud800-\udbff]/.test(text[PIECE_CHARS - 1] ?? '');
	return inPair ? PIECE_CHARS - 1 : PIECE_CHARS;
}

export class CodePieces {
	#settled: Piece[] = [];
	#before = '';
	#last: Piece | undefined;

	/** The pieces of `text`; cheap when it continues the text of the call before. */
	update(text: string): Piece[] {
		if (!text.startsWith(this.#before)) {
			this.#settled = [];
			this.#before = '';
		}
		let from = this.#before.length;
		while (text.length - from > PIECE_CHARS) {
			const cut = from + cutAt(text.slice(from, from + PIECE_CHARS + 2));
			this.#settled.push({ id: this.#settled.length, text: text.slice(from, cut) });
			from = cut;
		}
		this.#before = text.slice(0, from);
		const rest = text.slice(from);
		const id = this.#settled.length;
		if (this.#last?.id !== id || this.#last.text !== rest) this.#last = { id, text: rest };
		return rest ? [...this.#settled, this.#last] : [...this.#settled];
	}
}

/** The end of the first `lines` lines of text; its length if it has no more. */
export function endOfLines(text: string, lines: number): number {
	let at = 0;
	for (let n = 0; n < lines; n++) {
		const next = text.indexOf('\n', at);
		if (next < 0) return text.length;
		at = next + 1;
	}
	return at - 1;
}

export function countLines(text: string): number {
	let n = 1;
	for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) n++;
	return n;
}
