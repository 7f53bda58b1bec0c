import { describe, expect, it } from 'vitest';
import { aMemory } from '$lib/api/fake';
import {
	automaticBudget,
	freeBytes,
	memoryLine,
	parseGigabytes,
	reasonLine,
	sharesOf
} from './memory';
import { testServer } from './testing';

const ready = (id: string, bytes: number) =>
	testServer({ id, name: id, memory: aMemory({ used_bytes: bytes }) }, { state: 'ready' });

describe('who sits in memory', () => {
	it('the largest first; one that loads counts for what it will need, one that is stopped for nothing', () => {
		const loading = testServer(
			{ id: 'c', name: 'c', memory: aMemory({ used_bytes: 1e9, needs_bytes: 4e9 }) },
			{ state: 'loading' }
		);
		const stopped = testServer({ id: 'd', memory: aMemory({ needs_bytes: 9e9 }) });
		const shares = sharesOf([ready('a', 2e9), ready('b', 6e9), loading, stopped], 24e9);
		expect(shares.map((s) => [s.id, s.bytes, s.part, s.coming])).toEqual([
			['b', 6e9, 0.25, false],
			['c', 4e9, 4 / 24, true],
			['a', 2e9, 2 / 24, false]
		]);
	});

	it('is a full bar over the budget, and without one', () => {
		expect(sharesOf([ready('a', 8e9)], 4e9)[0]?.part).toBe(1);
		expect(sharesOf([ready('a', 8e9)], null)[0]?.part).toBe(1);
		expect(sharesOf([], 4e9)).toEqual([]);
	});

	it('counts what is on GPUs by itself', () => {
		const onGpu = testServer(
			{ id: 'g', memory: aMemory({ used_bytes: 1e9, gpu_used_bytes: 8e9 }) },
			{ state: 'ready' }
		);
		const coming = testServer(
			{ id: 'h', memory: aMemory({ needs_bytes: 1e9, gpu_bytes: 4e9 }) },
			{ state: 'loading' }
		);
		const shares = sharesOf([ready('a', 2e9), onGpu, coming], 24e9, 'gpu');
		expect(shares.map((s) => [s.id, s.bytes])).toEqual([
			['g', 8e9],
			['h', 4e9]
		]);
	});

	it('is told in words', () => {
		const ram = {
			budget_bytes: 16e9,
			is_automatic: false,
			used_bytes: 0,
			total_bytes: null,
			available_bytes: null
		};
		const shares = sharesOf([ready('a', 4.6e9)], 16e9);
		expect(memoryLine(ram, shares)).toBe('4.6 GB of 16.0 GB');
		expect(memoryLine({ ...ram, budget_bytes: null }, shares)).toBe('4.6 GB');
		expect(automaticBudget(ram)).toBe('Automatic');
		expect(automaticBudget({ ...ram, is_automatic: true })).toBe('Automatic: 16.0 GB now');
		expect(automaticBudget(null)).toBe('Automatic');
		expect(freeBytes(ram, shares)).toBe(11.4e9);
		expect(freeBytes({ ...ram, budget_bytes: 4e9 }, shares)).toBe(0);
		expect(freeBytes({ ...ram, budget_bytes: null }, shares)).toBeNull();
	});

	it('says what one that waits lacks, and who has it', () => {
		const waits = (more: object) =>
			testServer({
				memory: aMemory({
					needs_bytes: 4.2e9,
					waiting_for: ['a'],
					reason: 'waiting for memory, a is still answering',
					...more
				})
			});
		expect(reasonLine(waits({}), 1.1e9)).toBe('Needs 4.2 GB, 1.1 GB free; a is still answering.');
		expect(reasonLine(waits({}), 0)).toBe('Needs 4.2 GB, nothing free; a is still answering.');
		expect(reasonLine(waits({}), null)).toBe('a is still answering.');
		expect(reasonLine(waits({ needs_bytes: null }), 1e9)).toBe('a is still answering.');
		expect(reasonLine(waits({ reason: 'waiting for memory' }), null)).toBe('');
		const yields = 'waiting for memory, it is the turn of b';
		expect(reasonLine(waits({ waiting_for: null, reason: yields }), 1)).toBe(
			'Waiting for memory, it is the turn of b.'
		);
		expect(reasonLine(testServer(), 1)).toBe('');
	});

	it.each([
		['24', 24e9],
		[' 7.5 ', 7.5e9],
		['7,5', 7.5e9],
		['', null],
		['0', null],
		['-1', null],
		['lots', null]
	])('reads "%s" as %s bytes', (text, bytes) => {
		expect(parseGigabytes(text)).toBe(bytes);
	});
});
