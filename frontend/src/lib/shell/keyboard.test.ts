import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchKeyboard } from './keyboard';

/** A phone's screen of 800 px. */
class FakeViewport extends EventTarget {
	scale = 1;
	height = 800;
	change(more: { height?: number; scale?: number }): void {
		Object.assign(this, more);
		this.dispatchEvent(new Event('resize'));
	}
}

let viewport: FakeViewport;
let end: () => void;
/** How high the shell is; empty: as high as the window. */
const shell = (): string => document.documentElement.style.getPropertyValue('--app-height');

beforeEach(() => {
	viewport = new FakeViewport();
	vi.stubGlobal('visualViewport', viewport);
	vi.stubGlobal('innerHeight', 800);
	vi.stubGlobal('scrollTo', vi.fn());
	end = watchKeyboard();
});
afterEach(() => {
	end();
	vi.unstubAllGlobals();
});

describe('the keyboard of a phone that lies over the page', () => {
	it('leaves the page what is above it, all of which is in sight, until it goes', () => {
		expect(shell()).toBe('');
		viewport.change({ height: 460.4 });
		expect(shell()).toBe('460px');
		expect(window.scrollTo).toHaveBeenCalledWith(0, 0);
		viewport.change({ height: 430 });
		expect(shell()).toBe('430px');
		viewport.change({ height: 800 });
		expect(shell()).toBe('');
	});
	it.each([
		['a toolbar', { height: 700 }],
		['two fingers that make the page larger', { height: 400, scale: 2 }]
	])('is not %s', (_, change) => {
		viewport.change(change);
		expect(shell()).toBe('');
		expect(window.scrollTo).not.toHaveBeenCalled();
	});
	it('is not watched any more in the end', () => {
		viewport.change({ height: 460 });
		end();
		expect(shell()).toBe('');
		viewport.change({ height: 430 });
		expect(shell()).toBe('');
	});
	it('is nobody’s matter where the browser does not tell', () => {
		vi.stubGlobal('visualViewport', null);
		expect(watchKeyboard()).not.toThrow();
	});
});
