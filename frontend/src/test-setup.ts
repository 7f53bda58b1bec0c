import '@testing-library/jest-dom/vitest';
import { configure } from '@testing-library/svelte';
import { ReadableStream, TransformStream, WritableStream } from 'node:stream/web';
import { vi } from 'vitest';

// Both give up after a second, which a busy machine may need for one turn. What hangs fails by its test's own end.
const patience = { timeout: 25_000 };
configure({ asyncUtilTimeout: patience.timeout });
const waitFor = vi.waitFor.bind(vi);
vi.waitFor = (check, options) => waitFor(check, options ?? patience);

// What jsdom lacks and the components touch.
Object.assign(globalThis, { ReadableStream, TransformStream, WritableStream });
globalThis.ResizeObserver ??= class {
	observe(): void {}
	unobserve(): void {}
	disconnect(): void {}
};
globalThis.IntersectionObserver ??= class {
	readonly root = null;
	readonly rootMargin = '';
	readonly scrollMargin = '';
	readonly thresholds = [];
	readonly #seen: IntersectionObserverCallback;
	constructor(seen: IntersectionObserverCallback) {
		this.#seen = seen;
	}
	/** Without a layout everything is in view. */
	observe(target: Element): void {
		const entry = { target, isIntersecting: true } as IntersectionObserverEntry;
		queueMicrotask(() => this.#seen([entry], this));
	}
	unobserve(): void {}
	disconnect(): void {}
	takeRecords(): IntersectionObserverEntry[] {
		return [];
	}
} as unknown as typeof IntersectionObserver;
Element.prototype.scrollIntoView ??= () => {};
Element.prototype.scrollTo ??= () => {};
Element.prototype.animate ??= () =>
	({ cancel() {}, finished: Promise.resolve() }) as unknown as Animation;
window.matchMedia ??= (query: string) =>
	({
		matches: false,
		media: query,
		onchange: null,
		addEventListener() {},
		removeEventListener() {},
		addListener() {},
		removeListener() {},
		dispatchEvent: () => false
	}) as MediaQueryList;
