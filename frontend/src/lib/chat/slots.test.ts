import { afterEach, describe, expect, it, vi } from 'vitest';
import { StickToEnd } from './scroll.svelte';
import { Slots, textHeight } from './slots.svelte';

it.each([
	['', 600, 0],
	['one line', 600, 1],
	['two\nlines', 600, 2],
	['x'.repeat(600), 740, 6],
	['narrow columns hold at least twenty characters', 1, 3]
])('%j in %i px takes about so many lines', (text, width, lines) => {
	expect(textHeight(text, width) / 25).toBe(lines);
});

describe('a turn that comes near', () => {
	afterEach(() => {
		vi.unstubAllGlobals();
	});
	/** Slots with one turn, and what tells them that it is near. */
	function oneTurn(): { slots: Slots; box: HTMLElement; comes: (near: boolean) => void } {
		let tell: (entries: { target: Element; isIntersecting: boolean }[]) => void = () => undefined;
		vi.stubGlobal(
			'IntersectionObserver',
			class {
				observe = (): void => undefined;
				unobserve = (): void => undefined;
				constructor(fn: typeof tell) {
					tell = fn;
				}
			}
		);
		const scroll = new StickToEnd();
		scroll.release();
		const slots = new Slots(scroll);
		const box = document.createElement('div');
		const slot = box.appendChild(document.createElement('div'));
		slots.attachBox(box);
		slots.attachSlot('a')(slot);
		return { slots, box, comes: (isIntersecting) => tell([{ target: slot, isIntersecting }]) };
	}
	const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));

	it('is filled in, and shown in a frame after that, also when it has gone again', async () => {
		const { slots, comes } = oneTurn();
		comes(true);
		while (!slots.isFilled('a')) await frame();
		expect(slots.isFresh('a')).toBe(true);
		comes(false);
		await vi.waitFor(() => expect(slots.isFresh('a')).toBe(false));
		expect(slots.isFilled('a')).toBe(true);
	});

	it('is shown at once when somebody goes to it', async () => {
		const { slots, comes } = oneTurn();
		comes(true);
		while (!slots.isFilled('a')) await frame();
		slots.fill('a');
		expect(slots.isFresh('a')).toBe(false);
	});

	it('stays empty while the scroll rushes past', async () => {
		const { slots, box, comes } = oneTurn();
		Object.defineProperty(box, 'clientHeight', { value: 800 });
		let now = 1000;
		vi.spyOn(performance, 'now').mockImplementation(() => now);
		const step = (): void => {
			now += 16;
			box.scrollTop += 600;
			box.dispatchEvent(new Event('scroll'));
		};
		for (let n = 0; n < 3; n++) step();
		comes(true);
		for (let n = 0; n < 5; n++) {
			step();
			await frame();
		}
		expect(slots.isFilled('a')).toBe(false);
		now += 200;
		await vi.waitFor(() => expect(slots.isFilled('a')).toBe(true));
	});
});
