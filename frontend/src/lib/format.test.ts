import { describe, expect, it } from 'vitest';
import { anEngine, aQueue } from '$lib/api/fake';
import type { Engine } from '$lib/api/types';
import { engineLine, formatBytes, formatDuration, formatRelative } from './format';

describe('formatBytes', () => {
	it.each([
		[0, '0 bytes'],
		[1, '1 byte'],
		[1500, '2 kB'],
		[42_000_000, '42 MB'],
		[640_000_000, '0.6 GB'],
		[9_140_000_000, '9.1 GB']
	])('%i bytes is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatDuration', () => {
	it.each([
		[-3, '0 s'],
		[0.4, '0 s'],
		[42, '42 s'],
		[60, '1 min'],
		[185, '3 min 5 s'],
		[7440, '2 h 4 min'],
		[3600, '1 h'],
		[273_600, '3 d 4 h']
	])('%d s is %s', (s, text) => expect(formatDuration(s)).toBe(text));
});

describe('formatRelative', () => {
	const now = 1_700_000_000_000;
	it.each([
		[10, 'just now'],
		[300, '5 minutes ago'],
		[7200, '2 hours ago'],
		[86_400, 'yesterday'],
		[40 * 86_400, 'last month']
	])('%i s ago is %s', (s, text) => expect(formatRelative(now - s * 1000, now)).toBe(text));
});

describe('engineLine', () => {
	const engine = (part: Partial<Engine>): Engine => anEngine({ state: 'stopped', ...part });
	it('says how far a load is and how long it takes', () => {
		const progress = { value: 0.42, left_s: 20, text: null, source: 'bytes' as const };
		expect(engineLine(engine({ state: 'loading', progress }))).toBe(
			'Loading 42 %, about 20 s left'
		);
	});
	it('makes up no number that nobody knows', () => {
		const progress = { value: null, left_s: null, text: 'warming up', source: 'log' as const };
		expect(engineLine(engine({ state: 'loading', progress }))).toBe('Loading');
		expect(engineLine(engine({ state: 'starting' }))).toBe('Starting');
	});
	it('tells a busy engine from an idle one', () => {
		expect(engineLine(engine({ state: 'ready', uptime_s: 125 }))).toBe('Ready for 2 min 5 s');
		expect(engineLine(engine({ state: 'ready', uptime_s: 9, active: 1, waiting: 2 }))).toBe(
			'Ready for 9 s, answering 1, 2 waiting'
		);
	});
	it('says how many slots are busy, who waits, and what for', () => {
		const ready = engine({ state: 'ready', active: 2, waiting: 3 });
		const queue = aQueue({ slots: 4, active: 2, waiting: 3, reason: 'slots' });
		expect(engineLine(ready, queue)).toBe('Ready, 2 of 4 slots busy, 3 waiting');
		const one = engine({ state: 'ready', active: 1 });
		expect(engineLine(one, aQueue({ slots: 1, active: 1 }))).toBe('Ready, 1 of 1 slot busy');
		/* Slots were taken away while they were in use. */
		expect(engineLine(ready, aQueue({ slots: 1, active: 2 }))).toBe('Ready, answering 2');
		const starting = engine({ state: 'starting' });
		expect(engineLine(starting, aQueue({ waiting: 2, reason: 'engine' }))).toBe(
			'Starting, 2 waiting'
		);
		const note = 'waiting for memory, qwen3 is being unloaded';
		expect(engineLine(engine({}), aQueue({ waiting: 1, reason: 'memory', note }))).toBe(
			`Stopped, ${note}`
		);
	});
});
