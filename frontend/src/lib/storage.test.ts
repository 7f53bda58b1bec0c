import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Keepsake, recall, remember } from './storage';

beforeEach(() => localStorage.clear());
afterEach(() => vi.unstubAllGlobals());

it('a tab never takes away what another one wrote', () => {
	const [mine, theirs] = [new Keepsake<string>('k'), new Keepsake<string>('k')];
	mine.write('mine');
	expect(theirs.read()).toBe('mine');
	theirs.write('theirs');
	mine.clear();
	expect(new Keepsake('k').read()).toBe('theirs');
	theirs.clear();
	expect(localStorage).toHaveLength(0);
});

it('what was read may be cleared, and what is renamed is gone from its place', () => {
	new Keepsake('k').write([1]);
	const again = new Keepsake<number[]>('k');
	expect(again.read()).toEqual([1]);
	again.rename('other');
	expect(localStorage).toHaveLength(0);
	again.write([2]);
	expect(new Keepsake('other').read()).toEqual([2]);
});

it('storage that is forbidden, full or unreadable is no trouble', () => {
	localStorage.setItem('broken', '{');
	expect(recall('broken', 'otherwise')).toBe('otherwise');
	vi.stubGlobal('localStorage', undefined);
	expect(remember('k', 1)).toBe(false);
	expect(recall('k', 2)).toBe(2);
	const kept = new Keepsake('k');
	expect(kept.write(1)).toBe(false);
	kept.clear();
	expect(kept.read()).toBeNull();
});
