import { describe, expect, it } from 'vitest';
import { atField, describeAdvanced, readAdvanced, textsOfServer, UNCHANGED } from './advanced';
import { testServer } from './testing';

const read = (part: Partial<typeof UNCHANGED>, server = testServer()) => {
	const errors: Record<string, string> = {};
	const input = readAdvanced({ ...textsOfServer(server), ...part }, server, errors);
	return { input, errors };
};

describe('advanced settings of a server', () => {
	it('are sent only where they were changed', () => {
		expect(read({})).toEqual({ input: {}, errors: {} });
		expect(
			read({ aliases: ' gpt-4o, org/m ,, ', slots: '4', idleStop: '1,5', group: ' big ' }).input
		).toEqual({ aliases: ['gpt-4o', 'org/m'], slots: 4, idle_stop_s: 90, group: 'big' });
		const set = testServer({ slots: 2, group: 'big', rewrite: { set: { n: 1 } }, idle_stop_s: 90 });
		expect(textsOfServer(set).idleStop).toBe('1.5');
		expect(read({ hold: '60', answer: '900', silence: ' 120', earlyHeader: '50' }).input).toEqual({
			hold_s: 60,
			answer_s: 900,
			silence_s: 120,
			early_header_s: 50
		});
		expect(read({ answer: '' }, testServer({ answer_s: 900 })).input).toEqual({ answer_s: 0 });
		expect(read({ slots: '', group: '', rewrite: '' }, set).input).toEqual({
			slots: 0,
			group: null,
			rewrite: null
		});
	});

	it.each([
		[{ slots: '1.5' }, 'slots'],
		[{ slots: '-1' }, 'slots'],
		[{ maxWaiting: '20000' }, 'max_waiting'],
		[{ hold: 'x' }, 'hold_s'],
		[{ answer: '2592001' }, 'answer_s'],
		[{ silence: '0.5' }, 'silence_s'],
		[{ earlyHeader: '-1' }, 'early_header_s'],
		[{ idleStop: '-3' }, 'idle_stop_s'],
		[{ rewrite: '{' }, 'rewrite'],
		[{ rewrite: '[]' }, 'rewrite'],
		[{ rewrite: '{"set": 5}' }, 'rewrite'],
		[{ rewrite: '{"strip": [5]}' }, 'rewrite'],
		[{ rewrite: '{"model": 5}' }, 'rewrite'],
		[{ rewrite: '{"other": {}}' }, 'rewrite'],
		[{ env: '1A=x' }, 'env'],
		[{ env: 'NEW' }, 'env']
	])('a fault is told at its field: %o', (part, field) => {
		expect(Object.keys(read(part).errors)).toEqual([field]);
	});

	it.each([
		['"aliases": "q" is a name of the server qwen3', '"q" is a name of the server qwen3.'],
		['"aliases" must be an array of at most 32 names', 'Must be an array of at most 32 names.'],
		['There is no such file.', 'There is no such file.']
	])('hob’s words stand below the field without its name: %s', (said, shown) => {
		expect(atField(said, 'aliases')).toBe(shown);
	});

	it('keep values of the environment by name alone', () => {
		const server = testServer({ env: ['TOKEN', 'OLD'] });
		expect(textsOfServer(server).env).toBe('TOKEN\nOLD');
		expect(read({ env: 'TOKEN\nNEW=a=b\n' }, server)).toEqual({
			input: { env: { TOKEN: null, NEW: 'a=b' } },
			errors: {}
		});
	});

	it('are described where they are set', () => {
		expect(describeAdvanced(testServer())).toEqual([]);
		const server = testServer({
			aliases: ['a'],
			slots: 2,
			idle_stop_s: 600,
			hold_s: 90,
			answer_s: 900
		});
		expect(describeAdvanced(server)).toEqual([
			['Other names', 'a'],
			['Requests at once', '2'],
			['Stops when idle for', '10 min'],
			['Longest wait', '90 s'],
			['Time to begin an answer', '15 min']
		]);
	});
});
