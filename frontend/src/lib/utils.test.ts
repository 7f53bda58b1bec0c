import { expect, it } from 'vitest';
import { cn } from './utils';

it('lets the last of two competing classes win', () => {
	expect(cn('px-2 text-sm', false, 'px-4')).toBe('text-sm px-4');
});
