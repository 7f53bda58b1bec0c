import { describe, expect, it } from 'vitest';
import { formatArgv, parseArgv } from './argv';

describe('parseArgv', () => {
	it.each([
		['', []],
		['  ', []],
		['--ctx-size 8192', ['--ctx-size', '8192']],
		['a\n  b\tc', ['a', 'b', 'c']],
		[`--name "my model" x`, ['--name', 'my model', 'x']],
		[`--x='a "b" c'`, ['--x=a "b" c']],
		[`a\\ b`, ['a b']],
		[`"a \\"b\\" \\n"`, ['a "b" \\n']],
		[`""`, ['']],
		['$(rm -rf /) ${SOCKET} ; | >', ['$(rm', '-rf', '/)', '${SOCKET}', ';', '|', '>']]
	])('%j', (line, argv) => expect(parseArgv(line)).toEqual(argv));
	it('says which quote is open', () => {
		expect(() => parseArgv(`--a "b`)).toThrow('A " is opened and not closed');
	});
});

describe('formatArgv', () => {
	it.each([
		[[]],
		[['--ctx-size', '8192']],
		[['a b', '', `it's`, `say "it's" \\`, 'C:\\x', '"']],
		[['${PORT}', '$HOME']]
	])('%j comes back the same', (argv) => expect(parseArgv(formatArgv(argv))).toEqual(argv));
});
