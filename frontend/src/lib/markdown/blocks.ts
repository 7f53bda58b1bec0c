/**
 * Splits an answer that only grows into its top-level Markdown blocks. Finished blocks keep their object,
 * so Svelte renders each once; only the tail is lexed again at each frame.
 */
import { Lexer, type MarkedOptions, type Token } from 'marked';

export interface Block {
	id: number;
	raw: string;
	/** a fenced or indented code block; null for everything else */
	code: { text: string; lang: string } | null;
}

export class BlockStream {
	#text = '';
	#tail = '';
	#settled: Block[] = [];
	#next = 0;
	#last: Block[] = [];
	#definitions = '';
	readonly #options: MarkedOptions;

	/** The options must be the renderer's, extensions included, or blocks and HTML disagree. */
	constructor(options: MarkedOptions) {
		this.#options = options;
	}

	/** Blocks of `text`. Cheap when it continues the text of the call before; anything else starts anew. */
	update(text: string): Block[] {
		if (text === this.#text) return this.#last;
		if (text.startsWith(this.#text)) {
			this.#tail += text.slice(this.#text.length);
		} else {
			this.#settled = [];
			this.#next = 0;
			this.#definitions = '';
			this.#tail = text;
		}
		this.#text = text;
		const rest = this.#split();
		this.#last = [...this.#settled, ...rest].map((block, i) => {
			const old = this.#last[i];
			return old && old.id === block.id && old.raw === block.raw ? old : block;
		});
		return this.#last;
	}

	/** The parts of the text that may define links ("[1]: https://..."). */
	get definitions(): string {
		return this.#definitions + this.#tail;
	}

	/* A block is settled once two later ones exist: lists and tables can still merge with the next. */
	#split(): Block[] {
		const tokens = this.#lex();
		let keepFrom = tokens.length;
		let seen = 0;
		while (keepFrom > 0 && seen < 2) {
			keepFrom--;
			if (tokens[keepFrom]?.type !== 'space') seen++;
		}
		let used = 0;
		if (seen === 2) {
			for (const token of tokens.slice(0, keepFrom)) {
				used += token.raw.length;
				if (token.type !== 'code' && token.raw.includes(']:'))
					this.#definitions += `${token.raw}\n\n`;
				if (token.type !== 'space') this.#settled.push(toBlock(token, this.#next++));
			}
			this.#tail = this.#tail.slice(used);
		} else {
			keepFrom = 0;
		}
		let id = this.#next;
		return tokens
			.slice(keepFrom)
			.filter((token) => token.type !== 'space')
			.map((token) => toBlock(token, id++));
	}

	#lex(): Token[] {
		try {
			// \r\n and tabs as Lexer.lex() treats them, so that lengths add up.
			if (this.#tail.includes('\r')) this.#tail = this.#tail.replace(/\r\n|\r(?!$)/g, '\n');
			return new Lexer(this.#options).blockTokens(this.#tail, []);
		} catch {
			// Nested deeper than the stack: one block, which the renderer shows as plain text.
			return this.#tail ? [{ type: 'text', raw: this.#tail, text: this.#tail }] : [];
		}
	}
}

function toBlock(token: Token, id: number): Block {
	const code =
		token.type === 'code'
			? { text: String(token.text), lang: languageName(token.lang as string | undefined) }
			: null;
	return { id, raw: token.raw, code };
}

/** "python title=x" and "{.python}" name python. */
export function languageName(info: string | undefined): string {
	return (/^[{.\s]*([\w+#.-]{1,30})/.exec(info ?? '')?.[1] ?? '').toLowerCase();
}

/** Has the fence of this code block been closed? Indented code has none and counts as closed. */
export function isClosedFence(raw: string): boolean {
	const open = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1];
	if (!open) return true;
	const lines = raw.trimEnd().split('\n');
	const last = lines.at(-1)?.trim() ?? '';
	return lines.length > 1 && last.startsWith(open) && last === (open[0] ?? '').repeat(last.length);
}
