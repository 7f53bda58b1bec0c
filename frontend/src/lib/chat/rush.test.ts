import { expect, it } from 'vitest';
import { Rush } from './rush';

/** Steps of so many px, 16 ms apart, in a box of 800 px; whether it is a rush then, and 100 ms later. */
function after(...steps: number[]): [boolean, boolean] {
	const rush = new Rush();
	let top = 50_000;
	let now = 1000;
	rush.step(top, 800, now);
	for (const px of steps) rush.step((top += px), 800, (now += 16));
	return [rush.isOn(now + 10), rush.isOn(now + 100)];
}

it.each([
	['a hand', [60, 60, 60, 60], false],
	['as fast as can be read', [380, 380, 380, 380], false],
	['a jump in passing', [60, 60, -9000, 60], false],
	['down in a rush', [600, 600, 600], true],
	['up in a rush', [-600, -600, -600], true],
	['one that slows down', [-600, -600, -600, -300], false]
])('%s', (_, steps, rushes) => {
	expect(after(...steps)).toEqual([rushes, false]);
});

it('takes a jump after a rest for none', () => {
	const rush = new Rush();
	rush.step(9000, 800, 1000);
	rush.step(0, 800, 2000);
	rush.step(9000, 800, 3000);
	expect(rush.isOn(3001)).toBe(false);
});
