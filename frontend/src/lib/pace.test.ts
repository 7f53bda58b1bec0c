import { expect, it, vi } from 'vitest';
import { paced } from './pace';

const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
const busy = (ms: number): void => {
	const end = performance.now() + ms;
	while (performance.now() < end);
};

it('does the lowest rank first and nothing that was called off', async () => {
	const done: string[] = [];
	const job = (name: string, rank: number): (() => void) =>
		paced(
			() => done.push(name),
			() => rank
		);
	job('far', 9);
	const off = job('off', 1);
	job('near', 2);
	off();
	await vi.waitFor(() => expect(done).toEqual(['near', 'far']));
});

it('leaves what does not fit to the frames after', async () => {
	const done: number[] = [];
	for (let n = 0; n < 3; n++)
		paced(() => {
			busy(12);
			done.push(n);
		});
	await frame();
	expect(done.length).toBeLessThan(3);
	await vi.waitFor(() => expect(done).toEqual([0, 1, 2]));
});
