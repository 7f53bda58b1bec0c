import { expect, it } from 'vitest';
import { joinReplay } from './replay';

it.each([
	// stored, replay, caught up, shown
	['', '', false, ''],
	['', 'Hel', false, 'Hel'],
	['Hello wor', '', false, 'Hello wor'],
	['Hello wor', 'Hel', false, 'Hello wor'],
	['Hello wor', 'Hello world', false, 'Hello world'],
	// a continued answer: stored holds the old text and the beginning of the new one
	['Old text. New be', 'New be', false, 'Old text. New be'],
	['Old text. New be', 'New beginning', false, 'Old text. New beginning'],
	// nothing of it was stored yet: shown once the replay is known to be past the stored text
	['Old text.', ' More', false, 'Old text.'],
	['Old text.', ' More', true, 'Old text. More']
])('%j and %j (caught up: %s) -> %j', (stored, replay, caughtUp, shown) => {
	expect(joinReplay(stored, replay, caughtUp)).toBe(shown);
});
