import { describe, expect, it } from 'vitest';
import type { AnswerMeta } from '$lib/api/types';
import {
	detailRows,
	finishText,
	metaText,
	prettyArguments,
	thoughtText,
	waitingText
} from './words';

const META: AnswerMeta = {
	model: 'm',
	prompt_tokens: 5,
	completion_tokens: 212,
	tokens_per_s: 48.2,
	ttft_ms: 420,
	reasoning_ms: null,
	total_ms: 5000,
	finish_reason: 'stop'
};

describe('what a message waits for', () => {
	it.each([
		['', 'Waiting for the first word'],
		['1 ahead of you', 'Waiting: 1 ahead of you'],
		['waiting for the engine', 'Waiting for the engine']
	])('%j', (note, text) => expect(waitingText(note)).toBe(text));
});

describe('what is said of an answer', () => {
	it.each<[Partial<AnswerMeta>, string]>([
		[{}, '48 tok/s · first token after 0.4 s · 212 tokens'],
		[{ ttft_ms: 31.4 }, '48 tok/s · first token after 31 ms · 212 tokens'],
		[{ ttft_ms: 12_300 }, '48 tok/s · first token after 12 s · 212 tokens'],
		[{ tokens_per_s: 4.25 }, '4.3 tok/s · first token after 0.4 s · 212 tokens'],
		[{ tokens_per_s: 1000, completion_tokens: 1 }, 'first token after 0.4 s · 1 token'],
		[{ tokens_per_s: null, ttft_ms: null }, '212 tokens'],
		[
			{ finish_reason: 'length' },
			'48 tok/s · first token after 0.4 s · 212 tokens · cut off at the length limit'
		]
	])('%j', (change, text) => expect(metaText({ ...META, ...change })).toBe(text));
});

describe('how long it thought', () => {
	it.each([
		[null, 'Reasoning'],
		[400, 'Thought for less than 1 s'],
		[12_300, 'Thought for 12 s'],
		[125_000, 'Thought for 2 min 5 s']
	])('%j ms', (ms, text) => expect(thoughtText(ms)).toBe(text));
});

describe('arguments of a tool', () => {
	it.each([
		['{"a":1,"b":[2]}', '{\n  "a": 1,\n  "b": [\n    2\n  ]\n}'],
		['{"city":"Par', '{"city":"Par'],
		['', '']
	])('%j', (text, pretty) => expect(prettyArguments(text)).toBe(pretty));
});

describe('the details of an answer', () => {
	const answer = { meta: META, options: null, reasoningMs: null, createdAt: 0 };
	const names = (more: object): string[] =>
		detailRows({ ...answer, ...more }, 'box').map((row) => row.name);
	it('have no row for what is not known', () => {
		expect(names({ meta: null })).toEqual(['Server', 'Begun']);
		expect(names({})).not.toContain('Reasoning');
	});
	it('give the parameters, or say that there are none', () => {
		expect(names({ options: { temperature: 0, stop: ['a'] } }).slice(-2)).toEqual([
			'Temperature',
			'Stop'
		]);
		expect(names({ options: {} }).at(-1)).toBe('Parameters');
	});
	it('say in words how it ended', () => {
		expect(finishText('length')).toMatch(/^length: the answer reached the token limit/);
		expect(finishText('oddly')).toBe('oddly');
	});
});
