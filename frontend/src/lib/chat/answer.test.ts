import { render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { beforeEach, describe, expect, it } from 'vitest';
import { aMessage } from '$lib/api/fake';
import { Chat } from '$lib/state/chat.svelte';
import { Turn, type Answer } from '$lib/state/turn.svelte';
import AnswerView from './AnswerView.svelte';

const BROKEN = { message: 'The engine ended.', type: '', code: null, retryable: true };
let chat: Chat;
let turn: Turn;
const answerIn = (id: string, state: 'streaming' | 'interrupted'): Answer => {
	const answer = turn.answerFor(id);
	const error = state === 'interrupted' ? BROKEN : null;
	answer.takeStored(aMessage(id, { role: 'assistant', state, error, generation_id: `g-${id}` }));
	return answer;
};
const alerts = (): number => screen.queryAllByRole('alert').length;

beforeEach(() => {
	chat = new Chat('c1', 'ada', true);
	turn = new Turn('u1', 1);
});

describe('an answer that broke off', () => {
	it('is no alarm where it stands in the history', () => {
		render(AnswerView, { chat, turn, answer: answerIn('a1', 'interrupted') });
		expect(screen.getByRole('note')).toHaveTextContent('Interrupted. The engine ended.');
		expect(alerts()).toBe(0);
	});
	it('is one before the eyes of the reader, each time', async () => {
		const answer = answerIn('a1', 'streaming');
		render(AnswerView, { chat, turn, answer });
		expect(alerts()).toBe(0);
		answer.end('interrupted', BROKEN, null);
		await tick();
		expect(screen.getByRole('alert')).toHaveTextContent('Interrupted. The engine ended.');
		answer.beginGeneration('g2', 'append');
		await tick();
		expect(alerts()).toBe(0);
		answer.end('interrupted', BROKEN, null);
		await tick();
		expect(alerts()).toBe(1);
	});
	it('is none when the reader comes back to it from another version', async () => {
		const answer = answerIn('a1', 'streaming');
		const other = answerIn('a2', 'interrupted');
		const { rerender } = render(AnswerView, { chat, turn, answer });
		answer.end('interrupted', BROKEN, null);
		await rerender({ answer: other });
		expect(alerts()).toBe(0);
		await rerender({ answer });
		expect(screen.getByRole('note')).toHaveTextContent('Interrupted.');
		expect(alerts()).toBe(0);
	});
});
