import { describe, expect, it } from 'vitest';
import { splitThink } from './think';

describe('a whole answer', () => {
	it.each([
		['plain', '', 'plain'],
		['<think>a</think>b', 'a', 'b'],
		['\n <think>\na\n</think>\n\nb', 'a', 'b'],
		['<think></think>b', '', 'b'],
		['<think>never closed', 'never closed', ''],
		['say <think>x</think>', '', 'say <think>x</think>'],
		['<think>a</think>b <think>c</think>', 'a', 'b <think>c</think>'],
		['<thin', '', '<thin'],
		['<think>cut </thi', 'cut </thi', ''],
		['', '', '']
	])('%j', (text, reasoning, content) => {
		expect(splitThink(text, true)).toEqual({ reasoning, content, thinking: false });
	});
});

describe('an answer that grows by one character at a time', () => {
	const whole = ' <think>I < you </ t</think>\n\nThe <b>answer</b> & <think> stays';
	it('never shows a piece of a tag, and never takes text back', () => {
		let content = '';
		let reasoning = '';
		for (let n = 0; n <= whole.length; n++) {
			const now = splitThink(whole.slice(0, n), false);
			expect(now.content.startsWith(content), `content at ${String(n)}`).toBe(true);
			expect(now.reasoning.startsWith(reasoning.trimEnd()), `reasoning at ${String(n)}`).toBe(true);
			expect(`${now.content}${now.reasoning}`).not.toMatch(/^<t|<\/think|<\/th/);
			content = now.content;
			reasoning = now.reasoning;
		}
		expect(splitThink(whole, true)).toEqual({
			reasoning: 'I < you </ t',
			content: 'The <b>answer</b> & <think> stays',
			thinking: false
		});
	});
	it('says while it thinks', () => {
		expect(splitThink('<think>a', false).thinking).toBe(true);
		expect(splitThink('<think>a</think>', false).thinking).toBe(false);
	});
});

describe('an answer that comes in pieces', () => {
	it.each([
		['<think>a</think>b', 'a', 'b'],
		['\n<think>\nwhy </thin not\n</think>\n\nbecause', 'why </thin not', 'because'],
		['<think>never closed <', 'never closed <', ''],
		[
			'<think>outer <think>inner</think> rest</think> end',
			'outer <think>inner',
			'rest</think> end'
		],
		['<think>a</think><think>b</think>c', 'a', '<think>b</think>c'],
		['<think></think>', '', ''],
		['<think>é\u{1F914}</think>ü', 'é\u{1F914}', 'ü'],
		['no tags < here', '', 'no tags < here'],
		['<thinking>is another tag', '', '<thinking>is another tag']
	])('%j: wherever it is cut, only more is shown', (text, reasoning, content) => {
		for (let first = 0; first <= text.length; first++)
			for (let second = first; second <= text.length; second++) {
				const early = splitThink(text.slice(0, first), false);
				const late = splitThink(text.slice(0, second), false);
				expect(late.content.startsWith(early.content)).toBe(true);
				expect(late.reasoning.startsWith(early.reasoning.trimEnd())).toBe(true);
			}
		expect(splitThink(text, true)).toMatchObject({ reasoning, content });
	});
});
