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

it('waits while a rank is Infinity', async () => {
	const done: string[] = [];
	let rank = Infinity;
	paced(
		() => done.push('later'),
		() => rank
	);
	paced(() => done.push('now'));
	await frame();
	await frame();
	expect(done).toEqual(['now']);
	rank = 0;
	await vi.waitFor(() => expect(done).toEqual(['now', 'later']));
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

it('counts the layout that a job causes', async () => {
	const done: number[] = [];
	let changed = false;
	vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockImplementation(() => {
		if (changed) busy(12);
		changed = false;
		return 0;
	});
	for (let n = 0; n < 3; n++)
		paced(() => {
			changed = true;
			done.push(n);
		});
	await frame();
	expect(done).toEqual([0]);
	await vi.waitFor(() => expect(done).toEqual([0, 1, 2]));
});

it('leaves a frame alone that the layout of what came before fills, but not for ever', async () => {
	const done: number[] = [];
	vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockImplementation(() => {
		busy(12);
		return 0;
	});
	paced(() => done.push(1));
	await frame();
	expect(done).toEqual([]);
	await vi.waitFor(() => expect(done).toEqual([1]));
});
