/**
 * One Markdown block to safe HTML. Raw HTML never reaches the page: it is not even parsed as such, what
 * marked makes is sanitised by an allow-list, and nothing in an answer makes the browser ask another host.
 */
import DOMPurify from 'dompurify';
import {
	Lexer,
	Marked,
	Parser,
	Renderer,
	Tokenizer,
	type TokenizerAndRendererExtension
} from 'marked';
import { languageName } from './blocks';
import { highlighter, typesetter } from './lazy.svelte';
import { wrapsCode } from './wrap';

/** Blocks above this are shown as they are; inline parsing of hostile text can be quadratic. */
const MAX_INLINE_CHARS = 40_000;
/** Quotes and lists nested deeper than this are text: nobody reads them, and each level costs a reading. */
const MAX_DEPTH = 12;

/** With more definitions than this it is not looked up which are used. */
const MAX_TAGS = 200;

export type LinkTable = Record<string, { href: string | null; title?: string | null }>;

export const escapeHtml = (s: string): string =>
	s.replace(/[&<>"']/g, (ch) => `&#${String(ch.charCodeAt(0))};`);

/** Formulas nested deeper than this are shown as they are written. */
const MAX_BRACES = 30;

function isDeep(source: string): boolean {
	let depth = 0;
	for (const ch of source) {
		if (ch === '{') depth++;
		else if (ch === '}') depth--;
		if (depth > MAX_BRACES) return true;
	}
	return false;
}

function math(source: string, display: boolean): string {
	const typeset = isDeep(source) ? null : typesetter.value;
	const label = `role="math" aria-label="${escapeHtml(source)}"`;
	if (!typeset) return `<code class="math-source" ${label}>${escapeHtml(source)}</code>`;
	return `<span class="${display ? 'math-display' : 'math'}" ${label}${display ? ' tabindex="0"' : ''}>${typeset(source, display)}</span>`;
}

/* Lengths are bounded so that many openers without a closer stay linear. */
const mathBlock: TokenizerAndRendererExtension = {
	name: 'mathBlock',
	level: 'block',
	start: (src) => /(?:^|\n) {0,3}(?:\$\$|\\\[)/.exec(src)?.index,
	tokenizer(src) {
		const m =
			/^ {0,3}\$\$((?:(?!\$\$)[\s\S]){1,4000}?)\$\$[ \t]*(?:\n+|$)/.exec(src) ??
			/^ {0,3}\\\[([\s\S]{1,4000}?)\\\][ \t]*(?:\n+|$)/.exec(src);
		return m ? { type: 'mathBlock', raw: m[0], text: (m[1] ?? '').trim() } : undefined;
	},
	renderer: (token) => `<p>${math(String(token.text), true)}</p>`
};
const mathInline: TokenizerAndRendererExtension = {
	name: 'mathInline',
	level: 'inline',
	start: (src) => /\$|\\\(|\\\[/.exec(src)?.index,
	tokenizer(src) {
		const m =
			/^\$\$([^$\n]{1,1000})\$\$/.exec(src) ??
			// Not "$5 and $10": no space inside the dollars, no digit after the second.
			/^\$(?![\s$])((?:\\[^\n]|[^$\\\n]){1,1000}?)(?<!\s)\$(?!\d)/.exec(src) ??
			/^\\\(([\s\S]{1,1000}?)\\\)/.exec(src) ??
			/^\\\[([\s\S]{1,1000}?)\\\]/.exec(src);
		return m ? { type: 'mathInline', raw: m[0], text: (m[1] ?? '').trim() } : undefined;
	},
	renderer: (token) => math(String(token.text), false)
};

const indexIn = (src: string, mark: string): number | undefined => {
	const at = src.indexOf(mark);
	return at < 0 ? undefined : at;
};

/* "[^1]" and "[^1]: note", without links between them: an answer may name nothing in the page. */
const footnote: TokenizerAndRendererExtension = {
	name: 'footnote',
	level: 'block',
	start: (src) => /(?:^|\n)\[\^[^\]\s]{1,30}\]:/.exec(src)?.index,
	tokenizer(src) {
		const m = /^\[\^([^\]\s]{1,30})\]:[ \t]+([^\n]+(?:\n(?!\s*(?:\n|\[\^))[^\n]+)*)\n*/.exec(src);
		if (!m) return undefined;
		const tokens = this.lexer.inline(m[2] ?? '');
		return { type: 'footnote', raw: m[0], text: m[1] ?? '', tokens };
	},
	renderer(token) {
		return `<p class="footnote"><sup>${escapeHtml(String(token.text))}</sup> ${this.parser.parseInline(token.tokens ?? [])}</p>`;
	}
};
const footnoteMark: TokenizerAndRendererExtension = {
	name: 'footnoteMark',
	level: 'inline',
	start: (src) => indexIn(src, '[^'),
	tokenizer(src) {
		const m = /^\[\^([^\]\s]{1,30})\](?!:)/.exec(src);
		return m ? { type: 'footnoteMark', raw: m[0], text: m[1] ?? '' } : undefined;
	},
	renderer: (token) => `<sup>${escapeHtml(String(token.text))}</sup>`
};

let depth = 0;
/** Runs a tokenizer that goes into what it finds, unless that is nested too deep. */
function nested<T>(tokenize: () => T): T | undefined {
	if (depth >= MAX_DEPTH) return undefined;
	depth++;
	try {
		return tokenize();
	} finally {
		depth--;
	}
}

/* An address may lead outside in a new tab, or to a page of hob; everything else becomes text. */
function linkAttributes(href: string): string | null {
	if (/^\/(?![/\\])/.test(href)) return `href="${escapeHtml(href)}"`;
	if (!URL.canParse(href)) return null;
	const url = new URL(href);
	if (!['http:', 'https:', 'mailto:'].includes(url.protocol)) return null;
	return `href="${escapeHtml(url.href)}" target="_blank" rel="noopener noreferrer"`;
}

const DATA_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/;

export const marked = new Marked({
	gfm: true,
	tokenizer: {
		html: () => undefined,
		tag: () => undefined,
		blockquote(src) {
			return nested(() => Tokenizer.prototype.blockquote.call(this, src));
		},
		list(src) {
			return nested(() => Tokenizer.prototype.list.call(this, src));
		}
	},
	renderer: {
		html: ({ text }) => escapeHtml(text),
		code: ({ text, lang }) => codeHtml(text, languageName(lang)),
		checkbox: ({ checked }) =>
			`<span class="task" role="img" aria-label="${checked ? 'done' : 'to do'}">${checked ? '☑' : '☐'}</span> `,
		// Lists, quotes and tables take the direction of their text; the rest does by CSS (unicode-bidi).
		list(token) {
			return Renderer.prototype.list.call(this, token).replace(/^<([uo]l)/, '<$1 dir="auto"');
		},
		listitem(item) {
			return `<li${item.task ? ' class="task-item"' : ''}>${this.parser.parse(item.tokens)}</li>\n`;
		},
		blockquote({ tokens }) {
			return `<blockquote dir="auto">\n${this.parser.parse(tokens)}</blockquote>\n`;
		},
		table(token) {
			const name = token.header
				.map((cell) => cell.text.trim())
				.join(', ')
				.slice(0, 80);
			const table = Renderer.prototype.table
				.call(this, token)
				.replace('<table', '<table dir="auto"');
			return `<div class="table-scroll" role="region" aria-label="Table: ${escapeHtml(name)}" tabindex="0">${table}</div>`;
		},
		tablecell(cell) {
			const html = Renderer.prototype.tablecell.call(this, cell);
			// A figure stands as its table does. (Words with a dir would not count for that of the table.)
			return /\p{L}/u.test(cell.text) ? html.replace(/^<(t[hd])/, '<$1 class="words"') : html;
		},
		link({ href, title, tokens }) {
			const text = this.parser.parseInline(tokens);
			const attributes = linkAttributes(href);
			if (!attributes) return text;
			return `<a ${attributes}${title ? ` title="${escapeHtml(title)}"` : ''}>${text}</a>`;
		},
		image({ href, title, text }) {
			if (DATA_IMAGE.test(href))
				return `<img src="${href}" alt="${escapeHtml(text)}"${title ? ` title="${escapeHtml(title)}"` : ''}>`;
			const label = `Image: ${escapeHtml(text || href)}`;
			const attributes = linkAttributes(href);
			if (!attributes) return label;
			const host = URL.canParse(href) ? ` (${escapeHtml(new URL(href).host)})` : '';
			return `<a ${attributes} class="image-link">${label}${host}</a>`;
		}
	}
});
marked.use({ extensions: [mathBlock, mathInline, footnote, footnoteMark] });

/* Code inside a list or a quote; top-level code is a component. Buttons work by delegation. */
function codeHtml(text: string, lang: string): string {
	const html = highlight(text, lang);
	return (
		`<div class="code-block"><div class="code-head"><span>${escapeHtml(lang || 'text')}</span>` +
		`<button type="button" data-code-action="wrap" aria-pressed="${String(wrapsCode())}">Wrap</button>` +
		`<button type="button" data-code-action="copy">Copy</button></div>` +
		`<pre${wrapsCode() ? ' class="wrapped"' : ''} tabindex="0" role="region" aria-label="Code"><code>${html}</code></pre></div>`
	);
}

/** Highlighted HTML of code, everything from outside escaped; plain until the highlighter is here. */
export function highlight(text: string, lang: string): string {
	if (!lang || lang === 'text' || lang === 'plaintext') return escapeHtml(text);
	return highlighter.value?.(text, lang) ?? escapeHtml(text);
}

const ALLOWED_TAGS = [
	...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'li'],
	...['strong', 'em', 'del', 'sup', 'code', 'pre', 'a', 'img', 'span', 'div', 'button'],
	...['table', 'thead', 'tbody', 'tr', 'th', 'td', 'svg', 'path', 'line', '#text']
];
const ALLOWED_ATTR = [
	...[
		'href',
		'target',
		'rel',
		'title',
		'src',
		'alt',
		'class',
		'style',
		'start',
		'align',
		'type',
		'dir'
	],
	...['role', 'tabindex', 'data-code-action', 'aria-label', 'aria-pressed', 'aria-hidden'],
	...['d', 'viewBox', 'width', 'height', 'preserveAspectRatio', 'xmlns', 'x1', 'x2', 'y1', 'y2']
];

export function renderBlock(raw: string, links?: LinkTable): string {
	if (raw.length > MAX_INLINE_CHARS) return plain(raw);
	try {
		const lexer = new Lexer(marked.defaults);
		if (links) Object.assign(lexer.tokens.links, links);
		const html = new Parser(marked.defaults).parse(lexer.lex(raw));
		return DOMPurify.sanitize(html, {
			ALLOWED_TAGS,
			ALLOWED_ATTR,
			ALLOW_DATA_ATTR: false,
			ALLOW_ARIA_ATTR: false,
			ALLOW_UNKNOWN_PROTOCOLS: false,
			// Words, not an address: "Table: name" would be taken for a scheme.
			ADD_URI_SAFE_ATTR: ['aria-label']
		});
	} catch {
		return plain(raw); // nested deeper than the stack
	}
}

const plain = (raw: string): string => `<p class="whitespace-pre-wrap">${escapeHtml(raw)}</p>`;

/** Whether this block may name one of these definitions. */
export function usesLinks(raw: string, links: LinkTable): boolean {
	if (!raw.includes('[')) return false;
	const tags = Object.keys(links);
	if (tags.length > MAX_TAGS) return true;
	const text = raw.toLowerCase().replace(/\s+/g, ' ');
	return tags.some((tag) => text.includes(`[${tag}]`));
}

/** The reference definitions of a whole answer ("[1]: https://..."), for links in other blocks; null if none. */
export function linkTable(text: string): LinkTable | null {
	if (!/^ {0,3}\[[^\]\n]+\]:/m.test(text)) return null;
	try {
		const lexer = new Lexer(marked.defaults);
		lexer.blockTokens(text, lexer.tokens);
		return Object.keys(lexer.tokens.links).length > 0 ? lexer.tokens.links : null;
	} catch {
		return null;
	}
}
