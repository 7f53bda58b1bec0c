import { beforeAll, describe, expect, it } from 'vitest';
import { LARGE, SMALL } from '../../../../tests/lib/hostile.mjs';
import { BlockStream } from './blocks';
import { highlighter, typesetter } from './lazy.svelte';
import { highlight, linkTable, marked, renderBlock } from './render';

beforeAll(async () => {
	// Both lazy parts, so that what they make is under test too.
	void highlighter.value;
	void typesetter.value;
	await import('./highlighter');
	await import('./typesetter');
	await Promise.resolve();
});

const FORBIDDEN =
	'script,iframe,object,embed,style,form,input,link,meta,base,video,audio,details,template,animate,foreignObject,math';

/** What must hold for the HTML of any answer. Returns the first thing that does not. */
function fault(html: string): string | null {
	const template = document.createElement('template');
	template.innerHTML = html;
	const bad = template.content.querySelector(FORBIDDEN);
	if (bad) return `element ${bad.outerHTML}`;
	for (const element of template.content.querySelectorAll('*')) {
		for (const { name, value } of element.attributes) {
			if (name.startsWith('on')) return `handler ${element.outerHTML}`;
			if (name === 'id' || name === 'name') return `name ${element.outerHTML}`;
			if (name === 'style' && /url\(|expression|@import|fixed/i.test(value))
				return `style ${value}`;
			if (name === 'src' && !/^data:image\/(?:png|jpeg|gif|webp);base64,/.test(value))
				return `loads ${value}`;
			if (/^(?:srcset|data|action|formaction|poster|background|xlink:href)$/.test(name))
				return `loads ${element.outerHTML}`;
			if (name === 'href' && !/^(?:https?:|mailto:|\/(?![/\\]))/.test(value))
				return `href ${value}`;
		}
		if (element.tagName === 'A' && /^(?:https?:|mailto:)/.test(element.getAttribute('href') ?? ''))
			if (
				element.getAttribute('target') !== '_blank' ||
				element.getAttribute('rel') !== 'noopener noreferrer'
			)
				return `link ${element.outerHTML}`;
	}
	return null;
}

function faultOfAnswer(text: string): string | null {
	const links = linkTable(text) ?? undefined;
	for (const block of new BlockStream(marked.defaults).update(text)) {
		const html = block.code
			? highlight(block.code.text, block.code.lang)
			: renderBlock(block.raw, links);
		const found = fault(html);
		if (found) return `${found}\nin ${JSON.stringify(text)}`;
	}
	return null;
}

describe('hostile answers', () => {
	it('the check itself sees what is bad', () => {
		for (const html of [
			'<script>1</' + 'script>',
			'<p onclick=1>',
			'<img src=https://x.example>',
			'<a href="javascript:1">x</a>',
			'<a href="https://x.example">x</a>',
			'<p style="background:url(x)">'
		])
			expect(fault(html)).not.toBeNull();
	});
	it.each(SMALL)(
		'%s: safe at every prefix',
		(_, text) => {
			for (let i = 1; i <= text.length; i++) expect(faultOfAnswer(text.slice(0, i))).toBeNull();
		},
		300_000
	);
	it('is safe as one long answer in chunks', () => {
		const text = SMALL.map(([, one]) => one).join('\n\n');
		const stream = new BlockStream(marked.defaults);
		for (let i = 0; i < text.length; i += 97)
			for (const block of stream.update(text.slice(0, i)).slice(-2))
				expect(fault(renderBlock(block.raw))).toBeNull();
	});
	it.each(LARGE)(
		'%s: safe, and neither throws nor takes long',
		(_, text) => {
			const begin = process.cpuUsage();
			expect(faultOfAnswer(text)).toBeNull();
			expect(process.cpuUsage(begin).user / 1000).toBeLessThan(10_000);
		},
		300_000
	);
	it('shows what is nested too deep as text', () => {
		expect(renderBlock('> '.repeat(50) + 'deep')).toContain('deep');
		const quotes = renderBlock('> '.repeat(50) + 'deep').split('<blockquote').length - 1;
		expect(quotes).toBeLessThan(20);
	});
});

describe('what an answer may contain', () => {
	const body = (markdown: string): HTMLElement => {
		const element = document.createElement('div');
		element.innerHTML = renderBlock(markdown);
		return element;
	};
	it('shows raw HTML as text', () => {
		expect(body('a <b>bold</b> <!-- c -->').textContent.trim()).toBe('a <b>bold</b> <!-- c -->');
		expect(body('<div>\nx\n</div>').textContent.trim()).toBe('<div>\nx\n</div>');
	});
	it('opens links in a new tab without a referrer, hob’s own pages in place', () => {
		const out = body('[x](https://example.org/a?b=1&c=2)').querySelector('a');
		expect(out?.getAttribute('href')).toBe('https://example.org/a?b=1&c=2');
		expect(out?.rel).toBe('noopener noreferrer');
		const own = body('[Servers](/servers)').querySelector('a');
		expect(own?.getAttribute('href')).toBe('/servers');
		expect(own?.hasAttribute('target')).toBe(false);
	});
	it('names a remote image with a link instead of loading it', () => {
		const element = body('![a cat](https://example.org/cat.png)');
		expect(element.querySelector('img')).toBeNull();
		expect(element.querySelector('a')?.textContent).toBe('Image: a cat (example.org)');
	});
	it('shows an image that is in the answer itself', () => {
		expect(body('![dot](data:image/png;base64,iVBORw0KGgo=)').querySelector('img')?.alt).toBe(
			'dot'
		);
	});
	it('gives tables a region that scrolls by keyboard', () => {
		const region = body('| a | b |\n|--:|---|\n| 1 | 2 |').querySelector('.table-scroll');
		expect(region?.getAttribute('tabindex')).toBe('0');
		expect(region?.querySelector('th')?.getAttribute('align')).toBe('right');
	});
	it('names a table by its head and lets text choose its direction', () => {
		const region = body('| name | size |\n|---|---|\n| 1 | 2 |').querySelector('[role=region]');
		expect(region?.getAttribute('aria-label')).toBe('Table: name, size');
		for (const text of ['| a |\n|---|\n| b |', '- a', '1. a', '> a'])
			expect(body(text).querySelector('[dir=auto]')).not.toBeNull();
	});
	it('shows footnotes', () => {
		const out = body('a[^1] b\n\n[^1]: the *note*\n');
		expect(out.querySelector('p sup')?.textContent).toBe('1');
		expect(out.querySelector('.footnote em')?.textContent).toBe('note');
	});
	it('names task boxes', () => {
		const boxes = body('- [x] one\n- [ ] two').querySelectorAll('.task');
		expect([...boxes].map((b) => b.getAttribute('aria-label'))).toEqual(['done', 'to do']);
	});
	it('highlights code that it knows and escapes the rest', () => {
		expect(highlight('int x;', 'c')).toContain('hljs-type');
		expect(highlight('a < b', 'no-such-language')).toBe('a &#60; b');
	});
	it('typesets formulas and leaves money alone', () => {
		expect(body('a $x^2$ b').querySelector('[role=math] .katex')).not.toBeNull();
		expect(body('\\[ \\frac{1}{2} \\]').querySelector('.math-display .katex')).not.toBeNull();
		expect(body('It costs $5 and $10.').querySelector('[role=math]')).toBeNull();
		expect(body('`$x$`').querySelector('[role=math]')).toBeNull();
	});
	it('resolves reference links through the definitions of the whole answer', () => {
		const links = linkTable('See [the docs][1].\n\n[1]: https://example.org/docs "Docs"');
		expect(renderBlock('See [the docs][1].', links ?? undefined)).toContain(
			'href="https://example.org/docs"'
		);
		expect(linkTable('no definition')).toBeNull();
	});
});
