import { expect, it } from 'vitest';
import { mustQueue, queueStep, type QueueItem, type Standing } from './queue';

const LETTERS: Record<string, Standing> = { q: 'queued', b: 'busy', f: 'failed', s: 'settled' };
/** "sfqq" -> four items with ids 0..3 */
const items = (text: string): QueueItem[] =>
	[...text].map((c, i) => ({ id: String(i), standing: LETTERS[c] as Standing }));

it.each([
	// conversation, passed over, next, waits behind
	['', [], null, null],
	['s', [], null, null],
	['q', [], '0', null],
	['sqq', [], '1', null],
	['bq', [], null, null],
	['qb', [], null, null],
	['fq', [], null, '0'],
	['sfqq', [], null, '1'],
	['sfqq', ['1'], '2', null],
	['fsq', [], '2', null],
	['ffq', ['0'], null, '1'],
	['qfq', [], '0', null],
	['f', [], null, null]
] as const)('%s past %j: next %s, behind %s', (text, passed, next, blockedBy) => {
	expect(queueStep(items(text), new Set(passed))).toEqual({ next, blockedBy });
});

it.each([
	['', false],
	['s', false],
	['sf', false],
	['b', true],
	['fq', true]
])('a new message after "%s" waits: %s', (text, waits) => {
	expect(mustQueue(items(text))).toBe(waits);
});
