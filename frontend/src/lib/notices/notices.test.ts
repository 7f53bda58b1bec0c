import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { live } from '$lib/api/events';
import type { Generation, LiveEvents } from '$lib/api/types';
import { chats } from '$lib/state/chats.svelte';
import { tellOfAnswers } from './answers';
import { desktop } from './desktop.svelte';
import Notices from './Notices.svelte';
import { notices } from './notices.svelte';

const navigation = vi.hoisted(() => ({ goto: vi.fn() }));
vi.mock('$app/navigation', () => navigation);

const texts = (): string[] => notices.list.map((n) => n.text);

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	for (const { id } of notices.list) notices.dismiss(id);
	vi.useRealTimers();
	vi.restoreAllMocks();
});

describe('notices', () => {
	it('go away by themselves, but not while somebody is at them', () => {
		notices.say('one');
		vi.advanceTimersByTime(7_000);
		const release = notices.hold();
		vi.advanceTimersByTime(60_000);
		expect(texts()).toEqual(['one']);
		release();
		vi.advanceTimersByTime(8_000);
		expect(texts()).toEqual([]);
	});
	it('are three at most, and one for the same thing', () => {
		for (const text of ['one', 'two', 'three', 'four']) notices.say(text);
		notices.say('five', null, 'same');
		notices.say('six', null, 'same');
		expect(texts()).toEqual(['six', 'four', 'three']);
	});
	it('stay where they are while somebody is at them; what comes then comes afterwards', () => {
		for (const text of ['one', 'two']) notices.say(text);
		const release = notices.hold();
		for (const text of ['three', 'four', 'five', 'six']) notices.say(text, null, text);
		notices.say('five again', null, 'five');
		expect(texts()).toEqual(['two', 'one']);
		vi.advanceTimersByTime(60_000);
		release();
		expect(texts()).toEqual(['five again', 'six', 'four']);
		vi.advanceTimersByTime(8_000);
		expect(texts()).toEqual([]);
	});
	it('hand the focus on when they are dismissed', async () => {
		const content = document.createElement('main');
		content.id = 'content';
		content.tabIndex = -1;
		document.body.append(content);
		render(Notices);
		notices.say('one');
		await vi.advanceTimersByTimeAsync(10);
		const button = screen.getByRole('button', { name: 'Dismiss' });
		button.focus();
		await fireEvent.click(button);
		expect(document.activeElement).toBe(content);
		content.remove();
	});
});

describe('an answer that ended', () => {
	let tell: (g: LiveEvents['generation']) => void;
	const ended = (id: string, state: Generation['state'], conversation = 'c1'): void =>
		tell({ id, state, conversation_id: conversation } as Generation);

	beforeEach(() => {
		vi.spyOn(live, 'on').mockImplementation((_, handler) => {
			tell = handler as typeof tell;
			return () => undefined;
		});
		vi.spyOn(desktop, 'show').mockResolvedValue();
		tellOfAnswers();
		render(Notices);
	});

	it('elsewhere is told of once, with a way there', async () => {
		ended('g1', 'streaming');
		ended('g1', 'done');
		ended('g1', 'done');
		expect(texts()).toEqual(['Answer finished: a conversation']);
		await vi.advanceTimersByTimeAsync(10);
		await fireEvent.click(screen.getByRole('button', { name: 'Open' }));
		expect(navigation.goto).toHaveBeenCalledWith('/chat/c1');
		expect(texts()).toEqual([]);
	});
	it('on the screen, or stopped by the user, is not', () => {
		chats.currentId = 'c1';
		ended('g1', 'done');
		ended('g2', 'stopped', 'c2');
		chats.currentId = null;
		expect(texts()).toEqual([]);
	});
	it('goes to the browser from one tab only', () => {
		ended('g1', 'done');
		expect(desktop.show).not.toHaveBeenCalled();
		vi.spyOn(live, 'leading', 'get').mockReturnValue(true);
		ended('g2', 'failed');
		expect(desktop.show).toHaveBeenCalledExactlyOnceWith(
			'Message not answered',
			'a conversation',
			'g2',
			'c1'
		);
	});
});
