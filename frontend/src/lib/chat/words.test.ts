import { describe, expect, it } from 'vitest';
import type { AnswerMeta } from '$lib/api/types';
import { metaText, waitingText } from './words';

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
