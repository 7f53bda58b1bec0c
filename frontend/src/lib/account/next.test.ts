import { expect, it } from 'vitest';
import { safeNext } from './next';

it.each([
	[null, '/chat'],
	['', '/chat'],
	['/servers', '/servers'],
	['/chat?server=1#x', '/chat?server=1#x'],
	['https://evil.example/', '/chat'],
	['//evil.example/', '/chat'],
	['/\\evil.example/', '/chat'],
	['/\t/evil.example', '/chat'],
	['javascript:alert(1)', '/chat'],
	['/login?next=/login', '/chat'],
	['/api/logout', '/chat']
])('%j leads to %s', (next, to) => {
	expect(safeNext(next)).toBe(to);
});
