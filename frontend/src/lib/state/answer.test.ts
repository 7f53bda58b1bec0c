import { expect, test } from 'vitest';
import type { ToolCallDelta } from '$lib/api/types';
import { Answer } from './answer.svelte';

const piece = (index: number, name: string): ToolCallDelta[] => [
	{ index, function: { name, arguments: '' } }
];
const names = (answer: Answer): (string | undefined)[] => {
	answer.flush();
	return answer.toolCalls.map((c) => c.function?.name);
};

test('a continued answer goes on counting its tool calls', () => {
	const answer = new Answer('a');
	answer.beginGeneration('first', 'replace');
	answer.append('', '', piece(0, 'f'));
	answer.end('interrupted', null, null);
	answer.beginGeneration('second', 'append');
	answer.append('', '', piece(1, 'g'));
	expect(names(answer)).toEqual(['f', 'g']);
	answer.rewind();
	answer.append('', '', piece(1, 'h'));
	expect(names(answer)).toEqual(['f', 'h']);
	answer.beginGeneration('third', 'replace');
	expect(names(answer)).toEqual([]);
});
